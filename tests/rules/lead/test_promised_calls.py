"""A promised call is kept through everything: it comes to the top when due, and somebody is told (M7)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.contact_decisions import CallbackDue, CallbackNoticeWithdrawn, CallbackSet
from models.lead import DeadlineKind, DueNotification, Phase
from models.results import Result
from rules.outbound.notifications import notifications_of
from tests.rules.lead.lead_scenario import START, Scenario

CALL = START + timedelta(hours=3)
WHY = "to share"


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with three leads in a work queue, where a callback with a time claims nothing."""
    scenario = Scenario().settings(auto_claim_on_timed_callback=False)
    scenario.queue("all", columns=["state"])
    for name in ("A-1", "A-2", "A-3"):
        scenario.arrives(name, phone="+14014194247").wait(minutes=1)
    return scenario


@pytest.fixture
def promised_call() -> Scenario:
    """Return a scenario with a lead that rep-7 owns and promised to call at CALL."""
    scenario = Scenario().queue("all").arrives(assigned_to="rep-7")
    scenario.asks("callback", "rep-7", at=CALL)
    return scenario


def promise(scenario: Scenario, name: str, at: datetime) -> None:
    """Let rep-7 open a lead and promise a call."""
    scenario.of(name).opens("rep-7")
    scenario.asks("callback", "rep-7", at=at)


def notified(scenario: Scenario) -> list[tuple[str, str, str, bool]]:
    """Return template, kind, rep and `withdrawn` of the last event's notifications."""
    return [
        (notification.template, notification.kind, notification.rep_id, notification.withdrawn)
        for notification in notifications_of(scenario.row)
    ]


def call_notifications(rep_id: str, *, withdrawn: bool = False) -> list[tuple[str, str, str, bool]]:
    """Return the notifications of a due call."""
    return [("callback_due", kind, rep_id, withdrawn) for kind in ("email", "push")]


def test_d8_m7_a_due_call_stands_at_the_top_of_its_work_queue_at_its_instant(scenario: Scenario) -> None:
    """CASES D8: with auto-claim off, a callback with a time did nothing to the order."""
    promise(scenario, "A-3", CALL)
    promise(scenario, "A-2", CALL + timedelta(minutes=1))
    assert scenario.list("all") == ["A-1", "A-2", "A-3"]
    scenario.at(hours=3, microseconds=-1).of("A-1").asks("view", "mia", view_only=True)
    assert scenario.list("all") == ["A-1", "A-2", "A-3"]
    scenario.wait(microseconds=1)
    assert (scenario.name, scenario.kinds) == ("A-3", ["CallbackDue", "QueueMoved"])
    assert scenario.decisions[1].why == "its promised call is due"  # type: ignore[union-attr]
    assert notified(scenario) == [], "nobody owns it, so only the queue changes"
    assert scenario.list("all") == ["A-3", "A-1", "A-2"]
    scenario.wait(minutes=1)
    assert scenario.list("all") == ["A-3", "A-2", "A-1"], "the call that was due first comes first"


def test_m7_a_due_call_stays_at_the_top_until_somebody_acts(scenario: Scenario) -> None:
    promise(scenario, "A-3", CALL)
    scenario.wait(hours=4).of("A-3").opens("rep-9")
    assert scenario.list("all") == ["A-1", "A-2"]
    scenario.wait(minutes=60)
    assert scenario.list("all") == ["A-3", "A-1", "A-2"], "its lock expired without an action"
    scenario.of("A-3").opens("rep-9")
    scenario.asks("outcome", "rep-9", outcome="talked")
    assert scenario.list("all") == ["A-1", "A-2", "A-3"]
    assert scenario.lead.callback_at is None


def test_m7_a_claimable_queue_keeps_its_order_when_a_call_is_due(scenario: Scenario) -> None:
    scenario.queue("free", ("owned", "=", False), claimable=True)
    promise_key = scenario.of("A-3").lead.placements["free"].sort_key
    scenario.queue("free", ("owned", "=", True), claimable=True)
    promise(scenario, "A-3", CALL)
    scenario.queue("free", ("owned", "=", False), claimable=True).wait(hours=3)
    assert scenario.of("A-3").lead.placements["free"].sort_key == promise_key
    assert scenario.lead.placements["all"].sort_key.startswith("0")


def test_m7_the_owner_is_told_once_when_it_is_due(promised_call: Scenario) -> None:
    epoch = promised_call.deadline(DeadlineKind.CALLBACK).epoch
    promised_call.wait(hours=3)
    assert promised_call.decisions == [CallbackDue(rep_id="rep-7", epoch=epoch)]
    assert notified(promised_call) == call_notifications("rep-7")
    assert [notification.notification_id for notification in notifications_of(promised_call.row)] == [
        f"A-1/{epoch}/rep-7/callback_due/email",
        f"A-1/{epoch}/rep-7/callback_due/push",
    ]
    assert notifications_of(promised_call.row)[0].data["callback_at"] == CALL
    promised_call.wait(days=3)
    assert promised_call.lead.due_notification == DueNotification("rep-7", epoch)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("outcome", {"outcome": "closed_won"}),
        ("outcome", {"outcome": "no answer"}),
        ("activity", {"kind": "call"}),
        ("sms", {}),
        ("callback", {"at": CALL + timedelta(days=1)}),
        ("callback", {}),
    ],
)
def test_m7_who_contacts_or_closes_the_lead_first_withdraws_it(
    promised_call: Scenario, action: str, fields: dict[str, Any]
) -> None:
    promised_call.wait(hours=3)
    notification = promised_call.lead.due_notification
    assert promised_call.asks(action, "rep-7", **fields).result is Result.DONE
    (decision,) = [
        decision for decision in promised_call.decisions if isinstance(decision, CallbackNoticeWithdrawn)
    ]
    assert DueNotification(decision.rep_id, decision.epoch) == notification
    assert [
        notice for notice in notified(promised_call) if notice[0] == "callback_due"
    ] == call_notifications("rep-7", withdrawn=True)
    assert promised_call.lead.due_notification is None


def test_m7_a_note_is_no_contact_and_withdraws_nothing(promised_call: Scenario) -> None:
    promised_call.wait(hours=3).asks("note", "rep-7", note="left a voicemail yesterday")
    assert notified(promised_call) == []
    assert promised_call.lead.due_notification is not None


def test_m7_a_lead_that_is_closed_before_is_told_to_nobody(promised_call: Scenario) -> None:
    promised_call.asks("outcome", "rep-7", outcome="closed_lost")
    assert promised_call.wait(hours=4).lead.phase is Phase.CLOSED
    assert promised_call.kinds == ["OutcomeRecorded", "LeadClosed"]


@pytest.mark.parametrize(
    ("action", "rep_id", "fields", "owner"),
    [
        ("reassign", "mia", {"to_rep_id": "rep-9", "why": WHY}, "rep-9"),
        ("unassign", "mia", {"why": WHY}, None),
    ],
)
def test_m7_a_move_takes_a_promise_along_before_it_is_due(
    promised_call: Scenario, action: str, rep_id: str, fields: dict[str, str], owner: str | None
) -> None:
    deadline = promised_call.deadline(DeadlineKind.CALLBACK)
    assert promised_call.asks(action, rep_id, **fields).owner == owner
    assert (
        promised_call.lead.callback_at,
        promised_call.deadline(DeadlineKind.CALLBACK),
    ) == (CALL, deadline)
    promised_call.wait(hours=3)
    assert CallbackDue(rep_id=owner, epoch=deadline.epoch) in promised_call.decisions
    assert notified(promised_call) == (call_notifications(owner) if owner else [])


def test_m7_a_move_of_a_due_call_tells_its_new_owner_and_withdraws_the_former_ones(
    promised_call: Scenario,
) -> None:
    promised_call.wait(hours=3).asks("reassign", "mia", to_rep_id="rep-9", why=WHY)
    assert [
        notification for notification in notified(promised_call) if notification[0] == "callback_due"
    ] == [
        *call_notifications("rep-7", withdrawn=True),
        *call_notifications("rep-9"),
    ]
    promised_call.asks("unassign", "mia", why=WHY)
    assert [
        notification for notification in notified(promised_call) if notification[0] == "callback_due"
    ] == call_notifications("rep-9", withdrawn=True)
    assert promised_call.list("all") == ["A-1"]
    assert promised_call.lead.placements["all"].sort_key.startswith("0"), (
        "it is at the top of the work queue now"
    )
    promised_call.opens("rep-3")
    promised_call.asks("claim_now", "rep-3")
    assert [
        notification for notification in notified(promised_call) if notification[0] == "callback_due"
    ] == [], "who opened it sees that it is due"
    assert promised_call.lead.callback_at == CALL


NEW_YORK = {"phone": "+12125550123", "state": "NY", "time_zone": "America/New_York"}
NIGHT = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
"""22:30 on Saturday in New York."""


def test_m7_a_promise_within_quiet_hours_warns_and_says_when_it_may_be_called() -> None:
    scenario = Scenario().queue("all").arrives(assigned_to="rep-7", **NEW_YORK)
    answer = scenario.asks("callback", "rep-7", at=NIGHT)
    assert (answer.result, answer.reason) == (Result.DONE, None)
    assert answer.why == (
        "the promised time, 22:30 on Saturday, 21 November 2026 in America/New_York, is within the lead's quiet hours: "
        "the next allowed time is 08:00 on Sunday, 22 November 2026 there"
    )
    assert answer.call_from is not None
    assert answer.call_from.isoformat() == "2026-11-22T08:00:00-05:00", "in the lead's own time"
    (decision,) = [decision for decision in scenario.decisions if isinstance(decision, CallbackSet)]
    assert (decision.at, decision.quiet_until) == (NIGHT, answer.call_from)
    assert scenario.lead.callback_at == NIGHT, "the promise is kept as it was made"


def test_m7_a_promise_at_an_hour_that_is_allowed_warns_of_nothing() -> None:
    scenario = Scenario().queue("all").arrives(assigned_to="rep-7", **NEW_YORK)
    answer = scenario.asks("callback", "rep-7", at=NIGHT + timedelta(hours=10))
    assert (answer.why, answer.call_from) == (None, None)
    assert scenario.asks("callback", "rep-7").why is None
    scenario.settings(quiet_hours=[])
    assert scenario.asks("callback", "rep-7", at=NIGHT).why is None


def test_m7_x6_a_promise_to_call_who_must_not_be_called_says_so() -> None:
    scenario = Scenario().queue("all").arrives(assigned_to="rep-7", silenced=True, **NEW_YORK)
    answer = scenario.asks("callback", "rep-7", at=NIGHT)
    assert (answer.result, answer.call_from) == (Result.DONE, None)
    assert answer.why == ("the promise is kept, but silenced communication is on: it is not to be called")
