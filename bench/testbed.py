"""Runs the cluster for a measurement: a local Kafka in a temporary folder, on free ports, removed at the end.

If `KAFKA_BOOTSTRAP_SERVERS` names a cluster, that one is measured. It must not have any of our topics before, so that
real leads are never mixed with generated ones. The topics are deleted at the end; consumer groups expire by themselves.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from aiokafka.admin import NewTopic
from aiokafka.errors import for_code

from models.errors import ConfigError, StartFailed
from runtime import ChildProcess, LocalStack, ValkeyServer
from runtime.own_folder import own_folder
from runtime.process import free_port, wait_until
from streams import clients, compiled_core
from streams.settings import Settings
from streams.topics import BY_NAME, LEAD_JOURNAL, TOPICS, provision

PARTITIONS: Final = 4
READY_SECONDS: Final = 120.0
"""A process that is not ready within this time has failed. Recovery of a full table takes less."""
APPEND_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
"""The broker's clock gives the time at which a record was durable, the same for every contestant."""

_ROOT: Final = Path(__file__).parents[1]

Say = Callable[[str], None]


def ignore_progress(_: str) -> None:
    """Ignore a progress message."""


@dataclass
class Testbed:
    """A broker with our topics, and the processes that use it. `topics`: created for peers, deleted at the end."""

    settings: Settings
    folder: Path
    topics: list[str] = field(default_factory=list)
    children: list[ChildProcess] = field(default_factory=list)

    def child(
        self,
        name: str,
        module: str,
        *arguments: str,
        ready: bool = False,
        option: str | None = None,
        core: str | None = None,
    ) -> ChildProcess:
        """Return a process that runs `python -m module arguments`, not yet started.

        `ready`: it is one of ours and serves `/ready`. Its port is the first argument, or the value of `option`.
        `core`: what it does with the compiled core (`streams.compiled_core`); None: as this process' environment says.
        """
        port = free_port() if ready else 0
        first, last = ([str(port)], []) if option is None else ([], [option, str(port)])
        argv = [sys.executable, "-m", module, *(first if ready else []), *arguments, *last]
        child = ChildProcess(
            name,
            argv,
            self.folder / f"{name}.log",
            environment=self.environment(
                {
                    "FIRSTCLAIM_STATE_DIR": str(self.folder / name),
                    **({} if core is None else {compiled_core.VARIABLE: core}),
                }
            ),
            ready_url=f"http://127.0.0.1:{port}/ready" if ready else None,
        )
        self.children.append(child)
        return child

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the environment that a child process needs to find this cluster and this code."""
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            **self.settings.environment(),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            **more,
        }

    async def create(self, *names: str, config: Mapping[str, str] = APPEND_TIME) -> None:
        """Create topics with as many partitions as ours; raises the broker's error."""
        async with _admin(self.settings) as admin:
            new = [
                NewTopic(
                    name,
                    self.settings.partitions,
                    self.settings.replication_factor,
                    topic_configs=dict(config),
                )
                for name in names
            ]
            answer = await admin.create_topics(new)
        for _, code, *_ in answer.topic_errors:
            if code:
                raise for_code(code)
        self.topics.extend(names)


def start_when_ready(child: ChildProcess, seconds: float = READY_SECONDS) -> ChildProcess:
    """Start a process and return it once it is ready. Raises StartFailed with the end of its log."""
    child.launch()
    ready = wait_until(lambda: child.ready() or child.pid is None, seconds)
    if not ready or child.pid is None:
        raise StartFailed(child.name, f"is not ready{child.log_tail()}")
    return child


@contextlib.contextmanager
def open_testbed(
    settings: Settings | None = None,
    *,
    partitions: int = PARTITIONS,
    valkey: bool = False,
    say: Say = ignore_progress,
) -> Iterator[Testbed]:
    """Yield a testbed with our topics provisioned; stop and remove everything at the end.

    `settings`: a cluster to measure instead of a local one, if they name it. There the journal gets the broker's
    timestamps, which only the measurement reads. `valkey`: always start a separate Valkey, so that no other board is
    touched.
    """
    with (
        ends_in_order(),
        own_folder("bench") as folder,
    ):
        folder.chmod(0o711)
        original = Settings.read() if settings is None else settings
        base = original.model_copy(update={"state_dir": folder, "partitions": partitions})
        foreign = base.given("kafka_bootstrap_servers")
        say("using the Kafka at " + base.kafka_bootstrap_servers if foreign else "starting a Kafka")
        with (
            LocalStack(folder, settings=base, valkey=False) as ready,
            ValkeyServer(folder / "valkey") if valkey else contextlib.nullcontext() as own,
        ):
            testbed = Testbed(ready.model_copy(update={"redis_url": own.url}) if own else ready, folder)
            try:
                asyncio.run(_prepare(testbed))
                yield testbed
            finally:
                for child in reversed(testbed.children):
                    child.stop()
                if foreign:
                    asyncio.run(_remove(testbed))


@contextlib.contextmanager
def ends_in_order() -> Iterator[None]:
    """Make SIGTERM end this process as ^C does, through every `finally`, so that nothing is left over."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return

    def end(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _prepare(testbed: Testbed) -> None:
    async with _admin(testbed.settings) as admin:
        own_topics = sorted(set(await admin.list_topics()) & BY_NAME.keys())
    if own_topics:
        reason = f"is used by firstclaim (topic {own_topics[0]}); a measurement needs its own cluster"
        raise ConfigError("KAFKA_BOOTSTRAP_SERVERS", reason)
    await testbed.create(LEAD_JOURNAL, config={**BY_NAME[LEAD_JOURNAL].config, **APPEND_TIME})
    testbed.topics.extend(topic.name for topic in TOPICS if topic.name != LEAD_JOURNAL)
    await provision(testbed.settings)


async def _remove(testbed: Testbed) -> None:
    async with _admin(testbed.settings) as admin:
        topics = await admin.list_topics()
        await admin.delete_topics([name for name in testbed.topics if name in topics])


@contextlib.asynccontextmanager
async def _admin(settings: Settings) -> Any:
    admin = clients.admin(settings)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
