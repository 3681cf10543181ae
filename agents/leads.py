"""The leads stage: one ordered log in, one row out for each event, through the pure machine and nothing else."""

import asyncio
import gc
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec import MsgspecError
from msgspec.structs import replace

from agents.stage import Stage
from agents.sweeper import Sweeper
from models.codec import decode_event, directory_key, encode_event, encode_row
from models.decisions import Answered, Reason, Result
from models.errors import PermanentError
from models.events import ActionRequested, DeadlinePassed, DirectoryPublished, Event, RulesChanged
from models.lead import DirectoryRow, LeadRow
from rules.lead.machine import LeadEvent, is_replay, resumed, step
from rules.queues.rule_book import VERSIONED, RuleBook
from streams.app import StageApp, raw_topic
from streams.dead_letter_reading import is_sent_again
from streams.dead_letters import verdict
from streams.journal import MAX_RECORD_BYTES, check_size
from streams.metrics import OPEN_TIMERS, ROWS
from streams.process_exit import Exit, leave
from streams.table import JournalTable, Row
from streams.timers import Timers
from streams.topics import LEAD_JOURNAL, LEAD_LOG

_log = structlog.get_logger(__name__)

MAX_ROW_BYTES: Final = MAX_RECORD_BYTES - 50_000
"""What is made public of a row repeats its facts and names what they lack, so that is a little larger."""
TIMER_SECONDS: Final = 0.05
"""How often due deadlines are looked for."""


class LeadsStage(Stage):
    """Owns the rows, rule books and timers of this worker's partitions of `lead-log`."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "leads")
        self.books: dict[int, RuleBook] = {}
        self.timers = Timers(self.tell)
        self.sweeper = Sweeper(self)
        journal = raw_topic(app, LEAD_JOURNAL, partitions=self.partitions)
        self.table = JournalTable(
            app, name="leads", partitions=self.partitions, key_type=bytes, changelog_topic=journal
        )
        app.tables.add(self.table)
        self.table.on_recover(self.recovered)
        self.read(LEAD_LOG, self.handle)
        app.timer(TIMER_SECONDS, name="deadlines")(self.fire)
        app.task(self.sweeper.run)

    # -- events -----------------------------------------------------------------------------------------------------

    def handle(self, event: Any) -> None:
        """Decode, decide, write. Nothing is awaited: the event is acked when its record is durable."""
        message = event.message
        receipt = self.acker.take(event)
        try:
            happened = decode_event(message.value or b"")
            if isinstance(happened, DirectoryPublished):
                self.publish(happened, message, receipt)
            else:
                self.decide(happened, message, receipt)
        except MsgspecError as error:
            self.bury(message, "unreadable_event", str(error), receipt)
        except PermanentError as never:
            self.bury(message, *verdict(never), receipt)
        receipt.settle()

    def decide(self, event: LeadEvent, message: Any, receipt: Any) -> None:
        """Apply one event to its lead's row."""
        partition, key = message.partition, message.key
        rows = self.table.rows.of(partition)
        row = rows.get(key)
        if isinstance(row, DirectoryRow):
            raise _misplaced(f"{key!r} is a directory object, not a lead")
        if is_replay(row, message.offset):
            return  # durable already: its record, or a later one of the same lead, is in the journal
        if key != event.lead_id.encode():
            raise _misplaced(f"key {key!r} is not the lead id {event.lead_id}")
        if row is None:
            self.check_place(key, partition)
        at = datetime.fromtimestamp(message.timestamp, UTC)
        book = self.books.get(partition) or RuleBook()
        try:
            before = resumed(row, event, at) if is_sent_again(message) else row
            new = step(before, event, off=message.offset, at=at, book=book)
            value = encode_row(new)
            check_size(key, value, most=MAX_ROW_BYTES)
        except Exception as error:  # noqa: BLE001  # one event must never stop the partition behind it
            self.bury(message, *verdict(error), receipt)
            new = _failed(row, event, message.offset, at, error)
            value = encode_row(new)
        self.writer.add(LEAD_JOURNAL, partition, key=key, value=value, receipt=receipt)
        rows[key] = kept = replace(new, decisions=()) if new.decisions else new
        self.timers.arm(partition, key, kept, row)
        if isinstance(event, RulesChanged):
            self.sweeper.applied(partition, key)

    def publish(self, event: DirectoryPublished, message: Any, receipt: Any) -> None:
        """Make a publication part of what this partition knows, and set its leads right."""
        partition = message.partition
        key = directory_key(partition, event.org, event.kind, event.object_id)
        rows = self.table.rows.of(partition)
        known = rows.get(key)
        if known is not None and message.offset <= known.off:
            return
        newest = event
        if isinstance(known, DirectoryRow) and event.version <= known.version:
            newest = replace(event, version=known.version, value=known.value)
        row = DirectoryRow(
            off=message.offset,
            org=event.org,
            kind=event.kind,
            object_id=event.object_id,
            version=newest.version,
            value=newest.value,
            at=datetime.fromtimestamp(message.timestamp, UTC),
        )
        book = self.books.get(partition) or RuleBook()
        try:
            after, value = book.publish(newest), encode_row(row)
            check_size(key, value)
        except Exception as error:  # noqa: BLE001  # likewise: it takes effect whole or not at all
            self.bury(message, *verdict(error), receipt)
            return
        self.writer.add(LEAD_JOURNAL, partition, key=key, value=value, receipt=receipt)
        rows[key] = row
        self.books[partition] = after
        left = event.kind == "rep" and after.org(event.org).has_left(event.object_id)
        if after is not book and (event.kind in VERSIONED or left):
            self.sweeper.request(partition, event.org)

    def check_place(self, key: bytes, partition: int) -> None:
        """Refuse a lead in another partition than its own: it would be a second lead."""
        place = self.place(key)
        if place != partition:
            raise _misplaced(f"in partition {partition}; the key belongs to {place}")

    # -- time -------------------------------------------------------------------------------------------------------

    def tell(self, partition: int, event: Event) -> None:
        """Append an event to our own log."""
        self.writer.add(LEAD_LOG, partition, key=event.lead_id.encode(), value=encode_event(event))

    async def fire(self) -> None:
        """Tell the log what is due."""
        if self.busy or not self.app.lease.fresh:
            return
        self.timers.fire(datetime.now(UTC).timestamp(), self.find)
        OPEN_TIMERS.set(len(self.timers))
        ROWS.set(len(self.table.rows))

    def find(self, partition: int, key: bytes) -> Row | None:
        """Return a row if its partition is ours."""
        return self.table.rows.of(partition).get(key)

    # -- partitions come and go ---------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether partitions are coming or going: nothing is ours to decide until that is over."""
        return bool(self.app.rebalancing or self.app.in_recovery)

    def owned(self) -> set[int]:
        """Return our partitions of the log."""
        return {tp.partition for tp in self.app.assignor.assigned_actives() if tp.topic == LEAD_LOG}

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Let partitions go only when what was decided in them is durable."""
        self.sweeper.forget()
        await super().revoked()

    async def recovered(self) -> None:
        """Rows are back: derive books and timers from them, forget what is not ours.

        Whatever fails here ends the process: Faust takes no notice of it, and we would go on without rules or timers.
        """
        try:
            await self.derive()
        except Exception as error:  # noqa: BLE001  # see above
            leave(Exit.SOFTWARE, "recovery", repr(error))

    async def derive(self) -> None:
        """Derive books and timers from the rows of the partitions we own."""
        rows = self.table.rows
        rows.keep_only(self.owned())
        self.timers.reset()
        self.books.clear()
        for partition, keyed in rows.partitions():
            self.books[partition] = RuleBook.from_rows(
                r for r in keyed.values() if isinstance(r, DirectoryRow)
            )
            for key, row in keyed.items():
                if isinstance(row, LeadRow) and row.decisions:
                    keyed[key] = row = replace(row, decisions=())  # noqa: PLW2901  # the kept form of the row
                self.timers.arm(partition, key, row)
            await asyncio.sleep(0)
        gc.collect()
        gc.freeze()
        for partition, book in self.books.items():
            for org in book.orgs:
                self.sweeper.request(partition, org)
        _log.info("recovered", partitions=sorted(self.owned()), rows=len(rows), timers=len(self.timers))


def _misplaced(reason: str) -> PermanentError:
    """Return what is raised for an event that is not in its lead's log."""
    return PermanentError("misplaced_event", reason)


def _failed(row: Row | None, event: LeadEvent, off: int, at: datetime, error: Exception) -> LeadRow:
    """Return the row after an event the machine could not decide: unchanged, and the asker is told."""
    known = row if isinstance(row, LeadRow) else LeadRow(off=off, seq=0, lead=None, at=at, cause=event.cause)
    decisions: tuple[Answered, ...] = ()
    if isinstance(event, ActionRequested):
        decisions = (
            Answered(
                action_id=event.cause,
                action=event.action,
                rep_id=event.rep_id,
                result=Result.REFUSED,
                reason=Reason.FATAL_ERROR,
                version=known.seq,
                decided_at=at,
                owner=known.lead.owner if known.lead else None,
                why=repr(error),
            ),
        )
    lead = known.lead
    if lead is not None and isinstance(event, DeadlinePassed):
        # Told again it would fail again, for ever: the deadline goes to the dead letters with the event.
        lead = replace(lead, deadlines=tuple(d for d in lead.deadlines if d.epoch != event.epoch))
    return replace(known, off=off, at=at, cause=event.cause, lead=lead, decisions=decisions)
