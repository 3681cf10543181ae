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
from tests.rules.lead.lead_story import START, Story

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
def story() -> Story:
    """Return a story with a lead in a work queue."""
    return Story().queue("all").arrives()


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
def test_x4_a_repeat_is_answered_word_for_word_also_after_other_events(
    story: Story, action: str, fields: dict[str, Any]
) -> None:
    first = story.asks(action, "mia", action_id="once", **fields)
    lead, seq = story.lead, story.row.seq
    assert story.at(minutes=1).asks(action, "mia", action_id="once", **fields) == first
    assert (story.lead, story.row.seq, story.said) == (lead, seq, [])
    story.at(minutes=2).opens("rep-3")
    story.asks("claim_now", "rep-3")
    story.wait(days=1).queue("new", claimable=True)
    lead, seq = story.lead, story.row.seq
    assert story.asks(action, "mia", action_id="once", **fields) == first
    assert (story.lead, story.row.seq, story.said) == (lead, seq, [])


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
def test_another_orgs_lead_is_none_that_anybody_may_know_of(
    story: Story, action: str, fields: dict[str, Any]
) -> None:
    story.opens("rep-7")
    story.asks("claim_now", "rep-7")
    lead, seq = story.lead, story.row.seq
    answer = story.asks(action, "rep-7", org="other", **fields)
    assert (answer.result, answer.reason, answer.owner) == (Result.REFUSED, Reason.UNKNOWN_LEAD, None)
    assert (answer.version, answer.why) == (0, "no such lead has arrived")
    assert (story.lead, story.row.seq, story.said) == (lead, seq, [])


def test_another_org_cannot_ask_what_was_answered_long_ago(story: Story) -> None:
    story.asks("view", "rep-7", action_id="once")
    for _ in range(ANSWERS_KEPT):
        story.asks("note", "rep-7", note="n")
    assert "answered before" in (story.asks("view", "rep-7", action_id="once").why or "")
    answer = story.asks("view", "rep-7", action_id="once", org="other")
    assert (answer.reason, answer.why) == (Reason.UNKNOWN_LEAD, "no such lead has arrived")


def test_x4_the_first_answer_stands_although_the_repeat_asks_for_something_else(story: Story) -> None:
    first = story.opens("rep-7", action_id="once")
    assert story.asks("outcome", "rep-9", outcome="talked", action_id="once") == first
    assert story.lead.phase is Phase.LOCKED


def test_x4_what_was_asked_before_the_lead_arrived_stays_answered_as_it_was(story: Story) -> None:
    early = story.of("A-2").opens("rep-7", action_id="early")
    assert early.reason is Reason.UNKNOWN_LEAD
    story.arrives("A-2")
    assert story.row.seq == 1
    assert story.opens("rep-7", action_id="early") == early
    assert story.opens("rep-7").result is Result.DONE


def test_x4_so_many_answers_are_kept_and_no_more(story: Story) -> None:
    answers = [story.opens("rep-7", view_only=True, action_id=f"a{n}") for n in range(ANSWERS_KEPT + 5)]
    assert list(story.row.answers) == answers[5:]
    for answer in answers[5:]:
        assert story.opens("rep-7", view_only=True, action_id=answer.action_id) == answer
    assert list(story.row.answers) == answers[5:]


def test_x4_an_event_at_or_below_the_rows_offset_is_a_replay(story: Story) -> None:
    off = story.row.off
    assert [is_replay(story.row, at) for at in (off - 1, off, off + 1)] == [True, True, False]
    assert not is_replay(None, 0)


@pytest.mark.parametrize("action", sorted(OFFER_TRIGGERS))
def test_x3_an_answer_to_an_offer_that_is_over_changes_nothing_and_says_so(story: Story, action: str) -> None:
    lead = story.lead
    answer = story.asks(action, "rep-7", epoch=3)
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.OFFER_OVER)
    assert story.lead == lead


def test_x3_a_deadline_of_an_older_epoch_changes_nothing(story: Story) -> None:
    story.opens("rep-7")
    old = story.deadline(DeadlineKind.LOCK)
    story.asks("release", "rep-7")
    story.opens("rep-9")
    lead, seq = story.lead, story.row.seq
    story.at(hours=3).passes(old)
    assert story.said == [DeadlineIgnored(kind="lock", epoch=1, why="the current epoch is 2")]
    assert (story.lead, story.row.seq) == (lead, seq)


def test_x3_a_deadline_told_twice_is_acted_on_once(story: Story) -> None:
    story.opens("rep-7")
    deadline = story.deadline(DeadlineKind.LOCK)
    assert story.at(hours=1).passes(deadline).lead.phase is Phase.QUEUED
    lead, seq = story.lead, story.row.seq
    assert story.passes(deadline).kinds == ["DeadlineIgnored"]
    assert (story.lead, story.row.seq) == (lead, seq)


def test_x3_a_deadline_told_too_early_changes_nothing_and_is_told_again(story: Story) -> None:
    story.opens("rep-7")
    deadline = story.deadline(DeadlineKind.LOCK)
    story.at(minutes=60, microseconds=-1).passes(deadline)
    assert story.said == [DeadlineIgnored(kind="lock", epoch=1, why=f"not due before {deadline.due}")]
    assert story.at(minutes=60).passes(deadline).lead.phase is Phase.QUEUED


@pytest.mark.parametrize("kind", ["lock", "callback", "rules", "of a newer version"])
def test_x3_a_deadline_that_never_was_changes_nothing(story: Story, kind: str) -> None:
    lead = story.lead
    story.log(DeadlinePassed(lead_id="A-1", cause="c", kind=kind, due=START, epoch=7))
    assert story.said == [DeadlineIgnored(kind=kind, epoch=7, why="the current epoch is none")]
    assert story.lead == lead


def test_x3_what_is_told_to_a_lead_that_never_arrived_makes_no_lead(story: Story) -> None:
    story.of("A-2").passes(Deadline(DeadlineKind.LOCK, START, 1))
    assert story.kinds == ["DeadlineIgnored"]
    story.log(RulesChanged(lead_id="A-2", cause="rules/A-2/1", version=1))
    assert (story.row.lead, story.row.seq) == (None, 0)


def test_x1_an_action_with_an_unreadable_field_is_refused_with_the_fields_reason(story: Story) -> None:
    story.opens("rep-7")
    lead, seq = story.lead, story.row.seq
    why = "at: expected a time with offset, got 'soon'"
    answer = story.asks("callback", "rep-7", invalid=why, action_id="once")
    assert (answer.result, answer.reason, answer.why) == (Result.REFUSED, Reason.INVALID, why)
    assert (story.lead, story.row.seq, story.said) == (lead, seq, [])
    assert story.asks("callback", "rep-7", action_id="once") == answer


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
    story: Story, lead: str, rep_id: str, action: str, invalid: str | None, reason: Reason
) -> None:
    answer = story.of(lead).asks(action, rep_id, invalid=invalid)
    assert (answer.result, answer.reason) == (Result.REFUSED, reason)
    assert answer.why


def test_x1_an_answer_says_who_when_and_which_version(story: Story) -> None:
    answer = story.at(minutes=3).opens("rep-7", action_id="a-1")
    assert answer == Answered(
        action_id="a-1",
        action="view",
        rep_id="rep-7",
        result=Result.DONE,
        version=2,
        decided_at=START + timedelta(minutes=3),
    )


def test_x1_a_queue_is_entered_and_left_by_a_named_rule_version() -> None:
    story = Story().queue("hour", ("created_at", "inLast", "1 hour")).arrives()
    entered, left = story.said[1], story.wait(hours=1).said[0]
    said = "created_at is 2026-11-20T14:12:00Z"
    assert getattr(entered, "why", "") == f"in hour by its rules of version 5: {said}, in the last 1 hour"
    assert (
        getattr(left, "why", "") == f"not in hour by its rules of version 5: {said}, not in the last 1 hour"
    )


def test_x7_every_lead_is_in_one_phase_and_every_phase_is_reached() -> None:
    story = Story().queue("ri", ("state", "=", "RI"))
    story.publishes("group", "west", {"method": "round_robin"})
    story.publishes("campaign", "west", {"group_id": "west"})
    for name in "ABCDEFGH":
        story.arrives(name, state="TX" if name in "FG" else "RI", campaign="west" if name == "H" else None)
    for name, actions in {
        "B": ["view"],
        "C": ["view", "claim_now"],
        "D": ["view", "claim_now", "view"],
        "E": ["view", "outcome"],
        "G": ["ignore"],
    }.items():
        for action in actions:
            assert story.of(name).asks(action, "mia", outcome="closed_won").result in (
                Result.DONE,
                Result.WON,
            )
    phases = Counter(row.lead.phase for row in story.rows.values() if row.lead)
    assert phases == dict.fromkeys(Phase, 1)
    assert story.list("ri") == ["A"]
