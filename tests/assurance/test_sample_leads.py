"""The sample is the same for the same seed, valid by the contract, and as mixed as a vendor's day."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
import zipcodes

from assurance.sample_leads import VENDORS, sample_leads
from assurance.sample_places import PLACES, SampleCity
from models.org_events import PersonArrived
from rules.inbound.intake import accept_arrival

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
_BY_ZIP = {entry["zip_code"]: entry for entry in zipcodes.list_all()}  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def arrivals() -> list[PersonArrived]:
    return [
        accept_arrival(json.dumps(lead).encode(), {}, arrived_at=NOW)
        for lead in sample_leads(2000, seed=7, now=NOW)
    ]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.state}-{place.city}")
def test_state_city_zips_and_area_codes_of_a_place_agree(place: SampleCity) -> None:
    for zip_code in place.zips:
        entry = _BY_ZIP[zip_code]
        assert entry["state"] == place.state
        assert entry["city"] == place.city or place.city in entry["acceptable_cities"]
        assert set(entry["area_codes"]) & set(place.area_codes)


def test_a_seed_gives_the_same_leads_again_and_another_seed_others() -> None:
    assert [*sample_leads(50, seed=3, now=NOW)] == [*sample_leads(50, seed=3, now=NOW)]
    assert [*sample_leads(50, seed=3, now=NOW)] != [*sample_leads(50, seed=4, now=NOW)]


def test_every_lead_is_read_without_a_remark(arrivals: list[PersonArrived]) -> None:
    for event in arrivals:
        facts = event.facts
        assert not {"invalid", "assumed"} & facts.attributes.keys()
        assert facts.phone
        assert facts.time_zone
        assert facts.loan_amount
        assert facts.created_at is not None
        assert facts.created_at <= NOW


def test_the_mix_is_that_of_a_vendors_day(arrivals: list[PersonArrived]) -> None:
    """Resends, persons that come again, silenced and aged leads, every vendor, most states, loans that fit."""
    leads = {event.lead_id: event.facts for event in arrivals}
    assert 20 < len(arrivals) - len(leads) < 120
    people = Counter(facts.phone for facts in leads.values())
    assert 3 < sum(count > 1 for count in people.values()) < 60
    assert 30 < sum(facts.silenced for facts in leads.values()) < 150
    aged = [
        facts for facts in leads.values() if facts.created_at and NOW - facts.created_at > timedelta(days=29)
    ]
    assert 250 < len(aged) < 550
    assert {facts.vendor for facts in leads.values()} == {*VENDORS}
    assert len({facts.state for facts in leads.values()}) > 40

    def usual(state: str) -> float:
        return median(facts.loan_amount or 0 for facts in leads.values() if facts.state == state)

    assert usual("CA") > 1.3 * usual("OH")


def test_two_samples_share_no_id_and_the_second_none_of_the_firsts_people() -> None:
    """A demo that is run again has new leads of new people: none is a resend, none another inquiry (R6)."""
    first, second = Counter[str](), Counter[str]()
    known_people: frozenset[str] = frozenset()
    for seed, ids in ((11, first), (12, second)):
        events = [
            accept_arrival(json.dumps(lead).encode(), {}, arrived_at=NOW)
            for lead in sample_leads(2000, seed=seed, now=NOW, in_use=known_people)
        ]
        ids.update(event.lead_id for event in events)
        people = {
            value.removeprefix("+1")
            for event in events
            for value in (event.facts.phone, event.facts.email)
            if value
        }
        assert not people & known_people
        known_people |= people
    assert not first.keys() & second.keys()


def test_a_sample_goes_on_elsewhere_where_a_places_numbers_are_all_somebodys() -> None:
    full = frozenset(f"{code}555{n:04d}" for code in ("213", "310") for n in range(10_000))
    phones = {
        "".join(filter(str.isdigit, lead["phone"]))[-10:] for lead in sample_leads(300, now=NOW, in_use=full)
    }
    assert len(phones) > 250
    assert not phones & full


def test_a_sample_without_a_number_left_says_so() -> None:
    codes = {code for place in PLACES for code in place.area_codes}
    full = frozenset(f"{code}555{n:04d}" for code in codes for n in range(10_000))
    with pytest.raises(ValueError, match="use another state folder"):
        next(sample_leads(1, now=NOW, in_use=full))


def test_leads_go_to_the_org_that_is_asked_for() -> None:
    assert {lead.get("org") for lead in sample_leads(20, now=NOW)} == {None}
    assert {lead["org"] for lead in sample_leads(20, now=NOW, org="west")} == {"west"}
