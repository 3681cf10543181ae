"""One history of leads from arrival to rest, in which any process may be killed after any step and is started again.

The inputs are bytes on the topics of vendors, CRMs and admins. Time passes only between the acts of the history, so a
process that is killed and started again sees the same instants as one that was not.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from models.codec import decode_org_event
from models.ids import lead_id
from models.org_events import PersonArrived
from models.public import ASSIGNMENTS, LEAD_DECISIONS, LEAD_EXCEPTIONS, NOTIFICATIONS, QUEUE_CHANGES
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS, ORG_LOG
from tests.simulation.broker import PARTITIONS, Broker, partition_of
from tests.simulation.cluster import MONTH_SECONDS, ORG, ORG_PARTITION, ROUNDS, START
from tests.simulation.step_loop import NOBODY, Owner, StepLoop
from tests.simulation.stepped_kafka import Kafka
from tests.simulation.stepped_processes import Ticks, run_sink, start_app, without_faust

ENGINE = ("worker", "relay")
WITH_SINK = (*ENGINE, "sink")
"""The sink only reads what the others write, so it runs only in the histories in which it is killed."""
QUEUE: dict[str, Any] = {"queue_id": "new", "claimable": True, "columns": ["state"]}
REPS = [{"rep_id": "rep-3"}, {"rep_id": "rep-7"}]


class Message(NamedTuple):
    """One input: a record as others send it."""

    topic: str
    key: str
    value: dict[str, Any] | None


Act = tuple[float, list[Message]]
"""Seconds that pass before, and what is sent then."""


def _publication(kind: str, object_id: str, value: dict[str, Any]) -> Message:
    return Message(DIRECTORY, f"{ORG}/{kind}/{object_id}", value)


def _arrival(name: str, **facts: Any) -> Message:
    value = {"vendor": "acme", "external_id": name, "last_name": name, "state": "RI", **facts}
    return Message(LEAD_ARRIVALS, name, value)


def _action(number: int, name: str, rep_id: str, kind: str, **fields: Any) -> Message:
    value = {
        "action_id": str(uuid.UUID(int=number)),
        "type": kind,
        "lead_id": lead_id(ORG, "acme", name, {}),
        "rep_id": rep_id,
        **fields,
    }
    return Message(LEAD_ACTIONS, name, value)


HISTORY: tuple[Act, ...] = (
    (
        0.0,
        [
            *(_publication("rep", rep["rep_id"], {**rep, "name": rep["rep_id"]}) for rep in REPS),
            _publication("queue", "new", QUEUE),
            _publication(
                "group",
                "west",
                {"group_id": "west", "method": "round_robin", "members": REPS, "claim_window_seconds": 300},
            ),
            _publication("campaign", "west", {"campaign_id": "west", "group_id": "west"}),
        ],
    ),
    (60.0, [_arrival("offered", campaign="west"), _arrival("queued"), _arrival("lapsing", campaign="west")]),
    (
        20.0,
        [
            _action(1, "queued", "rep-7", "claim", queue_id="new"),
            _action(2, "queued", "rep-3", "claim", queue_id="new"),
            _action(3, "offered", "rep-3", "decline"),
            _arrival("queued"),
        ],
    ),
    (
        20.0,
        [
            _action(4, "offered", "rep-7", "accept"),
            _action(5, "queued", "rep-7", "callback", at=(START + timedelta(hours=3)).isoformat()),
            Message(DO_NOT_CONTACT, f"{ORG}/phone/+14014194247", {"reason": "asked us not to"}),
        ],
    ),
    (
        400.0,
        [
            _arrival("later", phone="+14014194247"),
            _publication("queue", "new", {**QUEUE, "inclusion": {"combinator": "and", "rules": []}}),
            _action(6, "offered", "rep-7", "outcome", outcome="closed_won"),
            _action(2, "queued", "rep-3", "claim", queue_id="new"),
        ],
    ),
)


@dataclass(frozen=True)
class Crash:
    """Kill the process whose step `after` was, as soon as that step is done.

    `late`: its requests that have not arrived by then arrive after it was started again; otherwise they are lost.
    """

    after: int
    late: bool = False


@dataclass
class Run:
    """One run of the history, with at most one crash. `owners`: whose each step was, in order."""

    database: Path
    processes: tuple[str, ...] = WITH_SINK
    crash: Crash | None = None
    owners: list[Owner] = field(default_factory=list)
    open_requests: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = Broker(START.timestamp())
        self.kafka = Kafka(self.broker)
        self.loop = StepLoop()
        self.loop.after_step = self._after_step
        self.ticks: dict[str, Ticks] = {}
        self.apps: dict[str, Any] = {}
        self.lives: dict[str, int] = defaultdict(int)

    def play(self) -> None:
        """Play the whole history, then let time pass until nothing is due any more."""
        with without_faust(self.kafka):
            for process in self.processes:
                self._start(process)
            for seconds, messages in HISTORY:
                self.broker.now += seconds
                for message in messages:
                    self._send(message)
                self._settle()
            self._let_time_pass()
            self.loop.end()
        if self.loop.failures:
            raise AssertionError("; ".join(self.loop.failures))

    def _start(self, process: str) -> None:
        life = self.lives[process] = self.lives[process] + 1
        if process == "sink":
            self.loop.start(process, life, run_sink(self.kafka, self.database))
            return
        ticks = self.ticks[process] = Ticks()
        app = self.apps[process] = start_app(self.kafka, ticks, relay=process == "relay")
        self.loop.start(process, life, app.run())

    def _after_step(self, owner: Owner) -> None:
        self.owners.append(owner)
        if self.crash is None:
            own_step = owner._replace(served=True)
            self.open_requests.append(self.loop.has_ready(own_step))
        elif self.loop.steps == self.crash.after and owner != NOBODY:
            self.loop.kill(owner.process, owner.life, with_requests=not self.crash.late)
            self._start(owner.process)

    def _send(self, message: Message) -> None:
        value = None if message.value is None else json.dumps(message.value).encode()
        key = message.key.encode()
        partition = 0 if message.topic == DO_NOT_CONTACT else partition_of(key)
        if message.topic == DIRECTORY:
            partition = 0
        self.kafka.append(message.topic, partition, [(key, value, [])])

    def _settle(self) -> None:
        """Take every step that can be taken now, and let timers look what is due until nothing is."""
        for _ in range(ROUNDS):
            self.loop.run_until_quiet()
            before = self._progress()
            for ticks in self.ticks.values():
                ticks.fire()
            self.loop.run_until_quiet()
            if self._progress() == before:
                return
        raise AssertionError("the history does not come to rest")

    def _progress(self) -> tuple[int, int]:
        return sum(map(len, self.broker.logs.values())), sum(self.lives.values())

    def _let_time_pass(self) -> None:
        for _ in range(ROUNDS):
            stages = {stage.name: stage for stage in self.apps["worker"].stages}
            partitions = [*stages["leads"].table.rows.partitions(), *stages["orgs"].table.rows.partitions()]
            due = [at for partition in partitions if (at := partition.deadlines.next_due()) is not None]
            if not due:
                self.broker.now += MONTH_SECONDS
                return
            self.broker.now = max(self.broker.now, min(due)) + 0.001
            self._settle()
        raise AssertionError("something is due for ever")

    # -- what the checks read ------------------------------------------------------------------------------------

    def cluster(self) -> Any:
        """Return this run as `tests.simulation.outcome` reads a cluster."""
        stages = {stage.name: stage for stage in self.apps["worker"].stages}
        worker = SimpleNamespace(
            owned=set(range(PARTITIONS)),
            rows=stages["leads"].table.rows,
            orgs=SimpleNamespace(stage=stages["orgs"]),
        )
        events = [
            decode_org_event(record.value or b"") for record in self.broker.logs[ORG_LOG, ORG_PARTITION]
        ]
        arrived = {event.lead_id for event in events if isinstance(event, PersonArrived)}
        return SimpleNamespace(broker=self.broker, workers=[worker], arrived=arrived)

    def public_messages(self) -> dict[str, list[Any]]:
        """Return what others were told: of each topic and key the messages in order, without our logs' offsets."""
        by_key: dict[str, list[Any]] = defaultdict(list)
        for topic in (LEAD_DECISIONS, ASSIGNMENTS, LEAD_EXCEPTIONS, QUEUE_CHANGES, NOTIFICATIONS):
            for partition in range(PARTITIONS):
                for record in self.broker.logs[topic, partition]:
                    value = json.loads(record.value) if record.value else None
                    by_key[f"{topic}/{record.key.decode()}"].append(value)
        return dict(by_key)

    def stored(self) -> dict[str, list[Any]]:
        """Return the rows of the CRM database by table, in a fixed order."""
        return rows_in(self.database)


def rows_in(database: Path) -> dict[str, list[Any]]:
    """Return the rows of an SQLite file by table, in a fixed order."""
    connection = sqlite3.connect(database)
    try:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type='table'")]
        return {
            table: sorted(connection.execute(f'select * from "{table}"'), key=repr)  # noqa: S608
            for table in tables
        }
    finally:
        connection.close()


def reset_database(template: Path, database: Path) -> Path:
    """Make a database an empty one again."""
    for old in database.parent.glob(f"{database.name}*"):
        old.unlink()
    return Path(shutil.copy(template, database))


def run_history(
    template: Path, folder: Path, processes: tuple[str, ...] = WITH_SINK, crash: Crash | None = None
) -> Run:
    """Run the history on a copy of an empty database."""
    run = Run(reset_database(template, folder / "crm.db"), processes, crash)
    run.play()
    return run
