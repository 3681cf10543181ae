"""Zips, states and phones say where a lead is, in agreement with the packages the tables were made from."""

import phonenumbers
import pytest
import us
import zipcodes
from phonenumbers.timezone import time_zones_for_number

from models.geography import STATE_CODES, _zones_of_phone, state_code, time_zone, zone_of_zip
from tools import zip_zones


def test_every_zip_lies_in_the_zone_its_source_says() -> None:
    """42,789 zips; one of them names a village instead of a zone and takes its neighbours'."""
    wrong = [
        entry["zip_code"]
        for entry in zipcodes.list_all()  # type: ignore[no-untyped-call]
        if (zone_of_zip(entry["zip_code"]) or "") != entry["timezone"]
    ]
    assert len(wrong) == 1


def test_the_committed_table_is_what_its_generator_writes() -> None:
    assert zip_zones.TARGET.read_text(encoding="utf-8") == zip_zones.source()


def test_every_state_is_known_by_code_name_and_abbreviation() -> None:
    assert {state.abbr for state in us.STATES_AND_TERRITORIES} == STATE_CODES
    for state in us.STATES_AND_TERRITORIES:
        for spelling in filter(
            None, (state.abbr, state.abbr.lower(), state.name, state.name.upper(), state.ap_abbr)
        ):
            assert state_code(spelling) == state.abbr


@pytest.mark.parametrize(
    "number", ["+14014194247", "+19075551234", "+18005551234", "+12085550123", "+442079460958"]
)
def test_a_phones_zones_are_those_of_the_whole_number(number: str) -> None:
    whole = time_zones_for_number(phonenumbers.parse(number))
    assert _zones_of_phone(number) == {*whole}


def test_a_zip_below_the_first_has_no_zone() -> None:
    assert zone_of_zip("00000") is None
    assert time_zone("00000", "HI", None) == "Pacific/Honolulu"
