"""Bounds how many due deadlines are in a log and not yet decided, so that a claim never waits behind thousands."""

from typing import Final

from rules.deadlines import RETRY_SECONDS

MOST_UNDECIDED: Final = 100
"""How many deadline events may be appended and not yet decided: about 15 ms of work. A slow worker appends no faster
than it decides. With a look every 20 ms, up to 5,000 deadlines a second are handled."""


class DuePace:
    """Counts the deadline events of one worker. Times are POSIX seconds by the worker's clock."""

    def __init__(self) -> None:
        self._undecided = 0
        self._appended_at = 0.0

    def room(self, now: float) -> int:
        """Return how many events may be appended at `now`.

        What was appended RETRY_SECONDS ago counts no more: it was lost, or another worker decides it by now.
        """
        if abs(now - self._appended_at) >= RETRY_SECONDS:
            self._undecided = 0
        return MOST_UNDECIDED - self._undecided

    def appended(self, now: float, count: int) -> None:
        """Count events that were appended at `now`."""
        if count:
            self._undecided += count
            self._appended_at = now

    def decided(self) -> None:
        """Count an event as decided. It may be another worker's."""
        self._undecided = max(0, self._undecided - 1)
