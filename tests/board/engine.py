"""Writes what the lead machine and the relay would write, to topics of one test."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import msgspec
import redis.asyncio
from aiokafka.admin import NewTopic

from board.expected import BoardTopics
from board.reader import Reader
from board.service import Board
from models.codec import directory_key, encode_row
from models.decisions import Decision, OwnerChanged
from models.facts import Facts
from models.lead import DirectoryRow, Lead, LeadRow, Phase, QueuePlacement
from rules.outbound.public_messages import PublicMessage, public_messages
from streams import clients
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS

AT = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
ORG = "acme"
PARTITIONS = 2


async def until(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until a condition (plain or awaitable) is true and return its value; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.01)


class Engine:
    """Writes a journal and its public messages, as lead machine and relay do, to its own topics."""

    def __init__(self, settings: Settings, sources: BoardTopics) -> None:
        self.settings = settings
        self.sources = sources
        self.rows: dict[str, LeadRow] = {}
        self._off = 0
        self._producer = clients.producer(settings)
        self.held_messages: list[PublicMessage] | None = None
        """The relay's held messages while it is behind; None if it is not behind."""

    async def __aenter__(self) -> Self:
        """Create the topics and start."""
        admin = clients.admin(self.settings)
        await admin.start()
        await admin.create_topics(
            [NewTopic(self.sources.journal, PARTITIONS, 1), NewTopic(self.sources.changes, PARTITIONS, 1)]
        )
        await admin.close()
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self._producer.stop()

    async def publish(self, queue_id: str, version: int = 1, value: dict[str, Any] | None = None) -> None:
        """Publish a queue to every partition of the journal, or remove it."""
        for partition in range(PARTITIONS):
            self._off += 1
            row = DirectoryRow(
                off=self._off,
                org=ORG,
                kind="queue",
                object_id=queue_id,
                version=version,
                value=value,
                at=AT,
            )
            key = directory_key(partition, ORG, "queue", queue_id)
            await self._write(key, row, partition)

    async def decide(self, lead: Lead, *decisions: Decision) -> LeadRow:
        """Write the next row of a lead, and send its public messages."""
        before = self.rows.get(lead.lead_id)
        self._off += 1
        row = LeadRow(
            off=self._off,
            seq=before.seq + 1 if before else 1,
            lead=lead,
            at=AT + timedelta(seconds=self._off),
            cause=f"act-{self._off}",
            decisions=decisions,
        )
        self.rows[lead.lead_id] = row
        await self._write(lead.lead_id.encode(), row, self.partition(lead.lead_id))
        return row

    def partition(self, lead_id: str) -> int:
        """Return the lead's partition. Any stable rule will do."""
        return uuid.UUID(lead_id).int % PARTITIONS

    async def relay(self) -> None:
        """Send the held messages, and stop holding messages back."""
        messages, self.held_messages = self.held_messages or [], None
        for message in messages:
            await self._tell(message)

    async def send_raw(self, value: bytes | None) -> None:
        """Send bytes that no relay would send."""
        await self._producer.send_and_wait(self.sources.changes, value, key=b"k", partition=0)

    async def _write(self, key: bytes, row: LeadRow | DirectoryRow, partition: int) -> None:
        await self._producer.send_and_wait(
            self.sources.journal, encode_row(row), key=key, partition=partition
        )
        for message in public_messages(row, key, partition):
            if message.topic != "queue-changes":
                continue
            if self.held_messages is None:
                await self._tell(message)
            else:
                self.held_messages.append(message)

    async def _tell(self, message: PublicMessage) -> None:
        await self._producer.send_and_wait(
            self.sources.changes, message.value, key=message.key, headers=message.headers
        )


def lead(n: int = 0, places: dict[str, str] | None = None, **changes: Any) -> Lead:
    """Return the n-th lead, in the queues of `placements` (queue id -> sort key)."""
    facts = Facts(
        vendor="v", org=ORG, first_name="Lead", last_name=str(n), state="RI", phone=f"+1401419{n:04d}"
    )
    base = Lead(
        lead_id=str(uuid.UUID(int=n)),
        facts=facts,
        phase=Phase.QUEUED,
        arrived_at=AT,
        updated_at=AT,
        placements={queue: QueuePlacement(1, key, AT) for queue, key in (places or {}).items()},
    )
    return msgspec.structs.replace(base, **changes)


def claimed_lead(free_lead: Lead, rep_id: str) -> Lead:
    """Return a lead after a rep has claimed it."""
    return msgspec.structs.replace(
        free_lead,
        phase=Phase.OWNED,
        owner=rep_id,
        how="claim",
        assigned_at=AT,
        placements={},
        callback_at=None,
    )


def claim_decision(rep_id: str, previous: str | None = None) -> OwnerChanged:
    """Return the decision that a rep has claimed the lead."""
    return OwnerChanged(rep_id=rep_id, previous_rep_id=previous, how="claim", via="queue/aged", why="")


@asynccontextmanager
async def running_board(engine: Engine, client: redis.asyncio.Redis) -> AsyncIterator[Board]:
    """Run a board until the block ends. It has caught up when the block begins."""
    board = Board(engine.settings, client, engine.sources)
    task = asyncio.create_task(board.follow())
    try:
        await until(lambda: board.state.ready()[0])
        yield board
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def ids(reader: Reader, queue_id: str) -> list[str]:
    """Return the leads of a list, in order."""
    return [lead_id for lead_id, _, _ in await reader.everything(ORG, queue_id)]
