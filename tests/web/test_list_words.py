"""The words of a list's order, and of the time where a lead is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from models.directory import Campaign
from rules.queues.rule_book import NewestPublication, OrgRules
from web.services.call_times import call_time
from web.services.list_words import sorted_by

NOON: Final = datetime(2026, 11, 20, 17, tzinfo=UTC)
"""Noon in New York."""


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"field": "loan_amount", "direction": "desc"}, "Loan amount, the highest first"),
        ({"field": "arrived_at", "direction": "asc"}, "Arrived, the oldest first"),
        ({"field": "last_name", "direction": "desc"}, "Last name, Z to A"),
        ({}, "Arrived, the oldest first"),
        ({"field": "attributes.best_time", "direction": "asc"}, "Best time, A to Z"),
    ],
)
def test_an_order_is_said_in_words(order: dict[str, str], expected: str) -> None:
    assert sorted_by(order) == expected


def row(**values: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(("zip", "state", "phone", "time_zone", "campaign")),
        "silenced": False,
        **values,
    }


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"state": "RI", "phone": "+14014194247"}, None),
        ({"state": "HI", "phone": "+18085550123"}, "quiet_hours"),  # seven in the morning
        ({"state": "RI", "phone": "+14014194247", "silenced": True}, "suppressed"),
        ({"state": "RI"}, "no_phone"),
    ],
)
def test_x6_m8_a_row_says_whether_its_lead_may_be_called(facts: dict[str, Any], reason: str | None) -> None:
    times = call_time(row(**facts), OrgRules("org"), NOON, with_phone=True)
    assert (times.may_call, times.reason) == (reason is None, reason)


def test_x6_a_row_says_from_when_to_when() -> None:
    times = call_time(row(state="RI", phone="+14014194247"), OrgRules("org"), NOON, with_phone=True)
    assert times.time_zone == "America/New_York"
    assert times.until == datetime(2026, 11, 21, 2, tzinfo=UTC)
    early = call_time(row(state="HI", phone="+18085550123"), OrgRules("org"), NOON, with_phone=True)
    assert early.call_from == datetime(2026, 11, 20, 18, tzinfo=UTC)


def test_m8_a_list_that_shows_no_phone_says_nothing_of_it() -> None:
    """Otherwise the row of a blind list would reveal that the person is on the do-not-contact list."""
    times = call_time(row(state="RI", silenced=True), OrgRules("org"), NOON, with_phone=False)
    assert (times.may_call, times.reason) == (True, None)


def test_r3_a_row_has_the_window_of_the_group_of_its_campaign() -> None:
    rules = OrgRules(
        "org",
        objects={
            ("group", "west"): NewestPublication(1, {"method": "round_robin", "claim_window_seconds": 600})
        },
        campaigns={
            "c": Campaign(campaign_id="c", group_id="west"),
            "alone": Campaign(campaign_id="alone"),
        },
    )
    windows = [
        call_time(row(campaign=campaign), rules, NOON, with_phone=False).window_seconds
        for campaign in ("c", "alone", "unknown", None)
    ]
    assert windows == [600, None, None, None]
