"""Checks that every inbound message had its effect, or is among the dead letters with its reason."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from assurance.verify.catch_up import Snapshot
from assurance.verify.dead_letter_index import DeadLetterIndex
from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts
from assurance.verify.lead_invariants import KnownAnswers
from assurance.verify.records import position_of
from models.errors import Refused
from rules.inbound.do_not_contact import accept_listing
from rules.inbound.envelope import digest
from rules.inbound.intake import accept_action, accept_arrival, accept_publication
from rules.inbound.refused_actions import answer_to_refused
from rules.inbound.times import record_time
from rules.org.directory import published_for


class Inbound:
    """Compares inbound messages with the records of log and journal.

    `letter_was_removed`: tells whether the dead letter of a message may be missing, because it was an erased person's.
    """

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        journal_facts: JournalFacts,
        known_answers: KnownAnswers,
        dead_letters: DeadLetterIndex,
        findings: Findings,
        partitions: int,
        letter_was_removed: Callable[[Any], bool] = lambda _: False,
    ) -> None:
        self._letter_was_removed = letter_was_removed
        self._snapshot = snapshot
        self._cut = snapshot.cut
        self._journal_facts = journal_facts
        self._known_answers = known_answers
        self._dead_letters = dead_letters
        self._findings = findings
        self._partitions = partitions
        self.leads: set[str] = set()

    async def arrivals(self, records: AsyncIterator[Any]) -> None:
        """Check that every readable arrival is in the log, and find its lead (X7)."""
        async for record in self._until_snapshot(records):
            if self._dead_letters.is_unauthorised(record):
                continue
            # Usually an arrival's cause is the hash of its bytes. Then there is nothing to parse.
            if hash(digest(record.value or b"")) in self._journal_facts.causes and not self._read_dead_letter(
                record
            ):
                continue
            try:
                event = accept_arrival(record.value, dict(record.headers), arrived_at=self._arrived(record))
            except Refused as refused:
                self._refused(record, refused)
                continue
            self._needless_dead_letter(record)
            lead_id = self._journal_facts.lead_of(event.org, event.lead_id)
            if self._journal_facts.was_turned_away(event.lead_id, lead_id):
                continue
            if lead_id not in self._journal_facts.leads and self._letter_was_removed(record):
                continue  # it may have been refused because of its sender
            old = self._arrived(record) <= self._cut and lead_id in self._journal_facts.leads
            if hash(event.cause) not in self._journal_facts.causes and not old:
                # Its org may have placed it already, and the relay may not have written that to the log yet.
                self._findings.suspect("arrival_lost", lead_id, at=position_of(record), arrival=event.lead_id)
            elif lead_id not in self._journal_facts.leads:
                self._findings.add("not_conserved", event.lead_id, at=position_of(record), lead=lead_id)

    async def actions(self, records: AsyncIterator[Any]) -> None:
        """Check that every action with a readable id has an answer, refused ones too (X4)."""
        async for record in self._until_snapshot(records):
            try:
                event = accept_action(record.value, dict(record.headers))
            except Refused as refused:
                self._refused(record, refused)
                answered = answer_to_refused(record.value, dict(record.headers), refused)
                if answered is None:
                    continue
                event = answered
            else:
                if not self._dead_letters.is_unauthorised(record):  # it was refused and answered
                    self._needless_dead_letter(record)
            action = (event.cause, event.lead_id)
            if action not in self._known_answers and self._arrived(record) > self._cut:
                # Its org may have been asked for a place, and the answer may still be on its way (M6).
                on_way = action in self._known_answers.sought
                report = self._findings.suspect if on_way else self._findings.add
                report("action_lost", event.lead_id, at=position_of(record), action_id=event.cause)

    async def publications(self, records: AsyncIterator[Any]) -> None:
        """Compare the newest publication of each object with what each partition and its org know (Q6)."""
        newest: dict[tuple[str, str, str], int] = {}
        for_orgs: set[tuple[str, str, str]] = set()
        async for record in self._until_snapshot(records):
            try:
                event = accept_publication(
                    record.key, record.value, dict(record.headers), version=record.offset
                )
            except Refused as refused:
                self._refused(record, refused)
                continue
            self._needless_dead_letter(record)
            key = (event.org, event.kind, event.object_id)
            newest[key] = event.version
            if published_for(event):
                for_orgs.add(key)
        for key, version in newest.items():
            object_name = "/".join(key)
            versions = self._journal_facts.published.get(key, {})
            behind = [n for n in range(self._partitions) if versions.get(n, -1) < version]
            if behind:
                text = f"version {version} of {object_name} is not in partitions {behind}"
                self._findings.add("publication_lost", "", text)
            if key in for_orgs and self._journal_facts.org_published.get(key, -1) < version:
                text = f"version {version} of {object_name} is not in its org's journal"
                self._findings.add("org_publication_lost", "", text)

    async def listings(self, records: AsyncIterator[Any]) -> None:
        """Compare the newest record of each phone and address with what its org knows (X6)."""
        newest: dict[tuple[str, str], str | None] = {}
        async for record in self._until_snapshot(records):
            try:
                event = accept_listing(
                    record.key,
                    record.value,
                    dict(record.headers),
                    version=record.offset,
                    at=self._arrived(record),
                )
            except Refused as refused:
                self._refused(record, refused)
                continue
            self._needless_dead_letter(record)
            newest[event.org, event.handle] = event.reason
        for (org, handle), reason in newest.items():
            persons = self._journal_facts.persons.get(org)
            listed_reason = persons.forbidden_reason(handle) if persons else None
            if listed_reason != reason:
                self._findings.add(
                    "listing_lost", "", org=org, handle=handle, org_topic=[listed_reason, reason]
                )
            for lead_id in persons.all_with(handle) if persons else ():
                facts = self._journal_facts.leads.get(lead_id)
                known_reason = facts.lead.suppressed.get(handle) if facts else None
                if known_reason != reason:
                    self._findings.suspect(
                        "suppression_differs", lead_id, handle=handle, lead_topic=[known_reason, reason]
                    )
        self._unlisted(newest)

    def _unlisted(self, newest: dict[tuple[str, str], str | None]) -> None:
        """Report each handle that a lead holds for listed and that the list does not have (M8)."""
        for lead_id, facts in self._journal_facts.leads.items():
            org = facts.lead.facts.org
            for handle, reason in facts.lead.suppressed.items():
                if (org, handle) not in newest:
                    self._findings.suspect(
                        "suppression_differs", lead_id, handle=handle, lead_topic=[reason, None]
                    )

    async def _until_snapshot(self, records: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for record in records:
            if record.offset < self._snapshot.end(record.topic, record.partition):
                yield record

    def _arrived(self, record: Any) -> datetime:
        """Return a record's time as intake reads it. For an impossible time, intake used its own clock."""
        return record_time(record.timestamp / 1000.0, self._snapshot.at)

    def _read_dead_letter(self, record: Any) -> bool:
        return (record.topic, record.partition, record.offset) in self._dead_letters

    def _refused(self, record: Any, refused: Refused) -> None:
        if not self._read_dead_letter(record) and not self._letter_was_removed(record):
            self._findings.add("refusal_lost", "", at=position_of(record), reason=str(refused))

    def _needless_dead_letter(self, record: Any) -> None:
        """Report a dead letter that is a valid message, unless our own code failed on it."""
        if self._read_dead_letter(record) and not self._dead_letters.is_fatal(record):
            self._findings.add("buried_unasked", "", at=position_of(record))
