"""What every stage is: agents that handle events in order, a writer, and acks that wait for what was written."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from mode.supervisors import CrashingSupervisor

from streams.app import StageApp, bulks, raw_topic
from streams.brake import Brake
from streams.clients import partition_of
from streams.dead_letter_reading import FATAL_ERROR
from streams.dead_letters import bury
from streams.journal import Acker, JournalWriter, Receipt
from streams.metrics import EVENTS
from streams.unreadable import StandIn, Unreadable

Handle = Callable[[Any], None]

PLACES: Final = 4_096
"""Keys whose partition is remembered: every org, and the leads that people are at just now."""


class Stage:
    """One stage of an app. `name`: in metrics and dead letters, and, of its first agent, in Faust.

    `brake`: the process sets it before the first event.
    """

    name = ""
    brake: Brake | None = None

    def __init__(self, app: StageApp, name: str) -> None:
        self.app = app
        self.name = name
        self.partitions = app.settings.partitions
        self.acker = Acker()
        self.writer = JournalWriter(app.settings, lease=app.lease)
        self.topics: set[str] = set()
        app.stages.append(self)
        app.on_partitions_revoked.connect(self.revoked)

    def read(self, topic: str, handle: Handle, *, name: str | None = None) -> None:
        """Attach the agent of a topic: events are handled in order, and nothing is awaited for any of them."""
        handled = EVENTS.labels(stage=self.name)

        async def run(stream: Any) -> None:
            async for events in bulks(self.app, stream):
                for event in events:
                    if isinstance(event.message.value, StandIn):
                        self.passed(event)
                    else:
                        handle(event)
                handled.inc(len(events))
                await self.writer.room()

        source = raw_topic(self.app, topic)
        self.topics.add(source.get_topic_name())
        self.app.agent(source, name=name or self.name, supervisor_strategy=CrashingSupervisor)(run)

    def bury(self, message: Any, error_class: str, reason: str, receipt: Receipt | None) -> None:
        """Write a message that cannot be handled to `dead-letters`; too many faults of our own end the process."""
        if error_class == FATAL_ERROR and self.brake is not None:
            self.brake.failed(self.name, reason, message)
        bury(self.writer, message, error_class, reason, self.partitions, receipt, stage=self.name)

    def passed(self, event: Any) -> None:
        """Pass offsets without a record for us; what could not be read there is buried first."""
        message = event.message
        receipt = self.acker.take(event)
        if isinstance(message.value, Unreadable):
            said = message.value
            self.bury(message, said.error_class, said.reason, receipt)
        receipt.settle()

    def place(self, key: bytes) -> int:
        """Return the partition of a key, as Java computes it."""
        return _partition(key, self.partitions)

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Let partitions go only when what came of their events is durable."""
        await self.writer.settled()
        self.acker = Acker()


_partition = lru_cache(PLACES)(partition_of)
