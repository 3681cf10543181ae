"""Zips, states and phones lie where the packages say from which the tables were made."""

from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import us
import zipcodes
from phonenumbers.timezone import time_zones_for_number

from models.geography import STATE_CODES, state_code, state_of_zip, zones_of, zones_of_phone, zones_of_zip
from models.zip_zones import PLACES
from tools import zip_zones


def test_every_zip_lies_in_the_state_and_the_zone_its_sources_say() -> None:
    """42,789 zips. The two sources disagree by the clock on 23; each of those was decided in tools/zip_zones.py."""
    entries = zipcodes.list_all()  # type: ignore[no-untyped-call]
    other_clock = 0
    for entry in entries:
        zip_code, other_zone = entry["zip_code"], entry["timezone"]
        assert state_of_zip(zip_code) == (entry["state"] if entry["state"] in STATE_CODES else None)
        zones = zones_of_zip(zip_code)
        assert bool(zones) == bool(other_zone)
        if other_zone and other_zone != zones[0]:
            other_clock += 1
    assert 10 < other_clock < 30


@pytest.mark.parametrize(
    ("zip_code", "zone"),
    [
        ("37405", "America/New_York"),  # Chattanooga
        ("37338", "America/New_York"),  # Graysville: both sources are wrong, its county's other zips are not
        ("79942", "America/Denver"),  # El Paso
        ("67857", "America/Denver"),  # Kendall, Kansas
        ("83522", "America/Los_Angeles"),  # Cottonwood, Idaho
        ("86003", "America/Phoenix"),  # Flagstaff
        ("86045", "America/Denver"),  # Tuba City, in the Navajo Nation
        ("86040", "America/Phoenix"),  # Page, beside the Navajo Nation
        ("89883", "America/Denver"),  # West Wendover, Nevada
        ("42757", "America/Chicago"),  # Magnolia, Kentucky
    ],
)
def test_c5_zips_that_were_an_hour_off(zip_code: str, zone: str) -> None:
    assert zones_of_zip(zip_code) == (zone,)


def test_c5_where_people_do_not_keep_their_states_time_both_zones_count() -> None:
    assert zones_of_zip("36867") == ("America/Chicago", "America/New_York")


def test_the_committed_table_is_what_its_generator_writes() -> None:
    assert zip_zones.TARGET.read_text(encoding="utf-8") == zip_zones.source()


def test_every_state_is_known_by_code_name_and_abbreviation() -> None:
    assert {state.abbr for state in us.STATES_AND_TERRITORIES} == STATE_CODES
    for state in us.STATES_AND_TERRITORIES:
        for spelling in filter(
            None, (state.abbr, state.abbr.lower(), state.name, state.name.upper(), state.ap_abbr)
        ):
            assert state_code(spelling) == state.abbr


@pytest.mark.parametrize("number", ["+14014194247", "+18005551234", "+12085550123", "+442079460958"])
def test_a_phones_zones_are_those_of_the_whole_number(number: str) -> None:
    zones = time_zones_for_number(phonenumbers.parse(number))
    assert zones_of_phone(number) == {*zones}


@pytest.mark.parametrize("zip_code", ["00000", "00500", "99999", "09001", "21301", "00003"])
def test_a14_a_zip_that_is_not_in_use_or_military_lies_nowhere(zip_code: str) -> None:
    assert state_of_zip(zip_code) is None
    assert zones_of_zip(zip_code) == ()


def test_a_state_has_the_clock_of_each_of_its_zips() -> None:
    """A lead with only a state is quiet in every zone of it, so none may be missing (C3)."""
    for state, zones in PLACES:
        clocks = {clock(zone) for zone in zones_of(state)} if state else set()
        assert not state or {clock(zone) for zone in zones.split()} <= clocks, state


def clock(zone: str) -> tuple[object, ...]:
    return tuple(datetime(2026, month, 15, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))
