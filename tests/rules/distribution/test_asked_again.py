"""A lead that nobody has is asked for again when something changes that its failure named (M5, R8, E1)."""

from collections.abc import Callable
from typing import Any

import pytest

from models.lead import DistributionStage, Phase
from models.offer_decisions import LeadOffered, NobodyAvailable, RepSought
from models.offers import OfferMade
from models.org_decisions import LeadStillWaiting
from models.org_events import RepChange
from models.org_rows import OrgLeadStage
from models.results import Result
from tests.rules.calendar.clock_changes import ALL, on
from tests.rules.distribution.sales_floor import SalesFloor
from tests.rules.lead.lead_scenario import where

WINDOW = {"claim_window_seconds": 900}


def reason(floor: SalesFloor, name: str = "A") -> str | None:
    """Return the reason of a lead's open exception."""
    open_exception = floor.lead_of(name).open_exception
    return open_exception.reason if open_exception else None


def why(floor: SalesFloor, name: str = "A") -> str:
    """Return why a lead was offered last."""
    return floor.all_decisions(name, LeadOffered)[-1].why


CHANGES: dict[str, tuple[dict[str, Any], Callable[[SalesFloor], Any], str]] = {
    "a licence": (
        {"rep": {"licensed_states": ["MA"]}},
        lambda floor: floor.rep("ann", licensed_states=["MA", "RI"]),
        "asked again: ann is now licensed in RI; ",
    ),
    "every licence": (
        {"rep": {"licensed_states": []}},
        lambda floor: floor.rep("ann"),
        "asked again: ann is now licensed everywhere; ",
    ),
    "her filter": (
        {"rep": {"filter": where(("vendor", "=", "other"))}},
        lambda floor: floor.rep("ann", filter=where(("vendor", "=", "acme"))),
        "asked again: ann has another filter; ",
    ),
    "her cap": (
        {"rep": {"max_open": 0}},
        lambda floor: floor.rep("ann", max_open=1),
        "asked again: ann has other hours, absences or caps; ",
    ),
    "her hours": (
        {"rep": {"hours": []}},
        lambda floor: floor.rep("ann", hours=[on(ALL, "00:00", "24:00")]),
        "asked again: ann has other hours, absences or caps; ",
    ),
    "she is active": (
        {"rep": {"active": False}},
        lambda floor: floor.rep("ann"),
        "asked again: ann may have leads now; ",
    ),
    "she joins": (
        {"members": ["bob"]},
        lambda floor: floor.group("west", "bob", "ann"),
        "asked again: ann joined west; ",
    ),
    "the roster is no longer empty": (
        {"members": []},
        lambda floor: floor.group("west", "ann"),
        "asked again: 1 reps joined west; ",
    ),
    "the group's filter": (
        {"group": {"filter": where(("state", "=", "TX"))}},
        lambda floor: floor.group("west", "ann", filter=where(("state", "=", "RI"))),
        "asked again: the method, filter or pause of west changed; ",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_m5_a_change_that_the_failure_named_asks_again_and_the_decision_says_why(what: str) -> None:
    before, change, said = CHANGES[what]
    floor = SalesFloor("bob", licensed_states=["TX"]).rep("ann", **before.get("rep", {}))
    floor.group("west", *before.get("members", ["ann"]), **before.get("group", {})).comes("A")
    assert (reason(floor), floor.stage("A")) == ("no_available_agents", OrgLeadStage.WAITING)
    change(floor)
    assert (floor.lead.owner, why(floor)[: len(said)]) == ("ann", said)
    floor.agree()


@pytest.mark.parametrize(
    "change",
    [
        lambda floor: floor.rep("ann", licensed_states=["MA", "TX"]),
        lambda floor: floor.rep("ann", licensed_states=["MA"], name="Ann Doe", teams=["west"]),
        lambda floor: floor.group("west", ("ann", 2), claim_window_seconds=60),
        lambda floor: floor.settings(round_robin=False, lock_minutes=5),
        lambda floor: floor.publishes("campaign", "east", {"name": "east", "group_id": None}),
        lambda floor: floor.publishes("campaign", "west", {"name": "West!", "group_id": "west"}),
    ],
)
def test_m5_a_change_that_cannot_help_asks_nobody(change: Callable[[SalesFloor], Any]) -> None:
    floor = SalesFloor().rep("ann", licensed_states=["MA"]).group("west", "ann").comes("A")
    decided = len(floor.decided)
    change(floor)
    assert floor.decided[decided:] == []
    assert len(floor.all_decisions("A", RepSought)) == 1
    floor.agree()


def test_m5_d2_a_resend_that_completes_the_lead_asks_again_and_keeps_its_place() -> None:
    floor = SalesFloor("ann", licensed_states=["RI"], max_open=1).group("west", "ann")
    floor.comes("A", state=None).comes("B", "C")
    assert reason(floor, "A") == "no_available_agents"
    assert (floor.lead_of("B").owner, reason(floor, "C")) == ("ann", "no_available_agents")
    floor.of("A").arrives("A", campaign="west", state="RI")
    assert floor.all_decisions("A", RepSought)[-1].why == "asked again: its state changed"
    assert floor.lead_of("A").phase is Phase.EXCEPTION, "ann has no room"
    floor.of("B").asks("outcome", "ann", outcome="closed_won")
    assert floor.lead_of("A").owner == "ann", "it has waited longer than C"
    assert why(floor, "A").startswith("asked again: ann has room for a lead again; ")
    floor.agree()


def test_m5_facts_that_change_while_the_group_is_being_asked_are_not_missed() -> None:
    floor = SalesFloor("ann", licensed_states=["RI"]).group("west", "ann")
    with floor.late():
        floor.comes("A", state=None)
        floor.carry("arrivals")
        floor.answer("0" if floor.answers["0"].waiting else "1")
        assert floor.lead.open_distribution is not None
        assert floor.lead.open_distribution.stage is DistributionStage.REQUESTED
        floor.arrives("A", campaign="west", state="RI")
    floor.deliver()
    assert floor.lead.owner == "ann"
    floor.agree()


def test_m5_a_campaign_a_group_or_a_default_that_comes_later_is_asked() -> None:
    floor = SalesFloor("ann")
    floor.comes("A", through="west").comes("B", through="north").comes("C", through="")
    assert [reason(floor, name) for name in "ABC"] == ["no_available_agents"] * 3
    floor.group("west", "ann")
    assert [floor.lead_of(name).owner for name in "ABC"] == ["ann", None, None]
    assert floor.all_decisions("A", RepSought)[-1].why == "asked again: its campaign has a group"
    floor.publishes("campaign", "north", {"name": "north", "group_id": "later"})
    floor.publishes("group", "later", {"method": "round_robin", "members": [{"rep_id": "ann"}]})
    assert [floor.lead_of(name).owner for name in "ABC"] == ["ann", "ann", None]
    floor.publishes("campaign", "rest", {"name": "rest", "group_id": "west", "default": True})
    assert [floor.lead_of(name).owner for name in "ABC"] == ["ann"] * 3
    floor.agree()


def test_m5_a_campaign_that_gets_another_group_moves_its_waiting_leads() -> None:
    floor = SalesFloor("bob").rep("ann", licensed_states=[]).group("east", "bob").group("west", "ann")
    floor.comes("A")
    floor.publishes("campaign", "west", {"name": "west", "group_id": "east"})
    assert floor.lead.owner == "bob"
    floor.agree()


def test_m5_a_lead_waits_with_the_group_of_its_newest_inquiry() -> None:
    floor = SalesFloor("bob").rep("ann", licensed_states=[]).group("east", "ann").group("west", "ann")
    floor.comes("A", phone="+14014194247")
    floor.comes("B", through="east", phone="+14014194247")
    distribution = floor.lead_of("A").open_distribution
    assert distribution is not None
    assert (distribution.group_id, distribution.campaign) == ("east", "east")
    floor.group("west", "ann", "bob")
    assert floor.lead_of("A").owner is None, "its first campaign is not asked any more"
    floor.group("east", "ann", "bob")
    assert floor.lead_of("A").owner == "bob"
    floor.agree()


def test_m5_after_unignore_and_after_a_lock_ran_out_the_round_goes_on() -> None:
    floor = SalesFloor("ann", "bob").group("west", "ann", **WINDOW).queue("work")
    floor.comes("A").asks("decline", "ann")
    assert (floor.lead.phase, floor.stage("A")) == (Phase.QUEUED, OrgLeadStage.WAITING)
    floor.opens("bob")
    assert floor.stage("A") is None
    floor.wait(minutes=61)
    assert floor.all_decisions("A", RepSought)[-1].why == "asked again: nobody has it open any more"
    assert floor.all_decisions("A", RepSought)[-1].tried == ("ann",), "the round goes on (R8)"
    assert (floor.lead.phase, floor.stage("A")) == (Phase.QUEUED, OrgLeadStage.WAITING)
    floor.opens("bob")
    floor.asks("release", "bob")
    assert floor.stage("A") is OrgLeadStage.WAITING
    floor.publishes("queue", "work", None)
    assert floor.asks("ignore", "mia").result is Result.DONE
    assert floor.stage("A") is None
    floor.group("west", "ann", "bob", **WINDOW)
    assert floor.stage("A") is None, "nobody asks for an ignored lead"
    floor.asks("unignore", "mia")
    assert floor.has("A") == ("bob",)
    assert floor.all_decisions("A", RepSought)[-1].why == "asked again: it is no longer ignored"
    floor.agree()


def test_m5_a_worked_lead_stays_in_its_queue_and_is_asked_for_when_no_queue_takes_it() -> None:
    floor = SalesFloor("ann", "bob").rep("cyd", licensed_states=[]).group("west", "cyd").queue("work")
    floor.comes("A").opens("bob")
    floor.asks("outcome", "bob", outcome="no_answer")
    assert (floor.lead.phase, floor.stage("A")) == (Phase.QUEUED, None)
    floor.publishes("queue", "work", None)
    assert (floor.lead.phase, floor.stage("A")) == (Phase.EXCEPTION, OrgLeadStage.WAITING)
    floor.rep("cyd")
    assert floor.lead.owner == "cyd"
    floor.agree()


@pytest.mark.parametrize("method", ["ring_all", "distribute_all"])
def test_m5_a_ring_in_vain_stays_the_reason_and_reps_not_yet_tried_are_asked(method: str) -> None:
    floor = SalesFloor("ann", "bob").rep("cyd", licensed_states=[])
    floor.group("west", "ann", "bob", "cyd", method=method, ring_seconds=20).comes("A").wait(seconds=21)
    failed = "no_agents_answered" if method == "ring_all" else "no_agents_clicked"
    open_exception = floor.lead.open_exception
    assert open_exception is not None
    assert (open_exception.reason, floor.stage("A")) == (failed, OrgLeadStage.WAITING)
    assert [(one["rep_id"], one["why"]) for one in open_exception.explanation] == [
        ("ann", "did not answer in time"),
        ("bob", "did not answer in time"),
        ("cyd", "not licensed in RI"),
    ]
    floor.rep("cyd")
    assert floor.has("A") == ("cyd",)
    floor.wait(seconds=21)
    assert floor.lead.open_exception is not None
    assert floor.lead.open_exception.reason == failed
    assert [said.reps for said in floor.all_decisions("A", LeadOffered)] == [("ann", "bob"), ("cyd",)]
    floor.agree()


def test_m5_the_desk_shows_the_reasons_of_now() -> None:
    floor = SalesFloor("ann", licensed_states=["MA"], max_open=1).group("west", "ann")
    floor.comes("own", state="MA").comes("A")
    raised = floor.lead.open_exception
    floor.wait(minutes=5).rep("ann", licensed_states=["MA", "RI"], max_open=1)
    open_exception = floor.lead.open_exception
    assert raised is not None
    assert open_exception is not None
    assert open_exception.explanation == ({"rep_id": "ann", "why": "cap of open leads: 1 of 1"},)
    assert open_exception.raised_at == raised.raised_at, "it is the same exception"
    assert len(floor.all_decisions("A", NobodyAvailable)) == 2
    floor.of("own").asks("outcome", "ann", outcome="closed_won")
    assert floor.lead_of("A").owner == "ann"
    floor.agree()


def test_m5_the_oldest_first_as_places_free_and_a_move_frees_one() -> None:
    floor = SalesFloor("ann", "bob", max_open=2).group("west", "ann").comes(*"ABCDE")
    assert [floor.lead_of(name).owner for name in "ABCDE"] == ["ann", "ann", None, None, None]
    floor.of("A").asks("reassign", "mia", to_rep_id="bob", why="bob knows them")
    assert [floor.lead_of(name).owner for name in "ABCDE"] == ["bob", "ann", "ann", None, None]
    floor.of("B").asks("outcome", "ann", outcome="closed_lost")
    assert [floor.lead_of(name).owner for name in "ABCDE"] == ["bob", "ann", "ann", "ann", None]
    floor.agree()


def test_m5_a_rep_who_left_and_comes_back_is_asked() -> None:
    floor = SalesFloor("ann").group("west", "ann")
    floor.changes("ann", RepChange.LEFT)
    floor.comes("A")
    assert reason(floor) == "no_available_agents"
    floor.changes("ann", RepChange.RETURNED)
    assert floor.lead.owner == "ann"
    floor.agree()


def test_m5_a_lead_of_an_owner_who_left_is_a_managers() -> None:
    floor = SalesFloor("ann", "bob").group("west", "ann", "bob").comes("A")
    floor.changes("ann", RepChange.LEFT)
    assert reason(floor) == "orphaned"
    floor.rep("bob", max_open=9).group("west", "bob")
    assert reason(floor) == "orphaned"
    floor.agree()


def test_m5_a_review_is_bounded_and_its_rest_survives_a_restart() -> None:
    """One event tries at most a slice; the group's row keeps where it is (docs/bounds.md)."""
    floor = SalesFloor("bob").rep("ann", licensed_states=[]).group("west", "ann")
    names = [f"L{n:03}" for n in range(250)]
    floor.comes(*names)
    decided = len(floor.decided)
    with floor.late():
        floor.rep("ann")
        floor.carry("news")
        floor.restart_org(compacted=True)
        assert 0 < len(floor.decided) - decided <= 201
        assert any(row.review for row in floor.state.groups.values())
    floor.wait(seconds=1)
    assert {floor.lead_of(name).owner for name in names} == {"ann"}
    offered = [said.lead_id for said in floor.decided if isinstance(said, OfferMade)]
    assert offered == names, "the oldest first"
    assert not any(row.review or row.wake for row in floor.state.groups.values())
    floor.agree()


def test_m5_free_capacity_does_not_search_among_leads_it_cannot_help() -> None:
    """Leads that all reps were tried for are parked: a rep who gains room does not look at them."""
    floor = SalesFloor("ann", "bob", max_open=2).group("west", "ann", "bob", **WINDOW)
    floor.comes("A").asks("decline", "ann")
    floor.asks("decline", "bob")
    assert reason(floor) == "all_agents_tried"
    floor.comes("B", "C", "D", "E")
    decided = len(floor.decided)
    for name in "BCDE":
        floor.of(name).asks("outcome", floor.has(name)[0], outcome="closed_won")
    assert not [one for one in floor.decided[decided:] if isinstance(one, LeadStillWaiting)]
    assert floor.state.leads["A"].parked
    floor.agree()


def test_m5_messages_that_come_twice_change_nothing() -> None:
    floor = (
        SalesFloor("ann", licensed_states=["MA"], max_open=1).group("west", "ann").comes("own", state="MA")
    )
    floor.comes("A").rep("ann", licensed_states=["MA", "RI"], max_open=1)
    before = floor.lead
    for lane in (*floor.org_messages.values(), *floor.answers.values()):
        lane.back(50)
    floor.deliver()
    now = floor.lead_of("A")
    assert (now.open_distribution, now.failed, now.open_exception) == (
        before.open_distribution,
        before.failed,
        before.open_exception,
    )
    floor.agree()
