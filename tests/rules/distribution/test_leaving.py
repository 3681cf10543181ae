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
def how(request: pytest.FixtureRequest) -> str:
    """Return each way to leave."""
    return str(request.param)


def leave(floor: SalesFloor, rep_id: str, how: str) -> None:
    """Let a rep leave."""
    if how == "left":
        floor.changes(rep_id, RepChange.LEFT)
    else:
        floor.publishes("rep", rep_id, None if how == "removed" else {"active": False})


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor with a windowed group, and a claimable queue for leads that nobody takes."""
    return SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).queue("open", claimable=True)


def test_x2_open_offers_are_voided_and_go_to_the_next(floor: SalesFloor, how: str) -> None:
    floor.comes(*"ABCD")
    assert floor.has("D") == ("ann",)
    leave(floor, "ann", how)
    assert [floor.has(name)[0] for name in "ABCD"] == ["bob", "bob", "cyd", "cyd"]
    (ended,) = floor.all_decisions("A", OfferEnded)
    assert (ended.outcome, ended.reps) == (Outcome.VOIDED, ("ann",))
    assert ("lead_offered", "ann", True) in floor.all_notifications("A")
    assert floor.in_hand("ann") == (0, 0)
    floor.agree()


def test_x2_a_ring_goes_on_for_the_others_and_without_any_asks_anew(how: str) -> None:
    floor = (
        SalesFloor("ann", "bob")
        .group("shotgun", "ann", "bob", method="ring_all")
        .comes("A", through="shotgun")
    )
    leave(floor, "ann", how)
    assert floor.has("A") == ("bob",)
    floor.agree()
    leave(floor, "bob", how)
    assert floor.lead.open_exception is not None
    assert (floor.lead.phase, floor.lead.open_exception.reason) == (Phase.EXCEPTION, "no_available_agents")
    floor.agree()


def test_x2_owned_leads_are_orphaned_and_a_queue_may_take_them(floor: SalesFloor, how: str) -> None:
    floor.comes("A").asks("accept", "ann")
    leave(floor, "ann", how)
    lead = floor.lead
    assert (lead.phase, lead.owner, lead.how, floor.queues) == (Phase.QUEUED, None, "orphaned", ["open"])
    assert [said.rep_id for said in floor.all_decisions("A", OwnerChanged)] == ["ann", None]
    assert floor.claims("bob", "open").result is Result.WON
    floor.agree()


def test_x2_e1_where_no_queue_takes_it_an_orphan_is_an_exception(floor: SalesFloor, how: str) -> None:
    floor.publishes("queue", "open", None)
    floor.comes("A").asks("accept", "ann")
    leave(floor, "ann", how)
    assert floor.lead.open_exception is not None
    assert (floor.lead.phase, floor.lead.open_exception.reason) == (Phase.EXCEPTION, "orphaned")
    assert floor.lead.open_exception.explanation[0]["rep_id"] == "ann"
    floor.agree()


def test_q10_x2_one_that_was_claimed_through_a_queue_goes_to_the_exceptions_desk(
    floor: SalesFloor, how: str
) -> None:
    floor.queue("work", sweep=True).arrives("A").claims("ann", "open")
    leave(floor, "ann", how)
    lead = floor.lead
    assert lead.open_exception is not None
    assert (lead.phase, lead.open_exception.reason, floor.queues) == (Phase.EXCEPTION, "orphaned", [])
    assert floor.claims("bob", "open").result is Result.REFUSED
    floor.wait(days=1)
    assert floor.lead.phase is Phase.EXCEPTION
    assert floor.asks("assign", "mia", to_rep_id="bob").result is Result.DONE
    floor.agree()
    leave(floor, "bob", how)
    assert floor.lead.phase is Phase.EXCEPTION, "and again"
    floor.asks("reopen_claimable", "ada")
    assert (floor.lead.phase, floor.queues) == (Phase.QUEUED, ["open", "work"]), "but for an admin's override"
    floor.agree()


def test_x2_a_lead_that_is_open_is_unlocked(floor: SalesFloor, how: str) -> None:
    floor.comes("A").asks("accept", "ann")
    floor.opens("ann")
    assert floor.lead.phase is Phase.WORKING
    leave(floor, "ann", how)
    assert (floor.lead.lock, floor.lead.phase) == (None, Phase.QUEUED)
    floor.agree()


def test_x2_a_promised_call_stands_and_is_handed_over(floor: SalesFloor, how: str) -> None:
    call = floor.now + timedelta(hours=3)
    floor.comes("A").asks("callback", "ann", at=call)
    leave(floor, "ann", how)
    assert (floor.lead.owner, floor.lead.callback_at) == (None, call)
    floor.asks("assign", "mia", to_rep_id="bob")
    assert floor.lead.callback_at == call
    assert floor.deadline(DeadlineKind.CALLBACK).due == call
    floor.wait(hours=3)
    assert floor.kinds == ["CallbackDue"]
    floor.agree()


def test_x2_a_lead_taken_as_its_rep_leaves_is_orphaned_too(floor: SalesFloor, how: str) -> None:
    floor.comes("A")
    with floor.late():
        leave(floor, "ann", "left" if how == "left" else "inactive")
        floor.carry("news", 10)
        if how == "left":
            assert floor.of("A").asks("accept", "ann").result is Result.WON, "who has left may still be first"
        else:
            floor.asks("assign", "mia", to_rep_id="cyd")
    floor.deliver()
    assert floor.has("A") == (() if how == "left" else ("cyd",))
    floor.agree()


def test_x2_x3_a_lead_that_is_closed_as_its_rep_leaves_stays_closed(floor: SalesFloor, how: str) -> None:
    floor.comes("A").asks("accept", "ann")
    with floor.late():
        leave(floor, "ann", how)
        floor.carry("news", 10)
        assert floor.of("A").asks("outcome", "mia", outcome="closed_won").result is Result.REFUSED
        floor.publishes("rep", "ann", {})  # the lead's partition still has the old publication
        assert floor.asks("outcome", "ann", outcome="closed_won").result is Result.DONE
    floor.deliver()
    assert (floor.lead.phase, floor.lead.owner) == (Phase.CLOSED, "ann")
    assert [said.answer for said in floor.all_decisions("A", AnswerIgnored)] == ["lead_orphaned"]
    floor.agree()


def test_x2_r7_who_returns_is_owed_nothing_and_has_its_turn(floor: SalesFloor, how: str) -> None:
    floor.comes(*"ABC")
    leave(floor, "ann", how)
    assert floor.has("A") == ("bob",)
    if how == "left":
        floor.changes("ann", RepChange.RETURNED)
    else:
        floor.rep("ann")
    floor.comes(*"DEFG")
    assert [floor.has(name)[0] for name in "DEFG"] == ["ann", "cyd", "bob", "ann"]
    floor.agree()


def test_d7_m7_a_promise_outlives_its_owner_and_the_next_distribution() -> None:
    """CASES D7: the owner left, another inquiry distributed the lead, and the promised time was gone."""
    floor = SalesFloor("ann", "bob", "cyd").group("west", "ann", "bob", "cyd")
    call = floor.now + timedelta(hours=3)
    floor.comes("A", phone="+14014194247").asks("callback", "ann", at=call)
    floor.rep("ann", active=False)
    assert (floor.lead.owner, floor.lead.callback_at) == (None, call)
    floor.comes("A2", vendor="globex", phone="+14014194247")
    (taker,) = floor.has("A")
    floor.of("A").asks("redistribute", "mia")
    assert floor.lead_of("A").callback_at == call
    (taker,) = floor.has("A")
    floor.of("A").asks("accept", taker)
    floor.wait(hours=3)
    assert (floor.lead_of("A").owner, floor.lead_of("A").callback_at) == (taker, call)
    notifications = [one for one in floor.all_notifications("A") if one[0] == "callback_due"]
    assert notifications == [("callback_due", taker, False)] * 2, "by mail and by push, once"
    floor.agree()
