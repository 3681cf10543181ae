"""Calls by one click (N7, X6), and known leads that call in (N5): what the engine decides and asks a telephone for."""

from __future__ import annotations

from typing import Any

import pytest

from models.lead import Phase
from models.offer_decisions import ConnectRequested
from models.public import TELEPHONE, Notification
from models.results import Reason, Result
from rules.outbound.notifications import notifications_of
from tests.rules.distribution.sales_floor import SalesFloor
from tests.rules.lead.lead_scenario import Scenario

PHONE = "+14014194247"
DONE = (Result.DONE, None)


def answer_to(scenario: Scenario, rep_id: str, action: str = "dial") -> tuple[Result, Reason | None]:
    """Return the answer to an action."""
    answer = scenario.asks(action, rep_id)
    return answer.result, answer.reason


def calls(sales_floor: SalesFloor, name: str) -> list[Notification]:
    """Return every request for a call in a lead's history."""
    return [
        notification
        for row in sales_floor.history[name]
        for notification in notifications_of(row)
        if notification.kind == "call"
    ]


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with a lead that ann owns."""
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", method="ring_all", ring_seconds=20)
    sales_floor.comes("A", through="west", phone=PHONE, zip="02903")
    sales_floor.asks("press_one", "ann")
    return sales_floor


def test_n7_the_owner_calls_the_lead_and_the_request_says_where_it_is(sales_floor: SalesFloor) -> None:
    assert answer_to(sales_floor, "ann") == DONE
    assert sales_floor.decisions == [ConnectRequested(rep_id="ann")]
    assert sales_floor.lead.last_contacted_at == sales_floor.now
    request = calls(sales_floor, "A")[-1]
    assert (request.template, request.rep_id, request.data["phone"]) == ("connect", "ann", PHONE)
    assert request.data["place"] == {"zip": "02903", "state": "RI"}
    assert answer_to(sales_floor, "bob") == (Result.REFUSED, Reason.NOT_ALLOWED)
    assert answer_to(sales_floor, "mia") == (Result.REFUSED, Reason.NOT_ALLOWED), (
        "a manager has not taken it over"
    )
    sales_floor.agree()


def test_n1_the_winners_ring_is_over_too_and_says_who_has_the_lead(sales_floor: SalesFloor) -> None:
    """A rep may win in a browser while the telephone rings, or while other browsers show the offer."""
    ring, over = (call for call in calls(sales_floor, "A") if call.template == "ring")
    assert over.notification_id == ring.notification_id
    assert (over.rep_id, over.withdrawn, over.data) == ("ann", True, {"won": True})


def test_n7_who_hung_up_a_ring_may_still_call_the_lead(sales_floor: SalesFloor) -> None:
    """`connect` belongs to the ring's call, which is over (S2); `dial` begins another call."""
    assert answer_to(sales_floor, "ann", "hang_up") == DONE
    assert answer_to(sales_floor, "ann", "connect") == (Result.REFUSED, Reason.OFFER_OVER)
    assert answer_to(sales_floor, "ann") == DONE


def test_n7_each_click_is_a_request_of_its_own(sales_floor: SalesFloor) -> None:
    assert answer_to(sales_floor, "ann") == answer_to(sales_floor, "ann") == DONE
    ids = [call.notification_id for call in calls(sales_floor, "A") if call.template == "connect"]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("facts", "hours", "reason"),
    [
        ({}, 0, None),
        ({}, 12, Reason.QUIET_HOURS),
        ({"silenced": True}, 0, Reason.SUPPRESSED),
        ({"phone": None}, 0, Reason.NO_PHONE),
    ],
)
def test_n7_x6_a_lead_that_must_not_be_called_is_not_called(
    facts: dict[str, Any], hours: float, reason: Reason | None
) -> None:
    scenario = Scenario().queue("work", ("owned", "=", False)).arrives(**{"phone": PHONE, **facts})
    scenario.at(hours=hours).opens("rep-7")
    assert answer_to(scenario, "rep-7") == (Result.REFUSED if reason else Result.DONE, reason)
    assert ("ConnectRequested" in scenario.kinds) is (reason is None)


def test_n7_whoever_has_a_lead_open_may_call_it_and_nobody_else() -> None:
    scenario = Scenario().queue("work", ("owned", "=", False)).arrives(phone=PHONE)
    assert answer_to(scenario, "rep-7") == (Result.REFUSED, Reason.NOT_LOCKED)
    scenario.opens("rep-7")
    assert answer_to(scenario, "rep-9") == (Result.REFUSED, Reason.LOCKED_BY_OTHER)
    assert answer_to(scenario, "rep-7") == DONE
    assert scenario.lead.phase is Phase.LOCKED, "a call is no outcome"


def test_n5_the_owner_of_a_lead_that_calls_in_is_called(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", through="west", vendor="globex", phone=PHONE)
    assert not [call for call in calls(sales_floor, "A") if call.template == "lead_calls"], "it did not call"
    sales_floor.comes("C", through="west", vendor=TELEPHONE, phone=PHONE)
    (request,) = [call for call in calls(sales_floor, "A") if call.template == "lead_calls"]
    assert (request.rep_id, request.data["inquiry_id"]) == ("ann", "C")
    sales_floor.agree()


def test_n5_a_known_lead_that_nobody_owns_rings_its_group_under_its_own_id() -> None:
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob", method="ring_all", ring_seconds=20)
    sales_floor.comes("A", through="west", phone=PHONE).wait(minutes=1)  # nobody answered the ring
    assert sales_floor.lead_of("A").owner is None
    sales_floor.comes("C", through="west", vendor=TELEPHONE, phone=PHONE)
    rings = [call for call in calls(sales_floor, "A") if not call.withdrawn][-2:]
    assert [(ring.template, ring.rep_id, ring.data["inquiry_ids"]) for ring in rings] == [
        ("ring", "ann", ["C"]),
        ("ring", "bob", ["C"]),
    ]
    sales_floor.agree()
