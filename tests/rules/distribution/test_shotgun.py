"""All reps are called, or see the button, at once, and the first one gets the lead (S1-S5)."""

from typing import Any

import pytest

from models.decisions import Answered
from models.lead import Phase
from models.offer_decisions import ConnectRequested, LeadOffered, OfferDeclined, OfferEnded
from models.offers import Outcome, RejectionReason
from models.org_rows import OrgLeadStage
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import SalesFloor

CREW = ("ann", "bob", "cyd")


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor with three phones that ring for 25 seconds."""
    return (
        SalesFloor(*CREW)
        .group("shotgun", *CREW, method="ring_all", ring_seconds=25)
        .comes("A", through="shotgun")
    )


def result_of(answer: Answered) -> tuple[Result, Reason | None, str | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason, answer.owner


def test_s1_every_eligible_rep_is_called_and_the_first_press_one_wins(floor: SalesFloor) -> None:
    assert floor.all_notifications("A") == [("ring", rep_id, False) for rep_id in CREW]
    floor.wait(seconds=10)
    assert result_of(floor.asks("press_one", "bob")) == (Result.WON, None, "bob")
    lead = floor.lead
    assert (lead.phase, lead.owner, lead.how, lead.via) == (Phase.OWNED, "bob", "ring_all", "group/shotgun")
    assert floor.all_notifications("A")[3:] == [
        ("ring", "ann", True),
        ("ring", "cyd", True),
        ("ring", "bob", True),
        ("lead_assigned", "bob", False),
        ("lead_assigned", "bob", False),
    ]
    assert [floor.in_hand(rep_id) for rep_id in CREW] == [(0, 0), (1, 0), (0, 0)]
    floor.agree()


def test_s1_only_who_may_have_it_is_called_and_the_others_are_named() -> None:
    floor = SalesFloor(*CREW)
    floor.rep("bob", licensed_states=["TX"])
    floor.group("shotgun", *CREW, method="ring_all").comes("A", through="shotgun")
    (offer,) = floor.all_decisions("A", LeadOffered)
    assert offer.reps == ("ann", "cyd")
    assert [(one.rep_id, one.reason) for one in offer.passed] == [("bob", RejectionReason.LICENCE)]


def test_s1_who_hangs_up_has_declined_and_it_rings_on_for_the_others(floor: SalesFloor) -> None:
    assert floor.asks("hang_up", "ann").result is Result.DONE
    assert floor.asks("decline", "bob").result is Result.DONE
    assert [(said.rep_id, said.remaining) for said in floor.all_decisions("A", OfferDeclined)] == [
        ("ann", ("bob", "cyd")),
        ("bob", ("cyd",)),
    ]
    assert (floor.has("A"), floor.in_hand("ann")) == (("cyd",), (0, 0))
    floor.agree()
    assert result_of(floor.asks("press_one", "ann")) == (Result.REFUSED, Reason.OFFER_OVER, None)
    assert result_of(floor.asks("press_one", "cyd")) == (Result.WON, None, "cyd")
    floor.agree()


def test_s2_the_winners_second_one_calls_the_lead_and_hanging_up_keeps_it(floor: SalesFloor) -> None:
    floor.asks("press_one", "bob")
    assert result_of(floor.asks("connect", "bob")) == (Result.REFUSED, Reason.NO_PHONE, "bob")
    floor.arrives("A", phone="+14014194247")  # the vendor completes it
    assert result_of(floor.asks("connect", "bob")) == (Result.DONE, None, "bob")
    assert floor.decisions == [ConnectRequested(rep_id="bob")]
    assert floor.all_notifications("A")[-1] == ("connect", "bob", False)
    assert floor.lead.last_contacted_at == floor.now
    assert result_of(floor.asks("connect", "ann")) == (Result.REFUSED, Reason.OFFER_OVER, "bob")
    assert result_of(floor.asks("press_one", "bob")) == (Result.WON, None, "bob"), "pressed twice, won once"
    floor.agree()


def test_d18_s2_who_hung_up_keeps_the_lead_and_is_not_connected_any_more(floor: SalesFloor) -> None:
    """CASES D18: `connect` after the winner's `hang_up` was done, although the call was over."""
    floor.arrives("A", phone="+14014194247").asks("press_one", "bob")
    assert result_of(floor.asks("hang_up", "bob")) == (Result.DONE, None, "bob")
    assert result_of(floor.asks("connect", "bob")) == (Result.REFUSED, Reason.OFFER_OVER, "bob")
    assert result_of(floor.asks("hang_up", "bob")) == (Result.DONE, None, "bob")
    assert floor.all_decisions("A", ConnectRequested) == []
    floor.agree()


def test_s2_x6_a_silenced_lead_is_assigned_and_not_called(floor: SalesFloor) -> None:
    floor.comes("B", through="shotgun", silenced=True)
    floor.of("A").asks("press_one", "ann")
    floor.of("B").wait(seconds=25).comes("C", through="shotgun", silenced=True)
    assert result_of(floor.asks("press_one", "bob")) == (Result.WON, None, "bob")
    assert result_of(floor.asks("connect", "bob")) == (Result.REFUSED, Reason.SUPPRESSED, "bob")
    assert floor.lead.last_contacted_at is None


def test_s3_everyone_else_is_told_that_it_is_no_longer_available(floor: SalesFloor) -> None:
    floor.asks("press_one", "bob")
    for rep_id in ("ann", "cyd", "mia"):
        assert result_of(floor.asks("press_one", rep_id)) == (Result.LOST, Reason.ALREADY_CLAIMED, "bob")
    assert result_of(floor.asks("accept", "ann", epoch=1)) == (Result.LOST, Reason.ALREADY_CLAIMED, "bob")


@pytest.mark.parametrize("timer_is_late", [False, True])
def test_s3_a_press_after_the_ring_is_told_that_the_offer_is_over(
    floor: SalesFloor, *, timer_is_late: bool
) -> None:
    if timer_is_late:
        floor.at(seconds=25)
    else:
        floor.wait(seconds=25)
    for rep_id in CREW:
        assert result_of(floor.asks("press_one", rep_id)) == (Result.REFUSED, Reason.OFFER_OVER, None)


@pytest.mark.parametrize(
    ("action", "fields"), [("view", {"view_only": True}), ("note", {"note": "n"}), ("reopen_claimable", {})]
)
def test_s4_what_a_manager_does_after_the_ring_finds_the_lead_free_also_before_the_timer_spoke(
    floor: SalesFloor, action: str, fields: dict[str, Any]
) -> None:
    assert floor.at(seconds=25).asks(action, "ada", **fields).result is Result.DONE
    assert floor.lead.phase is Phase.EXCEPTION
    floor.agree()


def test_s4_nobody_presses_in_time_and_the_lead_is_an_exception(floor: SalesFloor) -> None:
    floor.wait(seconds=25)
    lead = floor.lead
    assert (lead.phase, lead.open_exception and lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "no_agents_answered",
    )
    assert lead.open_exception is not None
    assert lead.open_exception.explanation == tuple(
        {"rep_id": rep_id, "why": "did not answer in time"} for rep_id in CREW
    )
    (ended,) = floor.all_decisions("A", OfferEnded)
    assert (ended.reps, ended.outcome) == (CREW, Outcome.TIMEOUT)
    assert [floor.in_hand(rep_id) for rep_id in CREW] == [(0, 0)] * 3
    floor.agree()


def test_s4_all_decline_and_nobody_is_rung_again(floor: SalesFloor) -> None:
    for rep_id in CREW:
        floor.asks("hang_up", rep_id)
    lead = floor.lead
    assert (lead.phase, lead.open_exception and lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "no_agents_answered",
    )
    assert floor.wait(hours=1).stage("A") is OrgLeadStage.WAITING, "until a rep joins who was not tried (M5)"
    assert len(floor.all_decisions("A", LeadOffered)) == 1
    floor.agree()


def test_s4_one_lead_rings_with_a_rep_at_a_time_and_the_next_when_it_is_over(floor: SalesFloor) -> None:
    floor.comes("B", "C", through="shotgun")
    assert (floor.stage("B"), floor.has("B"), floor.lead_of("B").phase) == (
        OrgLeadStage.WAITING,
        (),
        Phase.OFFERED,
    )
    floor.of("A").asks("press_one", "bob")
    assert (floor.has("B"), floor.has("C")) == (("ann", "bob", "cyd"), ())
    floor.agree()
    floor.wait(seconds=25)
    assert floor.has("C") == CREW
    floor.of("C").asks("hang_up", "ann")
    floor.of("C").asks("press_one", "cyd")
    floor.agree()


def test_s5_distribute_all_shows_a_button_and_the_first_click_wins() -> None:
    floor = SalesFloor(*CREW).group("buttons", *CREW, method="distribute_all", ring_seconds=600)
    floor.comes("A", "B", through="buttons")
    assert floor.all_notifications("A") == [("new_lead_button", rep_id, False) for rep_id in CREW]
    assert result_of(floor.of("A").asks("claim", "cyd")) == (Result.WON, None, "cyd")
    assert floor.lead.how == "distribute_all"
    assert result_of(floor.asks("claim", "ann")) == (Result.LOST, Reason.ALREADY_CLAIMED, "cyd")
    floor.wait(minutes=10)
    lead = floor.lead_of("B")
    assert (lead.phase, lead.open_exception and lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "no_agents_clicked",
    )
    floor.agree()
