"""The log and journal of a partition's orgs, as the orgs stage writes them, for a test to falsify."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.codec import encode_org_event, encode_org_record
from models.org_decisions import OrgStep
from models.org_events import OrgEvent, OrgWoken
from rules.org.org_partition import OrgPartition, wakeable_id
from rules.outbound.lead_org_messages import to_leads
from rules.outbound.public_messages import journal_origin
from streams.topics import ORG_JOURNAL, ORG_LOG
from tests.assurance.verify.records import Record, ms
from tests.rules.org.org_driver import WAKES

if TYPE_CHECKING:
    from datetime import datetime

    from rules.outbound.lead_org_messages import LeadNews


@dataclass
class OrgPartitionRecords:
    """The orgs of the only partition."""

    log: list[Record] = field(default_factory=list)
    journal: list[Record] = field(default_factory=list)
    orgs: OrgPartition = field(default_factory=lambda: OrgPartition(0))

    def tell(
        self, event: OrgEvent, now: datetime, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> list[LeadNews]:
        """Append an event, decide it, and return the messages to the leads."""
        off = len(self.log)
        record = Record(ORG_LOG, off, event.org.encode(), encode_org_event(event), ms(now), headers=headers)
        self.log.append(record)
        source, number = journal_origin(record)
        messages: list[LeadNews] = []
        for key, org_record in self.orgs.decide(event, off=off, at=now, source=source, number=number).records:
            value = None if org_record is None else encode_org_record(org_record)
            self.journal.append(Record(ORG_JOURNAL, len(self.journal), key, value, ms(now)))
            self.orgs.apply_or_remove(key, org_record)
            if isinstance(org_record, OrgStep):
                messages += to_leads(org_record)
        return messages

    def woken(self, now: datetime) -> list[OrgWoken]:
        """Return the wakes that the stage's timers would append by now."""
        wakes = []
        for org, row in self.orgs.wakes():
            if row.wake is not None and row.wake <= now:
                kind, object_id = WAKES[type(row)], wakeable_id(row)
                cause = f"wake/{kind}/{object_id}/{row.wake.isoformat()}"
                wakes.append(OrgWoken(cause=cause, org=org, kind=kind, object_id=object_id, due=row.wake))
        return wakes
