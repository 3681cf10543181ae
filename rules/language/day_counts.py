"""Compares the number of whole days since an instant, and says when the result changes (M4).

A day is always 24 hours, whatever the clocks show.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from models.lead import Lead

MAX_DAYS: Final = 36_525
"""The largest number of days that a rule may compare with: a hundred years."""

DAY: Final = timedelta(days=1)


def days_since(since: datetime, now: datetime) -> int:
    """Return the number of whole days from `since` to `now` (both aware); 0 before `since`."""
    return max((now - since) // DAY, 0)


def day_count_test(
    read: Callable[[Lead], datetime | None], check: Callable[[int], bool], compared: Iterable[int]
) -> Callable[[Lead, datetime], tuple[bool, datetime | None]]:
    """Return a timed test of the days since the instant that `read` returns. A lead without one never meets it.

    `check` says whether a number of days meets the condition. `compared`: the numbers it compares with. Its result
    can change only where the count reaches one of them or exceeds it by one.
    """
    turns = tuple(sorted({day for threshold in compared for day in (threshold, threshold + 1) if day > 0}))

    def test(lead: Lead, now: datetime) -> tuple[bool, datetime | None]:
        since = read(lead)
        if since is None:
            return False, None
        days = days_since(since, now)
        met = check(days)
        for index in range(bisect_right(turns, days), len(turns)):
            if check(turns[index]) is not met:
                try:
                    return met, since + turns[index] * DAY
                except OverflowError:  # beyond the calendar's end
                    break
        return met, None

    return test
