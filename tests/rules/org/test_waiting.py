"""Caps hold however many leads ask at once; a waiting lead is offered when a rep has room again (R9)."""

from datetime import timedelta
from random import Random
from typing import Any

from models.offers import NoRepAvailable, OfferMade, Outcome, RejectionReason, RingStarted
from models.org_decisions import OrgEventIgnored
from models.org_events import OfferSettled, RepChange
from models.org_rows import OrgLeadStatus
from tests.rules.calendar.weeks import ALL, span_on
from tests.rules.org.conditions import where
from tests.rules.org.reference_allocator import ReferenceAllocator


def offers_made(decisions: list[Any]) -> list[tuple[str, str]]:
    """Return the offers among the decisions."""
    return [(decision.lead_id, decision.rep_id) for decision in decisions if isinstance(decision, OfferMade)]


def test_r9_two_hundred_leads_at_once_for_three_reps_with_a_cap_of_ten() -> None:
    allocator = ReferenceAllocator(checked=False)
    allocator.reps("ann", "bob", "cyd", max_open=10)
    allocator.group("west", "ann", "bob", "cyd")
    answers = [allocator.ask(f"lead-{n:03}") for n in range(200)]
    offers = [answer for answer in answers if isinstance(answer, OfferMade)]
    nobody = [answer for answer in answers if isinstance(answer, NoRepAvailable)]
    assert len(offers) == 30
    assert {rep.offered for rep in allocator.state.reps.values()} == {10}
    for answer in nobody:
        assert (answer.reason, answer.waits) == ("no_available_agents", True)
        assert {candidate.reason for candidate in answer.explanation} == {RejectionReason.OPEN_CAP}
        assert {candidate.why for candidate in answer.explanation} == {"cap of open leads: 10 of 10"}
    allocator.claim("lead-000", "ann")
    allocator.checked = True
    assert offers_made(allocator.close("lead-000")) == [("lead-030", "ann")], (
        "one slot, one lead, the longest waiting"
    )
    assert offers_made(allocator.settle("lead-001", Outcome.TIMEOUT)) == [("lead-031", "bob")]
    assert offers_made(allocator.settle("lead-002", Outcome.DECLINED, "cyd")) == [("lead-032", "cyd")]
    assert offers_made(allocator.release("lead-003")) == [("lead-033", "ann")]
    assert offers_made(allocator.take("lead-100", "ann")) == [], (
        "a lead taken by hand is over the cap, and no offer"
    )
    assert allocator.state.reps["ann"].held + allocator.state.reps["ann"].offered == 11
    assert offers_made(allocator.close("lead-100")) == []
    assert allocator.stage("lead-034") is OrgLeadStatus.WAITING
    allocator.restart(Random(1))
    assert offers_made(allocator.rep("ann", max_open=12)) == [("lead-034", "ann"), ("lead-035", "ann")]


def test_r9_a_step_that_names_many_stays_small_and_the_rest_is_a_later_ones() -> None:
    """A step must fit into one batch. If a hundred reps are excluded, each offer names ninety-nine."""
    allocator = ReferenceAllocator(checked=False)
    reps = [f"rep-{n:03}" for n in range(100)]
    allocator.reps(*reps, max_open=1)
    allocator.group("west", *reps)
    for n in range(300):
        allocator.ask(f"lead-{n:03}")
    allocator.rep("rep-000", max_open=151)
    assert allocator.largest < 100_000
    before = len(allocator.decided)
    allocator.advance(timedelta(0))
    assert offers_made(allocator.decided[before:])
    assert allocator.state.reps["rep-000"].offered == 151
    assert allocator.largest < 100_000
    for decision in allocator.decided:
        if isinstance(decision, OfferMade) and decision.lead_id >= "lead-101":
            assert len(decision.passed) == 99, "and still everybody is named (R9)"


def test_r9_a_slot_goes_to_the_longest_waiting_whom_its_rep_may_have() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", max_open=1, licensed_states=["RI"], filter=where("vendor", "acme"))
    allocator.group("east", "ann")
    allocator.group("west", "ann")
    allocator.take("held", "ann")
    allocator.ask("no-licence", "west", state="TX")
    allocator.ask("not-wanted", "west", vendor="other")
    allocator.advance(timedelta(seconds=1))
    allocator.ask("second", "west")
    allocator.advance(timedelta(seconds=1))
    allocator.ask("third", "east")
    assert offers_made(allocator.close("held")) == [("second", "ann")]
    assert offers_made(allocator.close("second")) == [("third", "ann")]
    assert [row.lead_id for row in allocator.state.leads.values() if row.stage is OrgLeadStatus.WAITING] == [
        "no-licence",
        "not-wanted",
    ]


def test_r9_who_waits_is_offered_when_hours_begin_an_absence_ends_or_a_day_is_over() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", hours=[span_on(ALL, "12:00", "18:00")], max_per_day=2)
    allocator.group("west", "ann")
    for n in range(4):
        assert allocator.ask(f"lead-{n}").waits
    noon = timedelta(hours=2)
    allocator.changes("ann", RepChange.ABSENT, allocator.now + timedelta(hours=3))
    assert offers_made(allocator.advance(noon)) == []
    assert offers_made(allocator.advance(timedelta(hours=1))) == [("lead-0", "ann"), ("lead-1", "ann")]
    assert offers_made(allocator.advance(timedelta(hours=22, minutes=59))) == []
    assert offers_made(allocator.advance(timedelta(minutes=1))) == [("lead-2", "ann"), ("lead-3", "ann")]


def test_r9_a_day_is_the_reps_own_and_what_came_to_nothing_does_not_count() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", max_per_day=1, time_zone="Australia/Sydney")
    allocator.group("west", "ann")
    assert allocator.ask("lead-1").rep_id == "ann"
    assert allocator.ask("lead-2").until.isoformat() == "2026-11-19T13:00:00+00:00"
    assert offers_made(allocator.settle("lead-1", Outcome.DECLINED, "ann")) == [("lead-2", "ann")]
    allocator.claim("lead-2", "ann")
    allocator.close("lead-2")
    assert allocator.ask("lead-3").waits, "a lead that is closed was still one of the day's"
    assert offers_made(allocator.advance(timedelta(hours=22))) == [("lead-3", "ann")]


def test_r9_what_a_former_day_took_is_not_given_back_to_this_one() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", max_per_day=2)
    allocator.group("west", "ann")
    allocator.ask("yesterday")
    allocator.advance(timedelta(days=1))
    allocator.ask("today")
    allocator.settle("yesterday", Outcome.TIMEOUT)
    assert allocator.state.reps["ann"].today == 1


def test_r4_a_transfer_waits_for_the_end_of_the_pause_and_a_first_assignment_does_not() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob")
    pause = {"pause": [span_on(ALL, "08:00", "11:00")], "time_zone": "America/New_York"}
    allocator.group("west", "ann", "bob", claim_window_seconds=900, **pause)
    assert allocator.ask("first").rep_id == "ann"
    allocator.settle("first", Outcome.DECLINED, "ann")
    waiting = allocator.ask("first", tried=("ann",))
    assert (waiting.reason, waiting.waits) == ("transfers_paused", True)
    assert waiting.explanation[0].why == "transfers pause until 2026-11-18 16:00+00:00"
    assert offers_made(allocator.advance(timedelta(minutes=59))) == []
    assert offers_made(allocator.advance(timedelta(minutes=1))) == [("first", "bob")]


def test_r9_a_request_that_waits_can_be_withdrawn_or_its_lead_taken() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", max_open=1)
    allocator.rep("bob", max_open=0)
    allocator.group("west", "ann")
    allocator.take("held", "ann")
    for n in range(4):
        allocator.ask(f"lead-{n}")
    allocator.close("lead-0")
    allocator.settle("lead-1", Outcome.VOIDED)
    allocator.take("lead-2", "bob")
    assert offers_made(allocator.close("held")) == [("lead-3", "ann")]


def test_x3_what_is_late_or_said_twice_changes_nothing_and_is_answered_so() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob")
    allocator.group("west", "ann", "bob")
    allocator.ask("lead-1")
    allocator.settle("lead-1", Outcome.TIMEOUT, "ann")
    allocator.ask("lead-1", tried=("ann",))
    rows = list(allocator.state.rows())
    late = OfferSettled(cause="late", lead_id="lead-1", epoch=1, outcome=Outcome.CLAIMED, rep_id="ann")
    twice = allocator.rep_requests["lead-1"]
    for event in (late, twice):
        (decision,) = allocator.tell(event)
        assert isinstance(decision, OrgEventIgnored)
        assert list(allocator.state.rows()) == rows
    assert allocator.tell(late)[0].why == "epoch 1 is over; it is 2 now"


def test_r5_a_lead_that_has_an_owner_is_never_offered() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", max_open=1)
    allocator.reps("bob")
    allocator.group("west", "ann", "bob")
    allocator.take("pre-assigned", "ann")
    allocator.ask("lead-1")
    decisions = [
        *allocator.rep("ann", max_open=5),
        *allocator.close("lead-1"),
        *allocator.advance(timedelta(days=2)),
    ]
    assert offers_made(decisions) == []
    assert allocator.state.leads["pre-assigned"].holds[0].rep_id == "ann"


def test_r9_much_room_at_once_is_filled_in_slices() -> None:
    allocator = ReferenceAllocator(slice_size=5)
    allocator.changes("ann", RepChange.ABSENT)
    allocator.rep("ann")
    allocator.group("west", "ann")
    for n in range(12):
        allocator.ask(f"lead-{n:02}")
    decisions = allocator.changes("ann", RepChange.RETURNED)
    assert offers_made(decisions) == [(f"lead-{n:02}", "ann") for n in range(5)]
    assert offers_made(allocator.advance(timedelta(0))) == [(f"lead-{n:02}", "ann") for n in range(5, 12)]


def test_s4_a_lead_that_found_no_free_phone_rings_when_one_is_free() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob", "cyd")
    allocator.group("shotgun", "ann", "bob", method="ring_all", ring_seconds=20)
    first = allocator.ask("first", "shotgun")
    assert isinstance(first, RingStarted)
    assert (first.reps, first.due - allocator.now) == (("ann", "bob"), timedelta(seconds=20))
    second = allocator.ask("second", "shotgun")
    assert {candidate.why for candidate in second.explanation} == {"another lead rings with it"}
    (ring,) = [
        decision
        for decision in allocator.settle("first", Outcome.DECLINED, "ann")
        if isinstance(decision, RingStarted)
    ]
    assert (ring.lead_id, ring.reps, ring.passed[0].rep_id) == ("second", ("ann",), "bob")
    allocator.claim("first", "bob")
    assert allocator.state.reps["bob"].ring is None
    assert allocator.stage("first") is OrgLeadStatus.HELD


def test_s1_whoever_presses_first_has_it_and_everybody_else_their_room_again() -> None:
    allocator = ReferenceAllocator()
    reps = tuple(f"rep-{n:02}" for n in range(50))
    allocator.reps(*reps, max_open=1)
    allocator.group("shotgun", *reps, method="distribute_all")
    assert allocator.ask("lead-1", "shotgun").reps == reps
    allocator.claim("lead-1", "rep-33")
    assert [rep.rep_id for rep in allocator.state.reps.values() if rep.held] == ["rep-33"]
    assert not any(rep.offered or rep.ring for rep in allocator.state.reps.values())
    assert len(allocator.ask("lead-2", "shotgun").reps) == 49
    allocator.settle("lead-2", Outcome.TIMEOUT)
    assert not any(rep.offered or rep.ring for rep in allocator.state.reps.values())
