"""Creates Faust apps with the settings that prevent data loss (docs/faust.md). Every app is created here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import faust
from faust.transport.drivers.aiokafka import Transport  # noqa: F401  # loaded before the patches look at it
from faust.types.web import HttpClientT
from yarl import URL

from streams import patches
from streams.membership_lease import Lease, lease_of
from streams.patches.message_delivery import ack_together, take_waiting
from streams.settings import Settings

SESSION_SECONDS: Final = 6.0
"""How long the group waits for a silent worker before it assigns the worker's partitions to another."""
HEARTBEAT_SECONDS: Final = 1.0
COMMIT_SECONDS: Final = 1.0
REQUEST_SECONDS: Final = 20.0
REBALANCE_SECONDS: Final = 20.0
METADATA_MS: Final = 3_000
"""How often clients refresh their metadata. A broker that has just started may not know its topics yet. A group that
joins then is assigned nothing, and the partition leaders stay unknown, until the next refresh. The default is five
minutes."""
MAX_POLL_RECORDS: Final = 500
UNBOUNDED_BUFFER: Final = 1_000_000
"""Faust's own buffer pressure stalls (docs/faust.md 17). `streams.patches` bounds the buffer instead."""
NEVER_SECONDS: Final = 1e9
"""Faust's livelock detector needs the monitor, which we remove, and is unreliable anyway (docs/faust.md 13)."""
BULK: Final = 100
"""Events an agent handles between two turns of the loop: about 5 ms of work, and one record batch per partition."""


class StageApp(faust.App):
    """A Faust app with its lease and its settings."""

    lease: Lease
    settings: Settings
    stages: list[Any]
    """The stages that this app runs, each an `agents.stage.Stage`."""
    commit_metadata: Callable[[Any, int], str] | None = None
    """Returns the metadata to commit with a partition's offset, such as a reader's watermark (`streams.patches`)."""

    def on_init_dependencies(self) -> Any:
        """Remove Faust's monitor: five calls per event for figures that are not used (ours: `streams.metrics`)."""
        services = super().on_init_dependencies()
        self.sensors.remove(self.monitor)
        return services

    def ack_together(self, events: list[Any]) -> None:
        """Mark the messages of events of one partition as handled, as `ack` of each does."""
        ack_together(self.consumer, [event.message for event in events])

    def every(
        self, seconds: float
    ) -> Callable[[Callable[[], Awaitable[None]]], Callable[[], Awaitable[None]]]:
        """Declare a function that runs again `seconds` after it has ended, from the app's start until its stop.

        Faust's own timer waits in a new task with a timeout each time. That was half of the work of an idle worker.
        """

        def declare(function: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
            async def repeat() -> None:
                while True:
                    await asyncio.sleep(seconds)
                    if self.should_stop:
                        return
                    await function()

            self.task(repeat, traced=False)
            return function

        return declare


def make_app(app_id: str, settings: Settings, *, instance_id: str | None = None) -> StageApp:
    """Return a Faust app for the stages of one process.

    `instance_id` makes it a static group member: nothing is rebalanced if it is back within the session
    timeout.
    """
    patches.apply()
    datadir = settings.state_dir / "faust" / app_id
    datadir.mkdir(parents=True, exist_ok=True)
    app = StageApp(
        app_id,
        broker=[URL(url) for url in settings.faust_broker().split(";")],
        broker_credentials=settings.faust_credentials(),
        datadir=str(datadir),
        store="memory://",
        processing_guarantee="at_least_once",
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication_factor,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        worker_redirect_stdouts=False,
        consumer_group_instance_id=instance_id,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_request_timeout=REQUEST_SECONDS,
        broker_rebalance_timeout=REBALANCE_SECONDS,
        broker_commit_interval=COMMIT_SECONDS,
        broker_max_poll_records=MAX_POLL_RECORDS,
        consumer_metadata_max_age_ms=METADATA_MS,
        producer_metadata_max_age_ms=METADATA_MS,
        producer_acks=-1,
        producer_request_timeout=REQUEST_SECONDS,
        stream_buffer_maxsize=UNBOUNDED_BUFFER,
        stream_wait_empty=True,
        stream_processing_timeout=NEVER_SECONDS,
        stream_recovery_delay=0.0,
        HttpClient=HttpClientT,  # the default is imported by its name, and nobody uses it (docs/faust.md 34)
    )
    app.lease = lease_of(app_id, SESSION_SECONDS)
    app.settings = settings
    app.stages = []
    return app


def raw_topic(app: StageApp, name: str, **options: Any) -> Any:
    """Return a topic whose records reach the agent as bytes. Our codec decodes them (docs/faust.md 7)."""
    return app.topic(
        name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", **options
    )


async def bulks(app: StageApp, stream: Any) -> AsyncIterator[list[Any]]:
    """Yield the events that have arrived at an agent, in order, up to `BULK` at a time. The caller acks them.

    Faust gives one event for each turn of the loop, and calls its sensors, locks and queues for each (faust.md 17).
    This function takes the first event that way and then the events queued behind it. A rebalance and a stop wait for
    the acks of what Faust tracks. The events of a partition are acked in order, so only its last one is tracked. Events
    from before a rebalance are dropped: the new owner of their partition receives them again.
    """
    queue = stream.channel.queue
    async for first in stream.noack().events():
        generation = app.consumer_generation_id
        bulk = [first] if first.message.generation_id == generation else []
        # This block does not await, so flow control cannot change in it.
        if app.flow_control.is_active():
            for message in take_waiting(queue, BULK - 1, generation, bulk):
                message.tracked = True
                app.consumer.track_message(message)
        yield bulk
