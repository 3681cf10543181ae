"""Decides one partition of `lead-log` again and compares the journal with the result, byte for byte.

Records older than a day may be compacted, except for the newest of each key. So the rows of a day ago are taken from
the journal unchecked. From then on every event must have its record, and is decided again.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from assurance.verify.activities import note_activities
from assurance.verify.catch_up import Snapshot
from assurance.verify.dead_letter_index import DeadLetterIndex
from assurance.verify.findings import Findings
from assurance.verify.inquiries import note_inquiries
from assurance.verify.journal_summary import JournalFacts, LeadFacts, follows, row_decisions_hash
from assurance.verify.lateness import Deadlines
from assurance.verify.lead_invariants import KnownAnswers, LeadInvariants
from assurance.verify.pairing import EventAndRecord
from assurance.verify.published import ExpectedMessages
from assurance.verify.records import (
    Row,
    differences,
    key_text,
    position_of,
    read_event,
    read_row,
    time_of,
)
from models.codec import directory_key, encode_row
from models.decisions import OwnerChanged
from models.erasure_decisions import ArrivalDropped
from models.errors import PermanentError
from models.events import DeadlinePassed, LeadArrived
from models.lead import DirectoryRow, LeadRow
from rules.lead.lead_partition import LeadPartition
from rules.lead.waiting import is_to_be_asked
from rules.outbound.lead_org_messages import org_event_identity
from streams.dead_letter_reading import is_sent_again
from streams.topics import LEAD_JOURNAL, LEAD_LOG

GRACE_SECONDS: Final = 10.0
"""How late a deadline may be. A timer event that was not processed is sent again after five seconds."""


class LeadReplay:
    """Checks the pairs of one partition in order, and adds their data to `journal_facts`."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        *,
        snapshot: Snapshot,
        findings: Findings,
        journal_facts: JournalFacts,
        known_answers: KnownAnswers,
        expected: ExpectedMessages,
        dead_letters: DeadLetterIndex | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.partition = partition
        self._partitions = partitions
        self._findings = findings
        self._journal_facts = journal_facts
        self._expected = expected
        self._dead_letters = dead_letters or DeadLetterIndex()
        self._deadlines = deadlines or Deadlines(findings)
        self._invariants = LeadInvariants(findings, known_answers)
        self._leads = LeadPartition(partition)
        self._facts: dict[bytes, LeadFacts] = {}
        self._written: dict[int, int] = {}
        self._now = snapshot.at
        self._cut = snapshot.cut
        self._log_end = snapshot.end(LEAD_LOG, partition)
        self._journal_end = snapshot.end(LEAD_JOURNAL, partition)

    def check(self, pair: EventAndRecord) -> None:
        """Check one event, one record, or both."""
        if pair.log is not None:
            self._dead_letters.note_replay(pair.log)
        if pair.journal is not None:
            self._journal_facts.read[self.partition] = pair.journal.offset + 1
        if pair.journal is not None and pair.journal.value is None:
            self._removed(pair.journal)
        elif pair.repeat:
            self._repeat(pair)
        elif pair.journal is None:
            self._without_record(pair)
        else:
            self._written[pair.off] = hash(pair.journal.value)
            self._with_record(pair)

    def _removed(self, record: Any) -> None:
        """Apply a tombstone. Only a row without a lead may be removed (X7)."""
        row = self._leads.rows.get(record.key)
        if isinstance(row, LeadRow) and (row.lead is not None or row.merged_into is not None):
            self._findings.add("not_conserved", key_text(record.key), at=position_of(record))
            return
        self._leads.apply(record.key, None)

    def end(self) -> None:
        """Collect the partition's leads and report their overdue deadlines."""
        for key, row in self._leads.rows.items():
            facts = self._facts.get(key)
            if isinstance(row, LeadRow) and row.lead is not None and facts is not None:
                facts.off, facts.seq, facts.at, facts.lead = row.off, row.seq, row.at, row.lead
                self._journal_facts.leads[key.decode()] = facts
        now = self._now.timestamp()
        for key, deadline in self._leads.overdue(now, GRACE_SECONDS):
            if key in self._facts:
                self._findings.suspect(
                    "deadline_overdue",
                    key.decode(),
                    kind=str(deadline.kind),
                    epoch=deadline.epoch,
                    seconds_late=round(now - deadline.due.timestamp(), 1),
                )
        for key in self._unasked(self._now - timedelta(seconds=GRACE_SECONDS)):
            self._findings.suspect("lead_unasked", key.decode())

    def _unasked(self, before: datetime) -> Iterator[bytes]:
        """Yield leads that wait without a request to the group of their campaign (M5).

        Orgs that published something since `before` are left out, because their leads are still being told.
        """
        newest: dict[str, datetime] = {}
        for row in self._leads.rows.values():
            if isinstance(row, DirectoryRow):
                newest[row.org] = max(row.at, newest.get(row.org, row.at))
        for org, rules in self._leads.rule_book.orgs.items():
            if newest[org] < before:
                for key in self._leads.waiting.keys(org, self._leads.waiting.campaigns(org)):
                    row = self._leads.rows[key]
                    if isinstance(row, LeadRow) and row.lead is not None and is_to_be_asked(row.lead, rules):
                        yield key

    # -- repeats and events without a record -------------------------------------------------------------------------

    def _repeat(self, pair: EventAndRecord) -> None:
        """Check that a repeated record equals the first. A first record that comes this late is never read."""
        record, written = pair.journal, self._written.get(pair.off)
        if written is None:
            if time_of(record) > self._cut:
                self._findings.add("record_late", key_text(record.key), off=pair.off, at=position_of(record))
        elif written != hash(record.value):
            self._findings.add("repeat_differs", key_text(record.key), off=pair.off, at=position_of(record))

    def _without_record(self, pair: EventAndRecord) -> None:
        if time_of(pair.log) <= self._cut:
            return
        event = read_event(pair.log, self._partitions)
        if event is None:
            return  # it is among the dead letters
        if self._dead_letters.is_fatal(pair.log):
            return  # likewise; `DeadLetterIndex.end` checks whether it was sent again
        self._record_org_message(event, pair.log)
        if pair.off >= self._log_end:
            self._journal_facts.moving.add(key_text(pair.log.key))
        else:
            self._findings.add("event_without_record", key_text(pair.log.key), at=position_of(pair.log))

    def _record_org_message(self, event: Any, record: Any) -> None:
        """Record a message of an org, whatever its effect."""
        message_id = org_event_identity(event)
        if message_id is not None:
            self._journal_facts.heard[message_id, hash(record.value)] = (event.lead_id, time_of(record))

    # -- with a record ---------------------------------------------------------------------------------------------

    def _with_record(self, pair: EventAndRecord) -> None:
        """Decide the event again if everything it depends on is known. Otherwise take the record unchecked."""
        record = pair.journal
        event = None if pair.log is None else read_event(pair.log, self._partitions)
        at = time_of(record if pair.log is None else pair.log)
        if event is not None:
            self._journal_facts.events[str(event.__struct_config__.tag)] += 1
            self._record_org_message(event, pair.log)
            if isinstance(event, LeadArrived):
                self._journal_facts.causes.add(hash(event.cause))
                self._journal_facts.arrived.add(event.lead_id)
        if event is None or at <= self._cut:
            if at > self._cut:
                self._findings.add("record_without_event", key_text(record.key), at=position_of(record))
            row = self._read(pair)
        else:
            row = self._decided(pair, event, at)
        if isinstance(row, LeadRow):
            before = self._leads.rows.get(record.key)
            former = before if isinstance(before, LeadRow) else None
            if event is not None and at > self._cut and not self._dead_letters.is_fatal(pair.log):
                self._invariants.take(key_text(record.key), former, row, event)
                if isinstance(event, DeadlinePassed):
                    self._deadlines.take(event, former, row, time_of(record))
            else:
                self._invariants.note(key_text(record.key), row)
                if row.lead is not None and at <= self._cut:
                    self._journal_facts.arrived.add(
                        key_text(record.key)
                    )  # its arrival may be gone from the log
            self._remember(record, row, whole=follows(former, row, compactable=at <= self._cut))
        elif row is not None:
            self._apply(row)
        if row is not None:
            must = record.offset < self._journal_end and at > self._cut
            self._expected.add(row, record.key, must=must)

    def _decided(self, pair: EventAndRecord, event: Any, at: datetime) -> Row | None:
        """Decide an event again. If the journal differs, continue with the journal's row."""
        if self._dead_letters.is_fatal(pair.log):
            return self._read(pair)  # the code could not decide it then; the journal has the outcome
        outcome = self._leads.decide(
            pair.log.key, event, off=pair.off, at=at, sent_again=is_sent_again(pair.log)
        )
        if outcome is None:
            return self._read(pair)
        failure = outcome.failure
        if outcome.row is None or (failure is not None and not isinstance(failure, PermanentError)):
            self._findings.add("machine_failed", event.lead_id, at=position_of(pair.log), error=repr(failure))
            return self._read(pair)
        if pair.journal.value == outcome.value and pair.journal.key == outcome.key:
            return outcome.row
        return self._contradicted(pair, outcome.row)

    def _contradicted(self, pair: EventAndRecord, ours: Row) -> Row | None:
        theirs = self._read(pair)
        if theirs is not None:
            lead_id = key_text(pair.log.key)
            differ = differences(*(msgspec.json.decode(encode_row(row)) for row in (theirs, ours)))
            self._findings.add(
                "journal_contradicts_log",
                lead_id,
                at=position_of(pair.journal),
                off=pair.off,
                journal_log=differ,
            )
        return theirs

    def _read(self, pair: EventAndRecord) -> Row | None:
        row = read_row(pair.journal)
        if row is None:
            self._findings.add("record_unreadable", key_text(pair.journal.key), at=position_of(pair.journal))
        return row

    # -- results -----------------------------------------------------------------------------------------------------

    def _apply(self, row: DirectoryRow) -> None:
        self._leads.apply(directory_key(self.partition, row.org, row.kind, row.object_id), row)
        versions = self._journal_facts.published.setdefault((row.org, row.kind, row.object_id), {})
        versions[self.partition] = row.version

    def _remember(self, record: Any, row: LeadRow, *, whole: bool) -> None:
        key = record.key
        self._leads.apply(key, row)
        lead_id = key_text(key)
        self._journal_facts.decided[self.partition, row.off] = (lead_id, row_decisions_hash(row))
        note_activities(self._journal_facts.activities, self.partition, lead_id, row)
        note_inquiries(self._journal_facts.joined, lead_id, row)
        if record.offset >= self._journal_end:
            self._journal_facts.moving.add(lead_id)
        if row.lead is None:
            if any(isinstance(decision, ArrivalDropped) for decision in row.decisions):
                self._journal_facts.turned_away.add(lead_id)
            return
        facts = self._facts.get(key)
        if facts is None:
            facts = self._facts[key] = LeadFacts(
                partition=self.partition,
                off=row.off,
                seq=row.seq,
                at=row.at,
                lead=row.lead,
                owners=[],
                desk_version=None,
                whole=True,
            )
        facts.whole = facts.whole and whole
        if any(isinstance(decision, OwnerChanged) for decision in row.decisions):
            facts.owners.append((row.seq, row.lead.owner))
        facts.remember_desk(row)
