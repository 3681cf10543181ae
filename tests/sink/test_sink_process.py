"""The sink as a process with a real Kafka is killed, stopped and cut off. In the end the tables are exact.

The tests share one journal. Each has a partition and a database of its own, which has read the other partitions.
"""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from models.codec import encode_row
from models.errors import RetryableError
from models.lead import DirectoryRow
from runtime.process import stop_process
from sink.rebuild import empty_tables
from sink.tables import DeliveryTable, SinkOffsetTable
from sink.writer import CrmWriter, JournalRecord
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS, DELIVERIES, LEAD_JOURNAL, VENDOR_REPORTS
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.waiting import PATIENCE_SECONDS, until
from tests.sink.conftest import Database
from tests.sink.seeded_journal import START, Scenario, fail_on_dead_letter, tables
from tests.sink.sink_process import PARTITIONS, Journal, SinkProcess
from tests.sink.vendor_history import history_of, refusals_of, sums_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
Tables = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def journal(server_folder: Path) -> Iterator[Journal]:
    """Yield a journal in a separate Kafka, so that nobody else writes to it or joins its group."""
    with make_kafka(server_folder / "sink-kafka") as broker:
        yield Journal(broker)


@pytest.fixture
def start_sink(journal: Journal, database: Database, tmp_path: Path) -> Iterator[Callable[[], SinkProcess]]:
    """Yield a function that starts a sink; it has read the earlier tests' records, and ends after the test."""
    journal.read_before(database)
    settings = Settings.read(
        kafka_bootstrap_servers=journal.broker.address,
        partitions=PARTITIONS,
        database_url=database.url,
        state_dir=tmp_path,
    )
    with ExitStack() as started:

        def begin() -> SinkProcess:
            sink = SinkProcess(settings, tmp_path / f"{unique('sink')}.log")
            started.callback(stop_process, sink.process, signal.SIGTERM, 15)
            return sink

        yield begin


@pytest.fixture
def plain_engine(database: Database) -> Iterator[Engine]:
    """Yield an engine that waits for locks as any reader does."""
    engine = database.engine()
    yield engine
    engine.dispose()


def applied_offsets(engine: Engine) -> dict[int, int]:
    """Partition -> the database's offset; empty while the database is away."""
    try:
        return {
            partition: at.next_offset
            for partition, at in CrmWriter(engine, fail_on_dead_letter).positions().items()
        }
    except RetryableError:
        return {}


def has_reached(engine: Engine, scenario: Scenario, offset: int) -> Callable[[], bool]:
    """Return the condition that the database has a scenario up to an offset."""
    return lambda: applied_offsets(engine).get(scenario.partition, 0) >= offset


def has_caught_up(engine: Engine, journal: Journal) -> Callable[[], bool]:
    """Return the condition that the database has the whole journal."""
    return lambda: applied_offsets(engine) == journal.ends


def undisturbed_tables(journal: Journal, scenario: Scenario, expected: Callable[..., Tables]) -> Tables:
    """Return the tables after one undisturbed pass over a scenario."""
    poison = {record.key for record in journal.poison}
    return expected([record for record in scenario.records if record.key not in poison])


def test_the_journal_reaches_the_database_and_a_poisoned_record_the_dead_letters(
    journal: Journal,
    start_sink: Callable[[], SinkProcess],
    plain_engine: Engine,
    expected: Callable[..., Tables],
) -> None:
    scenario = journal.begin().tell(300).repeat(20)
    end = len(scenario.records)
    directory = DirectoryRow(
        off=scenario.off + 1, org="default", kind="queue", object_id="aged", version=1, value=None, at=START
    )
    poison = JournalRecord(scenario.partition, end + 1, unique("poisoned").encode(), b'{"row":"lead","off":')
    scenario.records += [
        JournalRecord(scenario.partition, end, b"directory/0", encode_row(directory)),
        poison,
    ]
    journal.poison.append(poison)
    journal.send(scenario.records)
    sink = start_sink()
    assert until(has_caught_up(plain_engine, journal))
    assert until(sink.ready)
    assert tables(plain_engine) == undisturbed_tables(journal, scenario, expected)

    letter = asyncio.run(_letter(journal.broker.address, poison.key))
    headers = {name: value.decode() for name, value in letter.headers}
    assert letter.value == poison.value
    assert headers.pop("failed-at")
    assert int(headers.pop("source-timestamp")) > 0
    assert headers == {
        "failed-stage": "sink",
        "error-class": "DecodeError",
        "reason": "Input data was truncated",
        "source-topic": "lead-journal",
        "source-partition": str(scenario.partition),
        "source-offset": str(end + 1),
    }

    assert 'firstclaim_sink_records_total{outcome="buried"} 1.0' in sink.ask("metrics")[1]
    no_lag = f'firstclaim_sink_lag_records{{partition="{scenario.partition}"}} 0.0'
    assert until(lambda: no_lag in sink.ask("metrics")[1])
    assert sink.ask("health")[0] == 200
    sink.process.send_signal(signal.SIGTERM)
    assert sink.process.wait(PATIENCE_SECONDS) == 0


def test_a_sink_killed_in_the_middle_again_and_again_ends_exact(
    journal: Journal,
    start_sink: Callable[[], SinkProcess],
    plain_engine: Engine,
    expected: Callable[..., Tables],
) -> None:
    scenario = journal.backlog()
    sent = 0
    for step in (1, 3_000, 6_000):
        journal.send(
            scenario.records[sent : step + 4_000]
        )  # two batches more, so most often it is in the middle
        sent = step + 4_000
        sink = start_sink()
        assert until(has_reached(plain_engine, scenario, step))
        sink.kill()
    journal.send(scenario.records[sent:])
    start_sink()
    assert until(has_caught_up(plain_engine, journal))
    assert tables(plain_engine) == undisturbed_tables(journal, scenario, expected)


def test_a_database_away_and_back_loses_nothing_and_ready_says_since_when(
    journal: Journal,
    database: Database,
    start_sink: Callable[[], SinkProcess],
    plain_engine: Engine,
    expected: Callable[..., Tables],
) -> None:
    scenario = journal.begin().tell(50)
    journal.send(scenario.records)
    sink = start_sink()
    assert until(has_caught_up(plain_engine, journal))
    assert until(sink.ready)
    with database.away():
        before = len(scenario.records)
        journal.send(scenario.tell(50).records[before:])
        assert until(lambda: "CRM database" in sink.in_the_way())
        outage = sink.in_the_way()["CRM database"]
        assert outage["reason"]
        assert until(lambda: sink.retries("CRM database") >= 2)
        assert sink.in_the_way()["CRM database"]["since"] == outage["since"]
        assert sink.ask("health")[0] == 200
    assert until(has_caught_up(plain_engine, journal))
    assert until(sink.ready)
    assert tables(plain_engine) == undisturbed_tables(journal, scenario, expected)


def test_a_database_that_is_cut_off_again_and_again_during_a_backlog_ends_exact(
    journal: Journal,
    database: Database,
    start_sink: Callable[[], SinkProcess],
    plain_engine: Engine,
    expected: Callable[..., Tables],
) -> None:
    """The batch that was read ahead of one that could not be stored is read again."""
    scenario = journal.backlog()
    sink, sent = start_sink(), 0
    for step in (1, 3_000, 6_000):
        journal.send(scenario.records[sent : step + 4_000])
        assert until(has_reached(plain_engine, scenario, step))
        with database.away():
            sent = step + 4_500
            journal.send(
                scenario.records[step + 4_000 : sent]
            )  # so that there is something that cannot be stored
            assert until(lambda: "CRM database" in sink.in_the_way())
        assert until(sink.ready)
    journal.send(scenario.records[sent:])
    assert until(has_caught_up(plain_engine, journal))
    assert tables(plain_engine) == undisturbed_tables(journal, scenario, expected)


def test_a_sink_waits_for_a_database_that_is_away_when_it_starts(
    journal: Journal, database: Database, start_sink: Callable[[], SinkProcess], plain_engine: Engine
) -> None:
    journal.send(journal.begin().tell(50).records)
    with database.away():
        sink = start_sink()
        assert until(lambda: "CRM database" in sink.in_the_way())
    assert until(has_caught_up(plain_engine, journal))


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_a_stopped_sink_that_wakes_up_as_a_zombie_changes_nothing(
    journal: Journal,
    start_sink: Callable[[], SinkProcess],
    plain_engine: Engine,
    expected: Callable[..., Tables],
) -> None:
    """This runs on Postgres.

    On SQLite a process stopped inside a transaction keeps the file's lock until it continues.
    """
    scenario = journal.begin()
    for _ in range(20):
        scenario.tell(400).repeat(5)
    zombie = start_sink()
    journal.send(scenario.records[:4_000])
    assert until(has_reached(plain_engine, scenario, 1))
    zombie.process.send_signal(signal.SIGSTOP)
    successor = start_sink()
    journal.send(scenario.records[4_000:])
    assert until(has_caught_up(plain_engine, journal))
    zombie.process.send_signal(signal.SIGCONT)
    assert until(lambda: zombie.ready() and successor.ready())
    before = len(scenario.records)
    journal.send(scenario.tell(200).records[before:])
    assert until(has_caught_up(plain_engine, journal))
    assert tables(plain_engine) == undisturbed_tables(journal, scenario, expected)


def test_a_database_ahead_of_kafka_is_not_filled_with_gaps(
    journal: Journal, start_sink: Callable[[], SinkProcess], plain_engine: Engine
) -> None:
    """A new journal below the database's offset would be skipped silently. /ready reports it instead."""
    partition = journal.begin().partition
    ahead = {"topic": LEAD_JOURNAL, "partition": partition, "next_offset": 10, "mark": 9}
    with plain_engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(SinkOffsetTable), ahead)
    sink = start_sink()
    assert until(lambda: LEAD_JOURNAL in sink.in_the_way())
    assert f"partition {partition} ends at offset 0" in sink.in_the_way()[LEAD_JOURNAL]["reason"]


def test_a_broker_killed_and_back_is_survived_and_ready_says_so(
    journal: Journal,
    start_sink: Callable[[], SinkProcess],
    plain_engine: Engine,
    expected: Callable[..., Tables],
) -> None:
    scenario = journal.begin().tell(50)
    journal.send(scenario.records)
    sink = start_sink()
    assert until(has_caught_up(plain_engine, journal))
    journal.broker.kill9()
    assert until(lambda: "Kafka" in sink.in_the_way())
    journal.broker.start()
    before = len(scenario.records)
    journal.send(scenario.tell(50).records[before:])
    assert until(has_caught_up(plain_engine, journal))
    assert until(sink.ready)
    assert tables(plain_engine) == undisturbed_tables(journal, scenario, expected)


def test_n1_fates_reach_the_database_through_kills(
    journal: Journal, start_sink: Callable[[], SinkProcess], plain_engine: Engine
) -> None:
    """Bytes on the real topic, with some that are no delivery. The sink is killed in between."""
    expected = sorted(f"{unique('lead')}/1/rep-1/lead_offered/email" for _ in range(20))

    def send(identities: list[str]) -> None:
        values: list[bytes] = []
        for identity in identities:
            fields = ("notification_id", "provider", "detail", "lead_id", "rep_id", "org")
            fate = dict.fromkeys(fields, identity) | {"at": "2026-11-27T10:00:00Z"}
            values += [b"no delivery", json.dumps({**fate, "channel": "email", "status": "sent"}).encode()]
        asyncio.run(_write(journal.broker.address, DELIVERIES, [(value, []) for value in values]))

    sink = start_sink()
    send(expected[:11])
    assert until(lambda: set(expected) & set(_stored_notifications(plain_engine)))
    sink.kill()
    sink = start_sink()
    send(expected[11:])
    assert until(lambda: set(expected) <= set(_stored_notifications(plain_engine))), sink.log.read_text()
    stored = _stored_notifications(plain_engine)
    assert len(stored) == len(set(stored))


def test_v6_the_reports_of_vendors_are_exact_through_kills(
    journal: Journal, start_sink: Callable[[], SinkProcess], plain_engine: Engine
) -> None:
    """The sums of the topic are those of the journal and of the dead letters, each message counted once."""
    scenario, vendors = journal.begin(), (unique("acme"), unique("globex"))
    scenario.records = history_of(scenario.partition, vendors, leads=1_700)
    scenario.off = len(scenario.records)
    letters = refusals_of(vendors, 400, scenario.partition)

    def reports_are(expected: Counter[tuple[str, ...]]) -> Callable[[], bool]:
        return lambda: asyncio.run(_reports(journal, vendors)) == expected  # reads the whole topic

    asyncio.run(_write(journal.broker.address, DEAD_LETTERS, letters[:300]))
    sent = 0
    for step in (1, 2_001):
        journal.send(scenario.records[sent : step + 2_000])
        sent = step + 2_000
        sink = start_sink()
        assert until(has_reached(plain_engine, scenario, step))
        sink.kill()
    journal.send(scenario.records[sent:])
    sink = start_sink()
    # Intake that is killed writes a dead letter twice.
    asyncio.run(_write(journal.broker.address, DEAD_LETTERS, letters[290:]))
    expected = reports_are(sums_of(scenario.records, letters))
    assert until(expected, every=1.0), sink.log.read_text()
    sink.kill()
    empty_tables(plain_engine, history=False)
    sink = start_sink()
    assert until(has_caught_up(plain_engine, journal))
    more = refusals_of(vendors, 403, scenario.partition)[400:]
    asyncio.run(_write(journal.broker.address, DEAD_LETTERS, more))
    expected = reports_are(sums_of(scenario.records, [*letters, *more]))
    assert until(expected, every=1.0), "a rebuild counts nothing twice"


async def _reports(journal: Journal, vendors: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    """Return the sums of the newest records of some vendors, as any client reads them."""
    newest: dict[bytes, dict[str, Any]] = {}
    async with aclosing(read_topic(journal.settings, VENDOR_REPORTS)) as records:
        async for record in records:
            report = json.loads(record.value)
            if report["vendor"] in vendors:
                assert report["version"] >= newest.get(record.key, report)["version"]
                newest[record.key] = report
    sums: Counter[tuple[str, ...]] = Counter()
    for report in newest.values():
        vendor_hour = (report["vendor"], report["begins_at"])
        for name, value in report.items():
            if isinstance(value, dict):
                sums.update({(*vendor_hour, name, detail): count for detail, count in value.items()})
            elif isinstance(value, int) and name != "version" and value:
                sums[(*vendor_hour, name)] = value
    return sums


async def _write(bootstrap: str, topic: str, values: list[tuple[bytes, list[tuple[str, bytes]]]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer:
        for value, headers in values:
            await producer.send(topic, value, key=None, headers=headers)
        await producer.flush()


def _stored_notifications(engine: Engine) -> list[str]:
    try:
        with engine.connect() as connection:
            return list(connection.scalars(select(DeliveryTable.notification_id)))
    except SQLAlchemyError:
        return []


async def _letter(bootstrap: str, key: bytes | None) -> Any:
    """Return the dead letter with this key."""
    consumer = AIOKafkaConsumer(DEAD_LETTERS, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(PATIENCE_SECONDS):
        async for letter in consumer:
            if letter.key == key:
                return letter
    raise AssertionError
