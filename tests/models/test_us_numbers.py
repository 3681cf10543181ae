"""Ordinary US numbers are recognised at once, and the answer is the one of the library that parses them (A15, K7)."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.timezone import time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from models import contacts, us_numbers
from models.geography import has_location, zones_of_phone

LOCATED = {
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
}


def is_divided(area: str) -> bool:
    """Say whether the library knows several zones of an area code, or of the one that it lies over."""
    over = {"364": "270", "448": "850", "458": "541", "930": "812"}.get(area, area)
    return any(start.startswith(f"1{over}") and len(start) > len("1401") for start in TIMEZONE_DATA)


def parse(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(number, 0)
    older_area = us_numbers.OVERLAYS.get(written[2:5]) if written.startswith("+1") else None
    judged = phonenumbers.parse(f"+1{older_area}{written[5:]}") if older_area else number
    return written if phonenumbers.is_valid_number(judged) else None


@pytest.mark.parametrize("first_of_exchange", range(10))
def test_every_area_code_is_judged_as_by_the_library(first_of_exchange: int) -> None:
    """All 1,000 area codes: whether the number is in use, and whether it lies somewhere."""
    recognised = 0
    for area in range(1000):
        number = f"+1{area:03}{first_of_exchange}234567"
        if us_numbers.is_ordinary(number) and f"{area:03}" not in us_numbers.OVERLAYS:
            recognised += 1
            assert parse(number) == number
            assert phonenumbers.number_type(phonenumbers.parse(number)) in LOCATED
            assert has_location(number)
            zones = {*time_zones_for_number(phonenumbers.parse(number))} - {"Etc/Unknown"}
            assert zones_of_phone(number) >= zones
            if not is_divided(f"{area:03}"):
                assert zones_of_phone(number) == zones
    assert (recognised > 300) == (first_of_exchange >= 2)


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+18504331234", {"America/Chicago"}),  # Pensacola
        ("+14235101234", {"America/New_York"}),  # Chattanooga, in an area code that also has Central time
        ("+14014194247", {"America/New_York"}),
    ],
)
def test_c3_an_area_code_in_two_zones_is_told_apart_by_its_exchange(number: str, zones: set[str]) -> None:
    assert zones_of_phone(number) == zones


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+12192001234", {"America/Chicago", "America/New_York"}),  # Gary, IN: all but a corner is Central
        (
            "+18503861234",
            {"America/Chicago", "America/New_York"},
        ),  # Tallahassee is listed only by its area code
        ("+14232001234", {"America/Chicago", "America/New_York"}),  # eastern Tennessee
        ("+19282001234", {"America/Phoenix", "America/Denver"}),  # the Navajo Nation has daylight saving time
        ("+13642001234", {"America/Chicago", "America/New_York"}),  # lies over 270, western Kentucky
        ("+14482001234", {"America/Chicago", "America/New_York"}),  # lies over 850
        ("+19302001234", {"America/Chicago", "America/New_York"}),  # lies over 812
        ("+14582001234", {"America/Los_Angeles", "America/Denver"}),  # lies over 541
        ("+17292001234", {"America/Chicago", "America/New_York"}),  # lies over 423
    ],
)
def test_c3_an_exchange_that_nobody_lists_may_be_in_each_zone_of_its_area_code(
    number: str, zones: set[str]
) -> None:
    """The library gives one zone for all exchanges of an area code that it does not list: 219 is Eastern there."""
    assert zones_of_phone(number) == zones


@pytest.mark.parametrize(("area", "older_area"), us_numbers.OVERLAYS.items())
def test_an_area_code_newer_than_the_librarys_is_read_and_lies_where_its_older_one_does(
    area: str, older_area: str
) -> None:
    number = f"+1{area}2345678"
    assert not phonenumbers.is_valid_number(phonenumbers.parse(number)), (
        "it has it by now: leave it out of OVERLAYS"
    )
    for text in (f"({area}) 234-5678", f"{area}-234-5678 x12", f"home: {area}.234.5678"):
        parts = contacts.phone_parts(text)
        assert parts is not None
        assert parts.number == number
    assert has_location(number)
    assert zones_of_phone(number) >= zones_of_phone(f"+1{older_area}2345678") != set()


@given(
    st.builds(
        "{}{}{}{}{}{}{}{}".format,
        st.sampled_from(["", "1", "+1", "1 ", "+1-", "1.", "0", "01", "+44"]),
        st.sampled_from(["", "(", " ("]),
        st.integers(200, 999),
        st.sampled_from(["", ")", ") ", "-", " ", ".", "  ", "/"]),
        st.integers(100, 999),
        st.sampled_from(["", "-", " ", ".", "--"]),
        st.integers(1000, 9999),
        st.sampled_from(["", " x12", "ext 4", " home", "0", " ", "5"]),
    )
)
def test_what_is_recognised_at_once_is_what_parsing_gives(text: str) -> None:
    recognised = us_numbers.e164(text)
    if recognised is not None:
        assert recognised == parse(text)
        assert contacts.phone_parts(text) == (recognised, None, False)
