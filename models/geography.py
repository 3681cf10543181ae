"""Says where zips, states and phone numbers of the United States lie. models/location.py joins them into one answer."""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from models.us_numbers import OVERLAYS, is_ordinary
from models.zip_zones import PLACES, ZIP_RUNS

_STATES: Final = tuple(
    line.split("|")
    for line in (
        # code | name | Associated Press abbreviation | time zones, the one with the most zips first
        "AK|Alaska|Alaska|America/Anchorage America/Adak",
        "AL|Alabama|Ala.|America/Chicago America/New_York",
        "AR|Arkansas|Ark.|America/Chicago",
        "AS|American Samoa||Pacific/Pago_Pago",
        "AZ|Arizona|Ariz.|America/Phoenix America/Denver",
        "CA|California|Calif.|America/Los_Angeles",
        "CO|Colorado|Colo.|America/Denver",
        "CT|Connecticut|Conn.|America/New_York",
        "DC|District of Columbia|D.C.|America/New_York",
        "DE|Delaware|Del.|America/New_York",
        "FL|Florida|Fla.|America/New_York America/Chicago",
        "GA|Georgia|Ga.|America/New_York",
        "GU|Guam||Pacific/Guam",
        "HI|Hawaii|Hawaii|Pacific/Honolulu",
        "IA|Iowa|Iowa|America/Chicago",
        "ID|Idaho|Idaho|America/Boise America/Los_Angeles",
        "IL|Illinois|Ill.|America/Chicago",
        "IN|Indiana|Ind.|America/Indiana/Indianapolis America/Chicago America/New_York",
        "KS|Kansas|Kan.|America/Chicago America/Denver",
        "KY|Kentucky|Ky.|America/New_York America/Chicago",
        "LA|Louisiana|La.|America/Chicago",
        "MA|Massachusetts|Mass.|America/New_York",
        "MD|Maryland|Md.|America/New_York",
        "ME|Maine|Maine|America/New_York",
        "MI|Michigan|Mich.|America/Detroit America/Menominee",
        "MN|Minnesota|Minn.|America/Chicago",
        "MO|Missouri|Mo.|America/Chicago",
        "MP|Northern Mariana Islands||Pacific/Saipan",
        "MS|Mississippi|Miss.|America/Chicago",
        "MT|Montana|Mont.|America/Denver",
        "NC|North Carolina|N.C.|America/New_York",
        "ND|North Dakota|N.D.|America/Chicago America/Denver",
        "NE|Nebraska|Neb.|America/Chicago America/Denver",
        "NH|New Hampshire|N.H.|America/New_York",
        "NJ|New Jersey|N.J.|America/New_York",
        "NM|New Mexico|N.M.|America/Denver",
        "NV|Nevada|Nev.|America/Los_Angeles America/Denver",
        "NY|New York|N.Y.|America/New_York",
        "OH|Ohio|Ohio|America/New_York",
        "OK|Oklahoma|Okla.|America/Chicago",
        "OR|Oregon|Ore.|America/Los_Angeles America/Boise",
        "PA|Pennsylvania|Pa.|America/New_York",
        "PR|Puerto Rico||America/Puerto_Rico",
        "RI|Rhode Island|R.I.|America/New_York",
        "SC|South Carolina|S.C.|America/New_York",
        "SD|South Dakota|S.D.|America/Chicago America/Denver",
        "TN|Tennessee|Tenn.|America/Chicago America/New_York",
        "TX|Texas|Texas|America/Chicago America/Denver",
        "UT|Utah|Utah|America/Denver",
        "VA|Virginia|Va.|America/New_York",
        "VI|Virgin Islands||America/St_Thomas",
        "VT|Vermont|Vt.|America/New_York",
        "WA|Washington|Wash.|America/Los_Angeles",
        "WI|Wisconsin|Wis.|America/Chicago",
        "WV|West Virginia|W.Va.|America/New_York",
        "WY|Wyoming|Wyo.|America/Denver",
    )
)
STATE_CODES: Final = frozenset(code for code, *_ in _STATES)
"""The two-letter codes of the states, the District of Columbia and the inhabited territories."""

_NO_LETTERS: Final = re.compile("[^A-Z]")
_CODE_BY_SPELLING: Final = {
    re.sub("[^A-Z]", "", spelling.upper()): code
    for code, name, short, _ in _STATES
    for spelling in (code, name, short)
    if spelling
} | {"WASHINGTONDC": "DC", "WASHDC": "DC", "USVIRGINISLANDS": "VI"}
_ZONES_BY_STATE: Final = {code: tuple(zones.split()) for code, _, _, zones in _STATES}
_LOCATED: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
)
_UNKNOWN: Final = frozenset({"Etc/Unknown"})
_NATIONAL: Final = 10
_WITH_EXCHANGE: Final = len("+1401419")
_DIVIDED_AREAS: Final = frozenset(
    prefix[:4] for prefix in TIMEZONE_DATA if prefix.startswith("1") and len(prefix) > len("1401")
)
"""The area codes whose exchanges lie in different time zones, with the country code before them."""
_OVERLAID: Final = {"1364": "1270", "1448": "1850", "1458": "1541", "1930": "1812"} | {
    f"1{new}": f"1{older}" for new, older in OVERLAYS.items()
}
"""Area code -> the one whose places it shares, if that is divided or the only one known. No exchange is listed."""
_RUN_STARTS: Final = tuple(start for start, _ in ZIP_RUNS)


def state_code(spelling: str) -> str | None:
    """Return the two-letter code of a state, given in any abbreviation or case; None if it is not a state."""
    return _CODE_BY_SPELLING.get(_NO_LETTERS.sub("", spelling.upper()))


@lru_cache(maxsize=8192)
def _place_of_zip(zip_code: str) -> tuple[str | None, tuple[str, ...]]:
    state, zones = PLACES[ZIP_RUNS[bisect_right(_RUN_STARTS, int(zip_code)) - 1][1]]
    return state or None, tuple(zones.split())


def state_of_zip(zip_code: str) -> str | None:
    """Return the state of a five-digit zip; None for military addresses and for zips that are not in use."""
    return _place_of_zip(zip_code)[0]


def zones_of_zip(zip_code: str) -> tuple[str, ...]:
    """Return the time zones of a five-digit zip; mostly one, none where the zip is not in use or military."""
    return _place_of_zip(zip_code)[1]


@lru_cache(maxsize=8192)
def _zones_of_prefix(prefix: str) -> frozenset[str]:
    """Return the zones of an area code, or of one with an exchange (`+1850433`).

    For an exchange that the table does not list, the table has a zone that stands for the whole area code. It need not
    be the exchange's, so all zones of the area code are returned.
    """
    digits, area = prefix[1:], prefix[1:5]
    listed = (TIMEZONE_DATA.get(digits[:length]) for length in range(len(digits), len(area), -1))
    if zones := next(filter(None, listed), None):
        return frozenset(zones) - _UNKNOWN
    area = _OVERLAID.get(area, area)
    if area in _DIVIDED_AREAS:
        return frozenset(
            zone for start, zones in TIMEZONE_DATA.items() if start.startswith(area) for zone in zones
        )
    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(area[1:].ljust(_NATIONAL, "0")))
    return frozenset(time_zones_for_geographical_number(number)) - _UNKNOWN


@lru_cache(maxsize=8192)
def _zones_of_other(phone: str) -> frozenset[str]:
    return frozenset(time_zones_for_number(phonenumbers.parse(phone))) - _UNKNOWN


def zones_of_phone(phone: str) -> frozenset[str]:
    """Return the time zones that a phone number in E.164 may be in.

    An area code of the United States decides it, and with its exchange where it lies in several zones. An exchange that
    nobody lists may be in each of them.
    """
    if not is_ordinary(phone):
        return _zones_of_other(phone)
    return _zones_of_prefix(phone[:_WITH_EXCHANGE] if phone[1:5] in _DIVIDED_AREAS else phone[:5])


def has_location(phone: str) -> bool:
    """Say whether a phone number in E.164 lies somewhere. A toll-free or premium number does not."""
    return is_ordinary(phone) or _has_location(phone)


@lru_cache(maxsize=8192)
def _has_location(phone: str) -> bool:
    return phonenumbers.number_type(phonenumbers.parse(phone)) in _LOCATED


ALL_ZONES: Final = tuple(sorted({zone for zones in _ZONES_BY_STATE.values() for zone in zones}))
"""Every time zone of the United States and its territories."""


def zones_of(state: str | None) -> tuple[str, ...]:
    """Return the time zones of a state by its code; all time zones if the state is not known."""
    return _ZONES_BY_STATE.get(state or "", ALL_ZONES)
