"""N6: a lead is checked again at the moment of dialling: quiet hours, the do-not-contact list, and stale requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from couriers.port import Request
from couriers.telephone.lead_guard import FRESH_SECONDS, NEWEST, LeadGuard
from models.public import Notification
from models.publication import RepObject, SettingsObject

NOON = datetime(2026, 11, 27, 17, tzinfo=UTC)
"""Noon in Rhode Island."""
PHONE = "+14014194247"


@dataclass
class Listing:
    """A record of `do-not-contact`."""

    key: bytes
    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def request(at: datetime = NOON, **data: Any) -> Request:
    """Return a request to connect, written at an instant."""
    notification = Notification(
        notification_id="L/1/ann/connect/call",
        kind="call",
        template="connect",
        rep_id="ann",
        lead_id="L",
        epoch=1,
        withdrawn=False,
        data={"phone": PHONE, "place": {"state": "RI"}, **data},
        org="lender",
    )
    settings = SettingsObject()  # quiet from 21:00 to 08:00
    return Request(notification, RepObject(rep_id="ann"), settings, "lender", at, at + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("hours", "refusal"), [(0, None), (8.9, None), (9.1, "quiet_hours"), (19.9, "quiet_hours"), (20.1, None)]
)
def test_n6_the_quiet_hours_of_the_leads_place_hold_at_the_moment_of_dialling(
    hours: float, refusal: str | None
) -> None:
    """It is noon plus some hours where the lead is."""
    guard = LeadGuard(lambda: NOON + timedelta(hours=hours))
    assert guard.refusal(request()) == refusal


def test_n6_a_lead_in_several_possible_zones_is_quiet_if_one_of_them_is() -> None:
    guard = LeadGuard(lambda: NOON - timedelta(hours=3, minutes=30))  # 8:30 in the east, 5:30 in the west
    assert guard.refusal(request(place={"state": "RI"})) is None
    assert guard.refusal(request(place={"state": "CA"})) == "quiet_hours"


def test_n6_who_was_put_on_the_do_not_contact_list_meanwhile_is_not_called() -> None:
    guard = LeadGuard(lambda: NOON)
    guard.take(Listing(b"other/phone/+14014194247", b'{"reason": "asked us"}'))
    assert guard.refusal(request()) is None, "it is another org's list"
    guard.take(Listing(b"lender/phone/(401) 419-4247", b'{"reason": "asked us"}'))
    assert guard.refusal(request()) == "suppressed"
    guard.take(Listing(b"lender/phone/4014194247", b"{bad"))
    assert guard.refusal(request()) == "suppressed", "a broken record changes nothing"
    guard.take(Listing(b"lender/phone/4014194247", None))
    assert guard.refusal(request()) is None


def test_n6_the_list_is_bounded() -> None:
    guard = LeadGuard(lambda: NOON)
    guard.take(Listing(b"lender/phone/4014194247", b"{}"))
    for number in range(NEWEST):
        guard.take(Listing(f"lender/email/{number}@x.example".encode(), b"{}"))
    assert guard.refusal(request()) is None, "it is older than what the engine may not know"


def test_n6_a_silenced_lead_and_one_without_a_number_are_not_called() -> None:
    guard = LeadGuard(lambda: NOON)
    assert guard.refusal(request(may_call=False)) == "suppressed"
    assert guard.refusal(request(phone=None)) == "no_phone"


def test_n6_a_request_that_waited_is_asked_for_again() -> None:
    for late in (0.0, FRESH_SECONDS + 0.1):
        guard = LeadGuard(lambda late=late: NOON + timedelta(seconds=late))  # type: ignore[misc]
        assert guard.is_stale(request()) is (late > 0)
