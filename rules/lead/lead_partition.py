"""Holds the complete state of one partition of `lead-log`: its leads' rows, its rule book and its deadlines.

It turns each event into a record of `lead-journal`. The records are the whole state: applied in the journal's order,
live or after a crash, they give the same partition. The leads stage, `verify`, the simulation and the route preview all
use this class to decide.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from models.codec import directory_key, encode_row
from models.errors import PermanentError
from models.events import ActionRequested, DeadlinePassed, DirectoryPublished, RulesChanged
from models.lead import Deadline, DirectoryRow, LeadRow, Row
from models.record_size import MAX_RECORD_BYTES, check_size
from rules.deadlines import MAX_AT_ONCE, DueHeap, Entry, fires_at
from rules.lead.kept_rows import ByteStore, KeptRows, without_decisions
from rules.lead.machine import LeadEvent, is_replay, step
from rules.lead.partition_indexes import OpenLeads, UnknownLeads, WaitingLeads
from rules.lead.resumption import resumed_row, without_org_answer
from rules.lead.stale_leads import is_stale, pauses_changed, presence_changed
from rules.lead.undecided import undecided_row
from rules.lead.waiting import is_to_be_asked
from rules.queues.rule_book import ROUTING, VERSIONED, RuleBook

MAX_ROW_BYTES: Final = MAX_RECORD_BYTES - 50_000
"""A public message repeats a row's facts and lists empty fields too, so it is a little larger than the row."""

_EMPTY_RULE_BOOK: Final = RuleBook()


class LeadOutcome(msgspec.Struct, frozen=True, gc=False):
    """The result of one event.

    `key`, `value`, `row`: the record to write; `row` is None if there is none. `failure`: why the event goes to the
    dead letters. An event that could not be decided has both: its lead is unchanged, and the sender of an action gets
    an answer. `rule_book`: the rules after a publication. `reevaluates`: the org whose leads a publication may affect
    (Q6, X2). `reroutes`: only the waiting leads that name these campaigns are affected (M5). `removes`: the keys of
    rows that are removed with it; the journal gets a tombstone for each, after the record.
    """

    key: bytes
    value: bytes = b""
    row: Row | None = None
    failure: Exception | None = None
    rule_book: RuleBook | None = None
    reevaluates: str | None = None
    reroutes: tuple[str, ...] = ()
    removes: tuple[bytes, ...] = ()


class LeadPartition:
    """The rows, the rule book and the deadlines of one partition of `lead-log`.

    `rows`: by journal key, which is a lead's id or `models.codec.directory_key`; without their decisions.
    `partition_of` returns the partition of a key; without it every key belongs here. `store`: as in `KeptRows`.
    """

    def __init__(
        self,
        partition: int,
        *,
        rule_book: RuleBook = _EMPTY_RULE_BOOK,
        partition_of: Callable[[bytes], int] | None = None,
        store: ByteStore | None = None,
    ) -> None:
        self.partition = partition
        self.rows = KeptRows(store)
        self.deadlines = DueHeap()
        self.unknown = UnknownLeads()
        self.open_leads = OpenLeads()
        self.waiting = WaitingLeads()
        self._partition_of = partition_of
        self._rule_book = rule_book
        self._unread: dict[bytes, DirectoryRow] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def rule_book(self) -> RuleBook:
        """The rules of every org this partition knows."""
        if self._unread:
            self._rule_book = self._rule_book.with_rows(self._unread.values())
            self._unread = {}
        return self._rule_book

    # -- events -----------------------------------------------------------------------------------------------------

    def decide(
        self,
        key: bytes,
        event: LeadEvent | DirectoryPublished,
        *,
        off: int,
        at: datetime,
        sent_again: bool = False,
    ) -> LeadOutcome | None:
        """Decide one event; None if its record, or a later one of the same key, is already in the journal.

        Nothing changes until the outcome is accepted. `off`: the event's offset. `at`: the broker's time of the event.
        `sent_again`: the event was sent again from the dead letters. Never raises. An event that cannot be decided,
        does not belong here (`misplaced_event`) or gives too large a row (`record_too_large`) has an outcome with a
        failure.
        """
        if isinstance(event, DirectoryPublished):
            return self._publish(event, off, at)
        row: Row | None = self.rows.get(key)
        if isinstance(row, DirectoryRow):
            return _misplaced(key, f"{key!r} is a directory object, not a lead")
        if is_replay(row, off):
            return None
        if key != event.lead_id.encode():
            return _misplaced(key, f"key {key!r} is not the lead id {event.lead_id}")
        if row is None and self._partition_of is not None and self._partition_of(key) != self.partition:
            home = self._partition_of(key)  # in another partition it would become a second lead
            return _misplaced(key, f"in partition {self.partition}; the key belongs to {home}")
        if row is None and self.unknown.was_removed(off):
            return None
        failure: Exception | None = None
        if sent_again:
            event = without_org_answer(event)
        try:
            before = resumed_row(row, event, at) if sent_again else row
            after = step(
                before,
                event,
                off=off,
                at=at,
                rule_book=self.rule_book,
                others_open=self._others_open(key, event, at),
            )
            value = encode_row(after)
            check_size(key, value, limit=MAX_ROW_BYTES)
        except Exception as error:  # noqa: BLE001  # one event must never stop the partition behind it
            failure = error
            after = undecided_row(row, event, off, at)
            value = encode_row(after)
        removes = self.unknown.surplus(key, after) if after.lead is None else ()
        return LeadOutcome(key, value, after, failure, removes=removes)

    def _others_open(self, key: bytes, event: LeadEvent, at: datetime) -> tuple[str, ...]:
        """Return which other leads of this partition the rep of an action has open."""
        if not self.open_leads or not isinstance(event, ActionRequested):
            return ()
        return self.open_leads.held_by(event.org, event.rep_id, at, but=key)

    def _publish(self, event: DirectoryPublished, off: int, at: datetime) -> LeadOutcome | None:
        """Decide a publication. The object's newest version counts, as a whole or not at all."""
        key = directory_key(self.partition, event.org, event.kind, event.object_id)
        former: Row | None = self.rows.get(key)
        if former is not None and off <= former.off:
            return None
        newest = event
        if isinstance(former, DirectoryRow) and event.version <= former.version:
            newest = replace(event, version=former.version, value=former.value)
        row = DirectoryRow(
            off=off,
            org=event.org,
            kind=event.kind,
            object_id=event.object_id,
            version=newest.version,
            value=newest.value,
            at=at,
        )
        rule_book = self.rule_book
        try:
            after, value = rule_book.publish(newest), encode_row(row)
            check_size(key, value)
        except Exception as error:  # noqa: BLE001  # one publication must never stop the partition behind it
            return LeadOutcome(key, failure=error)
        moves = after is not rule_book and (
            event.kind in VERSIONED
            or presence_changed(event, rule_book, after)
            or pauses_changed(event, rule_book, after)
        )
        reroutes = () if after is rule_book else self._rerouted(event, rule_book, after)
        reevaluates = event.org if moves or reroutes else None
        return LeadOutcome(
            key, value, row, rule_book=after, reevaluates=reevaluates, reroutes=() if moves else reroutes
        )

    def _rerouted(self, event: DirectoryPublished, before: RuleBook, after: RuleBook) -> tuple[str, ...]:
        """Return the campaigns named by waiting leads whose group is another one after a publication (M5)."""
        if event.kind not in ROUTING:
            return ()
        old, new = before.org(event.org), after.org(event.org)
        campaigns = self.waiting.campaigns(event.org)
        return tuple(sorted(name for name in campaigns if old.route_by(name)[1] != new.route_by(name)[1]))

    def accept(self, outcome: LeadOutcome) -> None:
        """Apply a decided record to the state, once it has been sent to the journal."""
        key, row = outcome.key, outcome.row
        if row is None:
            return
        if isinstance(row, DirectoryRow):
            self.rows[key] = row
            self._rule_book = outcome.rule_book or self.rule_book.with_rows((row,))
            return
        before: Row | None = self.rows.get(key)
        self.rows[key] = row = replace(row, decisions=()) if row.decisions else row
        if row.lead is not None and isinstance(before, LeadRow) and before.lead is row.lead:
            return  # the event changed nothing in the lead, so no index and no deadline either
        self._index(key, before, row)
        for removed in outcome.removes:
            self._index(removed, self.rows.pop(removed, None), None)
        self._arm(key, before, row)

    # -- the journal --------------------------------------------------------------------------------------------------

    def apply(self, key: bytes, row: Row | None, value: bytes | None = None) -> bool:
        """Apply one record read from the journal, None for a tombstone; say whether it counted.

        A record older than the known one was written late by a zombie and is ignored (docs/faust.md 9). `value`: the
        record's bytes; with them, a lead's row is kept as bytes.
        """
        former = self.rows.look(key)
        if row is None:
            self.rows.pop(key, None)
            self._index(key, former, None)
            self._unread.pop(key, None)
            return True
        if former is not None and row.off < former.off:
            return False
        if isinstance(row, DirectoryRow):
            self._unread[key] = row
        if value is None or isinstance(row, DirectoryRow):
            self.rows[key] = without_decisions(row)
        else:
            self.rows.put_encoded(key, value)
        self._index(key, former, row)
        if isinstance(row, LeadRow):
            self._arm(key, former, row)
        return True

    def _arm(self, key: bytes, before: Row | None, row: LeadRow) -> None:
        """Add the deadlines that a row has, and the row before had not, to the heap."""
        if row.lead is None or not row.lead.deadlines:
            return
        armed: tuple[Deadline, ...] = ()
        if isinstance(before, LeadRow) and before.lead is not None:
            armed = before.lead.deadlines
        if row.lead.deadlines is not armed:
            for deadline in row.lead.deadlines:
                if deadline not in armed:
                    self.deadlines.push((fires_at(deadline.due), key, deadline.epoch))

    def _index(self, key: bytes, before: Row | None, after: Row | None) -> None:
        self.unknown.put(key, after)
        self.open_leads.put(key, before, after)
        self.waiting.put(key, before, after)

    def recovered(self) -> None:
        """Derive the rule book from the rows, once the journal is read. `apply` has derived the rest."""
        self.unknown.sort()
        self._rule_book = RuleBook.from_rows(self.rows.published())
        self._unread = {}

    # -- time and new rules -------------------------------------------------------------------------------------------

    def due(self, now: float, limit: int = MAX_AT_ONCE) -> list[DeadlinePassed]:
        """Return an event for each deadline that is due at `now` (POSIX seconds), at most `limit`.

        A deadline that is still in its row after `RETRY_SECONDS` is returned again.
        """
        return self.deadlines.take(now, self._deadline_event, limit)

    def _deadline_event(self, entry: Entry) -> DeadlinePassed | None:
        _, key, epoch = entry
        row = self.rows.look(key)
        if not isinstance(row, LeadRow) or row.lead is None:
            return None
        deadline = next((candidate for candidate in row.lead.deadlines if candidate.epoch == epoch), None)
        if deadline is None:
            return None
        lead_id = row.lead.lead_id
        cause = f"deadline/{lead_id}/{deadline.kind}/{epoch}"
        return DeadlinePassed(lead_id=lead_id, cause=cause, kind=deadline.kind, due=deadline.due, epoch=epoch)

    def overdue(self, now: float, grace_seconds: float) -> Iterator[tuple[bytes, Deadline]]:
        """Yield each deadline that should have been processed `grace_seconds` before `now`, with its lead's key."""
        limit = datetime.fromtimestamp(now - grace_seconds, UTC)
        for key, row in self.rows.items():
            if isinstance(row, LeadRow) and row.lead is not None:
                yield from ((key, deadline) for deadline in row.lead.deadlines if deadline.due < limit)

    def stale(self, key: bytes, org: str, now: datetime) -> RulesChanged | None:
        """Return an event if the current rules would change this lead of the org (Q6, X2, M5); otherwise None."""
        row = self.rows.look(key)
        if not isinstance(row, LeadRow) or row.lead is None or row.lead.facts.org != org:
            return None
        rules, lead_id = self.rule_book.org(org), row.lead.lead_id
        if is_stale(row.lead, rules, now):
            cause = f"rules/{lead_id}/{rules.version}"
        elif is_to_be_asked(row.lead, rules):
            cause = f"route/{lead_id}/{rules.route_version}"
        else:
            return None
        return RulesChanged(lead_id=lead_id, cause=cause, version=rules.version)


def _misplaced(key: bytes, reason: str) -> LeadOutcome:
    """Return the outcome of an event that is not in its lead's log."""
    return LeadOutcome(key, failure=PermanentError("misplaced_event", reason))
