"""Estimates the broker's time for a worker, also if the worker's own clock is behind or ahead."""

import time
from datetime import datetime
from typing import Final

WINDOW_SECONDS: Final = 60.0
"""A record counts for one to two windows. Later it is forgotten, because the broker's clock may have been set back."""
EARLY_SECONDS: Final = 1.0
"""By how much an event may come before its deadline without our clock being called ahead."""
BEHIND_SECONDS: Final = 2.0
"""By how much records may be ahead of our clock without it being called behind. The clocks of several brokers differ a
little, and ours is then the better measure for each of them."""
_NEVER: Final = float("-inf")


class BrokerTime:
    """Keeps the newest times of records. Times are POSIX seconds.

    A record that was read at some moment was written before it, so the broker's time is not before the record's time
    and the seconds that have passed since it was read. Where our clock says clearly less, it is behind. Where the
    broker got an event of ours before its deadline, our clock is ahead. For `WINDOW_SECONDS` only the records count
    then, from that one on: earlier ones may have the time of a broker whose clock was ahead.

    A worker that has read nothing since its start goes by its own clock.
    """

    __slots__ = ("_newest_offset", "_offset_before", "_records_only_until", "_until")

    def __init__(self) -> None:
        # How much the broker's time is at least ahead of the monotonic clock, by the records of this window and the
        # one before.
        self._newest_offset = self._offset_before = _NEVER
        self._until = self._records_only_until = 0.0

    def note(self, timestamp: float) -> None:
        """Take the broker's time of a record that was just read."""
        now = time.monotonic()
        if now >= self._until:
            self._offset_before = self._newest_offset if now < self._until + WINDOW_SECONDS else _NEVER
            self._newest_offset, self._until = _NEVER, now + WINDOW_SECONDS
        offset = timestamp - now
        if offset > self._newest_offset:  # noqa: PLR1730  # a call of max for each record would cost more
            self._newest_offset = offset

    def note_due(self, due: datetime, timestamp: float) -> None:
        """Take the broker's time of a deadline's event that was just read. Before `due`, our clock is ahead."""
        if due.timestamp() - timestamp > EARLY_SECONDS:
            now = time.monotonic()
            self._records_only_until = now + WINDOW_SECONDS
            self._newest_offset, self._offset_before = timestamp - now, _NEVER

    def now(self) -> float:
        """Return our clock's time, or what the broker's time is at least if our clock is behind or ahead."""
        monotonic, own_time = time.monotonic(), time.time()
        least_time = max(self._newest_offset, self._offset_before) + monotonic
        return (
            least_time
            if monotonic < self._records_only_until or least_time > own_time + BEHIND_SECONDS
            else own_time
        )
