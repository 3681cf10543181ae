"""Decides one partition of `org-log` again and compares its journal with the result, byte for byte.

As with leads (`assurance.verify.replay_leads`), records older than a day are taken unchecked. Everything since is
decided again: whose turn it was, who was passed over and why, and what capacity each offer took.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from assurance.verify.capacity_ledger import CapacityLedger
from assurance.verify.catch_up import Snapshot
from assurance.verify.cross_log import CrossLogMessages
from assurance.verify.dead_letter_index import DeadLetterIndex
from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts
from assurance.verify.pairing import EventAndRecord, OrgRecordBatch
from assurance.verify.records import (
    differences,
    key_text,
    position_of,
    read_org_event,
    read_org_record,
    time_of,
)
from models.codec import OrgRecord, encode_org_record
from models.lead import DirectoryRow
from models.offers import OrgAnswer
from models.org_decisions import OrgRowKept, OrgStep
from models.org_rows import OrgLead, OrgRep
from models.persons import ArrivalPlaced, DoNotContactChanged, HandleRetired
from rules.org.org_partition import OrgPartition, wakeable_id
from rules.org.stuck_waiting import stuck_waiting
from rules.outbound.public_messages import journal_origin
from streams.dead_letter_reading import is_sent_again
from streams.topics import ORG_JOURNAL, ORG_LOG

_LEAD_DECISIONS: Final = OrgAnswer | ArrivalPlaced | DoNotContactChanged | HandleRetired

GRACE_SECONDS: Final = 10.0
"""How late a wake may be. The wake event is sent again after five seconds."""


class OrgReplay:
    """Checks the pairs of one partition in order.

    Their data is added to `journal_facts` and `cross_log_messages`.
    """

    def __init__(
        self,
        partition: int,
        partitions: int,
        *,
        snapshot: Snapshot,
        findings: Findings,
        journal_facts: JournalFacts,
        cross_log_messages: CrossLogMessages,
        dead_letters: DeadLetterIndex | None = None,
    ) -> None:
        self._partitions = partitions
        self._findings = findings
        self._journal_facts = journal_facts
        self._cross_log_messages = cross_log_messages
        self._dead_letters = dead_letters or DeadLetterIndex()
        self._orgs = OrgPartition(partition)
        self._capacities = CapacityLedger(findings)
        self._written: dict[int, int] = {}
        self._deciding = False
        self._now = snapshot.at
        self._cut = snapshot.cut
        self._log_end = snapshot.end(ORG_LOG, partition)
        self._journal_end = snapshot.end(ORG_JOURNAL, partition)

    def check(self, pair: EventAndRecord) -> None:
        """Check one event, its records, or both."""
        event = None
        if pair.log is not None:
            self._dead_letters.note_replay(pair.log)
        if pair.log is not None and (event := read_org_event(pair.log, self._partitions)) is not None:
            self._cross_log_messages.sent(pair.log, event)
            if pair.off >= self._log_end and (lead_id := _lead_id_of(event)):
                self._journal_facts.moving |= {lead_id, self._lead_of(event.org, lead_id)}
        if pair.repeat:
            self._repeat(pair)
        elif pair.journal is not None:
            self._with_record(pair, event)
        elif event is not None and pair.off < self._log_end and time_of(pair.log) > self._cut:
            self._findings.add(
                "org_event_without_record", _lead_id_of(event), at=position_of(pair.log), type=_name(event)
            )

    def end(self) -> None:
        """Collect what the partition's orgs know of leads, check its reps' counts, and report what is overdue."""
        self._journal_facts.org_leads |= self._capacities.leads
        rep_keys = set()
        for org, state in self._orgs.states.items():
            self._journal_facts.persons[org] = state.persons
            for lead_id, count in state.persons.arrivals().items():
                self._journal_facts.inquiries[org, lead_id] = count
            for row in state.reps.values():
                rep_keys.add((org, row.rep_id))
                self._capacities.compare(org, row)
        self._capacities.without_row(rep_keys)
        for org, lead_id in stuck_waiting(self._orgs):
            self._findings.suspect("lead_unoffered", lead_id, org=org)
        for org, waiting in self._orgs.wakes():
            late = 0.0 if waiting.wake is None else (self._now - waiting.wake).total_seconds()
            if late > GRACE_SECONDS:
                is_lead = isinstance(waiting, OrgLead)
                object_id = wakeable_id(waiting)
                self._findings.suspect(
                    "wake_overdue",
                    object_id if is_lead else "",
                    row=f"{org}/{object_id}",
                    seconds_late=round(late, 1),
                )

    def _lead_of(self, org: str, arrival_id: str) -> str:
        """Return the lead that an arrival belongs to (R6). A lead belongs to itself."""
        return self._orgs.state(org).persons.lead_of(arrival_id) or arrival_id

    # -- repeats and events without a record -------------------------------------------------------------------------

    def _repeat(self, pair: EventAndRecord) -> None:
        """Check that a repeated batch equals the first. A first batch that comes this late is never read."""
        first, written = pair.journal.records[0], self._written.get(pair.off)
        if time_of(first) <= self._cut:
            return  # the first one may be compacted away
        if written is None:
            self._findings.add("record_late", key_text(first.key), off=pair.off, at=position_of(first))
        elif written != _batch_hash(pair.journal):
            self._findings.add("repeat_differs", key_text(first.key), off=pair.off, at=position_of(first))

    # -- with a record ---------------------------------------------------------------------------------------------

    def _with_record(self, pair: EventAndRecord, event: Any) -> None:
        """Decide the event again if everything it depends on is known. Otherwise take its records unchecked."""
        batch: OrgRecordBatch = pair.journal
        self._written[pair.off] = _batch_hash(batch)
        first = batch.records[0]
        at = time_of(first if pair.log is None else pair.log)
        if event is not None:
            self._journal_facts.org_events[_name(event)] += 1
        if event is None or at <= self._cut:
            records = self._read(batch)
            if at > self._cut and records:
                self._findings.add("org_record_without_event", key_text(first.key), at=position_of(first))
        else:
            if not self._deciding:
                self._deciding = True
                self._orgs.recovered()  # waiting leads are in their order, as after a recovery
            records = self._decided(pair, event, at)
        self._apply(batch, records, checked=at > self._cut)

    def _decided(self, pair: EventAndRecord, event: Any, at: datetime) -> list[OrgRecord]:
        """Decide an event again. If the journal differs, continue with the journal's records."""
        batch: OrgRecordBatch = pair.journal
        if self._dead_letters.is_fatal(pair.log):
            return self._read(batch)  # the code could not decide it then; the journal has the outcome
        source, number = journal_origin(pair.log)
        try:
            decided = self._orgs.decide(
                event, off=pair.off, at=at, source=source, number=number, again=is_sent_again(pair.log)
            )
        except Exception as error:  # noqa: BLE001  # after any error the journal's records count
            self._findings.add(
                "machine_failed", _lead_id_of(event), at=position_of(pair.log), error=repr(error)
            )
            return self._read(batch)
        if decided.failure is not None:
            self._findings.add(
                "machine_failed", _lead_id_of(event), at=position_of(pair.log), error=repr(decided.failure)
            )
        ours = [record for _, record in decided.records if record is not None]
        written = [
            (key, None if record is None else encode_org_record(record)) for key, record in decided.records
        ]
        if written == [(record.key, record.value) for record in batch.records]:
            return ours
        theirs = self._read(batch)
        present = [record for record in batch.records if record.value is not None]
        if len(theirs) < len(present):
            return ours  # an unreadable record is a finding of its own
        journal_records = {
            key_text(record.key): msgspec.to_builtins(their_record)
            for record, their_record in zip(present, theirs, strict=True)
        }
        decided_records = {key_text(key): msgspec.to_builtins(record) for key, record in decided.records}
        self._findings.add(
            "org_journal_contradicts_log",
            _lead_id_of(event),
            at=position_of(batch.records[0]),
            off=pair.off,
            type=_name(event),
            journal_log=differences(journal_records, decided_records) or "the same, in another order",
        )
        return theirs

    def _read(self, batch: OrgRecordBatch) -> list[OrgRecord]:
        records = []
        for record in batch.records:
            if record.value is None:
                continue  # a tombstone: `_apply` removes what its key names
            read = read_org_record(record)
            if read is None:
                self._findings.add("record_unreadable", key_text(record.key), at=position_of(record))
            else:
                records.append(read)
        return records

    # -- results -----------------------------------------------------------------------------------------------------

    def _apply(self, batch: OrgRecordBatch, records: list[OrgRecord], *, checked: bool) -> None:
        """Apply an event's records, and check that the reps' capacities still agree."""
        settled = batch.records[-1].offset < self._journal_end
        reps: list[tuple[str, OrgRep]] = []
        steps: list[OrgStep] = []
        for tombstone in batch.records:
            if tombstone.value is None:
                self._orgs.remove(tombstone.key)
        for record in records:
            self._orgs.apply(record)
            match record:
                case OrgStep():
                    steps.append(record)
                case OrgRowKept(value=OrgLead() as row):
                    self._capacities.take(record.org, row)
                    if not settled:
                        self._journal_facts.moving.add(row.lead_id)
                case OrgRowKept(value=OrgRep() as row):
                    reps.append((record.org, row))
                case DirectoryRow():
                    key = (record.org, record.kind, record.object_id)
                    known_version = self._journal_facts.org_published.get(key, -1)
                    self._journal_facts.org_published[key] = max(known_version, record.version)
                case _:
                    pass
        for step in steps:
            self._cross_log_messages.expect_answers(step, must=settled and checked)
            if not settled:
                self._journal_facts.moving |= {
                    decision.lead_id for decision in step.decisions if isinstance(decision, _LEAD_DECISIONS)
                }
        if not checked:
            return
        for org, row in reps:
            self._capacities.compare(org, row, off=batch.off)
        for step in steps:
            state, directory = self._orgs.state(step.org), self._orgs.directory(step.org)
            self._capacities.within_caps(step, directory, state.reps, off=batch.off)


def _batch_hash(batch: OrgRecordBatch) -> int:
    return hash(tuple((record.key, record.value) for record in batch.records))


def _lead_id_of(event: Any) -> str:
    return str(getattr(event, "lead_id", ""))


def _name(event: Any) -> str:
    return str(event.__struct_config__.tag)
