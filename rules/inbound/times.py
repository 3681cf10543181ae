"""Replaces impossible times. A wrong time of a record or a vendor must not lose a lead or date it to 1970."""

from datetime import UTC, datetime, timedelta
from typing import Final

FIRST_RECORD: Final = datetime(2011, 1, 1, tzinfo=UTC)
"""Kafka did not exist before, so an earlier timestamp is in seconds instead of milliseconds, or is not set."""
FIRST_LEAD: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""No vendor created a lead before. An earlier time (1970, 1904, 1900) is the epoch of a clock and means "not set"."""
RECORD_SKEW: Final = timedelta(days=1)
"""How far a record's time may lie in the future."""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far a vendor's clock may be ahead of ours. A later time is doubted (reading C2)."""


def record_time(timestamp: float | None, now: datetime) -> datetime:
    """Return when a record arrived: its timestamp in seconds, or `now` if that time is impossible.

    If others created the topic, or if records predate its use of the broker's timestamps, it holds the clients'
    timestamps. These may be seconds or microseconds instead of milliseconds, missing, or in the future.
    """
    if timestamp is None or not FIRST_RECORD.timestamp() <= timestamp <= (now + RECORD_SKEW).timestamp():
        return now
    return datetime.fromtimestamp(timestamp, UTC)


def may_be_created(created_at: datetime, arrived_at: datetime) -> bool:
    """Say whether a lead that arrived at `arrived_at` can have been created at `created_at`."""
    return FIRST_LEAD <= created_at <= arrived_at + CLOCK_SKEW
