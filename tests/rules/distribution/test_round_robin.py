"""Stories of a group with a claim window, from a lead's arrival to its owner, by turns (R1-R3, R5, R7-R9)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.decisions import OwnerChanged
from models.lead import Phase
from models.offer_decisions import LeadOffered, NobodyAvailable, OfferEnded
from models.offers import Outcome, RejectionReason
from models.org_rows import OrgLeadStatus
from models.results import Reason, Result
from tests.rules.calendar.weeks import ALL, span_on
from tests.rules.distribution.sales_floor import SalesFloor

WINDOW = {"claim_window_seconds": 900}
CREW = ("ann", "bob", "cyd")


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with three reps who take turns, with a quarter of an hour each."""
    return SalesFloor(*CREW).group("west", *CREW, **WINDOW)


# -- R1: who gets the lead ------------------------------------------------------------------------------------------


def test_r1_with_round_robin_off_number_one_of_the_roster_has_every_lead_at_once(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.settings(round_robin=False).comes("A", "B", "C")
    for name in "ABC":
        lead = sales_floor.lead_of(name)
        assert (lead.phase, lead.owner, lead.how, lead.via) == (Phase.OWNED, "ann", "roster", "group/west")
    assert sales_floor.in_hand("ann") == (3, 0)
    sales_floor.rep("ann", absences=[{"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}])
    assert sales_floor.comes("D").has("D") == ("bob",)
    sales_floor.agree()


def test_r1_with_round_robin_on_enrolled_reps_have_it_in_turn(sales_floor: SalesFloor) -> None:
    sales_floor.comes(*"ABCD")
    assert [sales_floor.has(name) for name in "ABCD"] == [("ann",), ("bob",), ("cyd",), ("ann",)]
    assert {sales_floor.lead_of(name).phase for name in "ABCD"} == {Phase.OFFERED}
    sales_floor.agree()


def test_r1_a_group_without_a_window_assigns_for_good_and_in_turn() -> None:
    sales_floor = SalesFloor(*CREW).group("west", *CREW).comes(*"ABCD")
    assert [sales_floor.lead_of(name).owner for name in "ABCD"] == ["ann", "bob", "cyd", "ann"]
    assert sales_floor.in_hand("ann") == (2, 0)
    sales_floor.agree()


@pytest.mark.parametrize("method", ["queue", "round_robin"])
def test_r1_a_campaign_whose_group_gives_to_nobody_leaves_the_lead_to_the_queues(method: str) -> None:
    sales_floor = SalesFloor("ann").group("west", *(("ann",) if method == "queue" else ()), method=method)
    sales_floor.queue("all").comes("A")
    expected_stage = (
        OrgLeadStatus.WAITING if method == "round_robin" else None
    )  # somebody may join the roster (M5)
    assert (sales_floor.lead.phase, sales_floor.queues, sales_floor.stage("A")) == (
        Phase.QUEUED,
        ["all"],
        expected_stage,
    )


# -- R2, R3: what counts as an action -------------------------------------------------------------------------------


def test_r2_an_offer_is_told_by_mail_and_push_and_opening_the_lead_is_no_action(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.comes("A")
    assert sales_floor.all_notifications("A") == [("lead_offered", "ann", False)] * 2
    assert sales_floor.wait(minutes=5).opens("ann").result is Result.DONE
    assert (sales_floor.lead.phase, sales_floor.lead.lock, sales_floor.has("A")) == (
        Phase.OFFERED,
        None,
        ("ann",),
    )
    sales_floor.wait(minutes=10)
    assert sales_floor.has("A") == ("bob",), "the window went on"
    sales_floor.agree()


ACTIONS: list[tuple[str, dict[str, Any], Result]] = [
    ("claim", {}, Result.WON),
    ("claim_now", {}, Result.WON),
    ("accept", {}, Result.WON),
    ("note", {"note": "rang twice"}, Result.DONE),
    ("outcome", {"outcome": "no answer"}, Result.DONE),
    ("callback", {"at": datetime(2026, 11, 21, 9, tzinfo=UTC)}, Result.DONE),
    ("callback", {}, Result.DONE),
]


@pytest.mark.parametrize(("action", "fields", "result"), ACTIONS)
def test_r3_any_action_within_the_window_is_a_claim(
    sales_floor: SalesFloor, action: str, fields: dict[str, Any], result: Result
) -> None:
    sales_floor.comes("A").wait(minutes=14)
    answer = sales_floor.asks(action, "ann", **fields)
    assert (answer.result, answer.owner) == (result, "ann")
    lead = sales_floor.lead
    assert (lead.phase, lead.how, lead.via) == (Phase.OWNED, "round_robin", "group/west")
    assert sales_floor.in_hand("ann") == (1, 0)
    sales_floor.agree()
    assert sales_floor.wait(days=10).lead.owner == "ann", "no window runs any more"
    sales_floor.agree()


def test_r3_an_outcome_that_closes_within_the_window_claims_and_closes(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A")
    assert sales_floor.asks("outcome", "ann", outcome="closed_won").owner == "ann"
    assert (sales_floor.lead.phase, sales_floor.in_hand("ann")) == (Phase.CLOSED, (0, 0))
    sales_floor.agree()


@pytest.mark.parametrize(
    ("action", "fields"), [("outcome", {}), ("note", {}), ("release", {}), ("ignore", {})]
)
def test_r3_what_is_refused_is_no_action(
    sales_floor: SalesFloor, action: str, fields: dict[str, Any]
) -> None:
    assert sales_floor.comes("A").asks(action, "ann", **fields).result is Result.REFUSED
    assert (sales_floor.lead.phase, sales_floor.has("A")) == (Phase.OFFERED, ("ann",))


def test_r3_who_does_not_act_in_time_loses_it_to_the_next_and_is_told(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A").wait(minutes=15)
    assert sales_floor.has("A") == ("bob",)
    assert [(decision.reps, decision.outcome) for decision in sales_floor.all_decisions("A", OfferEnded)] == [
        (("ann",), Outcome.TIMEOUT)
    ]
    notified = sales_floor.all_notifications("A")
    assert notified[2:] == [
        ("lead_offered", "ann", True),
        ("lead_offered", "ann", True),
        ("lead_reassigned", "ann", False),
        ("lead_offered", "bob", False),
        ("lead_offered", "bob", False),
    ]
    late = sales_floor.asks("accept", "ann")
    assert (late.result, late.reason, late.why) == (Result.REFUSED, Reason.OFFER_OVER, "your offer is over")
    assert sales_floor.asks("claim", "bob").result is Result.WON
    late = sales_floor.asks("accept", "ann")
    assert (late.result, late.reason, late.owner) == (Result.LOST, Reason.ALREADY_CLAIMED, "bob")
    sales_floor.agree()


# -- R5: the lead already has an owner ------------------------------------------------------------------------------


def test_r5_a_lead_that_arrives_assigned_keeps_its_rep_and_takes_no_turn(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", assigned_to="cyd").comes("B", "C")
    assert (sales_floor.lead_of("A").owner, sales_floor.lead_of("A").how) == ("cyd", "pre_assigned")
    assert [sales_floor.has(name) for name in "BC"] == [("ann",), ("bob",)]
    assert sales_floor.in_hand("cyd") == (1, 0), "it counts among those the rep has open (R9)"
    assert sales_floor.comes("A").lead_of("A").owner == "cyd", "a resend changes nothing"
    assert sales_floor.wait(days=30).lead_of("A").owner == "cyd"
    sales_floor.agree()


def test_r5_one_assigned_to_nobody_we_know_is_distributed(sales_floor: SalesFloor) -> None:
    assert sales_floor.comes("A", assigned_to="zoe").has("A") == ("ann",)


# -- R7: turns ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "next_in_turn"),
    [
        ("timeout", ["bob", "cyd", "ann"]),
        ("decline", ["bob", "cyd", "ann"]),
        ("assigned by hand", ["ann", "bob", "cyd"]),
    ],
)
def test_r7_a_timeout_or_decline_uses_the_turn_up_a_voided_offer_does_not(
    outcome: str, next_in_turn: list[str]
) -> None:
    """The lead's second round continues in a group of one, so that it takes nobody's turn."""
    sales_floor = SalesFloor(*CREW).group("west", *CREW, **WINDOW).group("solo", "ann", **WINDOW)
    sales_floor.comes("A")
    assert sales_floor.has("A") == ("ann",)
    sales_floor.group("west", "ann", **WINDOW)
    if outcome == "timeout":
        sales_floor.wait(minutes=15)
    elif outcome == "decline":
        sales_floor.asks("decline", "ann")
    else:
        sales_floor.asks("assign", "mia", to_rep_id="cyd")
    if outcome in ("timeout", "decline"):
        sales_floor.asks("ignore", "mia")  # otherwise a new member of the roster would be offered it (M5)
    sales_floor.group("west", *CREW, **WINDOW).comes(*"BCD")
    assert [sales_floor.has(name)[0] for name in "BCD"] == next_in_turn
    sales_floor.agree()


def test_r7_whoever_returns_is_not_flooded(sales_floor: SalesFloor) -> None:
    sales_floor.rep("cyd", absences=[{"from": "2026-11-20T00:00:00Z", "to": "2026-11-20T16:00:00Z"}])
    sales_floor.comes(*"ABCDEF").wait(hours=2)
    sales_floor.comes(*"uvwxyz")
    assert [sales_floor.offers_to(rep_id, *"uvwxyz") for rep_id in CREW] == [2, 2, 2]


# -- R8, R9: each rep once, and each with a reason ------------------------------------------------------------------


def test_r8_each_rep_is_tried_once_and_then_the_lead_is_an_exception(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A").wait(minutes=45)
    assert [decision.reps for decision in sales_floor.all_decisions("A", LeadOffered)] == [
        ("ann",),
        ("bob",),
        ("cyd",),
    ]
    lead = sales_floor.lead
    assert (lead.phase, lead.open_exception and lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "all_agents_tried",
    )
    assert lead.open_exception is not None
    assert [candidate["rep_id"] for candidate in lead.open_exception.explanation] == list(CREW)
    assert {candidate["why"] for candidate in lead.open_exception.explanation} == {
        "already tried in this round"
    }
    assert sales_floor.stage("A") is OrgLeadStatus.WAITING, "until a rep joins who was not tried (M5)"
    sales_floor.wait(days=30)
    assert len(sales_floor.all_decisions("A", LeadOffered)) == 3
    sales_floor.agree()


def test_r8_a_queue_takes_what_all_have_been_tried_for(sales_floor: SalesFloor) -> None:
    sales_floor.queue("rest", claimable=True).comes("A").wait(minutes=45)
    assert (sales_floor.lead.phase, sales_floor.queues) == (Phase.QUEUED, ["rest"])
    assert sales_floor.claims("ann", "rest").result is Result.WON
    sales_floor.agree()


def test_r9_every_candidate_that_was_passed_over_is_named_with_its_reason() -> None:
    reasons: dict[str, tuple[RejectionReason, dict[str, Any]]] = {
        "ann": (RejectionReason.INACTIVE, {"active": False}),
        "bob": (RejectionReason.LICENCE, {"licensed_states": ["TX"]}),
        "cyd": (RejectionReason.HOURS, {"hours": [span_on(ALL, "01:00", "02:00")]}),
        "dee": (RejectionReason.OPEN_CAP, {"max_open": 0}),
        "eve": (RejectionReason.DAILY_CAP, {"max_per_day": 0}),
        "fay": (
            RejectionReason.ABSENT,
            {"absences": [{"from": "2026-11-20T00:00:00Z", "to": "2026-11-22T00:00:00Z"}]},
        ),
        "gus": (
            RejectionReason.OWN_FILTER,
            {"filter": {"combinator": "and", "rules": [{"field": "state", "operator": "=", "value": "TX"}]}},
        ),
    }
    sales_floor = SalesFloor("hal")
    for rep_id, (_, terms) in reasons.items():
        sales_floor.rep(rep_id, **terms)
    sales_floor.group("west", *reasons, "hal", "nobody", **WINDOW).comes("A")
    (offer,) = sales_floor.all_decisions("A", LeadOffered)
    expected = {rep_id: why for rep_id, (why, _) in reasons.items()}
    assert {candidate.rep_id: candidate.reason for candidate in offer.passed} == expected
    assert offer.reps == ("hal",)
    sales_floor.wait(minutes=15)
    (nobody,) = sales_floor.all_decisions("A", NobodyAvailable)
    assert {candidate.rep_id: candidate.reason for candidate in nobody.explanation} == expected | {
        "hal": RejectionReason.TRIED,
        "nobody": RejectionReason.UNKNOWN,
    }
    assert all(candidate.why for candidate in nobody.explanation)
    sales_floor.agree()


def test_r3_the_former_owner_of_an_offer_is_no_owner(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A").wait(minutes=45)
    assert sales_floor.all_decisions("A", OwnerChanged) == []
    assert sales_floor.wait(days=1).lead.owner is None
