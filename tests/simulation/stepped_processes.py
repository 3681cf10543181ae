"""Worker, relay and sink as they run in production, without Faust and threads, on a loop that takes single steps.

The stages are attached by their own `attach`. Agents, event streams, journal writers, ackers, watermarks, the sweeper,
the sink's reader and its transactions are the production code. What Faust does stands here: it feeds the agents, calls
timers, commits what is acked, and refills tables before a stage begins.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from aiokafka import TopicPartition
from sqlalchemy import Engine, event

from agents.worker import relay_stages, worker_stages
from models.errors import PermanentError
from sink.consumer import JournalReader
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.statements import Statements
from sink.writer import CrmWriter, JournalRecord
from streams.membership_lease import Lease
from streams.readiness import Readiness
from streams.settings import Settings
from streams.stage_table import LeadRows, OrgRows
from streams.topics import LEAD_JOURNAL
from tests.simulation.broker import PARTITIONS
from tests.simulation.step_loop import KilledError, loop_now, now_running
from tests.simulation.stepped_kafka import (
    FaustEvent,
    Fetched,
    Kafka,
    StepConsumer,
    StepProducer,
    fetched_record,
    partitions_of,
)

MAX_FETCHED = 10
"""Records that one fetch of an agent returns, so that a burst takes several."""
SETTINGS = Settings.read(partitions=PARTITIONS, kafka_bootstrap_servers="127.0.0.1:1")


class Signal:
    """A signal of Faust's app: handlers that are awaited in order."""

    def __init__(self) -> None:
        self.handlers: list[Callable[[], Awaitable[None]]] = []

    def connect(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Add a handler."""
        self.handlers.append(handler)


class Table:
    """A table as the stages see it. It is refilled from the journal before the stage begins."""

    def __init__(self, _app: Any, *, name: str, changelog_topic: str, **_: Any) -> None:
        self.rows: Any = LeadRows(PARTITIONS) if name == "leads" else OrgRows()
        self.journal = changelog_topic
        self.recovered: list[Callable[[], Awaitable[None]]] = []

    def on_recover(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Call a handler when all rows are there."""
        self.recovered.append(handler)

    async def refill(self, kafka: Kafka) -> None:
        """Read the journal, one partition after the other, and let the stage derive the rest."""
        for partition in range(PARTITIONS):
            records: list[Any] = await loop_now().serve(
                partial(list, kafka.broker.logs[self.journal, partition])
            )
            for record in records:
                self.rows.apply(partition, record.key, record.value)
        for handler in self.recovered:
            await handler()


class Stream:
    """Faust's stream of one agent."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[FaustEvent] = asyncio.Queue()
        self.channel = self

    def noack(self) -> "Stream":
        """Return the stream whose events the agent acks itself."""
        return self

    async def events(self) -> AsyncIterator[FaustEvent]:
        """Yield one event after the other."""
        while True:
            yield await self.queue.get()


class App:
    """What the stages ask of a Faust app. It owns all partitions of its topics."""

    rebalancing = in_recovery = False
    consumer_generation_id = 1
    commit_metadata: Callable[[Any, int], str] | None = None

    def __init__(self, kafka: Kafka, ticks: "Ticks") -> None:
        self.settings = SETTINGS
        self.lease = Lease(6.0)
        self.lease.renew(float("inf"))
        self.stages: list[Any] = []
        self.tables: set[Table] = set()
        self.on_partitions_revoked = Signal()
        self.on_rebalance_complete = Signal()
        self.flow_control = SimpleNamespace(is_active=lambda: True)
        self.assignor = self.consumer = self
        self._kafka = kafka
        self._ticks = ticks
        self._agents: list[tuple[str, Callable[[Any], Coroutine[Any, Any, None]]]] = []
        self._beside: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._acks: dict[TopicPartition, int] = {}
        self._acked = asyncio.Event()

    def topic(self, name: str, **_: Any) -> Any:
        """Return a topic: here its name is enough."""
        return Topic(name)

    def agent(self, source: "Topic", **_: Any) -> Callable[[Any], Any]:
        """Declare an agent."""
        return lambda run: self._agents.append((source, run))

    def every(self, _seconds: float) -> Callable[[Any], Any]:
        """Declare a timer. The history says when it is due."""

        def declare(fire: Callable[[], Awaitable[None]]) -> None:
            async def run() -> None:
                while True:
                    await self._ticks.next()
                    await fire()

            self._beside.append(run)

        return declare

    def task(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Declare a task."""
        self._beside.append(run)

    def assignment(self) -> set[TopicPartition]:
        """Return all partitions of our agents' topics."""
        return {TopicPartition(topic, n) for topic, _ in self._agents for n in partitions_of(topic)}

    assigned_actives = assignment

    def track_message(self, _message: Any) -> None:
        """Note that an agent has a record. Nothing waits for it here."""

    def ack_together(self, events: list[FaustEvent]) -> None:
        """Mark events as handled."""
        for handled in events:
            handled.ack()

    async def run(self) -> None:
        """Recover, then feed the agents."""
        for table in sorted(self.tables, key=lambda table: table.journal):
            await table.refill(self._kafka)
        for handler in self.on_rebalance_complete.handlers:
            await handler()
        for topic, run in self._agents:
            begin = await loop_now().serve(partial(self._committed, topic))
            stream = Stream()
            loop_now().spawn(run(stream))
            loop_now().spawn(self._feed(topic, begin, stream))
        for beside in self._beside:
            loop_now().spawn(beside())
        while True:
            await self._acked.wait()
            self._acked.clear()
            await loop_now().serve(self._commit_of(dict(self._acks)))

    def _committed(self, topic: str) -> dict[int, int]:
        committed = self._kafka.broker.committed
        return {n: committed.get((topic, n), (0, ""))[0] for n in partitions_of(topic)}

    async def _feed(self, topic: str, positions: dict[int, int], stream: Stream) -> None:
        news = self._kafka.news.watch([topic])
        logs = self._kafka.broker.logs

        def fetch() -> list[Any]:
            return [log for n, at in positions.items() for log in logs[topic, n][at : at + MAX_FETCHED]]

        while True:
            news.clear()
            records = await loop_now().serve(fetch)
            for record in records:
                positions[record.partition] = record.offset + 1
                stream.queue.put_nowait(FaustEvent(fetched_record(record, faust=True), self._ack))
            if not records:
                await news.wait()

    def _ack(self, message: Fetched) -> None:
        self._acks[TopicPartition(message.topic, message.partition)] = message.offset + 1
        self._acked.set()

    def _commit_of(self, acks: dict[TopicPartition, int]) -> Callable[[], None]:
        metadata = {
            tp: self.commit_metadata(tp, offset) if self.commit_metadata else ""
            for tp, offset in acks.items()
        }

        def commit() -> None:
            for tp, offset in acks.items():
                self._kafka.broker.committed[tp.topic, tp.partition] = (offset, metadata[tp])

        return commit


class Topic(str):
    """A topic's name with the method that Faust's topics have."""

    __slots__ = ()

    def get_topic_name(self) -> str:
        """Return the name."""
        return str(self)


class Ticks:
    """Lets a history say when timers are due."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def next(self) -> None:
        """Wait until timers are due again."""
        waits: asyncio.Future[None] = loop_now().create_future()
        self._waiting.append(waits)
        await waits

    def fire(self) -> None:
        """Make every timer due."""
        waiting, self._waiting = self._waiting, []
        for timer in waiting:
            timer.set_result(None)


def start_app(kafka: Kafka, ticks: Ticks, *, relay: bool) -> App:
    """Return a worker or relay with its stages attached; `run` starts it."""
    app = App(kafka, ticks)
    attach: Any = relay_stages if relay else worker_stages
    for writer in attach(app):
        writer._producer = StepProducer(kafka)
    return app


async def run_sink(kafka: Kafka, database: Path) -> None:
    """Copy the journal into a database as `firstclaim sink` does."""
    engine = _engine(database)
    reader = JournalReader(StepConsumer(kafka), CrmWriter(engine, _refuse), Readiness())
    await reader.run(asyncio.Event())


@cache
def _engine(database: Path) -> Engine:
    """Return the engine of a file. All histories use one, which keeps compiled statements and no connection."""
    engine = connect(f"sqlite:///{database}", pooled=False)
    count_statements(engine)
    return engine


def stored_at_once(kafka: Kafka, database: Path) -> None:
    """Copy the whole journal into a database in one batch, as a sink without a crash does."""
    engine = connect(f"sqlite:///{database}", pooled=False)
    records = [
        JournalRecord(
            log.partition, log.offset, log.key or None, log.value, log.headers, int(log.timestamp * 1000)
        )
        for partition in range(PARTITIONS)
        for log in kafka.broker.logs[LEAD_JOURNAL, partition]
    ]
    CrmWriter(engine, _refuse).apply(records)
    engine.dispose()


def _refuse(record: JournalRecord, error: PermanentError) -> None:
    raise AssertionError(f"the sink cannot store {record.offset}: {error}")


def count_statements(engine: Engine) -> None:
    """Make each statement a step. A process that is killed before one executes no more, and its transaction ends."""

    def step(*_: Any) -> None:
        loop = loop_now()
        owner = now_running()
        loop.count(owner)
        if loop.is_dead(owner):
            raise KilledError

    event.listen(engine, "before_cursor_execute", step)
    event.listen(engine, "commit", step)


@contextmanager
def without_faust(kafka: Kafka) -> Iterator[None]:
    """Give the stages the simulated broker's clients, its clock and our tables."""

    def now(_zone: Any = None) -> datetime:
        return datetime.fromtimestamp(kafka.broker.now, UTC)

    clock = SimpleNamespace(now=now, fromtimestamp=datetime.fromtimestamp)

    async def committed_offsets(
        _consumer: Any, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, Any]:
        committed = await loop_now().serve(
            lambda: {tp: kafka.broker.committed.get((tp.topic, tp.partition), (0, "")) for tp in partitions}
        )
        return {tp: SimpleNamespace(metadata=metadata) for tp, (_, metadata) in committed.items()}

    async def to_thread(work: Callable[..., Any], *arguments: Any) -> Any:
        await asyncio.sleep(0)
        result = work(*arguments)
        await asyncio.sleep(0)
        return result

    def ends(code: Any, field: str, reason: str) -> None:
        raise AssertionError(f"{code!r} {field}: {reason}")

    with ExitStack() as stack:
        for target, value in {
            "agents.leads.JournalTable": Table,
            "agents.orgs.OrgTable": Table,
            "agents.leads.gc": SimpleNamespace(collect=lambda: 0, freeze=lambda: None),
            "agents.watermarks.committed_offsets": committed_offsets,
            "agents.published_watermark.make_consumer": lambda *_, **__: StepConsumer(kafka),
            "agents.published_watermark.stop_consumer": StepConsumer.stop,
            "agents.broker_time.time": SimpleNamespace(
                time=lambda: kafka.broker.now, monotonic=lambda: kafka.broker.now
            ),
            "agents.sweeper.time": SimpleNamespace(monotonic=lambda: 0.0),
            "sink.writer.Statements": cache(Statements),
            "asyncio.to_thread": to_thread,
            **{f"agents.{name}.datetime": clock for name in ("leads", "orgs", "intake", "sweeper")},
            **{f"{name}.leave": ends for name in ("streams.journal", "agents.leads", "agents.orgs")},
        }.items():
            stack.enter_context(patch(target, value))
        yield


def database_template(folder: Path) -> Path:
    """Return an empty CRM database, to be copied."""
    file = folder / "empty.db"
    upgrade(f"sqlite:///{file}")
    engine = connect(f"sqlite:///{file}", pooled=False)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return file
