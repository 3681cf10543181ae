"""Defines the base of every stage: agents handle events in order, and acks wait until all records are durable."""

from collections.abc import Awaitable, Callable
from typing import Any

from mode.supervisors import CrashingSupervisor

from agents.broker_time import BrokerTime
from streams.app import StageApp, bulks, raw_topic
from streams.brake import Brake
from streams.clients import cached_partition_of
from streams.dead_letter_reading import FATAL_ERROR
from streams.dead_letters import write_dead_letter
from streams.journal import JournalWriter
from streams.metrics import EVENTS
from streams.receipts import Acker, Receipt
from streams.unreadable import StandIn, Unreadable


class Stage:
    """One stage of an app. `name`: its name in metrics and dead letters.

    `brake`: the process sets it before the first event.
    """

    name = ""
    brake: Brake | None = None

    def __init__(self, app: StageApp, name: str) -> None:
        self.app = app
        self.name = name
        self.partitions = app.settings.partitions
        self.acker = Acker(app.ack_together)
        self.writer = JournalWriter(app.settings, lease=app.lease)
        self.topics: set[str] = set()
        app.stages.append(self)
        app.on_partitions_revoked.connect(self.revoked)

    def agent(self, topic: str, *, name: str | None = None) -> "Callable[[AgentFunction], AgentFunction]":
        """Declare the agent of a topic, as `@app.agent` does. The function gets the topic's `EventStream`.

        An error that leaves the function ends the process. The event is not acked, so it is read again.
        """
        source = raw_topic(self.app, topic)
        self.topics.add(source.get_topic_name())

        def declare(function: AgentFunction) -> AgentFunction:
            async def run(stream: Any) -> None:
                await function(EventStream(self, stream))

            self.app.agent(source, name=name or self.name, supervisor_strategy=CrashingSupervisor)(run)
            return function

        return declare

    @property
    def rebalancing(self) -> bool:
        """Whether a rebalance or a recovery is running. The stage decides nothing until it ends."""
        return bool(self.app.rebalancing or self.app.in_recovery)

    def assigned_partitions(self, topic: str) -> set[int]:
        """Return our partitions of a topic."""
        return {tp.partition for tp in self.app.assignor.assigned_actives() if tp.topic == topic}

    def write_dead_letter(self, message: Any, error_class: str, reason: str, receipt: Receipt | None) -> None:
        """Write a message that cannot be handled to `dead-letters`; too many failures of our code end the process."""
        if error_class == FATAL_ERROR and self.brake is not None:
            self.brake.failed(self.name, reason, message)
        write_dead_letter(
            self.writer, message, error_class, reason, self.partitions, receipt, stage=self.name
        )

    def pass_over(self, event: Any) -> None:
        """Ack offsets that have no record for us. Unreadable data there is written to the dead letters first."""
        message = event.message
        receipt = self.acker.take(event)
        if isinstance(message.value, Unreadable):
            unreadable = message.value
            self.write_dead_letter(message, unreadable.error_class, unreadable.reason, receipt)
        receipt.settle()

    def partition_of(self, key: bytes) -> int:
        """Return the partition of a key, as Java's client computes it."""
        return cached_partition_of(key, self.partitions)

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Make the records of the revoked partitions' events durable before the partitions are released."""
        await self.writer.settled()
        self.acker.forget()


class EventStream:
    """The input of an agent: a Faust stream whose events come in batches (`streams.app.bulks`)."""

    def __init__(self, stage: Stage, stream: Any) -> None:
        self._stage = stage
        self._stream = stream

    async def handle(self, handle: Callable[[Any], None], *, broker_time: BrokerTime | None = None) -> None:
        """Call `handle` for each event in order, until cancelled. It acks the event with a receipt of the stage.

        `broker_time` learns the time of each batch's last event, before the batch is handled. After each batch of at
        most `streams.app.BULK` events this waits until the writer has room. There is no await between two events of a
        batch.
        """
        stage = self._stage
        handled = EVENTS.labels(stage=stage.name)
        async for batch in bulks(stage.app, self._stream):
            if broker_time is not None and batch:
                last = batch[-1].message
                if not isinstance(last.value, StandIn):
                    broker_time.note(last.timestamp)
            for event in batch:
                if isinstance(event.message.value, StandIn):
                    stage.pass_over(event)
                else:
                    handle(event)
            handled.inc(len(batch))
            await stage.writer.room()


AgentFunction = Callable[[EventStream], Awaitable[None]]
