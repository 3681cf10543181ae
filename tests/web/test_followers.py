"""The feeds of open pages survive whatever a foreign client does to Valkey, Kafka or the database."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import redis
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from board import keys
from board.reader import REBUILT, FeedEntry, Reader
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.writer import CrmWriter, JournalRecord
from streams.retries import RetryPolicy
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.sink.seeded_journal import lead_of, record_of, row_of
from web import metrics
from web.live import hub as hub_module
from web.live import tail as tail_module
from web.live.hub import Hub, OpenPage
from web.live.tail import TopicTail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

ORG = "acme"
STREAM = keys.feed_key(ORG)
DATABASE = 12


@pytest.fixture
def foreign(valkey_url: str) -> Iterator[redis.Redis]:
    """Yield a foreign client of a separate Valkey database."""
    with redis.Redis.from_url(f"{valkey_url.rsplit('/', 1)[0]}/{DATABASE}") as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture(autouse=True)
def short_retry_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the retry delay."""
    monkeypatch.setattr(hub_module, "READ_FEED", RetryPolicy(first_seconds=0.01, longest_seconds=0.05))


def write_queue_left(client: redis.Redis, lead: str, **damaged: bytes) -> None:
    """Write the board's entry for a lead that leaves a queue; `damaged`: fields with other values."""
    fields: dict[Any, Any] = {
        "change": "left",
        "queue_id": "new",
        "lead_id": lead,
        "version": 1,
        "payload": "{}",
        "was": 0,
        "size": 0,
    }
    client.xadd(STREAM, fields | damaged)


async def until_change(page: OpenPage, expected: tuple[str, str]) -> None:
    """Wait until a page gets the change of a lead."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for chunk in page.chunks():
            for event in chunk.split(b"\n\n"):
                if b"event: list\n" in event:
                    entry = msgspec.json.decode(event.partition(b"data: ")[2], type=FeedEntry)
                    if (entry.change, entry.lead_id) == expected:
                        return


async def until_counted(before: float) -> None:
    """Wait until a failure of the feed is counted."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while failures() == before:
            await asyncio.sleep(0.01)


def failures() -> float:
    """Return how many reads of feeds have failed."""
    return float(metrics.FEED_FAILURES._value.get())  # the client has no other way


async def test_a_feed_of_the_wrong_type_is_waited_for_and_gone_on_with_once_it_is_mended(
    foreign: redis.Redis,
) -> None:
    write_queue_left(foreign, "a")
    reader = Reader.at(url_of(foreign))
    hub, page = Hub(reader), OpenPage(ORG, "rep-1", lambda _: True, None)
    await hub.open(page, None)
    write_queue_left(foreign, "b")
    await until_change(page, ("left", "b"))
    before = failures()
    foreign.delete(STREAM)
    foreign.set(STREAM, "this is no stream")
    await until_counted(before)
    foreign.delete(STREAM)
    await until_change(page, (REBUILT, ""))
    write_queue_left(foreign, "c")
    await until_change(page, ("left", "c"))
    await hub.close()
    await reader.close()


async def test_a_feed_that_is_wrong_from_the_start_is_read_once_it_is_mended(foreign: redis.Redis) -> None:
    foreign.set(STREAM, "this is no stream")
    reader = Reader.at(url_of(foreign))
    hub, page, before = Hub(reader), OpenPage(ORG, "rep-1", lambda _: True, None), failures()
    opening = asyncio.create_task(hub.open(page, None))
    await until_counted(before)
    foreign.delete(STREAM)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await opening
    write_queue_left(foreign, "a")
    await until_change(page, ("left", "a"))
    await hub.close()
    await reader.close()


@pytest.mark.parametrize(
    "damaged",
    [{"queue_id": b"\xff\xfe"}, {"version": b"one"}, {"was": b"first"}, {"change": b"\x80"}],
    ids=["text", "version", "rank", "change"],
)
async def test_an_entry_that_does_not_decode_is_passed_over(
    foreign: redis.Redis, damaged: dict[str, bytes]
) -> None:
    write_queue_left(foreign, "a")
    reader = Reader.at(url_of(foreign))
    hub, page, before = Hub(reader), OpenPage(ORG, "rep-1", lambda _: True, None), failures()
    await hub.open(page, None)
    write_queue_left(foreign, "b", **damaged)
    await until_change(page, (REBUILT, ""))
    await until_counted(before)
    await until_change(page, (REBUILT, ""))
    write_queue_left(foreign, "c")
    await until_change(page, ("left", "c"))
    await hub.close()
    await reader.close()


async def test_pages_read_again_when_a_sink_that_was_far_behind_has_what_they_were_told(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were told before the database had it, and showed the state before for ever."""
    settings = Settings.read(kafka_bootstrap_servers=kafka, state_dir=tmp_path)
    topics = await own_topics(kafka, monkeypatch)
    monkeypatch.setattr(tail_module, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(tail_module, "_LATE_SECONDS", 0.05)
    upgrade(settings.database_url)
    crm = connect(settings.database_url)
    events = asyncio.Queue[str]()

    class RecordingHub(Hub):
        """Records what pages are events."""

        def tell(self, org_id: str, event: str, data: Any, to: Any) -> None:
            assert (org_id, bool(data), callable(to)) == (ORG, True, True)
            events.put_nowait(event)

        def reload_lists(self, org_id: str | None = None) -> None:
            assert org_id == ORG
            events.put_nowait(REBUILT)

    reader = Reader.at("redis://127.0.0.1:1/0")
    lead = lead_of("late")
    tail = TopicTail(settings, crm, RecordingHub(reader), lambda _: True)
    async with following(tail, kafka, reader, crm) as (_, producer):
        async with asyncio.timeout(PATIENCE_SECONDS):
            value = {"lead_id": lead.lead_id, "org": ORG, "version": 1}
            while events.empty():  # until the tail follows
                await producer.send_and_wait(topics["ASSIGNMENTS"], json.dumps(value).encode())
                await asyncio.sleep(0.1)
            assert await events.get() == "leads"
            writer = CrmWriter(crm, never_buried)
            await asyncio.to_thread(writer.apply, [record_of(row_of(lead, off=1), 0)])
            while await events.get() != REBUILT:
                pass


@asynccontextmanager
async def following(
    tail: TopicTail, kafka: str, reader: Reader, crm: Engine
) -> AsyncIterator[tuple[asyncio.Task[None], AIOKafkaProducer]]:
    """Let a tail follow its topics; yield its task, and a producer of a foreign client. Then close all that it used."""
    task = asyncio.create_task(tail.follow())
    try:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            yield task, producer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reader.close()
        crm.dispose()


def never_buried(record: JournalRecord, error: Exception) -> None:
    """Fail: each record can be stored."""
    raise AssertionError(record) from error


async def own_topics(kafka: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Create topics for one test in place of those that the tail follows; return them by their names in the code."""
    topics = {name: f"{name.lower()}-{uuid.uuid4().hex[:8]}" for name in ("ASSIGNMENTS", "LEAD_EXCEPTIONS")}
    for name, topic in topics.items():
        monkeypatch.setattr(tail_module, name, topic)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1) for topic in topics.values()])
    await admin.close()
    return topics


async def test_the_tail_goes_on_after_an_error_that_nobody_thought_of(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads again what it missed. Before, the whole console ended."""
    settings = Settings.read(kafka_bootstrap_servers=kafka, state_dir=tmp_path)
    topics = await own_topics(kafka, monkeypatch)
    upgrade(settings.database_url)
    crm = connect(settings.database_url)
    failed, anew = asyncio.Event(), asyncio.Event()

    class RecordingHub(Hub):
        """Records that every page must read its lists again."""

        def reload_lists(self, org_id: str | None = None) -> None:
            assert org_id is None
            anew.set()

    def oversees(_: OpenPage) -> bool:
        failed.set()
        raise LookupError("nobody thought of this")

    reader = Reader.at("redis://127.0.0.1:1/0")
    hub = RecordingHub(reader)
    page = OpenPage(ORG, "rep-1", lambda _: True, None)
    hub._orgs[ORG] = hub_module._Org()  # as a page opens, without a Valkey
    hub._orgs[ORG].pages.add(page)
    async with following(TopicTail(settings, crm, hub, oversees), kafka, reader, crm) as (task, producer):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not failed.is_set():
                value = {"lead_id": "a", "org": ORG, "version": -1, "rep_id": "rep-1"}
                await producer.send_and_wait(topics["ASSIGNMENTS"], json.dumps(value).encode())
                await asyncio.sleep(0.1)
            await anew.wait()
        assert not task.done()


def url_of(client: redis.Redis) -> str:
    """Return the address of a client's database."""
    options = client.connection_pool.connection_kwargs
    return f"redis://{options['host']}:{options['port']}/{options['db']}"
