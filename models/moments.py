"""Reads times as vendors write them. A time without an offset stays without one, until its reader knows the zone.

Raises ValueError with the reason, worded to follow the field's name.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from models.normalize import kind_of
from models.spelling import cleaned

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
_LENGTH: Final = 80
_UNREAD: Final = "is not an RFC 3339 time"
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
    "AST": "-04:00",
    "ADT": "-03:00",
    "AKST": "-09:00",
    "AKDT": "-08:00",
    "HST": "-10:00",
}
_ZONE: Final = re.compile(
    r"(.*:\d\d(?:\.\d+)?(?: ?[AaPp]\.?[Mm]\.?)?) ?"
    r"(?:(?:(?:GMT|UTC)([+-])(\d\d?)(?::?(\d\d))?|([+-])(\d\d):?(\d\d))(?: ?(?:\([^()]*\)|(?![AP]M)[A-Z]{2,5}))?"
    r"|\(?([A-Z]{3,4}|Z)\)?)",
    re.ASCII,
)
"""A time of day, and after it an offset, with or without the zone's name, or a zone's name alone. An hour of
one digit, or without minutes, is an offset behind GMT or UTC only: 9:00-5 and 9:00-5:00 may be spans of time."""
_SPAN: Final = re.compile(r".* \d\d?:\d\d(?: ?[AaPp]\.?[Mm]\.?)?-\d\d?(?::\d\d)?(?:\D.*)?", re.ASCII)
"""A time without seconds behind a space, and at once a minus: 09:00-11:00 is a span of time as often as an offset."""
_OFFSETS_OF_ZONES: Final = (timedelta(hours=-12), timedelta(hours=14))
_IN_BRACKETS: Final = re.compile(r"(.*(?:Z|[+-]\d\d:?\d\d))\[[A-Za-z0-9_+/:-]{1,50}\]", re.ASCII)
"""A time with an offset, and after it the zone's name, as RFC 9557 and Java write it."""
_END_OF_DAY: Final = re.compile(r"(.*[T ])24(:00(?::00(?:[.,]0+)?)?(?![\d:]).*)", re.ASCII)
_LEAP_SECOND: Final = re.compile(r"(.*[T ]\d\d:\d\d:)60(?:[.,]\d+)?(?!\d)(.*)", re.ASCII)
_DAY: Final = r"(\d{1,2})(?:st|nd|rd|th)?"
_MONTH: Final = r"([A-Za-z]{3,9})\.?"
_WEEKDAY: Final = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,? ", re.IGNORECASE)
_AFTER_DAY: Final = r"(?:,? (?:at )?(.+))?"
_DAY_FIRST_OR_MONTH_FIRST: Final = re.compile(
    rf"(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}}){_AFTER_DAY}", re.ASCII
)
_YEAR_FIRST: Final = re.compile(rf"(\d{{4}})([/.-])(\d{{1,2}})\2(\d{{1,2}}){_AFTER_DAY}", re.ASCII)
_DAY_AND_WORD: Final = re.compile(rf"{_DAY}[ -]{_MONTH},?[ -](\d{{4}}|\d\d){_AFTER_DAY}", re.ASCII)
_WORD_AND_DAY: Final = re.compile(rf"{_MONTH} {_DAY},? (\d{{4}}){_AFTER_DAY}", re.ASCII)
_YEAR_LAST: Final = re.compile(
    rf"({_MONTH} {_DAY}) (\d{{1,2}}:\d\d(?::\d\d)?)( [A-Z]{{3,4}})? (\d{{4}})", re.ASCII
)
"""As C's asctime and the command `date` write it: Nov 20 09:12:00 EST 2026."""
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?: ?([AaPp])\.?[Mm]\.?)?", re.ASCII)
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_SEPT: Final = "sept"
_LAST_HOUR: Final = 12
_CENTURY: Final = 100
_PIVOT: Final = 69
"""A year of two digits is of the last century from this one on, as in mails (RFC 2822, section 4.3)."""


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
        read = _iso(text)
    except ValueError as error:
        raise ValueError(_UNREAD) from error
    if read.tzinfo is None:
        if not naive:
            raise ValueError("needs an offset from UTC, like -05:00 or Z")
        read = read.replace(tzinfo=UTC)
    return _in_range(read).astimezone(UTC)


def vendor_time(value: Any) -> datetime | None:
    """Read the time that a vendor wrote; the result has no offset if the text has none.

    RFC 3339, mail dates (`Fri, 20 Nov 2026 09:12:00 -0500`), `11/20/2026 9:12 AM`, `Nov 20, 2026`, what programs write
    by default, and the usual names of US offsets. `05/06/2026` is refused, because it may be May or June; so is a text
    of which a part is not understood, because that part may be the zone or the half of the day.
    """
    if value is None:
        return None
    text = _text(value)
    if not text:
        return None
    try:
        return _in_range(_iso(text))
    except ValueError as error:
        if not str(error).startswith("Invalid isoformat"):
            raise
    if match := _YEAR_LAST.fullmatch(text := _WEEKDAY.sub("", text, count=1)):
        text = f"{match[1]} {match[6]} {match[4]}{match[5] or ''}"
    zone, match = None, _ZONE.fullmatch(text)
    if match:
        text, zone = match[1], _zone(match)
    read = _local(text)
    if zone is not None:
        if read.tzinfo is not None:
            raise ValueError("names two offsets")
        read = read.replace(tzinfo=zone)
    return _in_range(read)


def _iso(text: str) -> datetime:
    """Read ISO 8601 with what Python lacks: a leap second, `24:00` at the end of a day, the zone's name in brackets."""
    if match := _IN_BRACKETS.fullmatch(text):
        text = match[1]
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        later = timedelta(0)
        if match := _LEAP_SECOND.fullmatch(text):
            text, later = f"{match[1]}59{match[2]}", timedelta(seconds=1)
        elif match := _END_OF_DAY.fullmatch(text):
            text, later = f"{match[1]}00{match[2]}", timedelta(days=1)
        if later:
            return _later(datetime.fromisoformat(text), later)
        if "offset must be" in str(error):
            raise ValueError("has an offset of a day or more") from error
        raise


def _later(read: datetime, length: timedelta) -> datetime:
    try:
        return read + length
    except OverflowError as error:
        raise ValueError(_UNREAD) from error


def _zone(match: re.Match[str]) -> tzinfo:
    """Return the offset that a text names; raises ValueError for a name that nobody here knows."""
    sign, hours, minutes, name = match[2] or match[5], match[3] or match[6], match[4] or match[7], match[8]
    offset = _OFFSETS.get(name) if name else f"{sign}{hours:0>2}:{minutes or '00'}"
    if offset is None:
        raise ValueError(f"names the zone {name}, which may be several; write the offset")
    try:
        return _aware(datetime.fromisoformat(f"2000-01-01T00:00{offset}"))
    except ValueError as error:
        raise ValueError("has an offset of a day or more") from error


def _aware(read: datetime) -> tzinfo:
    return read.tzinfo or UTC


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be an RFC 3339 time, not {kind_of(value)}")  # noqa: TRY004  # pydantic collects ValueErrors
    text = cleaned(value)
    if len(text) > _LENGTH:
        raise ValueError(_UNREAD)
    if _SPAN.fullmatch(text):
        raise ValueError("may be a span of time; write seconds before an offset, as 09:00:00-05:00")
    return text


def _in_range(read: datetime) -> datetime:
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    first, last = _OFFSETS_OF_ZONES
    if (offset := read.utcoffset()) is not None and not first <= offset <= last:
        raise ValueError("has an offset that no zone has")
    return read


def _local(text: str) -> datetime:
    """Read a date, with or without a time of day."""
    try:
        return _iso(text)
    except ValueError:
        pass
    if match := _DAY_FIRST_OR_MONTH_FIRST.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        if first <= len(_MONTHS) and second <= len(_MONTHS) and first != second:
            raise ValueError("may be day or month first; write it as RFC 3339")
        month, day = (first, second) if second > len(_MONTHS) or first == second else (second, first)
        return _at(year, month, day, match[4])
    if match := _YEAR_FIRST.fullmatch(text):
        return _at(int(match[1]), int(match[3]), int(match[4]), match[5])
    if match := _DAY_AND_WORD.fullmatch(text):
        return _at(_year(match[3]), _month(match[2]), int(match[1]), match[4])
    if match := _WORD_AND_DAY.fullmatch(text):
        return _at(int(match[3]), _month(match[1]), int(match[2]), match[4])
    raise ValueError(_UNREAD)


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004  # two digits
        return year
    return year + 19 * _CENTURY + (_CENTURY if year < _PIVOT else 0)


def _month(word: str) -> int:
    word = word.lower()
    for number, name in enumerate(_MONTHS, start=1):
        if word in (name, name[:3]) or (word == _SEPT and name.startswith(word)):
            return number
    raise ValueError(_UNREAD)


def _at(year: int, month: int, day: int, clock: str | None) -> datetime:
    hour = minute = second = 0
    if clock:
        match = _CLOCK.fullmatch(clock)
        if match is None:
            raise ValueError(_UNREAD)
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        if match[4]:
            if not 1 <= hour <= _LAST_HOUR:
                raise ValueError(_UNREAD)
            hour = hour % _LAST_HOUR + (_LAST_HOUR if match[4] in "Pp" else 0)
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  # the reader sets the zone
    except ValueError as error:
        raise ValueError(_UNREAD) from error
