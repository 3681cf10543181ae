"""Caps hold however many leads come. Others see the waiting leads, and a free slot is filled (R9, E1)."""

import pytest

from models.decisions import OwnerChanged
from models.lead import DistributionStatus, Phase
from models.offer_decisions import OfferEnded
from models.offers import Outcome
from models.org_rows import OrgLeadStatus
from models.results import Result
from tests.rules.distribution.sales_floor import SalesFloor

CREW = ("ann", "bob", "cyd")
LEADS = tuple(f"lead-{number:02}" for number in range(30))


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Give thirty leads at once to three reps with a cap of two open leads each."""
    sales_floor = SalesFloor(*CREW, max_open=2).group("west", *CREW, claim_window_seconds=900)
    with sales_floor.messages_held():
        sales_floor.comes(*LEADS)
    return sales_floor.deliver()


def test_r9_e1_thirty_leads_for_three_reps_with_two_each_and_the_rest_say_why(
    sales_floor: SalesFloor,
) -> None:
    assert [sales_floor.in_hand(rep_id) for rep_id in CREW] == [(0, 2)] * 3
    assert [sales_floor.has(name) for name in LEADS[:6]] == [(rep_id,) for rep_id in CREW * 2]
    for name in LEADS[6:]:
        lead = sales_floor.lead_of(name)
        assert (lead.phase, lead.open_distribution and lead.open_distribution.stage) == (
            Phase.EXCEPTION,
            DistributionStatus.WAITING,
        )
        assert lead.open_exception is not None
        assert lead.open_exception.reason == "no_available_agents"
        assert lead.open_exception.explanation == tuple(
            {"rep_id": rep_id, "why": "cap of open leads: 2 of 2"} for rep_id in CREW
        )
    sales_floor.agree()


def test_r9_a_slot_that_is_free_goes_to_the_longest_waiting_by_itself(sales_floor: SalesFloor) -> None:
    sales_floor.of(LEADS[1]).asks("accept", "bob")
    assert sales_floor.has(LEADS[6]) == (), "a lead that is owned is as open as one that is offered"
    sales_floor.of(LEADS[1]).asks("outcome", "bob", outcome="closed_lost")
    assert (sales_floor.has(LEADS[6]), sales_floor.has(LEADS[7])) == (("bob",), ())
    assert sales_floor.lead_of(LEADS[6]).open_exception is None
    sales_floor.agree()
    sales_floor.rep("ann", max_open=4)
    assert [sales_floor.has(name) for name in LEADS[7:10]] == [("ann",), ("ann",), ()]
    sales_floor.agree()


def test_r8_r9_x7_windows_run_out_until_all_are_tried_and_nothing_is_lost(sales_floor: SalesFloor) -> None:
    sales_floor.wait(days=1)
    for name in LEADS:
        lead = sales_floor.lead_of(name)
        assert lead.open_exception is not None
        assert (lead.phase, lead.open_exception.reason) == (Phase.EXCEPTION, "all_agents_tried")
        assert sorted(sales_floor.offered(name)) == [*CREW]
    assert [sales_floor.in_hand(rep_id) for rep_id in CREW] == [(0, 0)] * 3
    sales_floor.agree()


def test_r9_a_day_over_the_daily_cap_is_followed_by_another() -> None:
    sales_floor = SalesFloor("ann", max_per_day=2).group("west", "ann").comes(*"ABCDE")
    assert [sales_floor.lead_of(name).owner for name in "ABCDE"] == ["ann", "ann", None, None, None]
    sales_floor.wait(days=1)
    assert [sales_floor.lead_of(name).owner for name in "ABCDE"] == ["ann"] * 4 + [None]
    sales_floor.wait(days=1)
    assert sales_floor.lead_of("E").owner == "ann"
    sales_floor.agree()


def test_q8_a_lead_that_waits_is_claimed_from_a_queue_and_asks_no_more(sales_floor: SalesFloor) -> None:
    sales_floor.queue("open", claimable=True)
    waits = LEADS[6]
    assert (sales_floor.of(waits).lead.phase, sales_floor.queues) == (Phase.QUEUED, ["open"])
    assert sales_floor.claims("ann", "open").result is Result.WON
    assert (sales_floor.stage(waits), sales_floor.in_hand("ann")) == (OrgLeadStatus.HELD, (1, 2)), (
        "over the cap, by its own doing"
    )
    sales_floor.agree()
    sales_floor.of(LEADS[0]).asks("decline", "ann")
    assert sales_floor.has(LEADS[6]) == ("ann",)
    assert sales_floor.has(LEADS[7]) == (), "no offer goes over the cap"
    sales_floor.agree()


def test_d1_a_lead_that_waits_is_opened_from_a_queue_and_asks_no_more(sales_floor: SalesFloor) -> None:
    sales_floor.queue("work")
    waits = LEADS[6]
    assert sales_floor.of(waits).opens("cyd").result is Result.DONE
    assert (sales_floor.lead.phase, sales_floor.stage(waits)) == (Phase.LOCKED, None)
    sales_floor.agree()
    sales_floor.of(LEADS[1]).asks("decline", "bob")
    assert sales_floor.has(LEADS[7]) == ("bob",), "the next one that waits"
    sales_floor.agree()


@pytest.mark.parametrize("to", ["ann", "cyd"])
def test_e3_r7_a_manager_assigns_what_is_offered_and_the_offer_is_voided(to: str) -> None:
    sales_floor = SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).comes("A")
    assert sales_floor.asks("assign", "mia", to_rep_id=to).result is Result.DONE
    (owner,) = sales_floor.all_decisions("A", OwnerChanged)
    assert (owner.rep_id, owner.how) == (to, "manual")
    assert ("lead_offered", "ann", True) in sales_floor.all_notifications("A") or to == "ann"
    (ended,) = sales_floor.all_decisions("A", OfferEnded)
    assert ended.outcome is (Outcome.CLAIMED if to == "ann" else Outcome.VOIDED)
    assert sales_floor.in_hand(to) == (1, 0)
    sales_floor.agree()
    sales_floor.comes("B")
    assert sales_floor.has("B") == (("bob",) if to == "ann" else ("ann",)), "a voided turn is owed"


def test_e3_an_exception_that_waits_is_assigned_and_its_place_is_given_up(sales_floor: SalesFloor) -> None:
    assert sales_floor.of(LEADS[6]).asks("assign", "mia", to_rep_id="bob").result is Result.DONE
    assert (sales_floor.lead.owner, sales_floor.lead.open_exception, sales_floor.stage(LEADS[6])) == (
        "bob",
        None,
        OrgLeadStatus.HELD,
    )
    assert sales_floor.asks("assign", "ada", to_rep_id="ann").owner == "bob"
    sales_floor.agree()


def test_e4_an_exception_that_waits_and_is_ignored_is_offered_to_nobody(sales_floor: SalesFloor) -> None:
    assert sales_floor.of(LEADS[6]).asks("ignore", "mia").result is Result.DONE
    assert (sales_floor.lead.phase, sales_floor.stage(LEADS[6])) == (Phase.IGNORED, None)
    sales_floor.of(LEADS[0]).asks("decline", "ann")
    assert sales_floor.has(LEADS[6]) == ()
    sales_floor.agree()


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
    sales_floor = SalesFloor("ann")
    sales_floor.publishes("group", "west", {"members": [{"rep_id": "ann"}], **group})
    sales_floor.publishes("campaign", "west", {"group_id": "west", "description": "Spring"})
    sales_floor.comes("A").wait(minutes=5)
    lead = sales_floor.lead
    assert lead.open_exception is not None
    assert (lead.phase, lead.open_exception.reason) == (Phase.EXCEPTION, reason)
    assert all(candidate["why"] for candidate in lead.open_exception.explanation)
    assert (lead.distribution, lead.description) == (group["method"], "Spring")
    sales_floor.agree()
