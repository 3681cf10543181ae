"""What is compared had the time to agree: each reader has passed where its source ended when we looked.

The readers stand in a row (inbound topics, log, journal, public topics), so the ends are taken one after the other,
each when the reader before it has caught up. Nobody has to stop sending for that.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from agents.worker import RELAY_GROUP, WORKER_GROUP
from console.board.writer import Writer, connect
from console.verify.findings import Findings
from models.errors import RuntimeFailure
from sink import engine as crm
from sink.tables import SinkOffsetTable
from streams.reading import extent
from streams.settings import Settings
from streams.topics import DIRECTORY, LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_JOURNAL, LEAD_LOG, QUEUE_CHANGES

INBOUND: Final = (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY)
LOOK_SECONDS: Final = 0.25
SAID_SECONDS: Final = 2.0
"""How often progress is told."""

Say = Callable[[str], None]
Place = tuple[str, int]
Ends = dict[Place, int]
"""(topic, partition) -> the offset after the last record."""


class Snapshot(msgspec.Struct, kw_only=True):
    """Where each topic ended when all that was before had been passed on; `at`: when that was."""

    ends: Ends
    at: datetime

    def end(self, topic: str, partition: int) -> int:
        """Return one topic's end, 0 where it has no such partition."""
        return self.ends.get((topic, partition), 0)


class Readers:
    """Asks each reader how far it is. One that cannot be asked has read nothing; `trouble` says why."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AIOKafkaAdminClient(**settings.aiokafka_options())
        self._engine = crm.connect(settings.database_url)
        self._valkey = connect(settings.redis_url)
        self.trouble: dict[str, str] = {}

    async def start(self) -> None:
        """Connect to Kafka; raises KafkaError."""
        await self._admin.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._admin.close()
        self._engine.dispose()
        await self._valkey.aclose()

    async def worker(self) -> Ends:
        """Return how far the workers have committed."""
        return await self._group(WORKER_GROUP)

    async def relay(self) -> Ends:
        """Return how far the relays have committed."""
        return await self._group(RELAY_GROUP)

    async def sink(self) -> Ends:
        """Return how far the CRM database is."""
        try:
            return await asyncio.to_thread(self._sink)
        except (SQLAlchemyError, OSError) as error:
            self.trouble["sink"] = str(error).splitlines()[0]
            return {}

    async def board(self) -> Ends:
        """Return how far the board is."""
        try:
            generation = await Writer(self._valkey).generation()
        except RuntimeFailure as error:
            self.trouble["board"] = str(error)
            return {}
        if generation is None:
            self.trouble["board"] = "there is none"
            return {}
        return {(QUEUE_CHANGES, partition): offset for partition, offset in generation.offsets.items()}

    async def _group(self, group: str) -> Ends:
        try:
            committed = await self._admin.list_consumer_group_offsets(group)
        except KafkaError as error:  # its coordinator moves or loads
            self.trouble[group] = repr(error)
            return {}
        return {(place.topic, place.partition): stored.offset for place, stored in committed.items()}

    def _sink(self) -> Ends:
        table = SinkOffsetTable
        with self._engine.connect() as connection:
            rows = connection.execute(select(table.topic, table.partition, table.next_offset))
            return {(topic, partition): offset for topic, partition, offset in rows}


async def catch_up(
    settings: Settings, findings: Findings, *, wait_seconds: float, say: Say = lambda _: None
) -> Snapshot:
    """Wait until every reader has passed where its source ended, `wait_seconds` in all, and say who has not.

    Raises `Later` where Kafka is away.
    """
    readers = Readers(settings)
    give_up = asyncio.get_running_loop().time() + wait_seconds
    ends: Ends = {}
    await readers.start()
    try:
        for topics, who in (
            (INBOUND, ("worker",)),
            ((LEAD_LOG,), ("worker",)),
            ((LEAD_JOURNAL,), ("relay", "sink")),
            ((QUEUE_CHANGES,), ("board",)),
        ):
            begun: Ends = {}
            for topic in topics:
                for partition, (begin, end) in (await extent(settings, topic)).items():
                    begun[topic, partition], ends[topic, partition] = begin, end
            goal = {place: ends[place] for place in begun}
            for reader in who:
                lag = await _wait(readers, reader, goal, begun, give_up, say)
                if lag:
                    why = readers.trouble.get(reader) or f"after {wait_seconds:g} s"
                    where = {f"{topic}-{n}": count for (topic, n), count in lag.items()}
                    findings.add(
                        "behind", "", f"the {reader} is {sum(lag.values())} behind: {why}", lag=where
                    )
    finally:
        await readers.close()
    return Snapshot(ends=ends, at=datetime.now(UTC))


async def _wait(readers: Readers, who: str, goal: Ends, begun: Ends, give_up: float, say: Say) -> Ends:
    """Wait until a reader has reached the goal; return by how much it has not when the time is over."""
    loop = asyncio.get_running_loop()
    said_at = loop.time()
    while True:
        readers.trouble.pop(who, None)
        reached = await getattr(readers, who)()
        lag = {
            place: end - at
            for place, end in goal.items()
            if (at := max(reached.get(place, -1), begun[place])) < end
        }
        if not lag or loop.time() > give_up:
            return lag
        if loop.time() - said_at > SAID_SECONDS:
            said_at = loop.time()
            say(f"waiting for the {who}: {sum(lag.values())} records behind")
        await asyncio.sleep(LOOK_SECONDS)
