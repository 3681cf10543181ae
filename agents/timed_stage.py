"""Defines the base of stages whose rows have due times. It appends an event to the log for each deadline or wake."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from agents.broker_time import BrokerTime
from agents.due_pace import DuePace
from agents.stage import Stage
from rules.deadlines import TimedPartition, due_events
from streams.app import StageApp


class TimedStage(Stage, ABC):
    """A stage that appends an event for what is due to its own log, no faster than it decides them (`DuePace`)."""

    def __init__(self, app: StageApp, name: str) -> None:
        super().__init__(app, name)
        self.due_pace = DuePace()
        self.broker_time = BrokerTime()

    @abstractmethod
    def timed_partitions(self) -> Iterable[TimedPartition]:
        """Return the partitions whose rows have due times."""

    @abstractmethod
    def append(self, partition: int, event: Any) -> None:
        """Append an event to the stage's own log."""

    def append_due(self, now: float) -> int:
        """Append an event for each row that is due at `now` (POSIX seconds); return their number.

        No more are appended and not yet decided than `DuePace` allows.
        """
        pace, count = self.due_pace, 0
        room = pace.room(now)
        moving, rooms = [], []
        for timed in self.timed_partitions():
            stuck_room = pace.room_of_stuck(timed.partition)
            if stuck_room is None:
                moving.append(timed)
            else:
                rooms.append(([timed], stuck_room))
        for partitions, limit in ((moving, room), *rooms):
            for partition, event in due_events(partitions, now, limit):
                self.append(partition, event)
                pace.appended(partition, now)
                count += 1
        return count

    def append_due_now(self) -> None:
        """Append what is due, unless this worker may not write.

        Between a revocation and the end of the next recovery it appends nothing.
        """
        if not self.rebalancing and self.app.lease.fresh:
            self.append_due(self.broker_time.now())

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Make the records of the revoked partitions' events durable, and wait for no due event of theirs any more."""
        await super().revoked()
        self.due_pace.forget()

    async def append_next_due(self) -> None:
        """Append what is due as soon as most of the events on their way are decided."""
        while True:
            await self.due_pace.until_next()
            self.append_due_now()
