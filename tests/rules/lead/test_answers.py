"""Repeats, stale timers and nonsense get the same answer or a refusal, and change nothing (X1, X3, X4, X7)."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from models.decisions import Answered, DeadlineIgnored
from models.events import DeadlinePassed, RulesChanged
from models.lead import ANSWERS_KEPT, Deadline, DeadlineKind, Phase
from models.results import Reason, Result
from rules.lead.lifecycle import OFFER_TRIGGERS
from rules.lead.machine import is_replay
from tests.rules.lead.lead_scenario import START, Scenario

ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("claim", {}),
    ("claim_now", {}),
    ("view", {}),
    ("release", {}),
    ("outcome", {"outcome": "talked"}),
    ("outcome", {}),
    ("callback", {"at": START + timedelta(hours=1)}),
    ("callback", {}),
    ("note", {"note": "n"}),
    ("activity", {"kind": "call"}),
    ("activity", {}),
    ("call_log", {"note": "n"}),
    ("assign", {"to_rep_id": "rep-9"}),
    ("ignore", {}),
    ("unignore", {}),
    ("reopen_claimable", {}),
    ("reassign", {"to_rep_id": "rep-9", "why": "to share"}),
    ("unassign", {"why": "back"}),
    ("redistribute", {}),
    ("reopen", {"why": "it came back"}),
    ("split", {"inquiry_id": "another"}),
    ("merge", {}),
    ("accept", {"epoch": 1}),
    ("dance", {}),
]


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead in a work queue."""
    return Scenario().queue("all").arrives()


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
def test_x4_a_repeat_is_answered_word_for_word_also_after_other_events(
    scenario: Scenario, action: str, fields: dict[str, Any]
) -> None:
    first = scenario.asks(action, "mia", action_id="once", **fields)
    lead, seq = scenario.lead, scenario.row.seq
    assert scenario.at(minutes=1).asks(action, "mia", action_id="once", **fields) == first
    assert (scenario.lead, scenario.row.seq, scenario.decisions) == (lead, seq, [])
    scenario.at(minutes=2).opens("rep-3")
    scenario.asks("claim_now", "rep-3")
    scenario.wait(days=1).queue("new", claimable=True)
    lead, seq = scenario.lead, scenario.row.seq
    assert scenario.asks(action, "mia", action_id="once", **fields) == first
    assert (scenario.lead, scenario.row.seq, scenario.decisions) == (lead, seq, [])


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
def test_another_orgs_lead_is_none_that_anybody_may_know_of(
    scenario: Scenario, action: str, fields: dict[str, Any]
) -> None:
    scenario.opens("rep-7")
    scenario.asks("claim_now", "rep-7")
    lead, seq = scenario.lead, scenario.row.seq
    answer = scenario.asks(action, "rep-7", org="other", **fields)
    assert (answer.result, answer.reason, answer.owner) == (Result.REFUSED, Reason.UNKNOWN_LEAD, None)
    assert (answer.version, answer.why) == (0, "there is no such lead")
    assert (scenario.lead, scenario.row.seq, scenario.decisions) == (lead, seq, [])


def test_another_org_cannot_ask_what_was_answered_long_ago(scenario: Scenario) -> None:
    scenario.asks("view", "rep-7", action_id="once")
    for _ in range(ANSWERS_KEPT):
        scenario.asks("note", "rep-7", note="n")
    assert "answered before" in (scenario.asks("view", "rep-7", action_id="once").why or "")
    answer = scenario.asks("view", "rep-7", action_id="once", org="other")
    assert (answer.reason, answer.why) == (Reason.UNKNOWN_LEAD, "there is no such lead")


def test_x4_the_first_answer_stands_although_the_repeat_asks_for_something_else(scenario: Scenario) -> None:
    first = scenario.opens("rep-7", action_id="once")
    assert scenario.asks("outcome", "rep-9", outcome="talked", action_id="once") == first
    assert scenario.lead.phase is Phase.LOCKED


def test_x4_what_was_asked_before_the_lead_arrived_stays_answered_as_it_was(scenario: Scenario) -> None:
    early = scenario.of("A-2").opens("rep-7", action_id="early")
    assert early.reason is Reason.UNKNOWN_LEAD
    scenario.arrives("A-2")
    assert scenario.row.seq == 1
    assert scenario.opens("rep-7", action_id="early") == early
    assert scenario.opens("rep-7").result is Result.DONE


def test_x4_so_many_answers_are_kept_and_no_more(scenario: Scenario) -> None:
    answers = [scenario.opens("rep-7", view_only=True, action_id=f"a{n}") for n in range(ANSWERS_KEPT + 5)]
    assert list(scenario.row.answers) == answers[5:]
    for answer in answers[5:]:
        assert scenario.opens("rep-7", view_only=True, action_id=answer.action_id) == answer
    assert list(scenario.row.answers) == answers[5:]


def test_x4_an_event_at_or_below_the_rows_offset_is_a_replay(scenario: Scenario) -> None:
    off = scenario.row.off
    assert [is_replay(scenario.row, at) for at in (off - 1, off, off + 1)] == [True, True, False]
    assert not is_replay(None, 0)


@pytest.mark.parametrize("action", sorted(OFFER_TRIGGERS))
def test_x3_an_answer_to_an_offer_that_is_over_changes_nothing_and_says_so(
    scenario: Scenario, action: str
) -> None:
    lead = scenario.lead
    answer = scenario.asks(action, "rep-7", epoch=3)
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.OFFER_OVER)
    assert scenario.lead == lead


def test_x3_a_deadline_of_an_older_epoch_changes_nothing(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    old = scenario.deadline(DeadlineKind.LOCK)
    scenario.asks("release", "rep-7")
    scenario.opens("rep-9")
    lead, seq = scenario.lead, scenario.row.seq
    scenario.at(hours=3).passes(old)
    assert scenario.decisions == [DeadlineIgnored(kind="lock", epoch=1, why="the current epoch is 2")]
    assert (scenario.lead, scenario.row.seq) == (lead, seq)


def test_x3_a_deadline_told_twice_is_acted_on_once(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    deadline = scenario.deadline(DeadlineKind.LOCK)
    assert scenario.at(hours=1).passes(deadline).lead.phase is Phase.QUEUED
    lead, seq = scenario.lead, scenario.row.seq
    assert scenario.passes(deadline).kinds == ["DeadlineIgnored"]
    assert (scenario.lead, scenario.row.seq) == (lead, seq)


def test_x3_a_deadline_told_too_early_changes_nothing_and_is_told_again(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    deadline = scenario.deadline(DeadlineKind.LOCK)
    scenario.at(minutes=60, microseconds=-1).passes(deadline)
    assert scenario.decisions == [DeadlineIgnored(kind="lock", epoch=1, why=f"not due before {deadline.due}")]
    assert scenario.at(minutes=60).passes(deadline).lead.phase is Phase.QUEUED


@pytest.mark.parametrize("kind", ["lock", "callback", "rules", "of a newer version"])
def test_x3_a_deadline_that_never_was_changes_nothing(scenario: Scenario, kind: str) -> None:
    lead = scenario.lead
    scenario.log(DeadlinePassed(lead_id="A-1", cause="c", kind=kind, due=START, epoch=7))
    assert scenario.decisions == [DeadlineIgnored(kind=kind, epoch=7, why="the current epoch is none")]
    assert scenario.lead == lead


def test_x3_what_is_told_to_a_lead_that_never_arrived_makes_no_lead(scenario: Scenario) -> None:
    scenario.of("A-2").passes(Deadline(DeadlineKind.LOCK, START, 1))
    assert scenario.kinds == ["DeadlineIgnored"]
    scenario.log(RulesChanged(lead_id="A-2", cause="rules/A-2/1", version=1))
    assert (scenario.row.lead, scenario.row.seq) == (None, 0)


def test_x1_an_action_with_an_unreadable_field_is_refused_with_the_fields_reason(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    lead, seq = scenario.lead, scenario.row.seq
    why = "at: expected a time with offset, got 'soon'"
    answer = scenario.asks("callback", "rep-7", invalid=why, action_id="once")
    assert (answer.result, answer.reason, answer.why) == (Result.REFUSED, Reason.INVALID, why)
    assert (scenario.lead, scenario.row.seq, scenario.decisions) == (lead, seq, [])
    assert scenario.asks("callback", "rep-7", action_id="once") == answer


@pytest.mark.parametrize(
    ("lead", "rep_id", "action", "invalid", "reason"),
    [
        ("A-9", "", "", "rep_id: is missing", Reason.INVALID),
        ("A-9", "nobody", "dance", None, Reason.UNKNOWN_LEAD),
        ("A-1", "", "", "rep_id: is missing", Reason.INVALID),
        ("A-1", "nobody", "dance", None, Reason.UNKNOWN_REP),
        ("A-1", "rep-7", "dance", None, Reason.UNKNOWN_ACTION),
        ("A-1", "rep-7", "arrived", None, Reason.UNKNOWN_ACTION),
        ("A-1", "rep-7", "lock_expired", None, Reason.UNKNOWN_ACTION),
    ],
)
def test_x1_nonsense_is_answered_by_the_first_thing_that_is_wrong_with_it(
    scenario: Scenario, lead: str, rep_id: str, action: str, invalid: str | None, reason: Reason
) -> None:
    answer = scenario.of(lead).asks(action, rep_id, invalid=invalid)
    assert (answer.result, answer.reason) == (Result.REFUSED, reason)
    assert answer.why


def test_x1_an_answer_says_who_when_and_which_version(scenario: Scenario) -> None:
    answer = scenario.at(minutes=3).opens("rep-7", action_id="a-1")
    assert answer == Answered(
        action_id="a-1",
        action="view",
        rep_id="rep-7",
        result=Result.DONE,
        version=2,
        decided_at=START + timedelta(minutes=3),
    )


def test_x1_a_queue_is_entered_and_left_by_a_named_rule_version() -> None:
    scenario = Scenario().queue("hour", ("created_at", "inLast", "1 hour")).arrives()
    entered, left = scenario.decisions[1], scenario.wait(hours=1).decisions[0]
    expected = "created_at is 2026-11-20T14:12:00Z"
    assert getattr(entered, "why", "") == f"in hour by its rules of version 5: {expected}, in the last 1 hour"
    assert (
        getattr(left, "why", "")
        == f"not in hour by its rules of version 5: {expected}, not in the last 1 hour"
    )


def test_x7_every_lead_is_in_one_phase_and_every_phase_is_reached() -> None:
    scenario = Scenario().queue("ri", ("state", "=", "RI"))
    scenario.publishes("group", "west", {"method": "round_robin"})
    scenario.publishes("campaign", "west", {"group_id": "west"})
    for name in "ABCDEFGH":
        scenario.arrives(name, state="TX" if name in "FG" else "RI", campaign="west" if name == "H" else None)
    for name, actions in {
        "B": ["view"],
        "C": ["view", "claim_now"],
        "D": ["view", "claim_now", "view"],
        "E": ["view", "outcome"],
        "G": ["ignore"],
    }.items():
        for action in actions:
            assert scenario.of(name).asks(action, "mia", outcome="closed_won").result in (
                Result.DONE,
                Result.WON,
            )
    phases = Counter(row.lead.phase for row in scenario.rows.values() if row.lead)
    assert phases == dict.fromkeys(Phase, 1)
    assert scenario.list("ri") == ["A"]
