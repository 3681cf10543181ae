"""Says in which time zone a lead is, from zip, state, phone and the zone its vendor named (V5, X6, A14, C3).

What agrees narrows the zones down. What contradicts is remarked, and the lead may be in any of the zones named.
"""

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from models.geography import (
    has_location,
    state_code,
    state_of_zip,
    zones_of,
    zones_of_phone,
    zones_of_zip,
)
from models.normalize import NAME_LENGTH, as_text, at_most
from models.spelling import cleaned

_NUMBER_LENGTH: Final = 40
_ZIP_DIGITS: Final = 5
_SOCIAL_ZIP: Final = "z:"
"""What a social network's export writes before a zip (A4)."""
_DASHES: Final = str.maketrans(dict.fromkeys((*map(chr, range(0x2010, 0x2015)), "\N{MINUS SIGN}"), "-"))
_ZIP: Final = re.compile(
    r"(?:US-?\s?)?(\d{5})(?:\s*[-+]\s*\d{4}|\s*-|\s?\d{4})?(?:\.0+)?", re.ASCII | re.IGNORECASE
)
_ZIP_LABEL: Final = re.compile(r"ZIP(?:\s?CODE)?\b[\s:#]*|#\s*")
_BESIDE_ZIP: Final = re.compile(r"(?:(.*[A-Z.])[\s,]+)?(\d[\d\s+-]*)(?:[\s,]+([A-Z].*))?", re.ASCII)
_COUNTRIES: Final = frozenset({"US", "USA", "U.S.", "U.S.A.", "UNITED STATES"})
_ENCLOSING: Final = "'\"()[]"
_SHORT_ZIP: Final = re.compile(r"(\d{3,4})(?:\s*-\s*\d{4})?(?:\.0+)?", re.ASCII)
_COUNTRY: Final = re.compile(
    r"^(?:USA?|U\.S\.A?\.?|UNITED STATES)\s*[-,:/]\s*|\s*[-,/]\s*(?:USA?|U\.S\.A?\.?|UNITED STATES)$"
)
_STATE_OF: Final = re.compile(r"^(?:STATE|COMMONWEALTH) OF\s+|\s+STATE$")
_WITH_ZIP: Final = re.compile(r"\s*\b\d{5}(?:-\d{4})?$", re.ASCII)
_PARTS: Final = re.compile(r"\s*(?:[,/|()]|\s-|-\s|:)\s*")
_NOWHERE: Final[frozenset[str]] = frozenset()
_SUMMER_AND_WINTER: Final = tuple(datetime(2026, month, 15, tzinfo=UTC) for month in (1, 7))


def state(value: Any) -> str | None:
    """Read a US state by code, name or Associated Press abbreviation, and return its code.

    `US-CA`, `CA - California`, `California (CA)`, `Washington, DC` and `Providence, RI` are read too.
    """
    text = as_text(value)
    if text is None or not (text := cleaned(unicodedata.normalize("NFKC", text))):
        return None
    if (code := _state_in(at_most(text, NAME_LENGTH).upper().translate(_DASHES))) is None:
        raise ValueError("is not a US state")
    return code


@lru_cache(maxsize=2048)
def _state_in(text: str) -> str | None:
    if code := state_code(text):
        return code
    text = _STATE_OF.sub("", _COUNTRY.sub("", _WITH_ZIP.sub("", text)))
    if code := state_code(text):
        return code
    parts = [part for part in _PARTS.split(text) if part]
    codes = [state_code(part) for part in parts]
    found_codes = {code for code in codes if code}
    if len(found_codes) == 1 and None not in codes:
        return found_codes.pop()
    # A city before its state. Only a code counts there, because a city may have a state's name.
    last = parts[-1].replace(".", "") if "," in text and parts else ""
    return state_code(last) if len(last) == len("RI") else None


def zip_code(value: Any) -> str | None:
    """Read a zip, with or without +4, and return five digits. `with_zero` restores a leading zero.

    A state may stand beside it (`TX 78704`, `Austin, TX 78704`) if the zip lies there.
    """
    text, state_beside = _zip_text(value)
    if text is None:
        return None
    match = _ZIP.fullmatch(text)
    if match is None:
        short = _SHORT_ZIP.fullmatch(text)
        raise ValueError("has too few digits for its state" if short else "is not a US zip")
    if state_beside and state_of_zip(match[1]) != state_beside:
        raise ValueError(f"does not lie in {state_beside}")
    return match[1]


def with_zero(value: Any, state: str | None) -> str | None:
    """Return a zip that lost its leading zeros in a spreadsheet, if with them it lies in the state (A14)."""
    try:
        text, state_beside = _zip_text(value)
    except ValueError:
        return None
    match = _SHORT_ZIP.fullmatch(text) if text else None
    restored = match[1].zfill(_ZIP_DIGITS) if match else None
    if state_beside and state and state_beside != state:
        return None
    return restored if restored and state and state_of_zip(restored) == state else None


def _zip_text(value: Any) -> tuple[str | None, str | None]:
    """Return the text of a zip, and the code of the state that stands beside it."""
    if isinstance(value, float) and value == value // 1:
        value = int(value)
    text = as_text(value)
    if text is None or not (text := cleaned(unicodedata.normalize("NFKC", text)).translate(_DASHES)):
        return None, None
    if len(text) > _NUMBER_LENGTH:
        raise ValueError("is not a US zip")
    text = text.removeprefix(_SOCIAL_ZIP).strip(_ENCLOSING).strip()
    if text[:1].isdecimal() and text[-1:].isdecimal():
        return text, None
    upper = text.upper()
    label = _ZIP_LABEL.match(upper)
    text = upper[label.end() :] if label else upper
    match = _BESIDE_ZIP.fullmatch(text)
    if match is None:
        return text, None
    before, number, after = match.groups()
    names = [word for word in (before, after) if word and word not in _COUNTRIES]
    states = {_state_beside(word) for word in names}
    if None in states or len(states) > 1:
        raise ValueError("is not a US zip")
    return number.strip(), next(iter(states), None)


def _state_beside(text: str) -> str | None:
    """Return the state that a text beside a zip names; behind a city only a code counts."""
    return _state_in(text) or state_code(text.replace(",", " ").rpartition(" ")[2])


class Location(msgspec.Struct, frozen=True):
    """Where a lead may be.

    `zones`: every time zone it may be in, the most trusted first; all of the United States if nothing is known.
    `time_zone`: its zone; None where zip, state and the vendor's own zone leave more than one or contradict.
    `contradictions`: field -> what it contradicts.
    """

    zones: tuple[str, ...]
    time_zone: str | None
    contradictions: dict[str, str]


def location_of(
    zip_code: str | None, state: str | None, phone: str | None, time_zone: str | None = None
) -> Location:
    """Return where a lead may be. The arguments are normalised; `time_zone` is the vendor's own."""
    by_phone = zones_of_phone(phone) if phone and has_location(phone) else _NOWHERE
    return _location_of(zip_code, state, by_phone, time_zone)


@lru_cache(maxsize=8192)
def _location_of(
    zip_code: str | None, state: str | None, by_phone: frozenset[str], time_zone: str | None
) -> Location:
    contradictions: dict[str, str] = {}
    zones_so_far: tuple[str, ...] = (time_zone,) if time_zone else ()
    elsewhere: tuple[str, ...] = ()
    by_zip = zones_of_zip(zip_code) if zip_code else ()
    is_consistent = True
    if zip_code and not by_zip:
        contradictions["zip"] = "is in no known location"
    if by_zip:
        zones_so_far, contradicting = _narrowed(zones_so_far, by_zip)
        if contradicting:
            is_consistent, elsewhere = False, (*elsewhere, *contradicting)
            contradictions["time_zone"] = f"the zip {zip_code} lies in {by_zip[0]}"
    if state:
        lies_in = state_of_zip(zip_code) if zip_code else None
        zones_so_far, contradicting = _narrowed(zones_so_far, zones_of(state))
        if lies_in is not None and lies_in != state:
            contradictions["zip"] = f"lies in {lies_in}, not in {state}"
            is_consistent, elsewhere = False, (*elsewhere, *zones_of(state))
        elif contradicting:
            is_consistent, elsewhere = False, (*elsewhere, *contradicting)
            contradictions["time_zone"] = f"{state} does not lie in it"
    if by_phone:
        before = zones_so_far
        zones_so_far, contradicting = _narrowed(zones_so_far, tuple(sorted(by_phone)))
        if contradicting:
            elsewhere = (*elsewhere, *contradicting)
            contradictions["phone"] = f"is a number of {', '.join(contradicting)}, not of {', '.join(before)}"
    zones = tuple(dict.fromkeys((*zones_so_far, *elsewhere))) or zones_of(None)
    one_clock = is_consistent and len({_clock(zone) for zone in zones_so_far}) == 1
    return Location(zones, time_zone or (zones_so_far[0] if one_clock else None), contradictions)


def _narrowed(
    zones: tuple[str, ...], named_zones: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the known zones whose clock is also named, and the named ones if there are none.

    Without known zones the named ones are known.
    """
    if not zones:
        return named_zones, ()
    clocks = {_clock(zone) for zone in named_zones}
    common = tuple(zone for zone in zones if _clock(zone) in clocks)
    return (common, ()) if common else (zones, named_zones)


@lru_cache(maxsize=512)
def _clock(zone: str) -> tuple[Any, ...]:
    """Return what tells the clocks of two zones apart: their offsets in winter and in summer."""
    return tuple(at.astimezone(ZoneInfo(zone)).utcoffset() for at in _SUMMER_AND_WINTER)
