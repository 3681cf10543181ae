"""A rep who leaves loses all leads by one event, in slices (X2)."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from models.offers import LeadOrphaned, OfferVoided, Outcome
from models.org_decisions import RepStatusChanged
from models.org_events import RepChange
from rules.org.machine import SLICE
from tests.rules.org.reference_allocator import ReferenceAllocator


def orphans(decisions: list[Any]) -> list[str]:
    """Return the leads that lost their owner."""
    return [decision.lead_id for decision in decisions if isinstance(decision, LeadOrphaned)]


@pytest.mark.parametrize("kind", ["left", "inactive", "removed"])
def test_x2_three_thousand_leads_are_orphaned_in_slices_none_forgotten(kind: str) -> None:
    allocator = ReferenceAllocator(checked=False)
    allocator.reps("ann", "bob")
    for n in range(3_000):
        allocator.take(f"lead-{n:04}", "ann")
    allocator.take("other", "bob")
    if kind == "left":
        decisions = allocator.changes("ann", RepChange.LEFT)
    else:
        decisions = allocator.publish("rep", "ann", {"active": False} if kind == "inactive" else None)
    first = next(decision for decision in decisions if isinstance(decision, RepStatusChanged))
    assert (len(orphans(decisions)), first.remaining) == (SLICE, 3_000 - SLICE)
    allocator.restart(Random(3))
    decisions += allocator.advance(timedelta(0))
    assert orphans(decisions) == [f"lead-{n:04}" for n in range(3_000)]
    assert allocator.state.reps["ann"].held == 0
    assert allocator.state.reps["bob"].held == 1


def test_x2_offers_are_voided_and_a_ring_goes_on_for_the_others() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob")
    allocator.group("west", "ann")
    allocator.group("shotgun", "ann", "bob", method="ring_all")
    allocator.ask("offered")
    allocator.ask("rings", "shotgun")
    decisions = allocator.changes("ann", RepChange.LEFT)
    voided = {
        decision.lead_id: decision.remaining for decision in decisions if isinstance(decision, OfferVoided)
    }
    assert voided == {"offered": (), "rings": ("bob",)}
    assert allocator.claim("rings", "bob")
    assert allocator.ask("next").explanation[0].why == "inactive: has left"


def test_x2_a_claim_that_crosses_with_the_leaving_is_orphaned_too() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob")
    allocator.group("west", "ann", "bob")
    allocator.ask("lead-1")
    allocator.changes("ann", RepChange.LEFT)
    assert orphans(allocator.claim("lead-1", "ann")) == ["lead-1"]
    assert allocator.state.reps["ann"].held == 0


def test_x2_who_is_published_again_is_back_and_is_owed_nothing() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob")
    allocator.group("west", "ann", "bob")
    allocator.ask("lead-1")
    allocator.settle("lead-1", Outcome.VOIDED)
    allocator.changes("ann", RepChange.LEFT)
    assert allocator.ask("lead-2").rep_id == "bob"
    allocator.rep("ann")
    assert [allocator.ask(f"lead-{n}").rep_id for n in range(3, 6)] == ["ann", "bob", "ann"]
