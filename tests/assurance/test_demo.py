"""What the demo publishes is the believable lender, and at any hour its leads are distributed by every method."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from assurance.demo.directory import LENDER, WINDOW_SECONDS, YOURS, lender, officers, opened
from assurance.sample_leads import sample_leads
from models.lead import Phase
from models.offer_decisions import LeadOffered, NobodyAvailable
from rules.inbound.intake import accept_arrival
from tests.application.directory.test_directory_file import EXAMPLES
from tests.rules.distribution.sales_floor import SalesFloor

NIGHT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
"""Four in the morning in New York, on a Sunday."""


def test_the_demos_directory_is_the_documentations_example() -> None:
    assert (EXAMPLES / "lender.yaml").read_bytes() == LENDER.read_bytes()
    assert len(officers(lender())) == 24
    assert YOURS in officers(lender())


def test_open_doors_change_hours_pauses_windows_and_caps_and_nothing_else() -> None:
    before, after = lender(), opened(lender())
    assert before.keys() == after.keys()
    changed = {
        "hours",
        "max_per_day",
        "max_open",
        "pause",
        "claim_window_seconds",
        "ring_seconds",
        "lock_minutes",
    }
    for key, value in after.items():
        assert {name: value[name] for name in value if name not in changed} == {
            name: field_value for name, field_value in before[key].items() if name not in changed
        }
        assert not value.keys() & {"hours", "max_per_day", "max_open", "pause"}
        assert key[0] != "group" or value["claim_window_seconds"] <= WINDOW_SECONDS >= value["ring_seconds"]


def distribute_sample(directory: dict[tuple[str, str], dict[str, Any]], arrivals: int) -> SalesFloor:
    """Publish a directory and let the sample's leads arrive, at night, a minute after each other."""
    sales_floor = SalesFloor()
    sales_floor.now = NIGHT
    for (kind, object_id), value in directory.items():
        sales_floor.publishes(kind, object_id, value)
    for lead in sample_leads(arrivals, seed=5, now=NIGHT):
        event = accept_arrival(json.dumps(lead).encode(), {}, arrived_at=NIGHT)
        facts = msgspec.structs.asdict(event.facts)
        sales_floor.of(event.lead_id).arrives(event.lead_id, **facts)
    return sales_floor


def leads(sales_floor: SalesFloor) -> list[str]:
    """Return the leads; who had come before is an inquiry of another (R6)."""
    return [name for name, row in sales_floor.rows.items() if row.lead is not None]


def methods(sales_floor: SalesFloor) -> set[str]:
    """Return the methods that offered a lead to anybody."""
    return {
        decision.method
        for name in leads(sales_floor)
        for decision in sales_floor.all_decisions(name, LeadOffered)
    }


@pytest.fixture(scope="module")
def sales_floor() -> SalesFloor:
    return distribute_sample(opened(lender()), 250)


def test_r1_r3_s1_s5_every_method_is_seen_at_night(sales_floor: SalesFloor) -> None:
    assert methods(sales_floor) == {"round_robin", "roster", "ring_all", "distribute_all"}
    phases = Counter(sales_floor.lead_of(name).phase for name in leads(sales_floor))
    assert phases[Phase.OFFERED] > 5
    queued = Counter(
        queue_id for name in leads(sales_floor) for queue_id in sales_floor.lead_of(name).placements
    )
    assert queued["new"] > 50
    assert queued["aged"] > 10
    assert queued["large"] > 0


def test_s1_live_transfers_ring_with_the_loan_officer_whom_nobody_plays(sales_floor: SalesFloor) -> None:
    rings = [
        decision
        for name in leads(sales_floor)
        for decision in sales_floor.all_decisions(name, LeadOffered)
        if YOURS in decision.reps
    ]
    assert {offer.method for offer in rings} >= {"ring_all"}
    assert all(len(offer.reps) > 1 for offer in rings if offer.method == "ring_all"), (
        "others answer it if nobody is there"
    )


def test_e1_what_nobody_took_is_an_exception_with_its_reason(sales_floor: SalesFloor) -> None:
    sales_floor.wait(minutes=10)
    open_exceptions = (sales_floor.lead_of(name).open_exception for name in leads(sales_floor))
    assert {"no_agents_answered", "no_available_agents"} <= {
        open_exception.reason for open_exception in open_exceptions if open_exception
    }


def test_r4_r9_as_published_nobody_works_at_night() -> None:
    sales_floor = distribute_sample(lender(), 60)
    assert methods(sales_floor) == set()
    assert any(sales_floor.all_decisions(name, NobodyAvailable) for name in leads(sales_floor))
