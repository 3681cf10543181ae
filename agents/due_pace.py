"""Bounds how many undecided deadlines or wakes are in a log, so that a claim never waits behind many of them.

Decision 29 has the reasons and figures.
"""

import asyncio
from typing import Final

from rules.deadlines import RETRY_SECONDS

MAX_UNDECIDED: Final = 100
"""How many deadline events may be appended and not yet decided while nothing else comes. A slow worker appends no
faster than it decides."""
MAX_BESIDE_OTHERS: Final = 25
"""The same while claims or other events come: about 5 ms of work, which a claim may wait for. It is also how many are
handled in each round through the log, however many claims come."""
STUCK_SECONDS: Final = 1.0
"""A partition that has decided none of its due events for so long is far behind in its log."""
OTHERS_SECONDS: Final = 1.0
"""How long after its last other event a worker expects another one."""


class _UndecidedDue:
    """The due events of one partition that were appended and are not decided.

    `since`: when the first of them was appended, or when a decision was last seen.
    """

    __slots__ = ("has_moved", "is_stuck", "since", "undecided")

    def __init__(self) -> None:
        self.undecided = 0
        self.since = 0.0
        self.has_moved = self.is_stuck = False

    def look(self, now: float) -> None:
        """Find out whether the partition decides its due events."""
        if self.has_moved:
            self.has_moved, self.since = False, now
        elapsed = abs(now - self.since)
        if elapsed >= RETRY_SECONDS:
            self.undecided = 0
        self.is_stuck = self.undecided > 0 and elapsed >= STUCK_SECONDS


class DuePace:
    """Counts the due events of one worker, by partition. Times are POSIX seconds (`BrokerTime.now`).

    A partition whose log is far behind decides none for a while. Then it has a room of its own, and what it got does
    not keep the other partitions waiting.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, _UndecidedDue] = {}
        self._others = False
        self._others_until = 0.0
        self._limit = MAX_UNDECIDED
        self._refill = asyncio.Event()

    def room(self, now: float) -> int:
        """Return how many events may be appended at `now` to all partitions that are not stuck; 0 if none.

        What was appended RETRY_SECONDS ago counts no more: it was lost, or another worker decides it by now.
        """
        for partition in self._partitions.values():
            partition.look(now)
        if self._others:
            self._others, self._others_until = False, now + OTHERS_SECONDS
        are_expected = now < self._others_until <= now + OTHERS_SECONDS
        self._limit = MAX_BESIDE_OTHERS if are_expected else MAX_UNDECIDED
        return max(0, self._limit - self._undecided())

    def room_of_stuck(self, partition: int) -> int | None:
        """Return how many events may be appended to a stuck partition, None if it is not stuck; as of `room`."""
        undecided_due = self._partitions.get(partition)
        return (
            max(0, self._limit - undecided_due.undecided)
            if undecided_due is not None and undecided_due.is_stuck
            else None
        )

    def appended(self, partition: int, now: float, count: int = 1) -> None:
        """Count events that were appended to a partition at `now`."""
        undecided_due = self._partitions.setdefault(partition, _UndecidedDue())
        if undecided_due.undecided == 0:
            undecided_due.since, undecided_due.has_moved = now, False
        undecided_due.undecided += count

    def decided(self, partition: int) -> None:
        """Count an event of a partition as decided. It may be another worker's."""
        undecided_due = self._partitions.get(partition)
        if undecided_due is not None:
            undecided_due.undecided, undecided_due.has_moved = max(0, undecided_due.undecided - 1), True
        if self._undecided() <= MAX_BESIDE_OTHERS // 2:
            self._refill.set()

    def other_decided(self) -> None:
        """Take note that an event was decided which is no deadline and no wake."""
        self._others = True

    def forget(self) -> None:
        """Count nothing any more: the partitions are revoked, and other workers may decide what was appended."""
        self._partitions.clear()

    async def until_next(self) -> None:
        """Wait until so few events are undecided that the next ones should be on their way."""
        self._refill.clear()
        await self._refill.wait()

    def _undecided(self) -> int:
        return sum(partition.undecided for partition in self._partitions.values() if not partition.is_stuck)
