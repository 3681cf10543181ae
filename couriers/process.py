"""Runs `firstclaim courier --channel NAME` with health pages. It may be killed at any moment."""

import asyncio
import contextlib
import logging
from typing import Any, Final

import structlog
import uvloop
from aiokafka.errors import KafkaError

from couriers import metrics
from couriers.channels import check_of_single_process, group_of, opener, turn_group_of
from couriers.deliverer import DEFAULT_ORG, Deliverer
from couriers.directory import CourierDirectory
from couriers.fates import FateWriter
from couriers.gate import ProviderGate
from couriers.port import Channel, WatchesProvider
from couriers.request_reader import RequestReader, reader_consumer
from couriers.single_active import waiting_until_active
from models.errors import ConfigError, RuntimeFailure
from models.public import Fate, Notification
from streams import trace_export
from streams.clients import producer as make_producer
from streams.clients import stop_consumer, stop_producer
from streams.garbage import keep_imports
from streams.http import serve
from streams.metrics import render
from streams.process_exit import ExitCode, leave
from streams.readiness import Readiness
from streams.settings import Settings
from streams.start_steps import StartSteps
from streams.stop_signals import stop_event
from streams.topics import provision

_log = structlog.get_logger(__name__)

KAFKA: Final = "Kafka"
GC_THRESHOLDS: Final = (700, 10, 10)
"""Python's own. A refused request leaves its error, its retries and its connection in cycles. With fewer searches they
would hold more memory than all that a courier needs."""
LARGEST_REQUEST_BYTES: Final = 16 * 1024 * 1024
"""The largest request of the client. A dead letter is larger than its record, so the broker's limit applies."""


class Courier:
    """The process without signal handling. `instance_id` turns on static membership."""

    def __init__(self, settings: Settings, name: str, *, instance_id: str | None = None) -> None:
        self._settings = settings
        self._name = name
        self._open = opener(name)
        self._instance_id = instance_id
        self._fates: FateWriter | None = None
        self._fates_ready = asyncio.Event()
        self.readiness = Readiness()
        self.readiness.blocked("starting", "the process has just begun")

    def _steps(self, stop: asyncio.Event) -> StartSteps:
        return StartSteps(self._settings, self.readiness, stop)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return that the process is alive. Any answer shows that the event loop runs."""
        return True, {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Raises ConfigError where a retry cannot help."""
        check = check_of_single_process(self._name)
        if check is None:
            await self._work(stop)
            return
        check()
        if not await self._steps(stop).succeeds(KAFKA, lambda: provision(self._settings)):
            return
        group = turn_group_of(self._name)
        async with waiting_until_active(
            self._settings, group, self._instance_id, self.readiness, stop
        ) as losing_turn:
            if not stop.is_set():
                await _first_of(self._work(stop), losing_turn)

    async def _work(self, stop: asyncio.Event) -> None:
        async with self._open(self._settings, self._report) as channel:
            if not await self._steps(stop).succeeds(KAFKA, lambda: provision(self._settings)):
                return
            directory = CourierDirectory(self._settings)
            following = asyncio.create_task(directory.follow())
            try:
                await self._until_caught_up(directory, following, stop)
                if not stop.is_set():
                    await self._deliver(channel, directory, following, stop)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    async def _until_caught_up(
        self, directory: CourierDirectory, following: asyncio.Task[None], stop: asyncio.Event
    ) -> None:
        self.readiness.blocked("directory", "it is being read")
        waits = {asyncio.create_task(stop.wait()), asyncio.create_task(directory.caught_up.wait())}
        await asyncio.wait({following, *waits}, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if following.done():
            following.result()
        self.readiness.cleared("directory")

    async def _deliver(
        self,
        channel: Channel,
        directory: CourierDirectory,
        following: asyncio.Task[None],
        stop: asyncio.Event,
    ) -> None:
        producer = make_producer(self._settings, idempotent=False, max_request_size=LARGEST_REQUEST_BYTES)
        consumer = reader_consumer(self._settings, group_of(self._name), self._instance_id)
        up = metrics.PROVIDER_UP.labels(channel.name)
        up.set(1)

        def news(reason: str | None) -> None:
            up.set(reason is None)
            if reason is None:
                _log.info("the provider answers again", channel=self._name)
                self.readiness.cleared("provider")
            else:
                _log.warning("the provider is down", channel=self._name, reason=reason)
                self.readiness.blocked("provider", reason)

        if isinstance(channel, WatchesProvider):
            channel.tell_of_provider(news)
        try:
            steps = self._steps(stop)
            if not await steps.succeeds(KAFKA, producer.start):
                return
            self._fates = FateWriter(producer, channel.name)
            self._fates_ready.set()
            if not await steps.succeeds(KAFKA, consumer.start):
                return
            reader = RequestReader(self._settings, consumer, channel, self._fates, self.readiness)
            deliverer = Deliverer(channel, directory, self._fates, reader.finished, ProviderGate(news))
            self.readiness.cleared("starting")
            await _first_of(reader.run(deliverer, stop), following)
        finally:
            await stop_consumer(consumer)
            with contextlib.suppress(KafkaError):
                await stop_producer(producer)

    async def _report(self, notification: Notification, status: Fate, provider: str, detail: str) -> None:
        """Record a later fate. A telephone may ring again for a dead courier before this process can record fates."""
        await self._fates_ready.wait()
        assert self._fates is not None  # noqa: S101  # it was set before the event
        await self._fates.write(notification, notification.org or DEFAULT_ORG, status, provider, detail)


async def _first_of(work: Any, other: asyncio.Task[None]) -> None:
    """Run the work until it or the other task ends. The other task ends only with an exception."""
    running = asyncio.create_task(work)
    try:
        await asyncio.wait({running, other}, return_when=asyncio.FIRST_COMPLETED)
        if other.done():
            other.result()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _serve(settings: Settings, name: str, port: int, instance_id: str | None) -> None:
    stop = stop_event(f"courier {name}")
    courier = Courier(settings, name, instance_id=instance_id)
    server = await serve(port, courier.health, courier.readiness.ready, render, host=settings.status_host)
    _log.info("courier serves", channel=name, port=server.port)
    try:
        await courier.run(stop)
    finally:
        await server.stop()


def run(settings: Settings, *, channel: str, port: int = 0, instance_id: str | None = None) -> None:
    """Run a courier until SIGTERM or SIGINT. Serves `/health`, `/ready` and `/metrics` at `port` (0: any free one).

    `channel`: a name of `couriers.channels.NAMES`. `instance_id` turns on static group membership; each running process
    needs its own. Exits with `ExitCode.CONFIG` where a setting or a topic is wrong, and with `ExitCode.SOFTWARE` where
    our own code failed.
    """
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    keep_imports(GC_THRESHOLDS)
    try:
        with trace_export.reporting("courier"):
            uvloop.run(_serve(settings, channel, port, instance_id))
    except ConfigError as error:
        leave(ExitCode.CONFIG, error.field, error.reason)
    except (RuntimeFailure, KafkaError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  # the supervisor needs the reason
        _log.critical("our own code failed", channel=channel, exc_info=error)
        leave(ExitCode.SOFTWARE, f"courier {channel}", repr(error))
