"""Each rep who may not have a lead has a reason in words (R9)."""

from datetime import timedelta
from typing import Any

import pytest

from models.events import DirectoryPublished
from models.offers import NoRepAvailable, OfferMade, Outcome, RejectedCandidate, RejectionReason
from models.org_decisions import explain_rejected
from models.org_events import RepChange
from rules.org.allocate import MAX_EXPLAINED
from tests.rules.calendar.weeks import ALL, WORKDAYS, span_on
from tests.rules.org.conditions import where
from tests.rules.org.org_driver import START
from tests.rules.org.reference_allocator import ReferenceAllocator

TOMORROW = "2026-11-19T17:00:00-05:00"

REASONS: list[tuple[dict[str, Any], RejectionReason, str]] = [
    ({"active": False}, RejectionReason.INACTIVE, "inactive"),
    (
        {"absences": [{"from": "2026-11-01T00:00:00-04:00", "to": TOMORROW}]},
        RejectionReason.ABSENT,
        "absent until 2026-11-19 17:00-05:00",
    ),
    (
        {"hours": [span_on(WORKDAYS, "11:30", "17:00")]},
        RejectionReason.HOURS,
        "outside its hours until 2026-11-18 11:30-05:00",
    ),
    (
        {"hours": [span_on("mon", "09:00", "10:00")]},
        RejectionReason.HOURS,
        "outside its hours until 2026-11-23 09:00-05:00",
    ),
    ({"hours": []}, RejectionReason.HOURS, "has no working hours"),
    ({"licensed_states": ["TX", "MA"]}, RejectionReason.LICENCE, "not licensed in RI"),
    ({"licensed_states": []}, RejectionReason.LICENCE, "not licensed in RI"),
    ({"availability": "paused"}, RejectionReason.ABSENT, "has paused"),
    ({"max_open": 0}, RejectionReason.OPEN_CAP, "cap of open leads: 0 of 0"),
    ({"max_per_day": 0}, RejectionReason.DAILY_CAP, "daily cap: 0 of 0 on 2026-11-18"),
    (
        {"filter": where("vendor", "other")},
        RejectionReason.OWN_FILTER,
        "its own filter: vendor is acme, not other",
    ),
]


@pytest.mark.parametrize(("terms", "reason", "why"), REASONS)
def test_r9_every_candidate_has_its_reason(terms: dict[str, Any], reason: RejectionReason, why: str) -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", **terms)
    allocator.reps("bob")
    allocator.group("west", "ann", "bob")
    offer = allocator.ask("lead-1")
    assert isinstance(offer, OfferMade)
    assert offer.rep_id == "bob"
    assert offer.passed == (RejectedCandidate("ann", reason, why),)
    allocator.group("alone", "ann")
    nobody = allocator.ask("lead-2", "alone")
    assert isinstance(nobody, NoRepAvailable)
    assert nobody.reason == "no_available_agents"
    assert nobody.explanation == (RejectedCandidate("ann", reason, why),)


def test_r9_what_came_of_events_is_said_too() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("full", max_open=1)
    allocator.rep("done", max_per_day=1)
    allocator.reps("away", "till", "left", "tried", "other")
    allocator.group("west", "full", "done")
    for n in range(2):
        offer = allocator.ask(f"first-{n}")
        allocator.claim(f"first-{n}", offer.rep_id)
    allocator.changes("away", RepChange.ABSENT)
    allocator.changes("till", RepChange.ABSENT, START + timedelta(hours=4))
    allocator.changes("left", RepChange.LEFT)
    allocator.group("west", "full", "done", "away", "till", "left", "tried", "stranger")
    nobody = allocator.ask("lead-1", tried=("tried",))
    assert explain_rejected(nobody.explanation) == (
        {"rep_id": "away", "why": "absent until further notice"},
        {"rep_id": "till", "why": "absent until 2026-11-18 14:00-05:00"},
        {"rep_id": "left", "why": "inactive: has left"},
        {"rep_id": "tried", "why": "already tried in this round"},
        {"rep_id": "stranger", "why": "not in the directory"},
        {"rep_id": "full", "why": "cap of open leads: 1 of 1"},
        {"rep_id": "done", "why": "daily cap: 1 of 1 on 2026-11-18"},
    )


def test_r9_a_lead_whose_state_nobody_knows_goes_to_no_rep_with_licences() -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", licensed_states=["RI"])
    allocator.group("west", "ann")
    assert (
        allocator.ask("lead-1", state=None).explanation[0].why
        == "not licensed in the state, which is unknown"
    )


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ({"filter": where("state", "TX")}, "the filter of west: state is RI, not TX"),
        ({"method": "queue"}, "west distributes to nobody: it is a queue"),
    ],
)
def test_r9_a_group_that_takes_nobody_says_so_once(group: dict[str, Any], why: str) -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann")
    allocator.group("west", "ann", **group)
    nobody = allocator.ask("lead-1")
    assert explain_rejected(nobody.explanation) == ({"why": why},)
    assert nobody.waits, "the group may change (M5)"
    assert explain_rejected(allocator.ask("lead-2", "nowhere").explanation) == (
        {"why": "there is no group nowhere"},
    )
    allocator.group("empty")
    assert explain_rejected(allocator.ask("lead-3", "empty").explanation) == (
        {"why": "nobody is on the roster of empty"},
    )


def test_e1_all_tried_is_another_reason_than_nobody_there_yet() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann", "bob")
    allocator.rep("cyd", max_open=1)
    allocator.group("west", "ann", "bob")
    assert allocator.ask("lead-1", tried=("ann", "bob")).reason == "all_agents_tried"
    allocator.group("west", "ann", "cyd")
    allocator.take("lead-2", "cyd")
    nobody = allocator.ask("lead-3", tried=("ann",))
    assert (nobody.reason, nobody.waits) == ("no_available_agents", True)


def test_r8_each_rep_is_tried_once_and_then_the_lead_is_an_exception() -> None:
    allocator = ReferenceAllocator()
    reps = tuple(f"rep-{n}" for n in range(5))
    allocator.reps(*reps)
    allocator.group("west", *reps, claim_window_seconds=900)
    tried_reps: list[str] = []
    while isinstance(answer := allocator.ask("lead-1", tried=tuple(tried_reps)), OfferMade):
        assert answer.due == allocator.now + timedelta(minutes=15)
        tried_reps.append(answer.rep_id)
        allocator.settle("lead-1", Outcome.TIMEOUT, answer.rep_id)
    assert sorted(tried_reps) == list(reps)
    assert (answer.reason, answer.waits, len(answer.explanation)) == ("all_agents_tried", True, 5)


def test_r9_in_an_org_that_published_nobody_a_roster_is_taken_as_it_is() -> None:
    allocator = ReferenceAllocator()
    allocator.group("west", "ann")
    assert allocator.ask("lead-1").rep_id == "ann"
    allocator.rep("bob")
    allocator.publish("rep", "bob", None)
    assert allocator.ask("lead-2").explanation[0].why == "not in the directory", "it stays closed"


def test_r9_a_long_explanation_names_many_and_counts_the_rest() -> None:
    allocator = ReferenceAllocator(checked=False)
    allocator.rep("somebody")
    allocator.group("west", *(f"rep-{n}" for n in range(MAX_EXPLAINED + 5)))
    explanation = allocator.ask("lead-1").explanation
    assert len(explanation) == MAX_EXPLAINED + 1
    assert explanation[-1] == RejectedCandidate(None, RejectionReason.UNKNOWN, "5 more: unknown")


def test_r4_an_offer_says_when_its_window_ends_with_the_pause_counted() -> None:
    allocator = ReferenceAllocator()
    allocator.reps("ann")
    pause = {"pause": [span_on(ALL, "10:10", "12:00")], "time_zone": "America/New_York"}
    allocator.group("west", "ann", claim_window_seconds=900, **pause)
    assert allocator.ask("lead-1").due == START + timedelta(hours=2, minutes=15)
    allocator.advance(timedelta(hours=2))
    assert allocator.ask("lead-2").due == allocator.now + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("rep", {"hours": [span_on("mon", "9:00", "17:00")]}, "hours[0].from: must be a time of day"),
        ("rep", {"time_zone": "Mars/Olympus"}, "time_zone: Mars/Olympus is no time zone"),
        ("rep", {"max_open": "many"}, "max_open"),
        ("rep", {"filter": where("colour", "red")}, "there is no such field"),
        ("group", {"members": [{"rep_id": "ann", "weight": 0}]}, "the weight of ann must be at least 1"),
        ("group", {"members": [{"rep_id": "ann"}, {"rep_id": "ann"}]}, "on the roster twice"),
        ("group", {"pause": [span_on("mon", "09:00", "09:00")]}, "pause[0]: from and to are the same"),
    ],
)
def test_what_does_not_compile_is_named_and_what_was_before_still_counts(
    kind: str, value: dict[str, Any], reason: str
) -> None:
    allocator = ReferenceAllocator()
    allocator.rep("ann", max_open=3)
    allocator.group("west", "ann")
    name = {"rep": "ann", "group": "west"}[kind]
    event = DirectoryPublished(
        lead_id="", cause="c", org="o", kind=kind, object_id=name, version=99, value=value
    )
    directory = allocator.directory.publish(event)
    (problem,) = directory.problems[kind, name]
    assert reason in str(problem)
    assert directory.rep("ann") is allocator.directory.rep("ann")
    assert directory.groups == allocator.directory.groups
    repaired = DirectoryPublished(
        lead_id="", cause="c", org="o", kind=kind, object_id=name, version=100, value=None
    )
    assert not directory.publish(repaired).problems
    assert directory.publish(event) is directory, "what is known is no news"
