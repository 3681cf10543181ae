"""A rep who is switched off loses its leads, offers and locks, and all of them go on to others (X2, Q10)."""

from datetime import timedelta

import pytest

from models.decisions import AnswerIgnored, OwnerChanged
from models.lead import DeadlineKind, Phase
from models.offer_decisions import OfferEnded
from models.offers import Outcome
from models.org_events import RepChange
from models.results import Result
from tests.rules.distribution.sales_floor import SalesFloor

CREW = ("ann", "bob", "cyd")


@pytest.fixture(params=["inactive", "removed", "left"])
def way_to_leave(request: pytest.FixtureRequest) -> str:
    """Return each way to leave."""
    return str(request.param)


def leave(sales_floor: SalesFloor, rep_id: str, kind: str) -> None:
    """Let a rep leave."""
    if kind == "left":
        sales_floor.changes(rep_id, RepChange.LEFT)
    else:
        sales_floor.publishes("rep", rep_id, None if kind == "removed" else {"active": False})


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with a windowed group, and a claimable queue for leads that nobody takes."""
    return SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).queue("open", claimable=True)


def test_x2_open_offers_are_voided_and_go_to_the_next(sales_floor: SalesFloor, way_to_leave: str) -> None:
    sales_floor.comes(*"ABCD")
    assert sales_floor.has("D") == ("ann",)
    leave(sales_floor, "ann", way_to_leave)
    assert [sales_floor.has(name)[0] for name in "ABCD"] == ["bob", "bob", "cyd", "cyd"]
    (ended,) = sales_floor.all_decisions("A", OfferEnded)
    assert (ended.outcome, ended.reps) == (Outcome.VOIDED, ("ann",))
    assert ("lead_offered", "ann", True) in sales_floor.all_notifications("A")
    assert sales_floor.in_hand("ann") == (0, 0)
    sales_floor.agree()


def test_x2_a_ring_goes_on_for_the_others_and_without_any_asks_anew(way_to_leave: str) -> None:
    sales_floor = (
        SalesFloor("ann", "bob")
        .group("shotgun", "ann", "bob", method="ring_all")
        .comes("A", through="shotgun")
    )
    leave(sales_floor, "ann", way_to_leave)
    assert sales_floor.has("A") == ("bob",)
    sales_floor.agree()
    leave(sales_floor, "bob", way_to_leave)
    assert sales_floor.lead.open_exception is not None
    assert (sales_floor.lead.phase, sales_floor.lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "no_available_agents",
    )
    sales_floor.agree()


def test_x2_owned_leads_are_orphaned_and_a_queue_may_take_them(
    sales_floor: SalesFloor, way_to_leave: str
) -> None:
    sales_floor.comes("A").asks("accept", "ann")
    leave(sales_floor, "ann", way_to_leave)
    lead = sales_floor.lead
    assert (lead.phase, lead.owner, lead.how, sales_floor.queues) == (
        Phase.QUEUED,
        None,
        "orphaned",
        ["open"],
    )
    assert [decision.rep_id for decision in sales_floor.all_decisions("A", OwnerChanged)] == ["ann", None]
    assert sales_floor.claims("bob", "open").result is Result.WON
    sales_floor.agree()


def test_x2_e1_where_no_queue_takes_it_an_orphan_is_an_exception(
    sales_floor: SalesFloor, way_to_leave: str
) -> None:
    sales_floor.publishes("queue", "open", None)
    sales_floor.comes("A").asks("accept", "ann")
    leave(sales_floor, "ann", way_to_leave)
    assert sales_floor.lead.open_exception is not None
    assert (sales_floor.lead.phase, sales_floor.lead.open_exception.reason) == (Phase.EXCEPTION, "orphaned")
    assert sales_floor.lead.open_exception.explanation[0]["rep_id"] == "ann"
    sales_floor.agree()


def test_q10_x2_one_that_was_claimed_through_a_queue_goes_to_the_exceptions_desk(
    sales_floor: SalesFloor, way_to_leave: str
) -> None:
    sales_floor.queue("work", sweep=True).arrives("A").claims("ann", "open")
    leave(sales_floor, "ann", way_to_leave)
    lead = sales_floor.lead
    assert lead.open_exception is not None
    assert (lead.phase, lead.open_exception.reason, sales_floor.queues) == (Phase.EXCEPTION, "orphaned", [])
    assert sales_floor.claims("bob", "open").result is Result.REFUSED
    sales_floor.wait(days=1)
    assert sales_floor.lead.phase is Phase.EXCEPTION
    assert sales_floor.asks("assign", "mia", to_rep_id="bob").result is Result.DONE
    sales_floor.agree()
    leave(sales_floor, "bob", way_to_leave)
    assert sales_floor.lead.phase is Phase.EXCEPTION, "and again"
    sales_floor.asks("reopen_claimable", "ada")
    assert (sales_floor.lead.phase, sales_floor.queues) == (Phase.QUEUED, ["open", "work"]), (
        "but for an admin's override"
    )
    sales_floor.agree()


def test_x2_a_lead_that_is_open_is_unlocked(sales_floor: SalesFloor, way_to_leave: str) -> None:
    sales_floor.comes("A").asks("accept", "ann")
    sales_floor.opens("ann")
    assert sales_floor.lead.phase is Phase.WORKING
    leave(sales_floor, "ann", way_to_leave)
    assert (sales_floor.lead.lock, sales_floor.lead.phase) == (None, Phase.QUEUED)
    sales_floor.agree()


def test_x2_a_promised_call_stands_and_is_handed_over(sales_floor: SalesFloor, way_to_leave: str) -> None:
    call = sales_floor.now + timedelta(hours=3)
    sales_floor.comes("A").asks("callback", "ann", at=call)
    leave(sales_floor, "ann", way_to_leave)
    assert (sales_floor.lead.owner, sales_floor.lead.callback_at) == (None, call)
    sales_floor.asks("assign", "mia", to_rep_id="bob")
    assert sales_floor.lead.callback_at == call
    assert sales_floor.deadline(DeadlineKind.CALLBACK).due == call
    sales_floor.wait(hours=3)
    assert sales_floor.kinds == ["CallbackDue"]
    sales_floor.agree()


def test_x2_a_lead_taken_as_its_rep_leaves_is_orphaned_too(
    sales_floor: SalesFloor, way_to_leave: str
) -> None:
    sales_floor.comes("A")
    with sales_floor.messages_held():
        leave(sales_floor, "ann", "left" if way_to_leave == "left" else "inactive")
        sales_floor.carry("news", 10)
        if way_to_leave == "left":
            assert sales_floor.of("A").asks("accept", "ann").result is Result.WON, (
                "who has left may still be first"
            )
        else:
            sales_floor.asks("assign", "mia", to_rep_id="cyd")
    sales_floor.deliver()
    assert sales_floor.has("A") == (() if way_to_leave == "left" else ("cyd",))
    sales_floor.agree()


def test_x2_x3_a_lead_that_is_closed_as_its_rep_leaves_stays_closed(
    sales_floor: SalesFloor, way_to_leave: str
) -> None:
    sales_floor.comes("A").asks("accept", "ann")
    with sales_floor.messages_held():
        leave(sales_floor, "ann", way_to_leave)
        sales_floor.carry("news", 10)
        assert sales_floor.of("A").asks("outcome", "mia", outcome="closed_won").result is Result.REFUSED
        sales_floor.publishes("rep", "ann", {})  # the lead's partition still has the old publication
        assert sales_floor.asks("outcome", "ann", outcome="closed_won").result is Result.DONE
    sales_floor.deliver()
    assert (sales_floor.lead.phase, sales_floor.lead.owner) == (Phase.CLOSED, "ann")
    assert [decision.answer for decision in sales_floor.all_decisions("A", AnswerIgnored)] == [
        "lead_orphaned"
    ]
    sales_floor.agree()


def test_x2_r7_who_returns_is_owed_nothing_and_has_its_turn(
    sales_floor: SalesFloor, way_to_leave: str
) -> None:
    sales_floor.comes(*"ABC")
    leave(sales_floor, "ann", way_to_leave)
    assert sales_floor.has("A") == ("bob",)
    if way_to_leave == "left":
        sales_floor.changes("ann", RepChange.RETURNED)
    else:
        sales_floor.rep("ann")
    sales_floor.comes(*"DEFG")
    assert [sales_floor.has(name)[0] for name in "DEFG"] == ["ann", "cyd", "bob", "ann"]
    sales_floor.agree()


def test_d7_m7_a_promise_outlives_its_owner_and_the_next_distribution() -> None:
    """CASES D7: the owner left, another inquiry distributed the lead, and the promised time was gone."""
    sales_floor = SalesFloor("ann", "bob", "cyd").group("west", "ann", "bob", "cyd")
    call = sales_floor.now + timedelta(hours=3)
    sales_floor.comes("A", phone="+14014194247").asks("callback", "ann", at=call)
    sales_floor.rep("ann", active=False)
    assert (sales_floor.lead.owner, sales_floor.lead.callback_at) == (None, call)
    sales_floor.comes("A2", vendor="globex", phone="+14014194247")
    (taker,) = sales_floor.has("A")
    sales_floor.of("A").asks("redistribute", "mia")
    assert sales_floor.lead_of("A").callback_at == call
    (taker,) = sales_floor.has("A")
    sales_floor.of("A").asks("accept", taker)
    sales_floor.wait(hours=3)
    assert (sales_floor.lead_of("A").owner, sales_floor.lead_of("A").callback_at) == (taker, call)
    notifications = [
        notification
        for notification in sales_floor.all_notifications("A")
        if notification[0] == "callback_due"
    ]
    assert notifications == [("callback_due", taker, False)] * 2, "by mail and by push, once"
    sales_floor.agree()
