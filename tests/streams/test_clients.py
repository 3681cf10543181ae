"""Kafka's clients are made in one place, and a topic that is followed is read whole, in order and once."""

from __future__ import annotations

import ast
import asyncio
import re
import tempfile
import tomllib
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from confluent_kafka import Producer

from streams import patches
from streams.clients import Batch, follow, partition_of
from streams.patches.consumer_access import IDLE_FETCH_WAIT_MS
from streams.settings import Settings
from streams.topic_reader import extent
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.streams.faust.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
)
CLASSES: Final = frozenset({"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient"})
ALIASES: Final = frozenset({"Consumer", "Producer", "TopicAdmin"})
"""What `streams.clients` and `streams.patches.topic_admin` call them."""
OWN_CLIENTS: Final = {
    "streams/clients.py": CLASSES,
    # Classes that add to it; `clients.admin` makes them.
    "streams/patches/acl_admin.py": {"AIOKafkaAdminClient"},
    "streams/patches/cluster_admin.py": {"AIOKafkaAdminClient"},
    "streams/patches/topic_admin.py": {"AIOKafkaAdminClient"},
    "streams/patches/consumer_access.py": {"AIOKafkaConsumer"},  # as a type only
    "bench/peers/raw.py": {"AIOKafkaConsumer", "AIOKafkaProducer"},  # a peer, as aiokafka comes
}
OWN_FORMULA: Final = ["streams/clients.py"]


def product() -> list[tuple[str, ast.Module]]:
    """Return every module of the product."""
    paths = [path for room in PRODUCT for path in sorted((ROOT / room).rglob("*.py"))]
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())) for path in paths]


def name_of(node: ast.expr) -> str:
    """Return the last part of a name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_the_versions_that_are_declared_are_those_the_patches_fit() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    exact = [re.fullmatch(r"([\w-]+)(?:\[.*\])?==(.+)", line) for line in declared]
    pinned = {match[1]: (match[2],) for match in exact if match}
    assert {package: pinned.get(package) for package in patches.TESTED} == dict(patches.TESTED)


def test_only_one_module_makes_clients_of_kafka() -> None:
    """Made elsewhere, a consumer would read what was aborted, and end at the first batch that it cannot read."""
    imports: dict[str, set[str]] = {}
    calls: list[str] = []
    for path, tree in product():
        nodes = list(ast.walk(tree))
        imported = {
            alias.asname or alias.name
            for node in nodes
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("streams.")
            for alias in node.names
        }
        used = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
        used |= {name_of(node) for node in nodes if isinstance(node, ast.expr)}
        if used & CLASSES:
            imports[path] = used & CLASSES
        calls += [
            f"{path}:{node.lineno}"
            for node in nodes
            if isinstance(node, ast.Call) and name_of(node.func) in ALIASES & imported
        ]
    assert imports == OWN_CLIENTS
    assert calls == []


def test_only_one_module_computes_the_partition_of_a_key() -> None:
    paths = [
        path
        for path, tree in product()
        if any(isinstance(node, ast.alias) and node.name == "murmur2" for node in ast.walk(tree))
    ]
    assert paths == OWN_FORMULA


@pytest.mark.kafka
async def test_a_key_is_in_the_partition_that_a_client_of_another_make_chooses(settings: Settings) -> None:
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic = await cluster.create(unique("keys"), 7)
    foreign = Producer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "partitioner": "murmur2_random"}
    )
    for n in range(200):
        foreign.produce(topic, b"", key=f"lead-{n}")
    assert foreign.flush(PATIENCE_SECONDS) == 0
    records = await cluster.records(topic)
    assert len(records) == 200
    assert [r.partition for r in records] == [partition_of(r.key, 7) for r in records]


async def values_of(batches: AsyncIterator[Batch], count: int) -> list[bytes]:
    """Return the next values, as soon as there are so many."""
    values: list[bytes] = []
    async with asyncio.timeout(120):
        while len(values) < count:
            values += [record.value for record in (await anext(batches)).records]
    return values


async def until_caught_up(batches: AsyncIterator[Batch]) -> list[bytes]:
    """Return the values up to where the topic ended."""
    values: list[bytes] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            batch = await anext(batches)
            values += [record.value for record in batch.records]
            if batch.caught_up:
                return values


@pytest.mark.kafka
async def test_a_topic_is_followed_from_its_beginning_and_said_to_be_read_behind_what_was_aborted(
    settings: Settings,
) -> None:
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic = await cluster.create(unique("followed"), 2)
    await cluster.send(topic, [(0, b"k", b"one"), (1, b"k", b"two")])
    aborted = Producer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": unique("aborted")}
    )
    aborted.init_transactions(30)
    aborted.begin_transaction()
    aborted.produce(topic, b"never", partition=0)
    assert aborted.flush(PATIENCE_SECONDS) == 0
    aborted.abort_transaction(30)
    async with aclosing(follow(settings, topic)) as batches:
        first = await anext(batches)
        assert (first.records, first.caught_up) == ((), False)
        assert sorted(await until_caught_up(batches)) == [b"one", b"two"]
        await cluster.send(topic, [(1, b"k", b"three")])
        assert await values_of(batches, 1) == [b"three"]
        positions = (await anext(batches)).positions
    assert {position.partition: at for position, at in positions.items()} == {0: 3, 1: 2}


@pytest.mark.kafka
async def test_an_empty_topic_is_read_to_its_end_with_the_first_batch(settings: Settings) -> None:
    topic = await Cluster(settings.kafka_bootstrap_servers).create(unique("empty"), 2)
    async with aclosing(follow(settings, topic)) as batches:
        first = await anext(batches)
    assert (first.records, first.caught_up) == ((), True)
    assert sorted(first.positions.values()) == [0, 0]


@pytest.mark.kafka
async def test_following_begins_at_the_end_or_at_the_newest_if_it_is_told_to(settings: Settings) -> None:
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic = await cluster.create(unique("followed"), 2)
    await cluster.send(topic, [(n % 2, b"k", b"%d" % n) for n in range(10)])
    async with aclosing(follow(settings, topic, from_end=True)) as batches:
        await anext(batches)  # from here on nothing is missed
        await cluster.send(topic, [(0, b"k", b"new")])
        assert await values_of(batches, 1) == [b"new"]
    async with aclosing(follow(settings, topic, newest=2)) as batches:
        assert sorted(await until_caught_up(batches)) == [b"7", b"8", b"9", b"new"]


@pytest.mark.kafka
async def test_following_goes_on_where_it_was_after_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower that began anew would miss what came meanwhile, or give what came before a second time."""
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic = await cluster.create(unique("followed"), 1)
    errors: list[Exception] = []
    getmany = AIOKafkaConsumer.getmany

    async def failing(self: Any, *args: Any, **options: Any) -> Any:
        if not errors:
            await cluster.send(topic, [(0, b"k", b"meanwhile")])
            raise KafkaConnectionError
        return await getmany(self, *args, **options)

    async with aclosing(follow(settings, topic, from_end=True, on_failure=errors.append)) as batches:
        await anext(batches)
        await cluster.send(topic, [(0, b"k", b"before")])
        assert await values_of(batches, 1) == [b"before"]
        monkeypatch.setattr(AIOKafkaConsumer, "getmany", failing)
        assert await values_of(batches, 1) == [b"meanwhile"]
        await cluster.send(topic, [(0, b"k", b"after")])
        assert await values_of(batches, 1) == [b"after"]
    assert [type(error) for error in errors] == [KafkaConnectionError]


@pytest.mark.kafka
@pytest.mark.parametrize("with_faust", [False, True])
async def test_a_fetch_of_a_follower_is_held_long_only_if_it_leaves_no_partition_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, with_faust: bool
) -> None:
    """Also in a process with Faust: its patch `prefetch` sets for all fetchers how long a fetch is held.

    The patches stay. If another test of this process has applied them before, both cases have them.
    """
    if with_faust:
        patches.apply()
    waits: list[int] = []
    request = fetcher.FetchRequest

    def noted(wait_ms: int, *arguments: Any, **options: Any) -> Any:
        waits.append(wait_ms)
        return request(wait_ms, *arguments, **options)

    monkeypatch.setattr(fetcher, "FetchRequest", noted)
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic = await cluster.create(unique("followed"), 2)
    async with aclosing(follow(settings, topic)) as batches:
        await anext(batches)
        await eventually(lambda: waits[-1:] == [IDLE_FETCH_WAIT_MS], "an idle fetch is held long")
        await cluster.send(topic, [(0, b"k", b"not taken yet")])
        await eventually(lambda: 0 < waits[-1] < IDLE_FETCH_WAIT_MS, "a fetch without partition 0 is not")
        assert await values_of(batches, 1) == [b"not taken yet"]
        await eventually(lambda: waits[-1] == IDLE_FETCH_WAIT_MS, "the next full one is held long again")


@pytest.fixture
def sent_requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the kinds of the requests of all clients, in order; those for offsets and for records."""
    kinds: list[str] = []
    send = AIOKafkaClient.send

    async def noted(client: AIOKafkaClient, node_id: int, request: Any, **options: Any) -> Any:
        if isinstance(request, (FetchRequest, OffsetRequest)):
            kinds.append(type(request).__name__)
        return await send(client, node_id, request, **options)

    monkeypatch.setattr(AIOKafkaClient, "send", noted)
    return kinds


@pytest.mark.kafka
async def test_offsets_are_asked_before_anything_is_fetched(kafka: str, sent_requests: list[str]) -> None:
    """A broker answers them only after a fetch that came before, which it holds for half a second."""
    cluster = Cluster(kafka)
    topic = await cluster.create(unique("asked"), 2)
    settings = Settings.read(kafka_bootstrap_servers=kafka)
    assert await extent(settings, topic) == {0: (0, 0), 1: (0, 0)}
    assert set(sent_requests) == {"OffsetRequest"}
    for from_end in (True, False):
        sent_requests.clear()
        async with aclosing(follow(settings, topic, from_end=from_end)) as batches:
            await anext(batches)
            assert set(sent_requests) == {"OffsetRequest"}
            await anext(batches)
            assert "FetchRequest" in sent_requests
            assert "OffsetRequest" not in sent_requests[sent_requests.index("FetchRequest") :]


@pytest.mark.kafka
async def test_a_kafka_that_is_away_when_following_begins_is_waited_for() -> None:
    away = asyncio.Event()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with make_kafka(Path(folder) / "kafka") as broker:
            cluster = Cluster(broker.address)
            topic = await cluster.create(unique("followed"), 1)
            await cluster.send(topic, [(0, b"k", b"there")])
            await asyncio.to_thread(broker.kill9)
            settings = Settings.read(kafka_bootstrap_servers=broker.address)
            async with aclosing(follow(settings, topic, on_failure=lambda _: away.set())) as batches:
                reading = asyncio.create_task(until_caught_up(batches))
                await away.wait()
                await asyncio.to_thread(broker.start)
                assert await reading == [b"there"]
