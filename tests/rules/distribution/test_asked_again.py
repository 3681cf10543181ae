"""A lead that nobody has is asked for again when something changes that its failure named (M5, R8, E1)."""

from collections.abc import Callable
from typing import Any

import pytest

from models.lead import DistributionStatus, Phase
from models.offer_decisions import LeadOffered, NobodyAvailable, RepSought
from models.offers import OfferMade
from models.org_decisions import LeadStillWaiting
from models.org_events import RepChange
from models.org_rows import OrgLeadStatus
from models.results import Result
from tests.rules.calendar.weeks import ALL, span_on
from tests.rules.distribution.sales_floor import SalesFloor
from tests.rules.lead.lead_scenario import where

WINDOW = {"claim_window_seconds": 900}


def reason(sales_floor: SalesFloor, name: str = "A") -> str | None:
    """Return the reason of a lead's open exception."""
    open_exception = sales_floor.lead_of(name).open_exception
    return open_exception.reason if open_exception else None


def offer_reason(sales_floor: SalesFloor, name: str = "A") -> str:
    """Return why a lead was offered last."""
    return sales_floor.all_decisions(name, LeadOffered)[-1].why


CHANGES: dict[str, tuple[dict[str, Any], Callable[[SalesFloor], Any], str]] = {
    "a licence": (
        {"rep": {"licensed_states": ["MA"]}},
        lambda sales_floor: sales_floor.rep("ann", licensed_states=["MA", "RI"]),
        "asked again: ann is now licensed in RI; ",
    ),
    "every licence": (
        {"rep": {"licensed_states": []}},
        lambda sales_floor: sales_floor.rep("ann"),
        "asked again: ann is now licensed everywhere; ",
    ),
    "her filter": (
        {"rep": {"filter": where(("vendor", "=", "other"))}},
        lambda sales_floor: sales_floor.rep("ann", filter=where(("vendor", "=", "acme"))),
        "asked again: ann has another filter; ",
    ),
    "her cap": (
        {"rep": {"max_open": 0}},
        lambda sales_floor: sales_floor.rep("ann", max_open=1),
        "asked again: ann has other hours, absences or caps; ",
    ),
    "her hours": (
        {"rep": {"hours": []}},
        lambda sales_floor: sales_floor.rep("ann", hours=[span_on(ALL, "00:00", "24:00")]),
        "asked again: ann has other hours, absences or caps; ",
    ),
    "she is active": (
        {"rep": {"active": False}},
        lambda sales_floor: sales_floor.rep("ann"),
        "asked again: ann may have leads now; ",
    ),
    "she joins": (
        {"members": ["bob"]},
        lambda sales_floor: sales_floor.group("west", "bob", "ann"),
        "asked again: ann joined west; ",
    ),
    "the roster is no longer empty": (
        {"members": []},
        lambda sales_floor: sales_floor.group("west", "ann"),
        "asked again: 1 reps joined west; ",
    ),
    "the group's filter": (
        {"group": {"filter": where(("state", "=", "TX"))}},
        lambda sales_floor: sales_floor.group("west", "ann", filter=where(("state", "=", "RI"))),
        "asked again: the method, filter or pause of west changed; ",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_m5_a_change_that_the_failure_named_asks_again_and_the_decision_says_why(case: str) -> None:
    before, change, expected = CHANGES[case]
    sales_floor = SalesFloor("bob", licensed_states=["TX"]).rep("ann", **before.get("rep", {}))
    sales_floor.group("west", *before.get("members", ["ann"]), **before.get("group", {})).comes("A")
    assert (reason(sales_floor), sales_floor.stage("A")) == ("no_available_agents", OrgLeadStatus.WAITING)
    change(sales_floor)
    assert (sales_floor.lead.owner, offer_reason(sales_floor)[: len(expected)]) == ("ann", expected)
    sales_floor.agree()


@pytest.mark.parametrize(
    "change",
    [
        lambda sales_floor: sales_floor.rep("ann", licensed_states=["MA", "TX"]),
        lambda sales_floor: sales_floor.rep("ann", licensed_states=["MA"], name="Ann Doe", teams=["west"]),
        lambda sales_floor: sales_floor.group("west", ("ann", 2), claim_window_seconds=60),
        lambda sales_floor: sales_floor.settings(round_robin=False, lock_minutes=5),
        lambda sales_floor: sales_floor.publishes("campaign", "east", {"name": "east", "group_id": None}),
        lambda sales_floor: sales_floor.publishes("campaign", "west", {"name": "West!", "group_id": "west"}),
    ],
)
def test_m5_a_change_that_cannot_help_asks_nobody(change: Callable[[SalesFloor], Any]) -> None:
    sales_floor = SalesFloor().rep("ann", licensed_states=["MA"]).group("west", "ann").comes("A")
    decided = len(sales_floor.decided)
    change(sales_floor)
    assert sales_floor.decided[decided:] == []
    assert len(sales_floor.all_decisions("A", RepSought)) == 1
    sales_floor.agree()


def test_m5_d2_a_resend_that_completes_the_lead_asks_again_and_keeps_its_place() -> None:
    sales_floor = SalesFloor("ann", licensed_states=["RI"], max_open=1).group("west", "ann")
    sales_floor.comes("A", state=None).comes("B", "C")
    assert reason(sales_floor, "A") == "no_available_agents"
    assert (sales_floor.lead_of("B").owner, reason(sales_floor, "C")) == ("ann", "no_available_agents")
    sales_floor.of("A").arrives("A", campaign="west", state="RI")
    assert sales_floor.all_decisions("A", RepSought)[-1].why == "asked again: its state changed"
    assert sales_floor.lead_of("A").phase is Phase.EXCEPTION, "ann has no room"
    sales_floor.of("B").asks("outcome", "ann", outcome="closed_won")
    assert sales_floor.lead_of("A").owner == "ann", "it has waited longer than C"
    assert offer_reason(sales_floor, "A").startswith("asked again: ann has room for a lead again; ")
    sales_floor.agree()


def test_m5_facts_that_change_while_the_group_is_being_asked_are_not_missed() -> None:
    sales_floor = SalesFloor("ann", licensed_states=["RI"]).group("west", "ann")
    with sales_floor.messages_held():
        sales_floor.comes("A", state=None)
        sales_floor.carry("arrivals")
        sales_floor.answer("0" if sales_floor.answers["0"].waiting else "1")
        assert sales_floor.lead.open_distribution is not None
        assert sales_floor.lead.open_distribution.stage is DistributionStatus.REQUESTED
        sales_floor.arrives("A", campaign="west", state="RI")
    sales_floor.deliver()
    assert sales_floor.lead.owner == "ann"
    sales_floor.agree()


def test_m5_a_campaign_a_group_or_a_default_that_comes_later_is_asked() -> None:
    sales_floor = SalesFloor("ann")
    sales_floor.comes("A", through="west").comes("B", through="north").comes("C", through="")
    assert [reason(sales_floor, name) for name in "ABC"] == ["no_available_agents"] * 3
    sales_floor.group("west", "ann")
    assert [sales_floor.lead_of(name).owner for name in "ABC"] == ["ann", None, None]
    assert sales_floor.all_decisions("A", RepSought)[-1].why == "asked again: its campaign has a group"
    sales_floor.publishes("campaign", "north", {"name": "north", "group_id": "later"})
    sales_floor.publishes("group", "later", {"method": "round_robin", "members": [{"rep_id": "ann"}]})
    assert [sales_floor.lead_of(name).owner for name in "ABC"] == ["ann", "ann", None]
    sales_floor.publishes("campaign", "rest", {"name": "rest", "group_id": "west", "default": True})
    assert [sales_floor.lead_of(name).owner for name in "ABC"] == ["ann"] * 3
    sales_floor.agree()


def test_m5_a_campaign_that_gets_another_group_moves_its_waiting_leads() -> None:
    sales_floor = SalesFloor("bob").rep("ann", licensed_states=[]).group("east", "bob").group("west", "ann")
    sales_floor.comes("A")
    sales_floor.publishes("campaign", "west", {"name": "west", "group_id": "east"})
    assert sales_floor.lead.owner == "bob"
    sales_floor.agree()


def test_m5_a_lead_waits_with_the_group_of_its_newest_inquiry() -> None:
    sales_floor = SalesFloor("bob").rep("ann", licensed_states=[]).group("east", "ann").group("west", "ann")
    sales_floor.comes("A", phone="+14014194247")
    sales_floor.comes("B", through="east", phone="+14014194247")
    distribution = sales_floor.lead_of("A").open_distribution
    assert distribution is not None
    assert (distribution.group_id, distribution.campaign) == ("east", "east")
    sales_floor.group("west", "ann", "bob")
    assert sales_floor.lead_of("A").owner is None, "its first campaign is not asked any more"
    sales_floor.group("east", "ann", "bob")
    assert sales_floor.lead_of("A").owner == "bob"
    sales_floor.agree()


def test_m5_after_unignore_and_after_a_lock_ran_out_the_round_goes_on() -> None:
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", **WINDOW).queue("work")
    sales_floor.comes("A").asks("decline", "ann")
    assert (sales_floor.lead.phase, sales_floor.stage("A")) == (Phase.QUEUED, OrgLeadStatus.WAITING)
    sales_floor.opens("bob")
    assert sales_floor.stage("A") is None
    sales_floor.wait(minutes=61)
    assert sales_floor.all_decisions("A", RepSought)[-1].why == "asked again: nobody has it open any more"
    assert sales_floor.all_decisions("A", RepSought)[-1].tried == ("ann",), "the round goes on (R8)"
    assert (sales_floor.lead.phase, sales_floor.stage("A")) == (Phase.QUEUED, OrgLeadStatus.WAITING)
    sales_floor.opens("bob")
    sales_floor.asks("release", "bob")
    assert sales_floor.stage("A") is OrgLeadStatus.WAITING
    sales_floor.publishes("queue", "work", None)
    assert sales_floor.asks("ignore", "mia").result is Result.DONE
    assert sales_floor.stage("A") is None
    sales_floor.group("west", "ann", "bob", **WINDOW)
    assert sales_floor.stage("A") is None, "nobody asks for an ignored lead"
    sales_floor.asks("unignore", "mia")
    assert sales_floor.has("A") == ("bob",)
    assert sales_floor.all_decisions("A", RepSought)[-1].why == "asked again: it is no longer ignored"
    sales_floor.agree()


def test_m5_a_worked_lead_stays_in_its_queue_and_is_asked_for_when_no_queue_takes_it() -> None:
    sales_floor = SalesFloor("ann", "bob").rep("cyd", licensed_states=[]).group("west", "cyd").queue("work")
    sales_floor.comes("A").opens("bob")
    sales_floor.asks("outcome", "bob", outcome="no_answer")
    assert (sales_floor.lead.phase, sales_floor.stage("A")) == (Phase.QUEUED, None)
    sales_floor.publishes("queue", "work", None)
    assert (sales_floor.lead.phase, sales_floor.stage("A")) == (Phase.EXCEPTION, OrgLeadStatus.WAITING)
    sales_floor.rep("cyd")
    assert sales_floor.lead.owner == "cyd"
    sales_floor.agree()


@pytest.mark.parametrize("method", ["ring_all", "distribute_all"])
def test_m5_a_ring_in_vain_stays_the_reason_and_reps_not_yet_tried_are_asked(method: str) -> None:
    sales_floor = SalesFloor("ann", "bob").rep("cyd", licensed_states=[])
    sales_floor.group("west", "ann", "bob", "cyd", method=method, ring_seconds=20).comes("A").wait(seconds=21)
    failed = "no_agents_answered" if method == "ring_all" else "no_agents_clicked"
    open_exception = sales_floor.lead.open_exception
    assert open_exception is not None
    assert (open_exception.reason, sales_floor.stage("A")) == (failed, OrgLeadStatus.WAITING)
    assert [(candidate["rep_id"], candidate["why"]) for candidate in open_exception.explanation] == [
        ("ann", "did not answer in time"),
        ("bob", "did not answer in time"),
        ("cyd", "not licensed in RI"),
    ]
    sales_floor.rep("cyd")
    assert sales_floor.has("A") == ("cyd",)
    sales_floor.wait(seconds=21)
    assert sales_floor.lead.open_exception is not None
    assert sales_floor.lead.open_exception.reason == failed
    assert [decision.reps for decision in sales_floor.all_decisions("A", LeadOffered)] == [
        ("ann", "bob"),
        ("cyd",),
    ]
    sales_floor.agree()


def test_m5_the_desk_shows_the_reasons_of_now() -> None:
    sales_floor = SalesFloor("ann", licensed_states=["MA"], max_open=1).group("west", "ann")
    sales_floor.comes("own", state="MA").comes("A")
    raised = sales_floor.lead.open_exception
    sales_floor.wait(minutes=5).rep("ann", licensed_states=["MA", "RI"], max_open=1)
    open_exception = sales_floor.lead.open_exception
    assert raised is not None
    assert open_exception is not None
    assert open_exception.explanation == ({"rep_id": "ann", "why": "cap of open leads: 1 of 1"},)
    assert open_exception.raised_at == raised.raised_at, "it is the same exception"
    assert len(sales_floor.all_decisions("A", NobodyAvailable)) == 2
    sales_floor.of("own").asks("outcome", "ann", outcome="closed_won")
    assert sales_floor.lead_of("A").owner == "ann"
    sales_floor.agree()


def test_m5_the_oldest_first_as_places_free_and_a_move_frees_one() -> None:
    sales_floor = SalesFloor("ann", "bob", max_open=2).group("west", "ann").comes(*"ABCDE")
    assert [sales_floor.lead_of(name).owner for name in "ABCDE"] == ["ann", "ann", None, None, None]
    sales_floor.of("A").asks("reassign", "mia", to_rep_id="bob", why="bob knows them")
    assert [sales_floor.lead_of(name).owner for name in "ABCDE"] == ["bob", "ann", "ann", None, None]
    sales_floor.of("B").asks("outcome", "ann", outcome="closed_lost")
    assert [sales_floor.lead_of(name).owner for name in "ABCDE"] == ["bob", "ann", "ann", "ann", None]
    sales_floor.agree()


def test_m5_a_rep_who_left_and_comes_back_is_asked() -> None:
    sales_floor = SalesFloor("ann").group("west", "ann")
    sales_floor.changes("ann", RepChange.LEFT)
    sales_floor.comes("A")
    assert reason(sales_floor) == "no_available_agents"
    sales_floor.changes("ann", RepChange.RETURNED)
    assert sales_floor.lead.owner == "ann"
    sales_floor.agree()


def test_m5_a_lead_of_an_owner_who_left_is_a_managers() -> None:
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob").comes("A")
    sales_floor.changes("ann", RepChange.LEFT)
    assert reason(sales_floor) == "orphaned"
    sales_floor.rep("bob", max_open=9).group("west", "bob")
    assert reason(sales_floor) == "orphaned"
    sales_floor.agree()


def test_m5_a_review_is_bounded_and_its_rest_survives_a_restart() -> None:
    """One event tries at most a slice; the group's row keeps where it is (docs/bounds.md)."""
    sales_floor = SalesFloor("bob").rep("ann", licensed_states=[]).group("west", "ann")
    names = [f"L{n:03}" for n in range(250)]
    sales_floor.comes(*names)
    decided = len(sales_floor.decided)
    with sales_floor.messages_held():
        sales_floor.rep("ann")
        sales_floor.carry("news")
        sales_floor.restart_org(compacted=True)
        assert 0 < len(sales_floor.decided) - decided <= 201
        assert any(row.review for row in sales_floor.state.groups.values())
    sales_floor.wait(seconds=1)
    assert {sales_floor.lead_of(name).owner for name in names} == {"ann"}
    offered = [decision.lead_id for decision in sales_floor.decided if isinstance(decision, OfferMade)]
    assert offered == names, "the oldest first"
    assert not any(row.review or row.wake for row in sales_floor.state.groups.values())
    sales_floor.agree()


def test_m5_free_capacity_does_not_search_among_leads_it_cannot_help() -> None:
    """Leads that all reps were tried for are parked: a rep who gains room does not look at them."""
    sales_floor = SalesFloor("ann", "bob", max_open=2).group("west", "ann", "bob", **WINDOW)
    sales_floor.comes("A").asks("decline", "ann")
    sales_floor.asks("decline", "bob")
    assert reason(sales_floor) == "all_agents_tried"
    sales_floor.comes("B", "C", "D", "E")
    decided = len(sales_floor.decided)
    for name in "BCDE":
        sales_floor.of(name).asks("outcome", sales_floor.has(name)[0], outcome="closed_won")
    assert not [
        decision for decision in sales_floor.decided[decided:] if isinstance(decision, LeadStillWaiting)
    ]
    assert sales_floor.state.leads["A"].parked
    sales_floor.agree()


def test_m5_messages_that_come_twice_change_nothing() -> None:
    sales_floor = (
        SalesFloor("ann", licensed_states=["MA"], max_open=1).group("west", "ann").comes("own", state="MA")
    )
    sales_floor.comes("A").rep("ann", licensed_states=["MA", "RI"], max_open=1)
    before = sales_floor.lead
    for lane in (*sales_floor.org_messages.values(), *sales_floor.answers.values()):
        lane.rewind(50)
    sales_floor.deliver()
    now = sales_floor.lead_of("A")
    assert (now.open_distribution, now.failed, now.open_exception) == (
        before.open_distribution,
        before.failed,
        before.open_exception,
    )
    sales_floor.agree()
