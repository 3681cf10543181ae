"""Computes weekly hours, pauses and absences. Hours follow a zone's wall clock; durations are physical seconds.

The displayed local time decides: an hour that occurs twice, when the clocks go back, counts twice, and a skipped hour
does not exist. So every result holds from one exact instant up to another, across any change of the clocks (R4, R9).
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from models.errors import Problem, RuleErrors
from models.roster import Absence, WeekSpan

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
WEEK_MINUTES: Final = 7 * DAY_MINUTES

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_HORIZON: Final = timedelta(days=15)
"""A week's hours repeat, so a result that has not changed within two weeks and a day never changes."""
_CLOCK_LENGTH: Final = 5


class Week(msgspec.Struct, frozen=True):
    """The hours of a week, merged. Minutes are counted from Monday 00:00 on the wall clock.

    `spans`: disjoint, ascending, half-open, none past the end of the week. `edges`: the minutes at which they begin or
    end; the end of the week is an edge only if the hours do not continue at its beginning.
    """

    spans: tuple[tuple[int, int], ...] = ()
    edges: tuple[int, ...] = ()

    def holds(self, wall: datetime) -> bool:
        """Say whether this minute of the week lies within the hours."""
        minute = wall.weekday() * DAY_MINUTES + wall.hour * 60 + wall.minute
        index = bisect_right(self.spans, (minute, WEEK_MINUTES)) - 1
        return index >= 0 and minute < self.spans[index][1]


NEVER: Final = Week()


def week(spans: Iterable[WeekSpan], path: str = "hours") -> Week:
    """Compile a published week; raises `RuleErrors` with the path of every span's problem."""
    problems: list[Problem] = []
    intervals: list[tuple[int, int]] = []
    for index, span in enumerate(spans):
        at = f"{path}[{index}]"
        start, end = _minute(span.from_), _minute(span.to, end=True)
        problems.extend(
            Problem(path=f"{at}.{name}", reason="must be a time of day like 08:30")
            for name, minute in (("from", start), ("to", end))
            if minute is None
        )
        problems.extend(
            Problem(path=f"{at}.days", reason=f"{day} is not a day of the week")
            for day in span.days
            if day not in DAYS
        )
        if start is None or end is None:
            continue
        if start == end:
            problems.append(
                Problem(path=at, reason="from and to are the same: a whole day is 00:00 to 24:00")
            )
            continue
        length = end - start if start < end else end - start + DAY_MINUTES
        for day in span.days:
            if day in DAYS:
                begin = DAYS.index(day) * DAY_MINUTES + start
                intervals.append((begin, min(begin + length, WEEK_MINUTES)))
                if begin + length > WEEK_MINUTES:
                    intervals.append((0, begin + length - WEEK_MINUTES))
    if problems:
        raise RuleErrors(tuple(problems))
    merged = _merged(intervals)
    edges = {minute for span in merged for minute in span}
    if {0, WEEK_MINUTES} <= edges:
        edges -= {0, WEEK_MINUTES}
    return Week(merged, tuple(sorted(edges)))


def is_open(hours: Week, zone: str, at: datetime) -> bool:
    """Say whether an instant (aware) lies within a week's hours."""
    return hours.holds(_wall_clock(zone, at))


def next_change(hours: Week, zone: str, at: datetime) -> datetime | None:
    """Return the first later instant, in UTC, at which `is_open` changes its result; None if it never does."""
    if not hours.edges:
        return None
    began, now = _utc(at), _utc(at)
    is_now = is_open(hours, zone, now)
    while now - began < _HORIZON:
        wall = _wall_clock(zone, now)
        until = _even(zone, now)
        turns = now + _to_edge(hours, wall)
        if turns < until:
            return turns
        now = until
        if is_open(hours, zone, now) is not is_now:
            return now
    return None


def window_end(started_at: datetime, seconds: float, pause: Week, zone: str) -> datetime | None:
    """Return when a claim window of physical `seconds` ends (R4), in UTC; None if no gap between pauses is long enough.

    If the window starts in a pause, the full window starts when the pause ends. If a pause begins while it runs, the
    full window restarts after the pause. A window that ends at the exact instant at which a pause begins has ended
    before it.
    """
    began, length = _utc(started_at), timedelta(seconds=seconds)
    start: datetime | None = began
    if is_open(pause, zone, began):
        start = next_change(pause, zone, began)
    while start is not None and start - began < _HORIZON:
        pauses = next_change(pause, zone, start)
        if pauses is None or start + length <= pauses:
            return start + length
        start = next_change(pause, zone, pauses)
    return None


def moved_window_end(
    ends_at: datetime | None, seconds: float, pause: Week, zone: str, at: datetime
) -> datetime | None:
    """Return when a claim window of physical `seconds`, so far to end at `ends_at`, ends by a new pause schedule (R4).

    `at`: when the schedule counts from. A running window that no pause reaches keeps its end; otherwise the full window
    restarts after the pause. A window that was waiting for a pause to end begins when transfers are not paused. A
    window that has ended stays so.
    """
    if ends_at is not None and ends_at - timedelta(seconds=seconds) <= at:
        if ends_at <= at:
            return ends_at
        if not is_open(pause, zone, at):
            begins = next_change(pause, zone, at)
            return (
                ends_at if begins is None or ends_at <= begins else window_end(begins, seconds, pause, zone)
            )
    return window_end(at, seconds, pause, zone)


def away_until(absences: Iterable[Absence], at: datetime) -> datetime | None:
    """Return when the absence at `at` ends, including absences that follow it without a gap; None if there is none."""
    until = None
    for absence in sorted(absences, key=lambda absence: absence.from_):
        if absence.from_ <= (until or at) < absence.to:
            until = absence.to
    return until


def day_of(zone: str, at: datetime) -> date:
    """Return the date in a zone at an instant. Daily caps are counted by this date."""
    return _wall_clock(zone, at).date()


def day_ends(zone: str, at: datetime) -> datetime:
    """Return when the current date of a zone ends, in UTC. A midnight that is skipped or occurs twice is handled."""
    zone_info, day = zone_of(zone), day_of(zone, at)
    ends = datetime.combine(day + _DAY, time(), zone_info).astimezone(UTC)
    while ends <= _utc(at) or day_of(zone, ends) <= day:
        ends += _DAY / 24
    return ends


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _minute(clock: str, *, end: bool = False) -> int | None:
    """Read `HH:MM` as a minute of the day; None if it is not a time."""
    hour, colon, minute = clock.partition(":")
    if len(clock) != _CLOCK_LENGTH or colon != ":" or not (clock.isascii() and (hour + minute).isdecimal()):
        return None
    total = int(hour) * 60 + int(minute)
    fits = int(minute) < 60 and (total < DAY_MINUTES or (end and total == DAY_MINUTES))  # noqa: PLR2004  # minutes
    return total if fits else None


def _to_edge(hours: Week, wall: datetime) -> timedelta:
    """Return the time to the next edge of the hours, if no clock change comes first. It is always more than zero."""
    day = timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
    since_monday = wall.weekday() * _DAY + day
    index = bisect_right(hours.edges, since_monday // timedelta(minutes=1))
    minutes = hours.edges[index] if index < len(hours.edges) else hours.edges[0] + WEEK_MINUTES
    return timedelta(minutes=minutes) - since_monday


def _even(zone: str, at: datetime) -> datetime:
    """Return an instant, at most a day later, before which the zone's UTC offset does not change."""
    offset = _wall_clock(zone, at).utcoffset()
    low, high = at, at + _DAY
    if _wall_clock(zone, high).utcoffset() == offset:
        return high
    low = low.replace(microsecond=0)
    high = high.replace(microsecond=0) + _SECOND
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _wall_clock(zone, middle).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _wall_clock(zone: str, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no offset: only aware instants are compared")
    return at.astimezone(zone_of(zone))


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no offset: only aware instants are compared")
    return at.astimezone(UTC)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its IANA name; raises `RuleErrors` if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RuleErrors((Problem(path="time_zone", reason=f"{name} is no time zone"),)) from error
