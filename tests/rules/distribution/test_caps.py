"""Caps hold however many leads come. Others see the waiting leads, and a free slot is filled (R9, E1)."""

import pytest

from models.decisions import OwnerChanged
from models.lead import DistributionStage, Phase
from models.offer_decisions import OfferEnded
from models.offers import Outcome
from models.org_rows import OrgLeadStage
from models.results import Result
from tests.rules.distribution.sales_floor import SalesFloor

CREW = ("ann", "bob", "cyd")
LEADS = tuple(f"lead-{number:02}" for number in range(30))


@pytest.fixture
def floor() -> SalesFloor:
    """Give thirty leads at once to three reps with a cap of two open leads each."""
    floor = SalesFloor(*CREW, max_open=2).group("west", *CREW, claim_window_seconds=900)
    with floor.late():
        floor.comes(*LEADS)
    return floor.deliver()


def test_r9_e1_thirty_leads_for_three_reps_with_two_each_and_the_rest_say_why(floor: SalesFloor) -> None:
    assert [floor.in_hand(rep_id) for rep_id in CREW] == [(0, 2)] * 3
    assert [floor.has(name) for name in LEADS[:6]] == [(rep_id,) for rep_id in CREW * 2]
    for name in LEADS[6:]:
        lead = floor.lead_of(name)
        assert (lead.phase, lead.open_distribution and lead.open_distribution.stage) == (
            Phase.EXCEPTION,
            DistributionStage.WAITING,
        )
        assert lead.open_exception is not None
        assert lead.open_exception.reason == "no_available_agents"
        assert lead.open_exception.explanation == tuple(
            {"rep_id": rep_id, "why": "cap of open leads: 2 of 2"} for rep_id in CREW
        )
    floor.agree()


def test_r9_a_slot_that_is_free_goes_to_the_longest_waiting_by_itself(floor: SalesFloor) -> None:
    floor.of(LEADS[1]).asks("accept", "bob")
    assert floor.has(LEADS[6]) == (), "a lead that is owned is as open as one that is offered"
    floor.of(LEADS[1]).asks("outcome", "bob", outcome="closed_lost")
    assert (floor.has(LEADS[6]), floor.has(LEADS[7])) == (("bob",), ())
    assert floor.lead_of(LEADS[6]).open_exception is None
    floor.agree()
    floor.rep("ann", max_open=4)
    assert [floor.has(name) for name in LEADS[7:10]] == [("ann",), ("ann",), ()]
    floor.agree()


def test_r8_r9_x7_windows_run_out_until_all_are_tried_and_nothing_is_lost(floor: SalesFloor) -> None:
    floor.wait(days=1)
    for name in LEADS:
        lead = floor.lead_of(name)
        assert lead.open_exception is not None
        assert (lead.phase, lead.open_exception.reason) == (Phase.EXCEPTION, "all_agents_tried")
        assert sorted(floor.offered(name)) == [*CREW]
    assert [floor.in_hand(rep_id) for rep_id in CREW] == [(0, 0)] * 3
    floor.agree()


def test_r9_a_day_over_the_daily_cap_is_followed_by_another() -> None:
    floor = SalesFloor("ann", max_per_day=2).group("west", "ann").comes(*"ABCDE")
    assert [floor.lead_of(name).owner for name in "ABCDE"] == ["ann", "ann", None, None, None]
    floor.wait(days=1)
    assert [floor.lead_of(name).owner for name in "ABCDE"] == ["ann"] * 4 + [None]
    floor.wait(days=1)
    assert floor.lead_of("E").owner == "ann"
    floor.agree()


def test_q8_a_lead_that_waits_is_claimed_from_a_queue_and_asks_no_more(floor: SalesFloor) -> None:
    floor.queue("open", claimable=True)
    waits = LEADS[6]
    assert (floor.of(waits).lead.phase, floor.queues) == (Phase.QUEUED, ["open"])
    assert floor.claims("ann", "open").result is Result.WON
    assert (floor.stage(waits), floor.in_hand("ann")) == (OrgLeadStage.HELD, (1, 2)), (
        "over the cap, by its own doing"
    )
    floor.agree()
    floor.of(LEADS[0]).asks("decline", "ann")
    assert floor.has(LEADS[6]) == ("ann",)
    assert floor.has(LEADS[7]) == (), "no offer goes over the cap"
    floor.agree()


def test_d1_a_lead_that_waits_is_opened_from_a_queue_and_asks_no_more(floor: SalesFloor) -> None:
    floor.queue("work")
    waits = LEADS[6]
    assert floor.of(waits).opens("cyd").result is Result.DONE
    assert (floor.lead.phase, floor.stage(waits)) == (Phase.LOCKED, None)
    floor.agree()
    floor.of(LEADS[1]).asks("decline", "bob")
    assert floor.has(LEADS[7]) == ("bob",), "the next one that waits"
    floor.agree()


@pytest.mark.parametrize("to", ["ann", "cyd"])
def test_e3_r7_a_manager_assigns_what_is_offered_and_the_offer_is_voided(to: str) -> None:
    floor = SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).comes("A")
    assert floor.asks("assign", "mia", to_rep_id=to).result is Result.DONE
    (owner,) = floor.all_decisions("A", OwnerChanged)
    assert (owner.rep_id, owner.how) == (to, "manual")
    assert ("lead_offered", "ann", True) in floor.all_notifications("A") or to == "ann"
    (ended,) = floor.all_decisions("A", OfferEnded)
    assert ended.outcome is (Outcome.CLAIMED if to == "ann" else Outcome.VOIDED)
    assert floor.in_hand(to) == (1, 0)
    floor.agree()
    floor.comes("B")
    assert floor.has("B") == (("bob",) if to == "ann" else ("ann",)), "a voided turn is owed"


def test_e3_an_exception_that_waits_is_assigned_and_its_place_is_given_up(floor: SalesFloor) -> None:
    assert floor.of(LEADS[6]).asks("assign", "mia", to_rep_id="bob").result is Result.DONE
    assert (floor.lead.owner, floor.lead.open_exception, floor.stage(LEADS[6])) == (
        "bob",
        None,
        OrgLeadStage.HELD,
    )
    assert floor.asks("assign", "ada", to_rep_id="ann").owner == "bob"
    floor.agree()


def test_e4_an_exception_that_waits_and_is_ignored_is_offered_to_nobody(floor: SalesFloor) -> None:
    assert floor.of(LEADS[6]).asks("ignore", "mia").result is Result.DONE
    assert (floor.lead.phase, floor.stage(LEADS[6])) == (Phase.IGNORED, None)
    floor.of(LEADS[0]).asks("decline", "ann")
    assert floor.has(LEADS[6]) == ()
    floor.agree()


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ({"method": "round_robin", "claim_window_seconds": 60}, "all_agents_tried"),
        ({"method": "ring_all", "ring_seconds": 20}, "no_agents_answered"),
        ({"method": "distribute_all", "ring_seconds": 20}, "no_agents_clicked"),
        ({"method": "round_robin", "members": []}, "no_available_agents"),
    ],
)
def test_e1_an_exception_says_which_way_distribution_failed(group: dict[str, object], reason: str) -> None:
    floor = SalesFloor("ann")
    floor.publishes("group", "west", {"members": [{"rep_id": "ann"}], **group})
    floor.publishes("campaign", "west", {"group_id": "west", "description": "Spring"})
    floor.comes("A").wait(minutes=5)
    lead = floor.lead
    assert lead.open_exception is not None
    assert (lead.phase, lead.open_exception.reason) == (Phase.EXCEPTION, reason)
    assert all(one["why"] for one in lead.open_exception.explanation)
    assert (lead.distribution, lead.description) == (group["method"], "Spring")
    floor.agree()
