"""Copies the fates of requests from `deliveries` to the CRM database, with the position in the same transaction (N1).

Each sink reads all partitions. A fate is stored once, whoever stores it first, so several sinks need no group.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC
from typing import Any, Final

import msgspec
import structlog
from aiokafka import TopicPartition
from sqlalchemy import Connection, Engine, bindparam, select, update

from models.errors import RetryableError
from models.public import Delivery
from sink.db_errors import translated
from sink.rows import Values, replace_nul
from sink.statements import Statements, table_of
from sink.tables import DeliveryTable, SinkOffsetTable
from streams import metrics
from streams.clients import follow
from streams.readiness import Readiness
from streams.retries import WRITE_CRM
from streams.settings import Settings
from streams.topics import DELIVERIES

_log = structlog.get_logger(__name__)

DATABASE: Final = "CRM database"
BATCH_ROWS: Final = 1_000
"""The most rows in one transaction."""
_OFFSETS: Final = SinkOffsetTable


class DeliveryWriter:
    """Stores fates. It blocks, and is for one thread at a time. Several writers at once are safe."""

    def __init__(self, engine: Engine) -> None:
        self._reads = engine
        self._engine = engine.execution_options(writes=True)
        statements = Statements(engine.dialect.name)
        self._insert = statements.added(table_of(DeliveryTable))
        self._first_offset = statements.first_offset

    def positions(self) -> dict[int, int]:
        """Return partition -> the next offset to read, for every partition ever read. Raises RetryableError."""
        with translated(DATABASE), self._reads.connect() as connection:
            return _positions(connection)

    def apply(self, rows: Sequence[Values], begins: dict[int, int], ends: dict[int, int]) -> bool:
        """Store rows and positions in one transaction. Return False if the database is behind `begins`.

        It was then rebuilt, or restored from a backup, and nothing is stored. Raises RetryableError.
        """
        with translated(DATABASE), self._engine.begin() as connection:
            first = [
                {"topic": DELIVERIES, "partition": partition, "next_offset": 0, "mark": -1}
                for partition in sorted(ends)
            ]
            connection.execute(self._first_offset, first)
            stored = _positions(connection, locked=True)
            if any(stored[partition] < begin for partition, begin in begins.items()):
                return False
            for start in range(0, len(rows), BATCH_ROWS):
                connection.execute(self._insert, rows[start : start + BATCH_ROWS])
            moved = [
                {"at": partition, "to": end} for partition, end in ends.items() if end > stored[partition]
            ]
            if moved:
                connection.execute(
                    update(_OFFSETS)
                    .where(_OFFSETS.topic == DELIVERIES, _OFFSETS.partition == bindparam("at"))
                    .values(next_offset=bindparam("to")),
                    moved,
                )
        metrics.SINK_ROWS.labels(DeliveryTable.__tablename__).inc(len(rows))
        return True


async def follow_deliveries(settings: Settings, writer: DeliveryWriter, readiness: Readiness) -> None:
    """Store what comes until cancelled, through outages of Kafka and the database. Raises ConfigError."""
    pauses = WRITE_CRM.pauses()
    while True:
        try:
            await _follow(settings, writer)
        except RetryableError as later:
            pause = next(pauses)
            _log.warning("tried again later", what=DELIVERIES, reason=later.reason, seconds=round(pause, 1))
            metrics.SINK_RETRIES.labels(later.what).inc()
            readiness.blocked(DELIVERIES, later.reason)
            await asyncio.sleep(pause)
            continue
        readiness.cleared(DELIVERIES)
        pauses = WRITE_CRM.pauses()


async def _follow(settings: Settings, writer: DeliveryWriter) -> None:
    """Store what comes, from the stored positions on. Return when the database is behind what was read."""
    begins = await asyncio.to_thread(writer.positions)
    places = {TopicPartition(DELIVERIES, partition): offset for partition, offset in begins.items()}
    async with aclosing(follow(settings, DELIVERIES, begin=places)) as batches:
        async for batch in batches:
            ends = {place.partition: offset for place, offset in batch.positions.items()}
            if ends == begins:
                continue
            rows = [row for record in batch.records if (row := delivery_row(record.value)) is not None]
            reached = {partition: begins.get(partition, 0) for partition in ends if partition in begins}
            if not await asyncio.to_thread(writer.apply, rows, reached, ends):
                return
            begins = ends


def delivery_row(value: bytes | None) -> Values | None:
    """Return a fate's row; None for a record that is none. Only couriers may write the topic."""
    try:
        said = None if value is None else msgspec.convert(replace_nul(msgspec.json.decode(value)), Delivery)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        metrics.UNREADABLE.labels(DELIVERIES, type(error).__name__).inc()
        _log.warning("this is no delivery and was left out", reason=str(error))
        return None
    if said is None:
        return None
    return {**msgspec.structs.asdict(said), "at": said.at.astimezone(UTC)}


def _positions(connection: Connection, *, locked: bool = False) -> dict[int, int]:
    query: Any = select(_OFFSETS.partition, _OFFSETS.next_offset).where(_OFFSETS.topic == DELIVERIES)
    if locked:
        query = query.order_by(_OFFSETS.partition).with_for_update()
    return {partition: offset for partition, offset in connection.execute(query)}  # noqa: C416  # rows
