"""Copies a topic that couriers write to a table of the CRM database, with the position in the same transaction (N1).

Each sink reads all partitions. A row is stored once, whoever stores it first, so several sinks need no group.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from aiokafka import TopicPartition
from sqlalchemy import Connection, Engine, bindparam, select, update

from models.errors import RetryableError
from sink.db_errors import translated_errors
from sink.rows import Values, replace_nul
from sink.statements import Statements, table_of
from sink.tables import SinkOffsetTable
from streams import metrics
from streams.clients import follow
from streams.readiness import Readiness
from streams.retries import WRITE_CRM
from streams.settings import Settings

_log = structlog.get_logger(__name__)

DATABASE: Final = "CRM database"
BATCH_ROWS: Final = 1_000
"""The most rows in one transaction."""
IDLE_CHECK_S: Final = 2.0
"""How often the positions are checked while nothing comes. A standby that was promoted may be behind them."""
_OFFSETS: Final = SinkOffsetTable


@dataclass(frozen=True, slots=True)
class CopiedTopic:
    """A topic and its table. `row`: returns a record's row, or None for a record that is none."""

    topic: str
    table: Any
    row: Callable[[bytes | None], Values | None]


class CopiedTopicWriter:
    """Stores rows. It blocks, and is for one thread at a time. Several writers at once are safe."""

    def __init__(self, engine: Engine, copied: CopiedTopic) -> None:
        self.copied = copied
        self._reads = engine
        self._engine = engine.execution_options(writes=True)
        statements = Statements(engine.dialect.name)
        self._insert = statements.added(table_of(copied.table))
        self._first_offset = statements.first_offset

    def positions(self) -> dict[int, int]:
        """Return partition -> the next offset to read, for every partition ever read. Raises RetryableError."""
        with translated_errors(DATABASE), self._reads.connect() as connection:
            return self._positions(connection)

    def row_of(self, record: Any) -> Any:
        """Return what a record is stored as; None for a record that is none."""
        return self.copied.row(record.value)

    def store(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Store rows within the transaction of their positions."""
        for start in range(0, len(rows), BATCH_ROWS):
            connection.execute(self._insert, rows[start : start + BATCH_ROWS])

    def apply(self, rows: Sequence[Any], begins: dict[int, int], ends: dict[int, int]) -> bool:
        """Store rows and positions in one transaction. Return False if the database is behind `begins`.

        It was then rebuilt, or restored from a backup, and nothing is stored. Raises RetryableError.
        """
        topic = self.copied.topic
        with translated_errors(DATABASE), self._engine.begin() as connection:
            first = [
                {"topic": topic, "partition": partition, "next_offset": 0, "mark": -1}
                for partition in sorted(ends)
            ]
            connection.execute(self._first_offset, first)
            stored = self._positions(connection, locked=True)
            if any(stored[partition] < begin for partition, begin in begins.items()):
                return False
            self.store(connection, rows)
            moved = [
                {"at": partition, "to": end} for partition, end in ends.items() if end > stored[partition]
            ]
            if moved:
                connection.execute(
                    update(_OFFSETS)
                    .where(_OFFSETS.topic == topic, _OFFSETS.partition == bindparam("at"))
                    .values(next_offset=bindparam("to")),
                    moved,
                )
        metrics.SINK_ROWS.labels(self.copied.table.__tablename__).inc(len(rows))
        return True

    def _positions(self, connection: Connection, *, locked: bool = False) -> dict[int, int]:
        topic = self.copied.topic
        query: Any = select(_OFFSETS.partition, _OFFSETS.next_offset).where(_OFFSETS.topic == topic)
        if locked:
            query = query.order_by(_OFFSETS.partition).with_for_update()
        return {partition: offset for partition, offset in connection.execute(query)}  # noqa: C416  # rows


async def follow_copied(settings: Settings, writer: CopiedTopicWriter, readiness: Readiness) -> None:
    """Store what comes until cancelled, through outages of Kafka and the database. Raises ConfigError."""
    pauses, topic = WRITE_CRM.pauses(), writer.copied.topic

    def succeeded() -> None:
        nonlocal pauses
        readiness.cleared(topic)
        pauses = WRITE_CRM.pauses()

    while True:
        try:
            await _follow(settings, writer, succeeded)
        except RetryableError as later:
            pause = next(pauses)
            _log.warning("tried again later", what=topic, reason=later.reason, seconds=round(pause, 1))
            metrics.SINK_RETRIES.labels(later.what).inc()
            readiness.blocked(topic, later.reason)
            await asyncio.sleep(pause)


async def _follow(settings: Settings, writer: CopiedTopicWriter, succeeded: Callable[[], None]) -> None:
    """Store what comes, from the stored positions on. Return when the database is behind what was read.

    `succeeded` is called whenever the database has stored a batch, or has its positions while nothing comes.
    """
    copied, checked_at = writer.copied, 0.0
    begins = await asyncio.to_thread(writer.positions)
    topic_partitions = {
        TopicPartition(copied.topic, partition): offset for partition, offset in begins.items()
    }
    async with aclosing(follow(settings, copied.topic, begin=topic_partitions)) as batches:
        async for batch in batches:
            ends = {tp.partition: offset for tp, offset in batch.positions.items()}
            if ends == begins:
                now = asyncio.get_running_loop().time()
                if now - checked_at >= IDLE_CHECK_S:
                    checked_at, stored = now, await asyncio.to_thread(writer.positions)
                    if any(stored.get(partition, 0) < begin for partition, begin in begins.items()):
                        return
                    succeeded()
                continue
            rows = [row for record in batch.records if (row := writer.row_of(record)) is not None]
            positions = {partition: begins.get(partition, 0) for partition in ends if partition in begins}
            if not await asyncio.to_thread(writer.apply, rows, positions, ends):
                return
            succeeded()
            begins = ends


def read_message(topic: str, value: bytes | None, kind: type[Any]) -> Any:
    """Return a record's message; None for a record that is none, which is counted and logged."""
    try:
        return None if value is None else msgspec.convert(replace_nul(msgspec.json.decode(value)), kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        metrics.UNREADABLE.labels(topic, type(error).__name__).inc()
        _log.warning("this is no message of its topic and was left out", topic=topic, reason=str(error))
        return None
