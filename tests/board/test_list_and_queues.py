"""A page that is read while a queue is published shows that queue, or hears of it (Q4)."""

from __future__ import annotations

import asyncio
import json
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from board import keys
from board.reader import Reader
from board.writer import BoardWriter, read_change
from models.public import MINE
from rules.queues.rule_book import OrgRules
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS
from web.auth import Person
from web.services import directory_follower, visible_queues
from web.services.directory_follower import DirectoryFollower
from web.services.visible_queues import list_and_queues

if TYPE_CHECKING:
    import pytest
    import redis.asyncio

ORG = "acme"
MIA = Person(org=ORG, rep_id="mia", name="Mia", role="admin", teams=frozenset({"*"}))
QUEUE: dict[str, Any] = {
    "queue_id": "fresh",
    "change": "defined",
    "name": "Fresh",
    "description": "Claim these leads!",
    "claimable": True,
    "columns": ["state"],
    "sort": {"field": "loan_amount", "direction": "desc"},
    "teams": ["*"],
    "outcomes": [],
    "version": 1,
    "org": ORG,
}


async def test_q4_a_queue_that_comes_while_a_page_is_read_is_on_the_page(client: redis.asyncio.Redis) -> None:
    await client.set(keys.CURRENT, "g")
    writer = BoardWriter(client)

    class PublishedMeanwhile(Reader):
        """A board to which a queue is written right before a page of it is read."""

        async def page(self, *args: Any, **more: Any) -> Any:
            await writer.apply("g", [read_change(msgspec.json.encode(QUEUE))], {})
            return await super().page(*args, **more)

    board = PublishedMeanwhile(client)
    queue: Any = None  # nobody looks at its rules
    rules = OrgRules(ORG, queues={"fresh": queue})
    parts: Any = SimpleNamespace(board=board, directory=SimpleNamespace(org=lambda _: rules, end=2))
    chosen, page, queues = await list_and_queues(parts, MIA, None, limit=10)
    assert chosen == MINE
    later = await board.feed(ORG, page.as_of)
    assert later == [], "the stream from the page's position on does not tell of it"
    assert [shown.queue_id for shown in queues] == ["fresh"]


async def test_q4_a_page_waits_for_the_publication_of_a_queue_that_the_board_has_already(
    client: redis.asyncio.Redis, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine may be faster than the console. The page has no other news of the queue afterwards."""
    monkeypatch.setattr(visible_queues, "READ_SECONDS", PATIENCE_SECONDS)
    topic = await new_topic(kafka, monkeypatch)
    await client.set(keys.CURRENT, "g")
    await BoardWriter(client).apply("g", [read_change(msgspec.json.encode(QUEUE))], {})
    published: list[tuple[str, dict[str, Any]]] = [
        ("rep/mia", {"rep_id": "mia", "name": "Mia", "role": "manager"}),
        ("queue/fresh", {"queue_id": "fresh", "name": "Fresh", "columns": ["state"], "teams": ["*"]}),
    ]
    directory = DirectoryFollower(Settings.read(kafka_bootstrap_servers=kafka))
    parts: Any = SimpleNamespace(board=Reader(client), directory=directory)
    following = asyncio.create_task(directory.follow())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for n, (key, value) in enumerate(published):
                if n == 1:
                    reading = asyncio.create_task(visible_queues.visible(parts, MIA))
                    finished, _ = await asyncio.wait([reading], timeout=0.5)
                    assert not finished, reading.result()
                await producer.send_and_wait(topic, json.dumps(value).encode(), f"{ORG}/{key}".encode())
                await directory.until_read(n, PATIENCE_SECONDS)
            assert [info.queue_id for info in await reading] == ["fresh"]
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_q4_a_page_does_not_wait_longer_for_a_publication_that_does_not_come(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka may be away. The page shows what the console has read."""
    monkeypatch.setattr(visible_queues, "READ_SECONDS", 0.1)
    await client.set(keys.CURRENT, "g")
    await BoardWriter(client).apply("g", [read_change(msgspec.json.encode(QUEUE))], {})
    directory = DirectoryFollower(Settings.read())
    directory.caught_up = True
    parts: Any = SimpleNamespace(board=Reader(client), directory=directory)
    assert await visible_queues.visible(parts, MIA) == []


async def test_q4_a_page_that_did_not_wait_longer_hears_of_the_publication_when_it_is_read(
    client: redis.asyncio.Redis, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The follower starts after the page was read, as after an outage of Kafka."""
    monkeypatch.setattr(visible_queues, "READ_SECONDS", 0.1)
    topic = await new_topic(kafka, monkeypatch)
    await client.set(keys.CURRENT, "g")
    await BoardWriter(client).apply("g", [read_change(msgspec.json.encode({**QUEUE, "version": 0}))], {})
    told: asyncio.Queue[str] = asyncio.Queue()
    directory = DirectoryFollower(Settings.read(kafka_bootstrap_servers=kafka), on_late=told.put_nowait)
    directory.caught_up = True
    parts: Any = SimpleNamespace(board=Reader(client), directory=directory)
    assert await visible_queues.visible(parts, MIA) == []
    following = asyncio.create_task(directory.follow())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            value = {"queue_id": "fresh", "name": "Fresh", "columns": ["state"], "teams": ["*"]}
            await producer.send_and_wait(topic, json.dumps(value).encode(), f"{ORG}/queue/fresh".encode())
            assert await told.get() == ORG
            assert [info.queue_id for info in await visible_queues.visible(parts, MIA)] == ["fresh"]
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert told.empty()


async def new_topic(kafka: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Create a topic and let followers of the directory read it; return its name."""
    topic = f"directory-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(directory_follower, "DIRECTORY", topic)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    return topic
