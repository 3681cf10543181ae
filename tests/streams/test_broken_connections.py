"""A producer whose connection breaks, or whose Kafka is late, does with our patches what aiokafka's own does.

Each test runs with aiokafka's `send` and `_read` and with those of `streams.patches`, on both loops that processes use.
A proxy is between the producer and the broker's second listener; the tests read by the first one.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
import uvloop
from aiokafka import AIOKafkaProducer, conn
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError
from aiokafka.protocol.produce import ProduceRequest

from runtime.process import free_port
from streams import clients
from streams.patches import response_reading, write_requests
from streams.settings import Settings
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.stalling_proxy import StallingProxy
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.streams.faust.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from runtime.kafka import KafkaBroker

pytestmark = [pytest.mark.kafka]

LARGE: Final = bytes(700_000)
"""More than a socket takes at once."""
LATE_MS: Final = 3_000
"""The request timeout of a producer whose Kafka is late. It must be enough for the start."""
STREAM_PROTOCOL: Final = response_reading.ChunkProtocol.__base__
"""aiokafka's own."""
MANY: Final = 400
CUTS: Final = 25


class Way:
    """A broker, and a way to it that can be broken."""

    def __init__(self, broker: KafkaBroker, behind: int, advertised: int) -> None:
        self.cluster = Cluster(broker.address)
        self._behind, self._advertised = behind, advertised
        self.run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run

    def settings(self) -> Settings:
        """Return the settings of a client on this way."""
        return Settings.read(kafka_bootstrap_servers=f"127.0.0.1:{self._advertised}")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[StallingProxy, str]]:
        """Let the way pass inside of this; yield its proxy and a topic of one partition."""
        topic = await self.cluster.create(unique("broken"), 1)
        async with StallingProxy(self._behind, self._advertised).running() as proxy:
            yield proxy, topic

    async def values(self, topic: str) -> list[bytes]:
        """Return the values of a topic's records."""
        return [record.value for record in await self.cluster.records(topic)]

    async def has(self, topic: str, count: int) -> None:
        """Wait until a topic has so many records."""

        async def is_there() -> bool:
            return await self.cluster.ends(topic) == {0: count}

        await eventually(is_there, f"{topic} has {count} records")


@pytest.fixture(scope="module")
def broken_way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Run a broker that has a second listener, which it advertises at the address of a proxy."""
    behind, advertised = free_port(), free_port()
    broker = make_kafka(tmp_path_factory.mktemp("broken") / "kafka")
    broker.ports = {name: free_port() for name in broker.port_names}
    own = broker.configuration()
    broker.more_properties = {
        "listeners": f"{own['listeners']},SECOND://127.0.0.1:{behind}",
        "advertised.listeners": f"{own['advertised.listeners']},SECOND://127.0.0.1:{advertised}",
        "listener.security.protocol.map": f"{own['listener.security.protocol.map']},SECOND:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
    }
    with broker:
        yield Way(broker, behind, advertised)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the loop."""
    maker: Callable[[], asyncio.AbstractEventLoop] = request.param
    return maker


@pytest.fixture
def our_way(broken_way: Way, loop: Callable[[], asyncio.AbstractEventLoop]) -> Way:
    """Return the way, for connections that send and read as ours do, on each loop."""

    def run(work: Coroutine[Any, Any, None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await work

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(bounded())

    broken_way.run = run
    return broken_way


@pytest.fixture(params=["aiokafka", "ours"])
def way(request: pytest.FixtureRequest, our_way: Way, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Return the way, for connections that send and read as aiokafka does, and as ours do, on each loop."""
    for patch in (write_requests, response_reading):
        patch.install()
        if request.param == "aiokafka":
            monkeypatch.setattr(patch, "install", lambda: None)
    if request.param == "aiokafka":
        monkeypatch.setattr(AIOKafkaConnection, "send", write_requests.send_whole)
        monkeypatch.setattr(AIOKafkaConnection, "_read", staticmethod(response_reading.read_by_stream))
        monkeypatch.setattr(AIOKafkaClient, "_get_conn", response_reading.connect)
        monkeypatch.setattr(conn, "AIOKafkaProtocol", STREAM_PROTOCOL)

    return our_way


def test_a_record_after_the_connection_was_closed_is_sent_by_another_one(way: Way) -> None:
    async def story() -> None:
        async with (
            way.open() as (proxy, topic),
            clients.started_client(clients.producer(way.settings())) as producer,
        ):
            await producer.send_and_wait(topic, b"before")
            proxy.cut(refuses=False)
            await producer.send_and_wait(topic, b"after")
            assert await way.values(topic) == [b"before", b"after"]

    way.run(story())


def test_a_record_whose_answer_is_lost_is_written_once(way: Way) -> None:
    async def story() -> None:
        async with (
            way.open() as (proxy, topic),
            clients.started_client(clients.producer(way.settings())) as producer,
        ):
            await producer.send_and_wait(topic, b"before")
            proxy.answers.clear()
            sent = await producer.send(topic, b"unanswered")
            await way.has(topic, 2)
            assert not sent.done()
            proxy.cut(refuses=False)
            proxy.answers.set()
            assert (await sent).offset == 1
            await producer.send_and_wait(topic, b"after")
            assert await way.values(topic) == [b"before", b"unanswered", b"after"]

    way.run(story())


def test_a_request_that_is_cut_off_is_sent_again_whole(way: Way) -> None:
    async def story() -> None:
        async with (
            way.open() as (proxy, topic),
            clients.started_client(clients.producer(way.settings())) as producer,
        ):
            await producer.send_and_wait(topic, b"before")
            taken = proxy.taken
            proxy.cut_after(len(LARGE) // 2)
            assert (await producer.send_and_wait(topic, LARGE)).offset == 1
            assert proxy.taken > taken
            assert await way.values(topic) == [b"before", LARGE]

    way.run(story())


def test_no_record_is_lost_or_written_twice_or_out_of_order_however_often_connections_break(way: Way) -> None:
    chance = random.Random(5)

    async def story() -> None:
        values = [b"%d " % n + bytes(chance.randrange(9_000)) for n in range(MANY)]
        async with (
            way.open() as (proxy, topic),
            clients.started_client(clients.producer(way.settings())) as producer,
        ):
            sent = []
            for n, value in enumerate(values):
                sent.append(await producer.send(topic, value))
                if n % (MANY // CUTS) == 0:
                    if n % 3:
                        proxy.cut_after(chance.randrange(60_000))
                    else:
                        proxy.cut(refuses=False)
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            offsets = [record.offset for record in await clients.durable(sent)]
            assert offsets == list(range(MANY))
            assert await way.values(topic) == values

    way.run(story())


def test_an_idempotent_producer_sends_again_what_kafka_does_not_answer_in_time(way: Way) -> None:
    async def story() -> None:
        producer = clients.producer(way.settings(), request_timeout_ms=LATE_MS)
        async with way.open() as (proxy, topic), clients.started_client(producer):
            await producer.send_and_wait(topic, b"before")
            taken = proxy.taken
            proxy.answers.clear()
            sent = await producer.send(topic, b"late")
            await eventually(lambda: proxy.taken > taken, "the producer gives the connection up")
            proxy.answers.set()
            assert (await sent).offset == 1
            assert await way.values(topic) == [b"before", b"late"]

    way.run(story())


def test_another_producer_says_that_kafka_did_not_answer_in_time(way: Way) -> None:
    async def story() -> None:
        producer = clients.producer(way.settings(), idempotent=False, request_timeout_ms=LATE_MS)
        async with way.open() as (proxy, topic), clients.started_client(producer):
            await producer.send_and_wait(topic, b"before")
            proxy.answers.clear()
            sent = await producer.send(topic, b"late")
            with pytest.raises(RequestTimedOutError):
                await sent
            proxy.answers.set()
            await producer.send_and_wait(topic, b"after")
            assert await way.values(topic) == [b"before", b"late", b"after"]

    way.run(story())


def test_records_without_acknowledgement_come_in_and_shift_no_answer(way: Way) -> None:
    """A request for metadata goes by the same connection, and its answer is the next one."""

    async def story() -> None:
        options = way.settings().aiokafka_options()
        async with way.open() as (proxy, topic), AIOKafkaProducer(**options, acks=0) as producer:
            await producer.send_and_wait(topic, b"first")
            proxy.flows.clear()
            sending = [await producer.send(topic, LARGE) for _ in range(5)]
            proxy.flows.set()
            assert await asyncio.gather(*sending) == [None] * 5
            assert await producer.client.fetch_all_metadata()
            await producer.send_and_wait(topic, b"last")
            await way.has(topic, 7)
            assert await way.values(topic) == [b"first", *[LARGE] * 5, b"last"]

    way.run(story())


def test_a_connection_that_was_closed_says_so(way: Way) -> None:
    async def story() -> None:
        async with way.open() as (proxy, topic):
            connection = await create_conn("127.0.0.1", proxy.port)
            request = ProduceRequest(
                transactional_id=None, required_acks=-1, timeout=1_000, topics=[(topic, [(0, b"")])]
            )
            proxy.answers.clear()
            waiting = asyncio.ensure_future(connection.send(request))
            await asyncio.sleep(0)
            connection.close()
            with pytest.raises(KafkaConnectionError, match=f"Connection at 127.0.0.1:{proxy.port} closed"):
                await waiting
            with pytest.raises(
                KafkaConnectionError, match=f"No connection to broker at 127.0.0.1:{proxy.port}"
            ):
                await connection.send(request)

    way.run(story())


async def has_ended(producer: clients.Producer) -> None:
    """Return as soon as the producer's connection has noted its end, before aiokafka closes it."""
    (connection,) = [
        found for (_, group), found in producer.client._conns.items() if group == ConnectionGroup.DEFAULT
    ]
    while not connection._protocol.ended:
        await asyncio.sleep(0)
    assert connection._writer is not None


def request_of(topic: str) -> ProduceRequest:
    """Return a request that writes nothing."""
    return ProduceRequest(transactional_id=None, required_acks=-1, timeout=1_000, topics=[(topic, [])])


def test_a_request_a_moment_after_the_end_goes_by_another_connection(our_way: Way) -> None:
    """With aiokafka alone on uvloop, it is a RuntimeError, which ends a producer for good."""

    async def story() -> None:
        producer = clients.producer(our_way.settings())
        async with our_way.open() as (proxy, topic), clients.started_client(producer):
            await producer.send_and_wait(topic, b"before")
            (node,) = {broker.nodeId for broker in producer.client.cluster.brokers()}
            proxy.reset()
            await has_ended(producer)
            assert await producer.client.send(node, request_of(topic))
            await producer.send_and_wait(topic, b"after")
            assert await our_way.values(topic) == [b"before", b"after"]

    our_way.run(story())


def test_requests_under_way_end_with_their_connection_if_another_one_comes_a_moment_later(
    our_way: Way,
) -> None:
    """With aiokafka alone, they wait until their time is over, and then close the connection that came after it."""

    async def story() -> None:
        producer = clients.producer(our_way.settings())
        async with our_way.open() as (proxy, topic), clients.started_client(producer):
            await producer.send_and_wait(topic, b"before")
            (node,) = {broker.nodeId for broker in producer.client.cluster.brokers()}
            proxy.answers.clear()
            under_way = asyncio.ensure_future(producer.client.send(node, request_of(topic)))
            await asyncio.sleep(0)
            proxy.cut(refuses=False)
            await has_ended(producer)
            proxy.answers.set()
            assert await producer.client.send(node, request_of(topic))
            with pytest.raises(KafkaConnectionError):
                await under_way

    our_way.run(story())
