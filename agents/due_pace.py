"""Bounds how many due deadlines or wakes are in a log and not yet decided, so that a claim never waits behind many.

Decision 29 has the reasons and figures.
"""

import asyncio
from typing import Final

from rules.deadlines import RETRY_SECONDS

MOST_UNDECIDED: Final = 100
"""How many deadline events may be appended and not yet decided while nothing else comes. A slow worker appends no
faster than it decides."""
MOST_BESIDE_OTHERS: Final = 25
"""The same while claims or other events come: about 5 ms of work, which a claim may wait for. It is also how many are
handled in each round through the log, however many claims come."""
OTHERS_SECONDS: Final = 1.0
"""How long after its last other event a worker expects another one."""


class DuePace:
    """Counts the events of deadlines, or of wakes, of one worker. Times are POSIX seconds (`BrokerTime.now`)."""

    def __init__(self) -> None:
        self._undecided = 0
        self._appended_at = 0.0
        self._others = False
        self._others_until = 0.0
        self._refill = asyncio.Event()

    def room(self, now: float) -> int:
        """Return how many events may be appended at `now`; 0 if none.

        What was appended RETRY_SECONDS ago counts no more: it was lost, or another worker decides it by now.
        """
        if abs(now - self._appended_at) >= RETRY_SECONDS:
            self._undecided = 0
        if self._others:
            self._others, self._others_until = False, now + OTHERS_SECONDS
        most = MOST_BESIDE_OTHERS if now < self._others_until <= now + OTHERS_SECONDS else MOST_UNDECIDED
        return max(0, most - self._undecided)

    def appended(self, now: float, count: int) -> None:
        """Count events that were appended at `now`."""
        if count:
            self._undecided += count
            self._appended_at = now

    def decided(self) -> None:
        """Count an event as decided. It may be another worker's."""
        self._undecided = max(0, self._undecided - 1)
        if self._undecided <= MOST_BESIDE_OTHERS // 2:
            self._refill.set()

    def other_decided(self) -> None:
        """Take note that an event was decided which is no deadline and no wake."""
        self._others = True

    def forget(self) -> None:
        """Count nothing any more: the partitions are revoked, and other workers may decide what was appended."""
        self._undecided = 0

    async def until_next(self) -> None:
        """Wait until so few events are undecided that the next ones should be on their way."""
        self._refill.clear()
        await self._refill.wait()
