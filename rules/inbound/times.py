"""Replaces impossible times. A wrong time of a record or a vendor must not lose a lead or date it to 1970."""

from datetime import UTC, datetime, timedelta
from typing import Final

FIRST_RECORD: Final = datetime(2011, 1, 1, tzinfo=UTC)
"""Kafka is not older, so a record that claims to be has its time in seconds, or none."""
FIRST_LEAD: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""No vendor made a lead before; the epoch of a clock (1970, 1904, 1900) is a time that was not set."""
CLOCK_SKEW: Final = timedelta(days=1)
"""How far a time may lie in the future: clocks differ, and a time without an offset may be of any zone."""


def record_time(timestamp: float | None, now: datetime) -> datetime:
    """Return when a record arrived: its timestamp in seconds, or `now` if that time is impossible.

    A topic made by others, or before its timestamps were the broker's, holds what the clients wrote: seconds or
    microseconds for milliseconds, nothing, or a time that is not there yet.
    """
    if timestamp is None or not FIRST_RECORD.timestamp() <= timestamp <= (now + CLOCK_SKEW).timestamp():
        return now
    return datetime.fromtimestamp(timestamp, UTC)


def may_be_created(created_at: datetime, arrived_at: datetime) -> bool:
    """Say whether a lead that arrived then can have been created at `created_at`."""
    return FIRST_LEAD <= created_at <= arrived_at + CLOCK_SKEW
