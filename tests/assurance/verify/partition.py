"""One partition as worker and relay write it. The production machine makes it, and a test falsifies it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as changed

from assurance.verify.catch_up import Snapshot
from assurance.verify.published import PUBLIC
from models.codec import decode_org_event, directory_key, encode_event, encode_row
from models.events import ActionRequested, DeadlinePassed, DirectoryPublished, Event
from models.facts import Facts
from models.ids import lead_id as id_of
from models.lead import DirectoryRow, LeadRow
from models.org_events import PersonArrived
from rules.lead.machine import step
from rules.org.directory import published_for
from rules.outbound.public_messages import PublicMessage, public_messages
from rules.queues.rule_book import RuleBook
from streams.topics import LEAD_JOURNAL, LEAD_LOG, ORG_JOURNAL, ORG_LOG
from tests.assurance.verify.org_partition_records import OrgPartitionRecords
from tests.assurance.verify.records import Record, ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.org_events import OrgEvent
    from rules.outbound.lead_org_messages import LeadNews

START = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
FRESH = {
    "queue_id": "fresh",
    "claimable": True,
    "columns": ["state"],
    "inclusion": {
        "combinator": "and",
        "rules": [
            {"field": "loan_purpose", "operator": "=", "value": "purchase"},
            {"field": "owned", "operator": "=", "value": False},
        ],
    },
}
WORK = {
    "queue_id": "work",
    "inclusion": {
        "combinator": "and",
        "rules": [{"field": "loan_purpose", "operator": "=", "value": "refinance"}],
    },
}


@dataclass
class Partition:
    """The only partition of a stack: logs, journals and public topics, in the order they were written.

    `on_way`: messages between leads and orgs that no relay has carried yet. `loses`: whether such a message is lost.
    `halted`: whether the relays are halted.
    """

    now: datetime = START
    log: list[Record] = field(default_factory=list)
    journal: list[Record] = field(default_factory=list)
    public: dict[str, list[Record]] = field(default_factory=lambda: {topic: [] for topic in PUBLIC})
    rows: dict[bytes, LeadRow | DirectoryRow] = field(default_factory=dict)
    rule_book: RuleBook = field(default_factory=RuleBook)
    action_count: int = 0
    org: OrgPartitionRecords = field(default_factory=OrgPartitionRecords)
    on_way: deque[PublicMessage | LeadNews] = field(default_factory=deque)
    loses: Callable[[OrgEvent | LeadNews], bool] = lambda _: False
    halted: bool = False

    def publish(self, kind: str, object_id: str, value: dict[str, Any] | None) -> None:
        """Publish an object of the org."""
        event = DirectoryPublished(
            lead_id="",
            cause=f"directory/{object_id}",
            org="default",
            kind=kind,
            object_id=object_id,
            version=len(self.log),
            value=value,
        )
        self.tell(event)
        if published_for(event):
            self.tell_org(event)

    def arrive(self, name: str, vendor: str = "acme", **facts: Any) -> str:
        """Let a lead arrive; return its id, or the id it would have if its person were not known (R6)."""
        lead_id = id_of("default", vendor, name, {})
        facts_of_arrival = Facts(
            vendor=vendor, external_id=name, state="RI", **{"loan_purpose": "purchase", **facts}
        )
        self.place(PersonArrived(lead_id=lead_id, cause=f"arrival/{name}", facts=facts_of_arrival))
        return lead_id

    def place(self, event: PersonArrived) -> None:
        """Let an org place an arrival, and tell its lead, also while everything else is halted."""
        self.now += timedelta(milliseconds=100)
        for news in self.org.tell(event, self.now):
            if not self.loses(news):
                self._tell(news)
        self.relay()

    def ask(self, action: str, lead_id: str, rep_id: str, *, cause: str | None = None, **more: Any) -> str:
        """Request an action; return its id."""
        self.action_count += 1
        cause = cause or f"action-{self.action_count}"
        self.tell(ActionRequested(lead_id=lead_id, cause=cause, action=action, rep_id=rep_id, **more))
        return cause

    def pass_deadline(self, lead_id: str) -> None:
        """Let the first deadline of a lead pass."""
        row = self.row(lead_id)
        assert row.lead is not None
        deadline = row.lead.deadlines[0]
        self.now = max(self.now, deadline.due + timedelta(milliseconds=1))
        self.tell(
            DeadlinePassed(
                lead_id=lead_id,
                cause=f"deadline/{deadline.epoch}",
                kind=deadline.kind,
                due=deadline.due,
                epoch=deadline.epoch,
            )
        )

    def row(self, lead_id: str) -> LeadRow:
        """Return a lead's newest row."""
        row = self.rows[lead_id.encode()]
        assert isinstance(row, LeadRow)
        return row

    def tell(self, event: Event) -> None:
        """Append an event to the log, and do what worker and relay do with it and with its consequences."""
        self._tell(event)
        self.relay()

    def tell_org(self, event: OrgEvent) -> None:
        """Append an event that comes from no record to the org's log."""
        self.now += timedelta(milliseconds=100)
        self.on_way.extend(self.org.tell(event, self.now))
        self.relay()

    def wake(self) -> None:
        """Wake the rows of the org that are due."""
        for event in self.org.woken(self.now):
            self.tell_org(event)

    def relay(self) -> None:
        """Carry messages between leads and orgs until there are none left."""
        while self.on_way and not self.halted:
            message = self.on_way.popleft()
            facts_of_arrival = (
                decode_org_event(message.value) if isinstance(message, PublicMessage) else message
            )
            if self.loses(facts_of_arrival):
                continue
            if not isinstance(message, PublicMessage):
                self._tell(message)
            else:
                self.now += timedelta(milliseconds=100)
                event = decode_org_event(message.value)
                self.on_way.extend(self.org.tell(event, self.now, tuple(message.headers)))

    def _tell(self, event: Event) -> None:
        off = len(self.log)
        self.now += timedelta(milliseconds=100)
        key = event.lead_id.encode()
        self.log.append(Record(LEAD_LOG, off, key, encode_event(event), ms(self.now)))
        if isinstance(event, DirectoryPublished):
            key = directory_key(0, event.org, event.kind, event.object_id)
            row: LeadRow | DirectoryRow = DirectoryRow(
                off=off,
                org=event.org,
                kind=event.kind,
                object_id=event.object_id,
                version=event.version,
                value=event.value,
                at=self.now,
            )
            self.rule_book = self.rule_book.publish(event)
        else:
            journal_row = self.rows.get(key)
            before = journal_row if isinstance(journal_row, LeadRow) else None
            others_open = self._others_open(key, event)
            row = step(before, event, off=off, at=self.now, rule_book=self.rule_book, others_open=others_open)
        self.write(key, row)
        for message in public_messages(row, key, 0):
            if message.topic == ORG_LOG:
                self.on_way.append(message)
                continue
            records = self.public.setdefault(message.topic, [])
            records.append(
                Record(
                    message.topic,
                    len(records),
                    message.key,
                    message.value,
                    ms(self.now),
                    headers=tuple(message.headers),
                )
            )
        self.rows[key] = changed(row, decisions=()) if isinstance(row, LeadRow) else row

    def _others_open(self, but: bytes, event: Event) -> tuple[str, ...]:
        """Return the other leads without an owner that the rep of an action has open (D1)."""
        leads = [
            row.lead for key, row in self.rows.items() if key != but and isinstance(row, LeadRow) and row.lead
        ]
        return tuple(
            sorted(
                lead.lead_id
                for lead in leads
                if isinstance(event, ActionRequested)
                and lead.lock is not None
                and lead.owner is None
                and (lead.facts.org, lead.lock.rep_id) == (event.org, event.rep_id)
                and lead.lock.until > self.now
            )
        )

    def write(self, key: bytes, row: LeadRow | DirectoryRow) -> None:
        """Append a row to the journal."""
        self.journal.append(Record(LEAD_JOURNAL, len(self.journal), key, encode_row(row), ms(self.now)))

    # -- for tests that falsify ------------------------------------------------------------------------------------

    def drop(self, topic: str, n: int) -> None:
        """Remove the n-th record of a topic, as if it had never been written."""
        records = self.records_of(topic)
        del records[n]
        records[:] = [replace(record, offset=offset) for offset, record in enumerate(records)]

    def append(self, topic: str, record: Record) -> None:
        """Append a record at the topic's end."""
        records = self.records_of(topic)
        records.append(replace(record, topic=topic, offset=len(records)))

    def records_of(self, topic: str) -> list[Record]:
        """Return a topic's records."""
        stage_topics = {
            LEAD_JOURNAL: self.journal,
            LEAD_LOG: self.log,
            ORG_JOURNAL: self.org.journal,
            ORG_LOG: self.org.log,
        }
        return stage_topics[topic] if topic in stage_topics else self.public[topic]

    def snapshot(self) -> Snapshot:
        """Return a snapshot of the current state."""
        topics = (LEAD_LOG, LEAD_JOURNAL, ORG_LOG, ORG_JOURNAL)
        return Snapshot(ends={(topic, 0): len(self.records_of(topic)) for topic in topics}, at=self.now)
