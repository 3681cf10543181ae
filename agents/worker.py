"""Runs a worker process: one Faust app with its stages, a health page for the supervisor, and a clean stop."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn

import structlog
import uvloop

from agents import intake, leads, org_relay, orgs, relay
from agents.lag import LagMeter
from agents.sender_terms import SenderTerms
from models.errors import ConfigError, FirstclaimError, RuntimeFailure
from streams import compiled_core, trace_export
from streams.app import StageApp, make_app
from streams.brake import Brake, make_brake
from streams.erasure_key import own_key
from streams.garbage import keep_imports
from streams.http import serve
from streams.journal import JournalWriter
from streams.kafka_refusals import refusal_of
from streams.metrics import COMPILED_MODULES, render
from streams.patches.consumer_access import crash_event, group_refusal
from streams.process_exit import ExitCode, leave
from streams.retries import START_WORKER
from streams.settings import Settings
from streams.stage_table import JournalTable, OrgTable
from streams.stop_signals import stop_event
from streams.topics import provision

_log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 12.0
"""How long a stop may take. After that the process ends anyway, and events that are not acked are read again.

Without Kafka, Faust's stop does not end."""
TICK_SECONDS: Final = 0.25
STALLED_SECONDS: Final = 5.0
"""A loop that has not ticked for this long is not ready, whatever its heartbeats report (docs/faust.md 13)."""
STUCK_SECONDS: Final = 180.0
"""How long a process may make no progress. It is longer than a broker's restart. A recovery makes progress while it
reads, however long it takes."""
GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Rows are acyclic and long-lived. With the default thresholds, collection takes a tenth of a worker's time."""
SWITCH_S: Final = 0.0005
"""How long a thread runs Python while the loop waits for its turn: the exporter of traces, and Python's executors.
Python's default is 5 ms."""


def worker_stages(app: StageApp) -> list[JournalWriter]:
    """Attach the stages of `firstclaim worker`; return their writers."""
    return [stage.attach(app).writer for stage in (intake, leads, orgs)]


def relay_stages(app: StageApp) -> list[JournalWriter]:
    """Attach the stages of `firstclaim relay`; return their writers."""
    return [stage.attach(app).writer for stage in (relay, org_relay)]


Stages = Callable[[StageApp], list[JournalWriter]]


class Patience:
    """Measures how long a process has waited (to start, for partitions, for rows) without progress."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._progress = 0

    def is_over(self, now: float, *, waits: bool, progress: int) -> bool:
        """Tell whether it has waited too long at `now`. `progress`: a number that grows with any progress."""
        if not waits:
            self._since = None
        elif self._since is None or progress != self._progress:
            self._since, self._progress = now, progress
        return self._since is not None and now - self._since > self._seconds


class Health:
    """Tells whether the process is alive and ready: no rebalance, no recovery, and the loop and the lease are fresh."""

    def __init__(self, app: StageApp) -> None:
        self._app = app
        self._ticked = asyncio.get_running_loop().time()
        self._patience = Patience(STUCK_SECONDS)
        self.started = False
        self.stopping = False

    async def tick(self) -> None:
        """Record that the event loop runs. A process without progress ends, and its supervisor restarts it."""
        loop, app = asyncio.get_running_loop(), self._app
        while True:
            self._ticked = loop.time()
            app.lease.tick()
            if refusal := refusal_of(app.settings, group_refusal(app)):
                leave(ExitCode.CONFIG, refusal.field, refusal.reason)
            waits = not self.stopping and (not self.started or app.rebalancing or app.in_recovery)
            rows = sum(
                len(table.rows) for table in app.tables.values() if isinstance(table, JournalTable | OrgTable)
            )
            if self._patience.is_over(self._ticked, waits=bool(waits), progress=rows):
                leave(
                    ExitCode.SOFTWARE, "worker", f"got nowhere for {STUCK_SECONDS:.0f} s: {self.ready()[1]}"
                )
            await asyncio.sleep(TICK_SECONDS)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Tell whether the event loop runs."""
        age = asyncio.get_running_loop().time() - self._ticked
        return age < STALLED_SECONDS, {"loop_age_seconds": round(age, 3)}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Tell whether events are being handled now, and if not, why."""
        app = self._app
        alive, details = self.health()
        reasons = {
            "starting": not self.started,
            "stopping": self.stopping,
            "rebalancing": app.rebalancing,
            "in_recovery": app.in_recovery,
            "unassigned": bool(getattr(app, "unassigned", False)),
            "loop_stalled": not alive,
            "lease_stale": not app.lease.fresh,
        }
        blocking = [name for name, true in reasons.items() if true]
        return not blocking, {**details, "not_ready": blocking, "lease_age_seconds": round(app.lease.age, 3)}


async def _provisioned(settings: Settings) -> Settings:
    """Check the topics as soon as Kafka is reachable."""
    return await START_WORKER.run(RuntimeFailure, "check the topics", lambda: provision(settings))


async def _brake(settings: Settings, stages: list[str]) -> Brake:
    """Return the brake of the process, with the recent dead letters of its stages. It waits for Kafka."""
    return await START_WORKER.run(
        RuntimeFailure, "read the recent dead letters", lambda: make_brake(settings, stages)
    )


def _end(settings: Settings, group: str, failure: str, error: BaseException | None) -> NoReturn:
    """End the process after a failure of Faust, with `ExitCode.CONFIG` if Kafka refuses the client."""
    if refusal := refusal_of(settings, error):
        leave(ExitCode.CONFIG, refusal.field, refusal.reason)
    leave(ExitCode.SOFTWARE, group, f"the stage {failure}: {error!r}")


async def _sender_terms(settings: Settings, app: StageApp) -> list[asyncio.Task[None]]:
    """Pass the erasure key and each org's requirements for senders to intake; return the tasks that follow them."""
    intakes = [stage for stage in app.stages if isinstance(stage, intake.IntakeStage)]
    if not intakes:
        return []
    key = own_key(settings)
    for stage in intakes:
        stage.erasure_key = key
    terms = SenderTerms(settings)
    following = await terms.start()
    for stage in intakes:
        stage.authority = terms.authority
        stage.claim_limits = terms.claim_limits
    return [following]


async def _start(writers: list[JournalWriter]) -> None:
    """Connect the writers."""
    await asyncio.gather(*(writer.start() for writer in writers))


class StatusPages:
    """What the status pages say. Before the app exists, they name the step of the start that waits for Kafka."""

    def __init__(self) -> None:
        self.step = "check the topics"
        self.health: Health | None = None

    def alive(self) -> tuple[bool, dict[str, Any]]:
        """Tell whether the event loop runs. Before the app exists, any answer shows that."""
        return (True, {}) if self.health is None else self.health.health()

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Tell whether events are being handled now, and if not, why."""
        if self.health is None:
            return False, {"not_ready": ["starting"], "waits_for": f"Kafka, to {self.step}"}
        return self.health.ready()


async def _serve(settings: Settings, group: str, stages: Stages, port: int, instance_id: str | None) -> None:
    pages = StatusPages()
    server = await serve(port, pages.alive, pages.ready, render, host=settings.status_host)
    settings = await _provisioned(settings)
    pages.step = "read the directory and the recent dead letters"
    app = make_app(group, settings, instance_id=instance_id)
    writers = stages(app)
    # None of these needs another one, and all are done before the first event.
    brake, following, _ = await asyncio.gather(
        _brake(settings, [stage.name for stage in app.stages]),
        _sender_terms(settings, app),
        _start(writers),
    )
    for stage in app.stages:
        stage.brake = brake
    stop = stop_event(group, STOP_SECONDS)
    pages.health = health = Health(app)
    ticker = asyncio.create_task(health.tick())
    app.finalize()
    try:
        await app.start()
    except Exception as error:  # noqa: BLE001  # after any error: what has started would keep a failed process alive
        _end(settings, group, "could not start", error)
    health.started = True
    measuring = asyncio.create_task(LagMeter(app).follow())
    crashed = asyncio.create_task(crash_event(app).wait())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({crashed, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if crashed.done():
        _end(settings, group, "crashed", app.crash_reason)
    health.stopping = True
    for task in (measuring, *following):
        task.cancel()
    await app.stop()
    for writer in writers:
        await writer.stop()
    ticker.cancel()
    await server.stop()


def run(
    settings: Settings,
    *,
    group: str,
    stages: Stages,
    port: int = 0,
    instance_id: str | None = None,
) -> None:
    """Run stages until they are stopped (SIGTERM, SIGINT) or cannot continue (`streams.process_exit.ExitCode`).

    `port` 0: any free one. `instance_id`: static group membership; one name for one running process.
    """
    for name in ("aiokafka", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.WARNING)
    keep_imports(GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
    core = compiled_core.running()
    COMPILED_MODULES.set(core.modules)
    _log.info(
        "starting",
        group=group,
        host=socket.gethostname(),
        instance_id=instance_id,
        core=core.name,
        why_interpreted=core.reason or None,
    )
    try:
        with trace_export.reporting(group.removeprefix("firstclaim-")):
            uvloop.run(_serve(settings, group, stages, port, instance_id))
    except ConfigError as error:
        leave(ExitCode.CONFIG, error.field, error.reason)
    except FirstclaimError as error:
        leave(ExitCode.SOFTWARE, group, str(error))
