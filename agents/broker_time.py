"""Tells a worker the time by which the broker judges, also if the worker's own clock is behind or ahead."""

import time
from datetime import datetime
from typing import Final

WINDOW_SECONDS: Final = 60.0
"""After one to two of these an old record says nothing more, in case the broker's clock was set back."""
EARLY_SECONDS: Final = 1.0
"""By how much an event may come before its deadline without our clock being called ahead."""
_NEVER: Final = float("-inf")


class BrokerTime:
    """Keeps the newest times of records. Times are POSIX seconds.

    A record that was read at some moment was written before it, so the broker's time is not before the record's time
    and the seconds that have passed since it was read. Where our clock says less, it is behind. Where the broker got
    an event of ours before its deadline, our clock is ahead, and for `WINDOW_SECONDS` only the records count.
    """

    __slots__ = ("_before", "_newest", "_records_only_until", "_until")

    def __init__(self) -> None:
        # How much the broker's time is at least ahead of the monotonic clock, by the records of this window and the
        # one before.
        self._newest = self._before = _NEVER
        self._until = self._records_only_until = 0.0

    def note(self, timestamp: float) -> None:
        """Take the broker's time of a record that was just read."""
        now = time.monotonic()
        if now >= self._until:
            self._before = self._newest if now < self._until + WINDOW_SECONDS else _NEVER
            self._newest, self._until = _NEVER, now + WINDOW_SECONDS
        ahead = timestamp - now
        if ahead > self._newest:  # noqa: PLR1730  # a call of max for each record would cost more
            self._newest = ahead

    def note_due(self, due: datetime, timestamp: float) -> None:
        """Take the broker's time of a deadline's event. If it is before `due`, our clock is ahead."""
        if due.timestamp() - timestamp > EARLY_SECONDS:
            self._records_only_until = time.monotonic() + WINDOW_SECONDS

    def now(self) -> float:
        """Return our clock's time, or what the broker's time is at least if that is later or our clock is ahead."""
        monotonic = time.monotonic()
        least = max(self._newest, self._before) + monotonic
        return least if monotonic < self._records_only_until else max(time.time(), least)
