"""Parses dates in rules: an instant, a day, or an amount of time before or after now.

Durations are physical seconds. A day is a day of the org's time zone (reading C1), UTC where none is given.
"""

import re
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

YEARS: Final = range(1900, 3000)
"""The years that a rule may use."""

MAX_AMOUNT: Final = timedelta(days=36_525)
"""The longest relative time: a hundred years."""

_RESOLUTION: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Unit(StrEnum):
    """A unit of physical time. A day is always 24 hours, whatever the clocks show."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


_SECONDS: Final = {Unit.MINUTE: 60, Unit.HOUR: 3_600, Unit.DAY: 86_400, Unit.WEEK: 604_800}


class Amount(msgspec.Struct, frozen=True):
    """A whole number of units, at least one."""

    amount: int
    unit: Unit

    @property
    def length(self) -> timedelta:
        """The amount in physical time. Raises `OverflowError` if it exceeds Python's range."""
        return timedelta(seconds=self.amount * _SECONDS[self.unit])

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}{'' if self.amount == 1 else 's'}"


class DateSpan(msgspec.Struct, frozen=True):
    """The period of a written date, from `start` up to but not including `end`: a whole day, or a microsecond."""

    start: datetime
    end: datetime


def span(text: str, time_zone: str = "UTC") -> DateSpan:
    """Return the period of a date (`2026-11-20`) or an RFC 3339 time; raises `ValueError` with the reason.

    `time_zone`: the zone whose day is meant. A day in which clocks change has 23 or 25 hours.
    """
    if _DATE.fullmatch(text):
        day = date.fromisoformat(text)
        _check_year(day.year)
        return DateSpan(_midnight(day, time_zone), _midnight(day + _DAY, time_zone))
    if _RFC3339.fullmatch(text):
        start = utc(datetime.fromisoformat(text.upper()))
        _check_year(start.year)
        return DateSpan(start, start + _RESOLUTION)
    raise ValueError("expected a date (2026-11-20) or a time with offset (2026-11-20T09:12:00-05:00)")


def _check_year(year: int) -> None:
    if year not in YEARS:
        raise ValueError(f"the year must be between {YEARS[0]} and {YEARS[-1]}")


def _midnight(day: date, time_zone: str) -> datetime:
    """Return the instant at which a day begins in a zone."""
    zone = UTC if time_zone == "UTC" else ZoneInfo(time_zone)
    return utc(datetime(day.year, day.month, day.day, tzinfo=zone))


def utc(value: datetime) -> datetime:
    """Return an instant in UTC, so that differences are physical. An instant without a zone is taken as UTC."""
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        # The instant in UTC is outside the calendar by some hours. No rule can detect the difference.
        return _FIRST if value.year == 1 else _LAST
