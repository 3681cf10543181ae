"""A rep chooses whether to be offered leads: available, paused, or one last lead (R9)."""

from random import Random
from typing import Any

from models.offers import Outcome
from tests.rules.org.reference_allocator import ReferenceAllocator

AT_TEN = {"availability": "last_lead", "availability_at": "2026-11-18T10:00:00-05:00"}
AT_ELEVEN = {"availability": "last_lead", "availability_at": "2026-11-18T11:00:00-05:00"}


def _allocator(**ann: Any) -> ReferenceAllocator:
    allocator = ReferenceAllocator()
    allocator.rep("ann", **ann)
    allocator.group("west", "ann")
    return allocator


def _reasons(answer: Any) -> list[str]:
    return [candidate.why for candidate in answer.explanation]


def test_r9_who_has_paused_is_offered_nothing_until_it_is_available_again() -> None:
    allocator = _allocator(availability="paused")
    assert _reasons(allocator.ask("lead-1")) == ["has paused"]
    decisions = allocator.rep("ann")
    assert [(decision.lead_id, decision.rep_id) for decision in decisions if hasattr(decision, "passed")] == [
        ("lead-1", "ann")
    ]


def test_r9_a_pause_takes_back_no_offer_and_ends_no_window() -> None:
    allocator = _allocator()
    assert allocator.ask("lead-1").rep_id == "ann"
    assert allocator.rep("ann", availability="paused") == []
    allocator.claim("lead-1", "ann")
    assert _reasons(allocator.ask("lead-2")) == ["has paused"]


def test_r9_after_its_last_lead_a_rep_has_paused_until_it_chooses_again() -> None:
    allocator = _allocator(**AT_TEN)
    assert allocator.ask("lead-1").rep_id == "ann"
    assert _reasons(allocator.ask("lead-2")) == ["its last lead before a pause is offered to it"]
    allocator.claim("lead-1", "ann")
    assert _reasons(allocator.ask("lead-3")) == ["has paused after its last lead"]
    # The rep's name is published anew: it is the same choice.
    allocator.rep("ann", name="Ann", **AT_TEN)
    assert _reasons(allocator.ask("lead-4")) == ["has paused after its last lead"]
    # The rep chooses another last lead: the lead that waits longest is offered, and no other.
    offered = [
        decision.lead_id for decision in allocator.rep("ann", **AT_ELEVEN) if hasattr(decision, "passed")
    ]
    assert offered == ["lead-2"]
    allocator.claim("lead-2", "ann")
    assert _reasons(allocator.ask("lead-5")) == ["has paused after its last lead"]


def test_r9_a_last_lead_that_came_to_nothing_was_not_the_last() -> None:
    allocator = _allocator(**AT_TEN)
    allocator.ask("lead-1")
    assert allocator.ask("lead-2").waits
    decisions = allocator.settle("lead-1", Outcome.DECLINED, "ann")
    assert [decision.lead_id for decision in decisions if hasattr(decision, "passed")] == ["lead-2"]


def test_r9_a_lead_that_the_rep_claims_from_a_queue_is_the_last_one_too() -> None:
    allocator = _allocator(**AT_TEN)
    allocator.take("claimed", "ann")
    assert _reasons(allocator.ask("lead-1")) == ["has paused after its last lead"]


def test_r9_the_choice_survives_a_restart() -> None:
    allocator = _allocator(**AT_TEN)
    allocator.take("claimed", "ann")
    allocator.restart(Random(1))
    assert _reasons(allocator.ask("lead-1")) == ["has paused after its last lead"]
