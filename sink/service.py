"""Runs `firstclaim sink`: a process that applies the journal to the CRM database. Several share the partitions.

The process may be killed at any moment, because all of its state is in the database. It starts while the database or
Kafka is still unreachable, reports that at `/ready`, and continues when both answer.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import structlog
import uvloop
from aiokafka.errors import KafkaError

from models.errors import ConfigError
from sink.calls import CallWriter
from sink.consumer import KAFKA, JournalReader, make_consumer
from sink.copied_topics import follow_copied
from sink.database_engine import connect
from sink.dead_letters import STAGE, DeadLetterWriter
from sink.deliveries import DeliveryWriter
from sink.migrate import upgrade
from sink.refused_arrivals import RefusedArrivalWriter
from sink.vendor_reports import ReportPublisher, publish_reports
from sink.writer import DATABASE, CrmWriter
from streams import metrics, trace_export
from streams.brake import Brake, make_brake
from streams.clients import producer as make_producer
from streams.clients import stop_consumer, stop_producer
from streams.garbage import keep_imports
from streams.http import serve
from streams.process_exit import ExitCode, leave
from streams.readiness import Readiness
from streams.settings import Settings
from streams.start_steps import StartSteps
from streams.stop_signals import stop_event
from streams.topics import provision

_log = structlog.get_logger(__name__)

MEASURE_S: Final = 2.0
"""How often the lag is measured and Kafka is checked."""
STOP_S: Final = 10.0
"""How long a stop waits for the current batch."""
LARGEST_REQUEST_BYTES: Final = 16 * 1024 * 1024
"""The largest request of the client. A dead letter is larger than its journal record, so the broker's limit applies
and not the client's."""
GC_THRESHOLDS: Final = (200_000, 20, 50)
"""Rows of a batch are acyclic and gone after it. With the default thresholds, collection takes a tenth of the sink's
time. A collection of everything comes after 200 million new objects, so nothing here may leave many cycles."""

SWITCH_S: Final = 0.0005
"""How long a thread runs Python while another waits for its turn. One thread makes the rows of the next batch, while
the one that stores has short turns between Postgres's answers. With Python's 5 ms Postgres waits for it that long, with
each answer."""


class Sink:
    """The process without signal handling. `instance_id` turns on static membership."""

    def __init__(self, settings: Settings, *, instance_id: str | None = None) -> None:
        self._settings = settings
        self._instance_id = instance_id
        self.readiness = Readiness()
        self.readiness.blocked("starting", "the process has just begun")

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return that the process is alive. Any answer shows that the event loop runs."""
        return True, {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Raises ConfigError where a retry cannot help."""
        settings = self._settings
        steps = StartSteps(settings, self.readiness, stop)
        brakes: list[Brake] = []

        async def brake() -> None:
            brakes.append(await make_brake(settings, (STAGE,)))

        # After a stop the next steps do not begin.
        prepared = (
            await steps.succeeds(DATABASE, lambda: asyncio.to_thread(upgrade, settings.database_url))
            and await steps.succeeds(KAFKA, lambda: provision(settings))
            and await steps.succeeds(KAFKA, brake)
        )
        if not prepared:
            return
        engine = connect(settings.database_url)
        producer = make_producer(settings, max_request_size=LARGEST_REQUEST_BYTES)
        consumer = make_consumer(settings, self._instance_id)
        writer = CrmWriter(engine, DeadLetterWriter(producer, asyncio.get_running_loop(), *brakes))
        reader = JournalReader(consumer, writer, self.readiness)
        try:
            if not (
                await steps.succeeds(KAFKA, producer.start) and await steps.succeeds(KAFKA, consumer.start)
            ):
                return
            self.readiness.cleared("starting")
            copied = (DeliveryWriter(engine), CallWriter(engine), RefusedArrivalWriter(engine))
            reports = ReportPublisher(engine, producer, asyncio.get_running_loop())
            companions = [follow_copied(settings, copying, self.readiness) for copying in copied]
            await _until(stop, reader, [*companions, publish_reports(reports, self.readiness)])
        finally:
            await stop_consumer(consumer)
            with contextlib.suppress(KafkaError):
                await stop_producer(producer)
            engine.dispose()


async def _until(
    stop: asyncio.Event, reader: JournalReader, companions: Sequence[Coroutine[Any, Any, None]]
) -> None:
    """Run the reader, what runs beside it and the measurements until `stop` is set. Raises what they raise."""
    reading = asyncio.create_task(reader.run(stop))
    others = [asyncio.create_task(coroutine) for coroutine in (*companions, _measure(reader))]
    stopping = asyncio.create_task(stop.wait())
    tasks: list[asyncio.Task[Any]] = [reading, stopping, *others]
    try:
        await asyncio.wait({reading, stopping, *others}, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            if other.done():
                other.result()
        await asyncio.wait({reading}, timeout=STOP_S)
        if reading.done():
            reading.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _measure(reader: JournalReader) -> None:
    while True:
        await reader.measure()
        await asyncio.sleep(MEASURE_S)


async def _serve(settings: Settings, port: int, instance_id: str | None) -> None:
    stop = stop_event("sink")
    sink = Sink(settings, instance_id=instance_id)
    for system in (KAFKA, DATABASE):
        metrics.SINK_RETRIES.labels(system)  # so that each has a 0 before the first one
    server = await serve(port, sink.health, sink.readiness.ready, metrics.render, host=settings.status_host)
    _log.info("sink serves", port=server.port)
    try:
        await sink.run(stop)
    finally:
        await server.stop()


def run(settings: Settings, *, port: int = 0, instance_id: str | None = None) -> None:
    """Run a sink until SIGTERM or SIGINT. Serves `/health`, `/ready` and `/metrics` at `port` (0: any free one).

    `instance_id` turns on static group membership; each running process needs its own. Exits with `ExitCode.CONFIG`
    where a setting or a topic is wrong.
    """
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    keep_imports(GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
    try:
        with trace_export.reporting("sink"):
            uvloop.run(_serve(settings, port, instance_id))
    except ConfigError as error:
        leave(ExitCode.CONFIG, error.field, error.reason)
