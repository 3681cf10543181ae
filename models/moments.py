"""Reads times as vendors write them. A time without an offset stays without one, until its reader knows the zone.

Raises ValueError with the reason, worded to follow the field's name.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from models.normalize import kind_of
from models.spelling import cleaned

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
_LENGTH: Final = 60
_OFFSETS: Final = {
    "UTC": "+00:00",
    "GMT": "+00:00",
    "Z": "+00:00",
    "EST": "-05:00",
    "EDT": "-04:00",
    "CST": "-06:00",
    "CDT": "-05:00",
    "MST": "-07:00",
    "MDT": "-06:00",
    "PST": "-08:00",
    "PDT": "-07:00",
    "AKST": "-09:00",
    "HST": "-10:00",
}
_NAMED_ZONE: Final = re.compile(r"(.*\d(?: ?[AaPp]\.?[Mm]\.?)?) ?\(?([A-Z]{3,4}|Z)\)?")
_OFFSET: Final = re.compile(r"(.*\d(?: ?[AaPp]\.?[Mm]\.?)?) ?([+-]\d\d:?\d\d)")
_DAY_FIRST_OR_MONTH_FIRST: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:,? (.+))?", re.ASCII)
_YEAR_FIRST: Final = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?:,? (.+))?", re.ASCII)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?: ?([AaPp])\.?[Mm]\.?)?", re.ASCII)
_WRITTEN: Final = (
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
)
_MONTHS: Final = 12


def instant(value: Any, *, naive: bool = False) -> datetime | None:
    """Read an RFC 3339 time as an aware datetime in UTC, between the years 1900 and 2200.

    `naive`: a time without offset is read as UTC, and a date as its midnight. Otherwise such a time is refused, because
    a call at the wrong hour is worse than a question to the sender.
    """
    if value is None:
        return None
    text = _text(value)
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is not an RFC 3339 time") from error
    if read.tzinfo is None:
        if not naive:
            raise ValueError("needs an offset from UTC, like -05:00 or Z")
        read = read.replace(tzinfo=UTC)
    return _in_range(read).astimezone(UTC)


def vendor_time(value: Any) -> datetime | None:
    """Read the time that a vendor wrote; the result has no offset if the text has none.

    RFC 3339, mail dates (`Fri, 20 Nov 2026 09:12:00 -0500`), `11/20/2026 9:12 AM`, `Nov 20, 2026`, and the usual names
    of US offsets. `05/06/2026` is refused, because it may be May or June.
    """
    if value is None:
        return None
    text = _text(value)
    if not text:
        return None
    try:
        return _in_range(datetime.fromisoformat(text))
    except ValueError as error:
        if not str(error).startswith("Invalid isoformat"):
            raise
    if (found := _OFFSET.fullmatch(text)) or (
        (found := _NAMED_ZONE.fullmatch(text)) and found[2] in _OFFSETS
    ):
        offset = _OFFSETS.get(found[2], found[2])
        return _in_range(
            _local(found[1]).replace(tzinfo=datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo)
        )
    return _in_range(_local(text))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be an RFC 3339 time, not {kind_of(value)}")  # noqa: TRY004  # pydantic collects ValueErrors
    text = cleaned(value)
    if len(text) > _LENGTH:
        raise ValueError("is not an RFC 3339 time")
    return text


def _in_range(read: datetime) -> datetime:
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return read


def _local(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if found := _DAY_FIRST_OR_MONTH_FIRST.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        if first <= _MONTHS and second <= _MONTHS and first != second:
            raise ValueError("may be day or month first; write it as RFC 3339")
        month, day = (first, second) if second > _MONTHS or first == second else (second, first)
        return _at(year, month, day, found[4])
    if found := _YEAR_FIRST.fullmatch(text):
        return _at(int(found[1]), int(found[2]), int(found[3]), found[4])
    for form in _WRITTEN:
        for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"):
            try:
                return datetime.strptime(text, form + clock)  # noqa: DTZ007  # the reader sets the zone
            except ValueError:
                continue
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise ValueError("is not an RFC 3339 time") from error


def _at(year: int, month: int, day: int, clock: str | None) -> datetime:
    hour = minute = second = 0
    if clock:
        found = _CLOCK.fullmatch(clock)
        if found is None:
            raise ValueError("is not an RFC 3339 time")
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        if found[4]:
            if not 1 <= hour <= _MONTHS:
                raise ValueError("is not an RFC 3339 time")
            hour = hour % _MONTHS + (_MONTHS if found[4] in "Pp" else 0)
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  # the reader sets the zone
    except ValueError as error:
        raise ValueError("is not an RFC 3339 time") from error
