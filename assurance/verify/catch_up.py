"""Waits until each reader has passed the end that its source had, so that the compared data had time to agree.

The readers form a chain (inbound topics, log, journal, public topics). So the ends are read one after the other, each
when the reader before it has caught up. Nobody has to stop sending for that. Leads and orgs form a ring (lead-log,
lead-journal, org-log, org-journal, lead-log). The ring is passed again until a round adds nothing. It never gets
quiet while somebody keeps sending, or while offers end and are made anew. Then what is still in transit stays out of
the comparison.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka.errors import KafkaError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from assurance.verify.findings import Findings
from assurance.verify.records import COMPACTABLE
from board.connection import connect
from board.writer import BoardWriter
from models.errors import RuntimeFailure
from sink import database_engine as crm
from sink.tables import SinkOffsetTable
from streams import clients
from streams.settings import Settings
from streams.topic_reader import extent
from streams.topics import (
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_JOURNAL,
    LEAD_LOG,
    ORG_JOURNAL,
    ORG_LOG,
    QUEUE_CHANGES,
    RELAY_GROUP,
    WORKER_GROUP,
)

INBOUND: Final = (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT)
RING: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (INBOUND, "worker"),
    ((LEAD_LOG,), "worker"),
    ((LEAD_JOURNAL,), "relay"),
    ((ORG_LOG,), "worker"),
    ((ORG_JOURNAL,), "relay"),
)
"""Topics and their readers, in the order in which records travel. The last reader writes what the second one reads."""
SENDING_ROUNDS: Final = 2
"""After this many rounds in a row with new input, somebody keeps sending and the ring will not become quiet."""
QUIET_SHARE: Final = 0.5
"""The share of the time in which the ring may become quiet. The rest is for a reader that is really behind."""
LOOK_SECONDS: Final = 0.25
SAID_SECONDS: Final = 2.0
"""How often progress is reported."""

Say = Callable[[str], None]
TopicPartitionKey = tuple[str, int]
Ends = dict[TopicPartitionKey, int]
"""(topic, partition) -> the offset after the last record."""


class Snapshot(msgspec.Struct, kw_only=True):
    """The end of each topic when everything before it had been passed on, and the time `at` which that was.

    For a reader that has not caught up, it is the reader's position: what comes after may still be in transit.
    """

    ends: Ends
    at: datetime
    purged_at: datetime | None = None

    @property
    def cut(self) -> datetime:
        """The time up to which records may be missing: compacted, or deleted by the newest purge (`purged_at`)."""
        cut = self.at - COMPACTABLE
        return cut if self.purged_at is None else max(cut, self.purged_at)

    def end(self, topic: str, partition: int) -> int:
        """Return one topic's end, 0 where it has no such partition."""
        return self.ends.get((topic, partition), 0)


class Readers:
    """Reads each reader's position. A reader that cannot be asked has read nothing; `read_errors` says why."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = clients.admin(settings)
        self._engine = crm.connect(settings.database_url)
        self._valkey = connect(settings.redis_url)
        self.read_errors: dict[str, str] = {}

    async def start(self) -> None:
        """Connect to Kafka. Raises KafkaError."""
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
            self.read_errors["sink"] = str(error).splitlines()[0]
            return {}

    async def board(self) -> Ends:
        """Return how far the board is."""
        try:
            generation = await BoardWriter(self._valkey).generation()
        except RuntimeFailure as error:
            self.read_errors["board"] = str(error)
            return {}
        if generation is None:
            self.read_errors["board"] = "there is none"
            return {}
        return {(QUEUE_CHANGES, partition): offset for partition, offset in generation.offsets.items()}

    async def _group(self, group: str) -> Ends:
        try:
            committed = await self._admin.list_consumer_group_offsets(group)
        except KafkaError as error:  # its coordinator moves or loads
            self.read_errors[group] = repr(error)
            return {}
        return {(tp.topic, tp.partition): stored.offset for tp, stored in committed.items()}

    def _sink(self) -> Ends:
        table = SinkOffsetTable
        with self._engine.connect() as connection:
            rows = connection.execute(select(table.topic, table.partition, table.next_offset))
            return {(topic, partition): offset for topic, partition, offset in rows}


async def catch_up(
    settings: Settings, findings: Findings, *, wait_seconds: float, say: Say = lambda _: None
) -> Snapshot:
    """Wait until every reader has passed the end of its source, and report those that have not.

    The waits take `wait_seconds` in total. Up to `QUIET_SHARE` of that passes while the engine itself keeps writing.
    Raises `RetryableError` where Kafka is unreachable.
    """
    readers = Readers(settings)
    await readers.start()
    try:
        return await _CatchUpWait(settings, readers, findings, wait_seconds, say).run()
    finally:
        await readers.close()


class _CatchUpWait:
    """One wait for all readers."""

    def __init__(
        self, settings: Settings, readers: Readers, findings: Findings, wait_seconds: float, say: Say
    ) -> None:
        self._settings = settings
        self._readers = readers
        self._findings = findings
        self._wait_seconds = wait_seconds
        self._say = say
        now = asyncio.get_running_loop().time()
        self._quiet_by = now + QUIET_SHARE * wait_seconds
        self._give_up = now + wait_seconds
        self._late: set[tuple[str, str]] = set()
        self._ends: Ends = {}
        self._begun: Ends = {}

    async def run(self) -> Snapshot:
        """Repeat until nothing new is written, and then wait for the readers that write no topic."""
        sending = 0
        while True:
            for topics, reader_name in RING:
                await self._pass(topics, reader_name)
            now, _ = await self._extents(topic for topics, _ in RING for topic in topics)
            grown = {topic for (topic, n), end in now.items() if end > self._ends[topic, n]}
            if not grown or self._late or asyncio.get_running_loop().time() > self._quiet_by:
                break
            sending = sending + 1 if grown & set(INBOUND) else 0
            if sending == SENDING_ROUNDS:
                break
        # A lead that has not read its org's last message yet would seem to contradict it.
        await self._pass((LEAD_LOG,), "worker")
        await self._wait_for_reader(
            "sink", {tp: end for tp, end in self._ends.items() if tp[0] == LEAD_JOURNAL}
        )
        await self._pass((QUEUE_CHANGES,), "board")
        return Snapshot(ends=self._ends, at=datetime.now(UTC))

    async def _pass(self, topics: tuple[str, ...], reader_name: str) -> None:
        """Wait for a reader to pass the topics' current ends. If it does not, only what it has passed counts."""
        goal, begun = await self._extents(topics)
        self._begun |= begun
        lag = await self._wait_for_reader(reader_name, goal)
        self._ends |= goal
        if reader_name != "board":
            self._ends |= {tp: goal[tp] - behind for tp, behind in lag.items()}

    async def _extents(self, topics: Iterable[str]) -> tuple[Ends, Ends]:
        """Return the end and the first offset of the topics' partitions."""
        topics = tuple(topics)
        reads = [extent(self._settings, topic) for topic in topics]
        extents = await asyncio.gather(*reads, return_exceptions=True)  # each closes what it opened
        ends: Ends = {}
        begun: Ends = {}
        for topic, partitions in zip(topics, extents, strict=True):
            if isinstance(partitions, BaseException):
                raise partitions
            for partition, (begin, end) in partitions.items():
                begun[topic, partition], ends[topic, partition] = begin, end
        return ends, begun

    async def _wait_for_reader(self, reader_name: str, goal: Ends) -> Ends:
        """Wait for one reader. At the deadline, return how far it is behind, and report that once."""
        lag = await _wait(self._readers, reader_name, goal, self._begun, self._give_up, self._say)
        topics = {topic for topic, _ in lag}
        if lag and (reader_name, min(topics)) not in self._late:
            self._late |= {(reader_name, topic) for topic in topics}
            why = self._readers.read_errors.get(reader_name) or f"after {self._wait_seconds:g} s"
            behind = {f"{topic}-{n}": count for (topic, n), count in lag.items()}
            self._findings.add(
                "behind", "", f"the {reader_name} is {sum(lag.values())} behind: {why}", lag=behind
            )
        return lag


async def _wait(
    readers: Readers, reader_name: str, goal: Ends, begun: Ends, give_up: float, say: Say
) -> Ends:
    """Wait until a reader has reached the goal. At the deadline, return how far it is behind."""
    loop = asyncio.get_running_loop()
    said_at = loop.time()
    while True:
        readers.read_errors.pop(reader_name, None)
        reached = await getattr(readers, reader_name)()
        lag = {tp: end - at for tp, end in goal.items() if (at := max(reached.get(tp, -1), begun[tp])) < end}
        if not lag or loop.time() > give_up:
            return lag
        if loop.time() - said_at > SAID_SECONDS:
            said_at = loop.time()
            say(f"waiting for the {reader_name}: {sum(lag.values())} records behind")
        await asyncio.sleep(LOOK_SECONDS)
