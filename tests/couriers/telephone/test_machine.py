"""The machine of a rep's call: whatever happens in whatever order, it ends, asks the engine once, and says why."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couriers.telephone.call_events import (
    ActionDecided,
    Announcement,
    AskEngine,
    BridgeLegs,
    DialLead,
    DigitPressed,
    Event,
    HangUp,
    Instruction,
    LegEnded,
    MayConnect,
    MayConnectNoMore,
    OfferOver,
    PhoneAnswered,
    PhoneRinging,
    SayText,
    StartTimeLimit,
    TimeOver,
    WordsEnded,
    WriteCallRecord,
)
from couriers.telephone.call_machine import CallPhase, RepCall, start_call, step

PHONE: Final = "+14014194247"
WON: Final = ActionDecided("press_one", "won")
MINE: Final = OfferOver(won=True)
LOST: Final = ActionDecided("press_one", "lost", "already_claimed")
MAY: Final = MayConnect(PHONE)
NOW: Final = "now"
"""In a table of cases: the running time limit passes."""

EVENTS: Final = st.one_of(
    st.builds(PhoneRinging, st.sampled_from(["rep", "lead"])),
    st.builds(PhoneAnswered, st.sampled_from(["rep", "lead"])),
    st.builds(DigitPressed, st.sampled_from(["1", "1", "1", "5", "#"])),
    st.just(WordsEnded()),
    st.builds(
        ActionDecided,
        st.sampled_from(["press_one", "connect", "hang_up"]),
        st.sampled_from(["won", "lost", "refused", "done", "unknown"]),
        st.sampled_from(["", "already_claimed", "offer_over", "quiet_hours", "suppressed"]),
    ),
    st.just(OfferOver()),
    st.just(MAY),
    st.just(MayConnectNoMore()),
    st.builds(LegEnded, st.sampled_from(["rep", "lead"]), st.sampled_from(["hung_up", "busy", "no_answer"])),
    st.builds(TimeOver, st.integers(0, 12)),
)
CALLS: Final = st.builds(RepCall, offered=st.booleans(), waiting=st.booleans())


def call_after(call: RepCall, *events: Event | str) -> tuple[RepCall, list[Instruction]]:
    """Return the call and everything that it ordered."""
    call, orders = start_call(call, 25)
    for event in events:
        call, ordered = step(call, TimeOver(call.clock) if isinstance(event, str) else event)
        orders += ordered
    return call, orders


def announcements(orders: list[Instruction]) -> list[Announcement]:
    return [order.words for order in orders if isinstance(order, SayText)]


def requested_actions(orders: list[Instruction]) -> list[str]:
    return [order.action for order in orders if isinstance(order, AskEngine)]


UP: Final = (PhoneRinging("rep"), PhoneAnswered("rep"))
ASSIGNED: Final = (*UP, DigitPressed("1"), WON)


@pytest.mark.parametrize(
    ("events", "heard", "actions", "phase"),
    [
        (UP, [Announcement.OFFER], [], CallPhase.OFFERING),
        ((*UP, DigitPressed("1")), [Announcement.OFFER], ["press_one"], CallPhase.ASKING),
        ((*UP, DigitPressed("5")), [Announcement.OFFER], [], CallPhase.OFFERING),
        (ASSIGNED, [Announcement.OFFER, Announcement.WON], ["press_one"], CallPhase.WON),
        (
            (*UP, DigitPressed("1"), LOST),
            [Announcement.OFFER, Announcement.GONE],
            ["press_one"],
            CallPhase.CLOSING,
        ),
        (
            (*UP, DigitPressed("1"), OfferOver(), LOST),
            [Announcement.OFFER, Announcement.GONE],
            ["press_one"],
            CallPhase.CLOSING,
        ),
        ((*UP, OfferOver()), [Announcement.OFFER, Announcement.GONE], [], CallPhase.CLOSING),
        (
            (*UP, OfferOver(), WordsEnded(), LegEnded("rep", "hung_up")),
            [Announcement.OFFER, Announcement.GONE],
            [],
            CallPhase.ENDED,
        ),
        (
            (PhoneRinging("rep"), OfferOver(), PhoneAnswered("rep")),
            [Announcement.GONE],
            [],
            CallPhase.CLOSING,
        ),
        ((PhoneRinging("rep"), OfferOver(), NOW), [], [], CallPhase.ENDED),
        ((PhoneRinging("rep"), LegEnded("rep", "busy")), [], [], CallPhase.ENDED),
        ((PhoneRinging("rep"), NOW), [], [], CallPhase.ENDED),
        ((*UP, LegEnded("rep", "hung_up")), [Announcement.OFFER], ["hang_up"], CallPhase.ENDED),
        ((*UP, WordsEnded(), NOW), [Announcement.OFFER], [], CallPhase.ENDED),
        (
            (*ASSIGNED, OfferOver(), DigitPressed("1")),
            [Announcement.OFFER, Announcement.WON],
            ["press_one", "connect"],
            CallPhase.CONNECTING,
        ),
        (
            (*ASSIGNED, LegEnded("rep", "hung_up")),
            [Announcement.OFFER, Announcement.WON],
            ["press_one", "hang_up"],
            CallPhase.ENDED,
        ),
        (
            (*ASSIGNED, WordsEnded(), NOW),
            [Announcement.OFFER, Announcement.WON],
            ["press_one", "hang_up"],
            CallPhase.ENDED,
        ),
        (
            (*UP, DigitPressed("1"), LegEnded("rep", "hung_up"), WON),
            [Announcement.OFFER],
            ["press_one", "hang_up"],
            CallPhase.ENDED,
        ),
        (
            (*UP, DigitPressed("1"), LegEnded("rep", "hung_up"), LOST),
            [Announcement.OFFER],
            ["press_one"],
            CallPhase.ENDED,
        ),
        (
            (*UP, DigitPressed("1"), NOW),
            [Announcement.OFFER, Announcement.UNAVAILABLE],
            ["press_one"],
            CallPhase.CLOSING,
        ),
        # The rep wins in a browser: the telephone stops ringing, or tells a rep who has answered.
        ((PhoneRinging("rep"), MINE), [], [], CallPhase.ENDED),
        (
            (*UP, MINE, DigitPressed("1")),
            [Announcement.OFFER, Announcement.WON],
            ["connect"],
            CallPhase.CONNECTING,
        ),
        (
            (*UP, MINE, LegEnded("rep", "hung_up")),
            [Announcement.OFFER, Announcement.WON],
            [],
            CallPhase.ENDED,
        ),
        ((*UP, MINE, WordsEnded(), NOW), [Announcement.OFFER, Announcement.WON], [], CallPhase.ENDED),
        (
            (*UP, DigitPressed("1"), MINE, WON),
            [Announcement.OFFER, Announcement.WON],
            ["press_one"],
            CallPhase.WON,
        ),
    ],
)
def test_s1_s2_s3_s4_what_a_rep_hears_and_what_is_asked(
    events: tuple[Event | str, ...], heard: list[Announcement], actions: list[str], phase: CallPhase
) -> None:
    call, orders = call_after(RepCall(), *events)
    assert (announcements(orders), requested_actions(orders), call.phase) == (heard, actions, phase)


@pytest.mark.parametrize(
    ("reason", "announcement"),
    [
        ("quiet_hours", Announcement.QUIET_HOURS),
        ("suppressed", Announcement.FORBIDDEN),
        ("no_phone", Announcement.FORBIDDEN),
        ("unknown", Announcement.UNAVAILABLE),
    ],
)
def test_n6_a_lead_that_must_not_be_called_is_not_dialled_and_the_rep_hears_why(
    reason: str, announcement: Announcement
) -> None:
    call, orders = call_after(
        RepCall(), *ASSIGNED, DigitPressed("1"), ActionDecided("connect", "refused", reason)
    )
    assert announcements(orders)[-1] is announcement
    assert WriteCallRecord("lead", "ended", reason=reason) in orders
    assert not [order for order in orders if isinstance(order, DialLead)]
    assert call.phase is CallPhase.CLOSING


@pytest.mark.parametrize(
    "order", [(ActionDecided("connect", "done"), MAY), (MAY, ActionDecided("connect", "done"))]
)
def test_s2_the_second_press_dials_the_lead_and_connects_both(order: tuple[Event, ...]) -> None:
    call, orders = call_after(RepCall(), *ASSIGNED, DigitPressed("1"), *order, PhoneAnswered("lead"))
    assert [ordered for ordered in orders if isinstance(ordered, DialLead | BridgeLegs)] == [
        DialLead(PHONE, 30.0),
        BridgeLegs(),
    ]
    assert call.phase is CallPhase.BRIDGED
    for leg, other_leg in (("rep", "lead"), ("lead", "rep")):
        _, at_the_end = step(call, LegEnded(leg, "hung_up"))  # type: ignore[arg-type]
        assert HangUp(other_leg) in at_the_end  # type: ignore[arg-type]
        assert requested_actions(at_the_end) == ["activity"], "N7: the call is logged"


@pytest.mark.parametrize(
    ("reason", "announcement"), [("busy", Announcement.BUSY), ("no_answer", Announcement.NO_ANSWER)]
)
def test_s2_a_lead_that_does_not_answer_is_told_to_the_rep(reason: str, announcement: Announcement) -> None:
    _, orders = call_after(RepCall(), *ASSIGNED, DigitPressed("1"), MAY, LegEnded("lead", reason))
    assert announcements(orders)[-1] is announcement


def test_n5_a_lead_on_the_line_is_connected_and_not_dialled() -> None:
    call, orders = call_after(RepCall(waiting=True), *ASSIGNED, DigitPressed("1"))
    assert call.phase is CallPhase.BRIDGED
    assert requested_actions(orders) == ["press_one"]
    assert [order for order in orders if isinstance(order, DialLead | BridgeLegs)] == [BridgeLegs()]


def test_n5_a_rep_who_wins_in_a_browser_answers_the_lead_that_is_on_the_line() -> None:
    call, orders = call_after(RepCall(waiting=True), PhoneRinging("rep"), MINE)
    assert call.phase is CallPhase.DIALLING
    assert not [order for order in orders if isinstance(order, HangUp)]
    call, orders = call_after(
        RepCall(waiting=True), PhoneRinging("rep"), MINE, PhoneAnswered("rep"), DigitPressed("1")
    )
    assert (announcements(orders), call.phase) == ([Announcement.CALLER], CallPhase.BRIDGED)
    call, orders = call_after(RepCall(waiting=True), PhoneRinging("rep"), MINE, LegEnded("lead", "hung_up"))
    assert call.phase is CallPhase.ENDED
    assert HangUp("rep") in orders


def test_n7_a_rep_who_asked_to_call_presses_one_before_the_lead_is_dialled() -> None:
    """An answering machine of the rep never reaches the lead."""
    call, orders = call_after(RepCall(offered=False), *UP)
    assert (announcements(orders), requested_actions(orders)) == ([Announcement.CALL], [])
    call, orders = step(call, WordsEnded())
    call, orders = step(call, TimeOver(call.clock))
    assert call.phase is CallPhase.ENDED
    assert requested_actions(orders) == []
    call, orders = call_after(RepCall(offered=False), *UP, DigitPressed("1"))
    assert requested_actions(orders) == ["connect"]


@pytest.mark.parametrize(
    ("reason", "announcement"),
    [("quiet_hours", Announcement.QUIET_HOURS), ("suppressed", Announcement.FORBIDDEN)],
)
def test_n6_a_lead_that_must_not_be_called_at_the_moment_of_dialling(
    reason: str, announcement: Announcement
) -> None:
    """The check just before dialling reports it as the end of the lead's leg."""
    call, orders = call_after(RepCall(), *ASSIGNED, DigitPressed("1"), MAY, LegEnded("lead", reason))
    assert announcements(orders)[-1] is announcement
    assert WriteCallRecord("lead", "ended", reason=reason) in orders
    assert call.phase is CallPhase.CLOSING


def test_n6_a_request_to_connect_that_waited_is_asked_for_once_more() -> None:
    call, orders = call_after(RepCall(), *ASSIGNED, DigitPressed("1"), MayConnectNoMore())
    assert (requested_actions(orders), call.phase) == (
        ["press_one", "connect", "connect"],
        CallPhase.CONNECTING,
    )
    dialling, orders = step(call, MAY)
    assert DialLead(PHONE, 30.0) in orders
    assert dialling.phase is CallPhase.LEAD_DIALLING
    call, orders = step(call, MayConnectNoMore())
    assert (announcements(orders), requested_actions(orders), call.phase) == (
        [Announcement.UNAVAILABLE],
        [],
        CallPhase.CLOSING,
    )


def test_n5_the_owner_of_a_lead_that_calls_in_is_connected_by_one_press() -> None:
    call, orders = call_after(RepCall(offered=False, waiting=True), *UP, DigitPressed("1"))
    assert (announcements(orders), requested_actions(orders), call.phase) == (
        [Announcement.CALLER],
        [],
        CallPhase.BRIDGED,
    )
    assert [order for order in orders if isinstance(order, DialLead | BridgeLegs)] == [BridgeLegs()]


def test_n5_a_caller_who_hangs_up_ends_the_call_of_the_owner() -> None:
    call, orders = call_after(
        RepCall(offered=False, waiting=True), PhoneRinging("rep"), LegEnded("lead", "hung_up")
    )
    assert call.phase is CallPhase.ENDED
    assert orders[-2:] == [WriteCallRecord("rep", "ended", reason="withdrawn"), HangUp("rep")]
    call, orders = call_after(
        RepCall(offered=False, waiting=True), *UP, LegEnded("lead", "hung_up"), DigitPressed("1")
    )
    assert (announcements(orders), call.phase) == (
        [Announcement.CALLER, Announcement.CALLER_GONE],
        CallPhase.CLOSING,
    )
    assert requested_actions(orders) == [], "the lead is not called back by itself"


@given(CALLS, st.lists(EVENTS, max_size=40))
def test_n4_every_order_of_events_is_harmless(call: RepCall, events: list[Event]) -> None:
    """The engine is asked once, and the lead is dialled only after it allowed that. Each wait has a time limit."""
    call, orders = start_call(call, 25)
    limit = None
    for event in events:
        before = call
        call, ordered = step(call, event)
        orders += ordered
        limit = next((order for order in reversed(orders) if isinstance(order, StartTimeLimit)), None)
        if call.phase is not CallPhase.ENDED:
            assert limit is not None
            assert limit.clock == call.clock
            assert limit.seconds > 0
        for order in ordered:
            if isinstance(order, DialLead):
                assert isinstance(event, MayConnect)
                assert before.phase in {CallPhase.WON, CallPhase.CONNECTING}
            if isinstance(order, BridgeLegs):
                assert before.phase is CallPhase.LEAD_DIALLING or (
                    before.phase is CallPhase.WON and before.waiting
                )
    actions = requested_actions(orders)
    assert actions.count("press_one") <= 1
    assert actions.count("connect") <= 2
    assert actions.count("hang_up") <= 1
    assert sum(isinstance(order, DialLead) for order in orders) <= 1


@given(CALLS, st.lists(EVENTS, max_size=40))
def test_n4_every_call_ends_if_only_time_passes(call: RepCall, events: list[Event]) -> None:
    """After the last event, the time limits and the end of the words alone end the call and every leg of it."""
    call, orders = start_call(call, 25)
    for event in events:
        call, ordered = step(call, event)
        orders += ordered
    for _ in range(12):
        call, ordered = step(call, TimeOver(call.clock))
        orders += ordered
    assert call.phase is CallPhase.ENDED
    ended_legs = {order.leg for order in orders if isinstance(order, HangUp)}
    ended_legs |= {
        order.leg for order in orders if isinstance(order, WriteCallRecord) and order.event == "ended"
    }
    assert "rep" in ended_legs
    if any(isinstance(order, DialLead) for order in orders):
        assert "lead" in ended_legs


@given(st.integers(0, 50))
def test_an_obsolete_time_limit_changes_nothing(clock: int) -> None:
    call, _ = call_after(RepCall(), *ASSIGNED)
    if clock != call.clock:
        assert step(call, TimeOver(clock)) == (call, [])
