"""All reps are called, or see the button, at once, and the first one gets the lead (S1-S5)."""

from typing import Any

import pytest

from models.decisions import Answered
from models.lead import Phase
from models.offer_decisions import ConnectRequested, LeadOffered, OfferDeclined, OfferEnded
from models.offers import Outcome, RejectionReason
from models.org_rows import OrgLeadStatus
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import SalesFloor

CREW = ("ann", "bob", "cyd")


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with three phones that ring for 25 seconds."""
    return (
        SalesFloor(*CREW)
        .group("shotgun", *CREW, method="ring_all", ring_seconds=25)
        .comes("A", through="shotgun")
    )


def result_of(answer: Answered) -> tuple[Result, Reason | None, str | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason, answer.owner


def test_s1_every_eligible_rep_is_called_and_the_first_press_one_wins(sales_floor: SalesFloor) -> None:
    assert sales_floor.all_notifications("A") == [("ring", rep_id, False) for rep_id in CREW]
    sales_floor.wait(seconds=10)
    assert result_of(sales_floor.asks("press_one", "bob")) == (Result.WON, None, "bob")
    lead = sales_floor.lead
    assert (lead.phase, lead.owner, lead.how, lead.via) == (Phase.OWNED, "bob", "ring_all", "group/shotgun")
    assert sales_floor.all_notifications("A")[3:] == [
        ("ring", "ann", True),
        ("ring", "cyd", True),
        ("ring", "bob", True),
        ("lead_assigned", "bob", False),
        ("lead_assigned", "bob", False),
    ]
    assert [sales_floor.in_hand(rep_id) for rep_id in CREW] == [(0, 0), (1, 0), (0, 0)]
    sales_floor.agree()


def test_s1_only_who_may_have_it_is_called_and_the_others_are_named() -> None:
    sales_floor = SalesFloor(*CREW)
    sales_floor.rep("bob", licensed_states=["TX"])
    sales_floor.group("shotgun", *CREW, method="ring_all").comes("A", through="shotgun")
    (offer,) = sales_floor.all_decisions("A", LeadOffered)
    assert offer.reps == ("ann", "cyd")
    assert [(candidate.rep_id, candidate.reason) for candidate in offer.passed] == [
        ("bob", RejectionReason.LICENCE)
    ]


def test_s1_who_hangs_up_has_declined_and_it_rings_on_for_the_others(sales_floor: SalesFloor) -> None:
    assert sales_floor.asks("hang_up", "ann").result is Result.DONE
    assert sales_floor.asks("decline", "bob").result is Result.DONE
    assert [
        (decision.rep_id, decision.remaining) for decision in sales_floor.all_decisions("A", OfferDeclined)
    ] == [
        ("ann", ("bob", "cyd")),
        ("bob", ("cyd",)),
    ]
    assert (sales_floor.has("A"), sales_floor.in_hand("ann")) == (("cyd",), (0, 0))
    sales_floor.agree()
    assert result_of(sales_floor.asks("press_one", "ann")) == (Result.REFUSED, Reason.OFFER_OVER, None)
    assert result_of(sales_floor.asks("press_one", "cyd")) == (Result.WON, None, "cyd")
    sales_floor.agree()


def test_s2_the_winners_second_one_calls_the_lead_and_hanging_up_keeps_it(sales_floor: SalesFloor) -> None:
    sales_floor.asks("press_one", "bob")
    assert result_of(sales_floor.asks("connect", "bob")) == (Result.REFUSED, Reason.NO_PHONE, "bob")
    sales_floor.arrives("A", phone="+14014194247")  # the vendor completes it
    assert result_of(sales_floor.asks("connect", "bob")) == (Result.DONE, None, "bob")
    assert sales_floor.decisions == [ConnectRequested(rep_id="bob")]
    assert sales_floor.all_notifications("A")[-1] == ("connect", "bob", False)
    assert sales_floor.lead.last_contacted_at == sales_floor.now
    assert result_of(sales_floor.asks("connect", "ann")) == (Result.REFUSED, Reason.OFFER_OVER, "bob")
    assert result_of(sales_floor.asks("press_one", "bob")) == (Result.WON, None, "bob"), (
        "pressed twice, won once"
    )
    sales_floor.agree()


def test_d18_s2_who_hung_up_keeps_the_lead_and_is_not_connected_any_more(sales_floor: SalesFloor) -> None:
    """CASES D18: `connect` after the winner's `hang_up` was done, although the call was over."""
    sales_floor.arrives("A", phone="+14014194247").asks("press_one", "bob")
    assert result_of(sales_floor.asks("hang_up", "bob")) == (Result.DONE, None, "bob")
    assert result_of(sales_floor.asks("connect", "bob")) == (Result.REFUSED, Reason.OFFER_OVER, "bob")
    assert result_of(sales_floor.asks("hang_up", "bob")) == (Result.DONE, None, "bob")
    assert sales_floor.all_decisions("A", ConnectRequested) == []
    sales_floor.agree()


def test_s2_x6_a_silenced_lead_is_assigned_and_not_called(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", through="shotgun", silenced=True)
    sales_floor.of("A").asks("press_one", "ann")
    sales_floor.of("B").wait(seconds=25).comes("C", through="shotgun", silenced=True)
    assert result_of(sales_floor.asks("press_one", "bob")) == (Result.WON, None, "bob")
    assert result_of(sales_floor.asks("connect", "bob")) == (Result.REFUSED, Reason.SUPPRESSED, "bob")
    assert sales_floor.lead.last_contacted_at is None


def test_s3_everyone_else_is_told_that_it_is_no_longer_available(sales_floor: SalesFloor) -> None:
    sales_floor.asks("press_one", "bob")
    for rep_id in ("ann", "cyd", "mia"):
        assert result_of(sales_floor.asks("press_one", rep_id)) == (
            Result.LOST,
            Reason.ALREADY_CLAIMED,
            "bob",
        )
    assert result_of(sales_floor.asks("accept", "ann", epoch=1)) == (
        Result.LOST,
        Reason.ALREADY_CLAIMED,
        "bob",
    )


@pytest.mark.parametrize("timer_is_late", [False, True])
def test_s3_a_press_after_the_ring_is_told_that_the_offer_is_over(
    sales_floor: SalesFloor, *, timer_is_late: bool
) -> None:
    if timer_is_late:
        sales_floor.at(seconds=25)
    else:
        sales_floor.wait(seconds=25)
    for rep_id in CREW:
        assert result_of(sales_floor.asks("press_one", rep_id)) == (Result.REFUSED, Reason.OFFER_OVER, None)


@pytest.mark.parametrize(
    ("action", "fields"), [("view", {"view_only": True}), ("note", {"note": "n"}), ("reopen_claimable", {})]
)
def test_s4_what_a_manager_does_after_the_ring_finds_the_lead_free_also_before_the_timer_spoke(
    sales_floor: SalesFloor, action: str, fields: dict[str, Any]
) -> None:
    assert sales_floor.at(seconds=25).asks(action, "ada", **fields).result is Result.DONE
    assert sales_floor.lead.phase is Phase.EXCEPTION
    sales_floor.agree()


def test_s4_nobody_presses_in_time_and_the_lead_is_an_exception(sales_floor: SalesFloor) -> None:
    sales_floor.wait(seconds=25)
    lead = sales_floor.lead
    assert (lead.phase, lead.open_exception and lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "no_agents_answered",
    )
    assert lead.open_exception is not None
    assert lead.open_exception.explanation == tuple(
        {"rep_id": rep_id, "why": "did not answer in time"} for rep_id in CREW
    )
    (ended,) = sales_floor.all_decisions("A", OfferEnded)
    assert (ended.reps, ended.outcome) == (CREW, Outcome.TIMEOUT)
    assert [sales_floor.in_hand(rep_id) for rep_id in CREW] == [(0, 0)] * 3
    sales_floor.agree()


def test_s4_all_decline_and_nobody_is_rung_again(sales_floor: SalesFloor) -> None:
    for rep_id in CREW:
        sales_floor.asks("hang_up", rep_id)
    lead = sales_floor.lead
    assert (lead.phase, lead.open_exception and lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "no_agents_answered",
    )
    assert sales_floor.wait(hours=1).stage("A") is OrgLeadStatus.WAITING, (
        "until a rep joins who was not tried (M5)"
    )
    assert len(sales_floor.all_decisions("A", LeadOffered)) == 1
    sales_floor.agree()


def test_s4_one_lead_rings_with_a_rep_at_a_time_and_the_next_when_it_is_over(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", "C", through="shotgun")
    assert (sales_floor.stage("B"), sales_floor.has("B"), sales_floor.lead_of("B").phase) == (
        OrgLeadStatus.WAITING,
        (),
        Phase.OFFERED,
    )
    sales_floor.of("A").asks("press_one", "bob")
    assert (sales_floor.has("B"), sales_floor.has("C")) == (("ann", "bob", "cyd"), ())
    sales_floor.agree()
    sales_floor.wait(seconds=25)
    assert sales_floor.has("C") == CREW
    sales_floor.of("C").asks("hang_up", "ann")
    sales_floor.of("C").asks("press_one", "cyd")
    sales_floor.agree()


def test_s5_distribute_all_shows_a_button_and_the_first_click_wins() -> None:
    sales_floor = SalesFloor(*CREW).group("buttons", *CREW, method="distribute_all", ring_seconds=600)
    sales_floor.comes("A", "B", through="buttons")
    assert sales_floor.all_notifications("A") == [("new_lead_button", rep_id, False) for rep_id in CREW]
    assert result_of(sales_floor.of("A").asks("claim", "cyd")) == (Result.WON, None, "cyd")
    assert sales_floor.lead.how == "distribute_all"
    assert result_of(sales_floor.asks("claim", "ann")) == (Result.LOST, Reason.ALREADY_CLAIMED, "cyd")
    sales_floor.wait(minutes=10)
    lead = sales_floor.lead_of("B")
    assert (lead.phase, lead.open_exception and lead.open_exception.reason) == (
        Phase.EXCEPTION,
        "no_agents_clicked",
    )
    sales_floor.agree()
