"""A Postgres is killed, stopped, read-only and promoted: the sink waits, skips nothing and writes nothing twice."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from runtime.postgres_pair import PostgresPair
from runtime.process import stop_process
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.tables import Base, DeliveryTable
from streams.settings import Settings
from streams.topics import DELIVERIES
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.waiting import until
from tests.sink.seeded_journal import tables
from tests.sink.sink_process import PARTITIONS, Journal, SinkProcess
from tests.sink.test_deliveries import delivery_record
from tests.sink.test_sink_process import Tables, has_caught_up, has_reached

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def journal(server_folder: Path) -> Iterator[Journal]:
    with make_kafka(server_folder / "failover-kafka") as broker:
        yield Journal(broker)


@pytest.fixture
def pair(server_folder: Path) -> Iterator[PostgresPair]:
    with PostgresPair(server_folder / unique("pair")) as running:
        upgrade(running.url)
        yield running


@pytest.fixture
def engine(pair: PostgresPair) -> Iterator[Engine]:
    crm_engine = connect(pair.url)
    yield crm_engine
    crm_engine.dispose()


@pytest.fixture
def sink(journal: Journal, pair: PostgresPair, tmp_path: Path) -> Iterator[SinkProcess]:
    settings = Settings.read(
        kafka_bootstrap_servers=journal.broker.address,
        partitions=PARTITIONS,
        database_url=pair.url,
        state_dir=tmp_path,
    )
    running = SinkProcess(settings, tmp_path / "sink.log")
    yield running
    stop_process(running.process, signal.SIGTERM, 15)


def database_problem(sink: SinkProcess) -> str:
    """Return what /ready says of the database; empty while it is not in the way."""
    return sink.in_the_way().get("CRM database", {}).get("reason", "")


def test_a_postgres_killed_stopped_and_failed_over_during_a_backlog_ends_exact(
    journal: Journal,
    pair: PostgresPair,
    engine: Engine,
    sink: SinkProcess,
    expected: Callable[..., Tables],
) -> None:
    story, sent = journal.backlog(), 0

    def send(count: int) -> None:
        nonlocal sent
        journal.send(story.records[sent : sent + count])
        sent += count

    send(3_000)
    assert until(has_reached(engine, story, 1))
    pair.primary.kill9()
    assert until(lambda: database_problem(sink).startswith("is away"))
    pair.restart()
    send(3_000)
    assert until(has_reached(engine, story, 3_001))
    pair.stop_immediately()
    assert until(lambda: database_problem(sink).startswith("is away"))
    pair.restart()
    send(3_000)
    assert until(has_reached(engine, story, 6_001))
    pair.move()
    send(len(story.records) - sent)
    assert until(lambda: database_problem(sink).startswith("is read-only now"))
    pair.promote()
    assert until(has_caught_up(engine, journal))
    assert until(sink.ready)
    assert tables(engine) == expected(story.records)


def test_n1_a_standby_that_lacks_the_last_transactions_gets_them_though_nothing_new_happens(
    journal: Journal,
    pair: PostgresPair,
    engine: Engine,
    sink: SinkProcess,
) -> None:
    """The lost ones are of a partition, and of a topic, that have no later record."""
    assert until(sink.ready)
    quiet, later = journal.begin().tell(50), journal.begin()
    journal.send(quiet.records)
    assert until(has_caught_up(engine, journal))
    pair.standby.stop()
    before = len(quiet.records)
    journal.send(quiet.tell(50).records[before:])
    asyncio.run(send_fates(journal, 3))
    assert until(has_caught_up(engine, journal))
    assert until(lambda: count_deliveries(engine) == 3)
    tables_before = tables(engine)
    pair.move()
    assert until(lambda: count_deliveries(engine) == 0)
    pair.promote()
    assert until(has_caught_up(engine, journal))
    assert until(lambda: count_deliveries(engine) == 3)
    assert tables(engine) == tables_before
    # It still goes on with what is new.
    journal.send(later.tell(5).records)
    assert until(has_caught_up(engine, journal))


def test_a_database_that_lost_everything_is_filled_from_the_start(
    journal: Journal, engine: Engine, sink: SinkProcess
) -> None:
    """It lost the position as well, as a crash right after the first batch or an empty backup does."""
    journal.send(journal.begin().tell(50).records)
    assert until(has_caught_up(engine, journal))
    assert until(sink.ready)
    tables_before = tables(engine)
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
    assert until(has_caught_up(engine, journal))
    assert tables(engine) == tables_before


async def send_fates(journal: Journal, count: int) -> None:
    """Write fates of notifications to Kafka, all acknowledged on return."""
    async with AIOKafkaProducer(bootstrap_servers=journal.broker.address) as producer:
        for n in range(count):
            await producer.send_and_wait(DELIVERIES, delivery_record(n), partition=0)


def count_deliveries(engine: Engine) -> int:
    """Return how many fates of notifications the database has; -1 while it is away."""
    try:
        with engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(DeliveryTable)) or 0
    except SQLAlchemyError:
        return -1
