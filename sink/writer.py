"""Writes a batch of the journal and the offsets after it to the CRM database in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import MsgspecError
from sqlalchemy import Connection, Engine, bindparam, select, update

from models.codec import decode_row
from models.errors import PermanentError, RetryableError
from models.lead import BEFORE_THE_LOG, LeadRow
from sink.db_errors import reason_of, translated_errors
from sink.erasure import erase_earlier_rows
from sink.rows import TableRows, table_rows, without_nul
from sink.splits import remove_split_rows
from sink.staging import BatchWriter, RowsToStore
from sink.statements import Statements
from sink.tables import SinkOffsetTable
from sink.vendor_count_writer import BatchCounts, VendorCountWriter, batch_counts
from streams.dead_letter_reading import FATAL_ERROR
from streams.topics import LEAD_JOURNAL
from streams.unreadable import StandIn, Unreadable

JOURNAL: Final = LEAD_JOURNAL
DATABASE: Final = "CRM database"
_OFFSETS: Final = SinkOffsetTable


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One record of `lead-journal` as Kafka returned it. `value` None is a tombstone; `timestamp` is in ms."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int | None = None

    @property
    def topic(self) -> str:
        """The journal's name."""
        return JOURNAL


class AppliedPosition(NamedTuple):
    """How far a partition is applied: the next journal offset, and the highest `LeadRow.off` (-1: none)."""

    next_offset: int
    watermark: int


@dataclass(frozen=True, slots=True)
class AppliedBatch:
    """The result of a batch, in records; `rows` by table.

    `repeats` came a second time in the journal. `stale` were applied before, by another sink or by this one before it
    lost the answer. `passed` hold nothing for this database. `buried` were written to the dead letters.
    """

    leads: int = 0
    repeats: int = 0
    stale: int = 0
    passed: int = 0
    buried: int = 0
    rows: tuple[tuple[str, int], ...] = ()

    def __add__(self, other: "AppliedBatch") -> "AppliedBatch":
        rows = dict(self.rows)
        for table, count in other.rows:
            rows[table] = rows.get(table, 0) + count
        return AppliedBatch(
            self.leads + other.leads,
            self.repeats + other.repeats,
            self.stale + other.stale,
            self.passed + other.passed,
            self.buried + other.buried,
            tuple(rows.items()),
        )


class PreparedRecord(NamedTuple):
    """A record and the rows it causes. `table_rows` is None for a record that only advances the offset.

    A record with a `refusal` can never be stored. It goes to the dead letters instead.
    """

    record: JournalRecord
    table_rows: TableRows | None
    refusal: PermanentError | None = None


class ReadyRows(NamedTuple):
    """What is stored for records that have rows, and what they count."""

    records: int
    to_store: Sequence[RowsToStore]
    counts: BatchCounts


class PreparedBatch(NamedTuple):
    """The records of a batch, and what is to be stored if each of them that has rows is new, as nearly always."""

    records: Sequence[PreparedRecord]
    ready: ReadyRows


WriteDeadLetter = Callable[[JournalRecord, PermanentError], None]
"""Writes a record that can never be stored to the dead letters. It is durable on return. May raise RetryableError."""


class CrmWriter:
    """Writes the CRM database. It blocks, and is for one thread at a time. Several writers at once are safe.

    `engine` comes from `sink.database_engine.connect`. `write_dead_letter` writes records that can never be stored to
    the dead letters.
    """

    def __init__(self, engine: Engine, write_dead_letter: WriteDeadLetter) -> None:
        # A position that Postgres loses was lost with its rows, and they are read again from there.
        self._engine = engine.execution_options(writes=True, waits_for_disk=False)
        self._reads = engine
        self._write_dead_letter = write_dead_letter
        self._statements = Statements(engine.dialect.name)
        self._batches = BatchWriter(engine.dialect.name)
        self._counting = VendorCountWriter(engine.dialect.name)
        self._dead_letters_written: set[tuple[int, int]] = set()
        self._reached: dict[int, int] = {}
        """The database's position when last read, by partition. If the database is behind it, the journal must be
        read again."""

    def positions(self) -> dict[int, AppliedPosition]:
        """Return partition -> position for every partition ever applied. Read from there. Raises RetryableError."""
        with translated_errors(DATABASE), self._reads.connect() as connection:
            query = select(_OFFSETS.partition, _OFFSETS.next_offset, _OFFSETS.mark).where(
                _OFFSETS.topic == JOURNAL
            )
            positions = {
                partition: AppliedPosition(offset, watermark)
                for partition, offset, watermark in connection.execute(query)
            }
        self._reached = {partition: position.next_offset for partition, position in positions.items()}
        return positions

    def apply(self, batch: Sequence[JournalRecord]) -> AppliedBatch:
        """Store a batch: `prepared` and `store` in one."""
        return self.store(self.prepared(batch))

    def prepared(self, batch: Sequence[JournalRecord]) -> PreparedBatch:
        """Decode a batch and make its rows. This is pure, so it may run while another batch is stored."""
        records = [_prepared(record) for record in batch]
        rows = [prepared.table_rows for prepared in records if prepared.table_rows is not None]
        return PreparedBatch(records, self._ready(rows))

    def _ready(self, rows: Sequence[TableRows]) -> ReadyRows:
        counts = batch_counts([record_rows.counts for record_rows in rows if record_rows.counts])
        return ReadyRows(len(rows), self._batches.to_store(rows), counts)

    def store(self, batch: PreparedBatch) -> AppliedBatch:
        """Store a batch, in each partition's order: rows and offsets in one transaction.

        1. A record that could not be decoded is first written to the dead letters: an offset never passes a record
           that is stored nowhere.
        2. In one transaction: lock the partitions' offsets, leave out repeats, write the rows, advance the offsets.
        3. If the database refuses a record, find it by halving the batch: k refused of n records cost at most 2k
           log2(n) + 1 transactions. The record is written to the dead letters, and its neighbours are stored.

        Raises RetryableError. What was stored until then stays, and applying the same batch again completes it.
        """
        for prepared in batch.records:
            if prepared.refusal is not None:
                self._dead_letter(prepared.record, prepared.refusal)
        applied = self._store(batch.records, batch.ready) if batch.records else AppliedBatch()
        self._dead_letters_written.clear()
        return applied

    def _store(self, work: Sequence[PreparedRecord], ready: ReadyRows | None = None) -> AppliedBatch:
        try:
            return self._transaction(work, ready)
        except PermanentError as refusal:
            if len(work) == 1:
                record = work[0].record
                self._dead_letter(record, refusal)
                return self._transaction([PreparedRecord(record, None, refusal)])
        middle = len(work) // 2
        return self._store(work[:middle]) + self._store(work[middle:])

    def _dead_letter(self, record: JournalRecord, refusal: PermanentError) -> None:
        """Write the dead letter once, however often the batch is tried again."""
        position = (record.partition, record.offset)
        if position not in self._dead_letters_written:
            self._write_dead_letter(record, refusal)
            self._dead_letters_written.add(position)

    def _transaction(self, work: Sequence[PreparedRecord], ready: ReadyRows | None = None) -> AppliedBatch:
        """Store records and the offsets after them. `ready`: what is stored if all of them are new, if it is known."""
        with translated_errors(DATABASE), self._engine.begin() as connection:
            before = self._locked(connection, sorted({prepared.record.partition for prepared in work}))
            self._refuse_gaps(connection, before)
            fresh, after, applied = _unapplied_rows(work, before)
            if ready is None or len(fresh) < ready.records:
                ready = self._ready(fresh)
            counted = self._counting.counted(connection, ready.counts)
            remove_split_rows(connection, fresh)
            self._batches.store(connection, ready.to_store)
            erase_earlier_rows(connection, fresh)
            moved = [
                (partition, position)
                for partition, position in after.items()
                if position != before[partition]
            ]
            if moved:
                _move(connection, moved)
            self._counting.store(connection, counted)
        self._reached |= {partition: position.next_offset for partition, position in after.items()}
        stored = tuple((stored_rows.table.name, len(stored_rows.rows)) for stored_rows in ready.to_store)
        return applied + AppliedBatch(rows=stored)

    def check_positions(self) -> None:
        """Raise RetryableError if the database is away, or behind the position that was already read."""
        with translated_errors(DATABASE), self._reads.connect() as connection:
            self._refuse_gaps(connection, {})

    def _refuse_gaps(self, connection: Connection, locked: dict[int, AppliedPosition]) -> None:
        """Raise RetryableError if the database is behind the position that was already read, in any partition.

        It was then restored from a backup, or is being rebuilt, or a standby was promoted that lacks the last
        transactions. `locked`: the positions that are known.
        """
        others = [partition for partition in self._reached if partition not in locked]
        query = select(_OFFSETS.partition, _OFFSETS.next_offset).where(
            _OFFSETS.topic == JOURNAL, _OFFSETS.partition.in_(others)
        )
        now = dict.fromkeys(others, 0) | {
            partition: position.next_offset for partition, position in locked.items()
        }
        now |= {row.partition: row.next_offset for row in connection.execute(query)} if others else {}
        for partition, next_offset in now.items():
            if next_offset < self._reached.get(partition, 0):
                sentence = f"partition {partition} was set back to offset {next_offset}"
                raise RetryableError(
                    DATABASE,
                    f"{sentence}, by a failover, a backup or `firstclaim crm rebuild`: read again from there",
                )

    def _locked(self, connection: Connection, partitions: list[int]) -> dict[int, AppliedPosition]:
        """Return the positions, locked until the transaction ends. A second writer waits and then sees the new ones."""
        query = (
            select(_OFFSETS.partition, _OFFSETS.next_offset, _OFFSETS.mark)
            .where(_OFFSETS.topic == JOURNAL, _OFFSETS.partition.in_(partitions))
            .order_by(_OFFSETS.partition)
            .with_for_update()
        )
        positions = {
            partition: AppliedPosition(offset, watermark)
            for partition, offset, watermark in connection.execute(query)
        }
        new = [partition for partition in partitions if partition not in positions]
        if not new:
            return positions
        first = [
            {"topic": JOURNAL, "partition": partition, "next_offset": 0, "mark": -1} for partition in new
        ]
        connection.execute(self._statements.first_offset, first)
        return {
            partition: AppliedPosition(offset, watermark)
            for partition, offset, watermark in connection.execute(query)
        }


def _prepared(record: JournalRecord) -> PreparedRecord:
    try:
        return PreparedRecord(record, rows_of(record))
    except PermanentError as refusal:
        return PreparedRecord(record, None, refusal)
    except (MsgspecError, UnicodeDecodeError) as error:  # not a record that the engine writes
        return PreparedRecord(record, None, PermanentError(type(error).__name__, reason_of(error)))
    except Exception as error:  # noqa: BLE001  # one record must not stop the others
        reason = f"{type(error).__name__}: {reason_of(error)}"
        return PreparedRecord(record, None, PermanentError(FATAL_ERROR, reason))


def rows_of(record: JournalRecord) -> TableRows | None:
    """Return a record's rows, None if it has none for us. Raises PermanentError or what the decoder raises."""
    if isinstance(record.value, Unreadable):
        raise PermanentError(record.value.error_class, record.value.reason)
    if record.value is None or isinstance(record.value, StandIn):
        return None
    row = decode_row(record.value)
    if not isinstance(row, LeadRow):
        return None
    if not record.key:
        raise PermanentError(
            "MissingKey", "a lead's journal record has its lead id as key, and this one has none"
        )
    escapes = b"\\u" in record.value
    if escapes and b"\\u0000" in record.value:
        row = without_nul(row)
    is_ascii = not escapes and record.value.isascii()
    return table_rows(record.partition, record.key.decode(), row, is_ascii=is_ascii)


def _unapplied_rows(
    work: Sequence[PreparedRecord], before: dict[int, AppliedPosition]
) -> tuple[list[TableRows], dict[int, AppliedPosition], AppliedBatch]:
    """Return the rows that are not applied yet, the positions after them, and the counts."""
    fresh: list[TableRows] = []
    offsets = {partition: position.next_offset for partition, position in before.items()}
    watermarks = {partition: position.watermark for partition, position in before.items()}
    repeats = stale = passed = buried = 0
    for record, rows, refusal in work:
        partition, offset = record.partition, record.offset
        if offset < offsets[partition]:
            stale += 1
            continue
        offsets[partition] = offset + 1
        if rows is None:
            buried += refusal is not None
            passed += refusal is None
            continue
        off, watermark = rows.off, watermarks[partition]
        if off <= watermark and off != BEFORE_THE_LOG:
            repeats += 1
            continue
        fresh.append(rows)
        if off > watermark:
            watermarks[partition] = off
    after = {partition: AppliedPosition(offsets[partition], watermarks[partition]) for partition in before}
    return fresh, after, AppliedBatch(len(fresh), repeats, stale, passed, buried)


def _move(connection: Connection, moved: list[tuple[int, AppliedPosition]]) -> None:
    statement = (
        update(_OFFSETS)
        .where(_OFFSETS.topic == JOURNAL, _OFFSETS.partition == bindparam("at"))
        .values(next_offset=bindparam("to"), mark=bindparam("highest"))
    )
    connection.execute(
        statement, [{"at": partition, "to": to, "highest": highest} for partition, (to, highest) in moved]
    )
