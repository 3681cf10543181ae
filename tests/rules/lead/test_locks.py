"""The events after which a lead is open for one rep and nobody else (D1, D2, D3, D5)."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from models.decisions import (
    Answered,
    DeadlineIgnored,
    LockFreed,
    LockReleased,
    LockTaken,
    OutcomeRecorded,
    OwnerChanged,
    QueueEntered,
    QueueLeft,
)
from models.lead import DeadlineKind, Phase
from models.results import Reason, Result
from rules.outbound.notifications import notifications_of
from tests.rules.lead.lead_story import START, Story

HOUR = START + timedelta(hours=1)


@pytest.fixture
def story() -> Story:
    """Return a story with a lead in two work queues that everyone sees."""
    return Story().queue("all").queue("ri", ("state", "=", "RI")).arrives()


def told(answer: Answered) -> tuple[Result, Reason | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason


DONE = (Result.DONE, None)


def refusal(reason: Reason) -> tuple[Result, Reason]:
    """Return a refusal with this reason."""
    return Result.REFUSED, reason


def test_d1_opening_a_lead_locks_it_and_takes_it_from_all_queues(story: Story) -> None:
    assert told(story.opens("rep-7")) == DONE
    assert story.said == [
        LockTaken(rep_id="rep-7", until=HOUR, epoch=1),
        QueueLeft(queue_id="all", why="not in all by its rules of version 5: rep-7 has it open"),
        QueueLeft(queue_id="ri", why="not in ri by its rules of version 6: rep-7 has it open"),
    ]
    assert (story.lead.phase, story.lead.owner, story.queues) == (Phase.LOCKED, None, [])
    assert [deadline.due for deadline in story.lead.deadlines] == [HOUR]


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("view", {}),
        ("claim", {"queue_id": "all"}),
        ("claim_now", {}),
        ("release", {}),
        ("outcome", {"outcome": "talked"}),
        ("callback", {"at": HOUR}),
        ("callback", {}),
        ("note", {"note": "mine"}),
        ("assign", {"to_rep_id": "rep-9"}),
    ],
)
def test_d1_nobody_else_can_open_or_act_on_an_open_lead(
    story: Story, action: str, fields: dict[str, Any]
) -> None:
    story.opens("rep-7")
    lead, seq = story.lead, story.row.seq
    asker = "mia" if action == "assign" else "rep-9"
    answer = story.asks(action, asker, **fields)
    assert told(answer) == refusal(Reason.LOCKED_BY_OTHER)
    assert answer.why == f"rep-7 has it open until {HOUR}"
    assert (story.lead, story.row.seq) == (lead, seq)


def test_d1_a_rep_opens_only_what_a_queue_of_theirs_shows() -> None:
    story = Story().queue("east", teams=["east"]).arrives()
    answer = story.opens("rep-7")
    assert told(answer) == refusal(Reason.NOT_QUALIFIED)
    assert answer.why == "it stands in no work queue that the rep has access to"
    assert told(story.opens("rep-3")) == DONE


def test_d1_opening_again_extends_the_lock_and_the_old_deadline_is_over(story: Story) -> None:
    story.opens("rep-7")
    old = story.deadline(DeadlineKind.LOCK)
    story.at(minutes=40).opens("rep-7")
    assert story.said == [LockTaken(rep_id="rep-7", until=START + timedelta(minutes=100), epoch=2)]
    assert story.lead.lock is not None
    assert story.lead.lock.since == START
    assert story.at(hours=1).passes(old).said == [
        DeadlineIgnored(kind="lock", epoch=1, why="the current epoch is 2")
    ]
    assert story.lead.phase is Phase.LOCKED


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("outcome", {"outcome": "no answer"}),
        ("outcome", {"outcome": "talked", "note": "nice"}),
        ("callback", {}),
        ("release", {}),
    ],
)
def test_d2_an_action_releases_the_lock_and_the_lead_returns_to_its_queues(
    story: Story, action: str, fields: dict[str, Any]
) -> None:
    story.opens("rep-7")
    assert told(story.at(minutes=5).asks(action, "rep-7", **fields)) == DONE
    assert "LockReleased" in story.kinds
    assert (story.lead.phase, story.lead.lock, story.lead.deadlines) == (Phase.QUEUED, None, ())
    assert story.queues == ["all", "ri"]
    assert story.at(minutes=6).opens("rep-9").result is Result.DONE


def test_d2_without_an_action_the_lock_expires_and_the_lead_returns_to_its_queues(story: Story) -> None:
    story.opens("rep-7")
    assert story.wait(minutes=60, microseconds=-1).lead.phase is Phase.LOCKED
    assert story.wait(microseconds=1).said == [
        LockReleased(rep_id="rep-7", why="it ran out without an action"),
        QueueEntered(queue_id="all", sort_key=ANY, rules_version=5, why=ANY, columns={"name": "Jones"}),
        QueueEntered(queue_id="ri", sort_key=ANY, rules_version=6, why=ANY, columns={"name": "Jones"}),
    ]
    assert (story.lead.phase, story.lead.owner) == (Phase.QUEUED, None)


def test_d2_how_long_a_lock_holds_is_a_setting_of_the_org(story: Story) -> None:
    story.settings(lock_minutes=1.5).opens("rep-7")
    assert story.lead.lock is not None
    assert story.lead.lock.until == START + timedelta(seconds=90)
    story.settings(lock_minutes=5)
    assert story.wait(seconds=90).lead.phase is Phase.QUEUED


def test_d2_an_owner_keeps_the_lead_whose_lock_expires(story: Story) -> None:
    story.opens("rep-7")
    story.asks("claim_now", "rep-7")
    story.opens("rep-7")
    assert story.lead.phase is Phase.WORKING
    story.wait(hours=1)
    assert (story.lead.phase, story.lead.owner, story.queues) == (Phase.OWNED, "rep-7", [])


@pytest.mark.parametrize("timer", ["on time", "late"])
def test_d2_a_late_action_counts_while_nobody_else_has_the_lead(story: Story, timer: str) -> None:
    story.opens("rep-7")
    story = story.wait(minutes=61) if timer == "on time" else story.at(minutes=61)
    assert told(story.asks("outcome", "rep-7", outcome="talked")) == DONE
    assert OutcomeRecorded(rep_id="rep-7", outcome="talked") in story.said
    assert (story.lead.last_outcome, story.lead.last_contacted_at) == ("talked", story.now)
    again = story.at(minutes=62).asks("outcome", "rep-7", outcome="talked")
    assert told(again) == refusal(Reason.NOT_LOCKED)


@pytest.mark.parametrize("timer", ["on time", "late"])
@pytest.mark.parametrize("action", ["outcome", "callback", "claim_now", "note", "view", "release"])
def test_d2_a_late_action_is_refused_while_someone_else_has_it_open(
    story: Story, action: str, timer: str
) -> None:
    story.opens("rep-7")
    story = story.wait(minutes=61) if timer == "on time" else story.at(minutes=61)
    assert told(story.opens("rep-9")) == DONE
    until = story.now + timedelta(hours=1)
    answer = story.at(minutes=62).asks(action, "rep-7", outcome="talked", note="n")
    expected = Reason.LOCKED_BY_OTHER if action == "view" else Reason.LOCK_EXPIRED
    assert told(answer) == refusal(expected)
    assert answer.why == f"rep-9 has it open until {until}"


def test_d2_once_someone_else_has_had_it_the_late_action_comes_too_late(story: Story) -> None:
    story.opens("rep-7")
    story.wait(minutes=61).opens("rep-9")
    story.asks("release", "rep-9")
    answer = story.asks("outcome", "rep-7", outcome="talked")
    assert told(answer) == refusal(Reason.NOT_LOCKED)


def test_d2_a_late_action_on_a_lead_that_got_an_owner_is_told_of_the_lock_and_the_owner(story: Story) -> None:
    story.opens("rep-7")
    story.wait(minutes=61).asks("assign", "mia", to_rep_id="rep-9")
    answer = story.asks("outcome", "rep-7", outcome="talked")
    assert (told(answer), answer.owner) == (refusal(Reason.LOCK_EXPIRED), "rep-9")
    assert answer.why == "it belongs to rep-9"
    stranger = story.asks("outcome", "rep-3", outcome="talked")
    assert told(stranger) == refusal(Reason.NOT_ALLOWED)


def test_d2_releasing_a_lock_that_ran_out_is_told_so(story: Story) -> None:
    story.opens("rep-7")
    answer = story.wait(minutes=61).asks("release", "rep-7")
    assert (told(answer), answer.why) == (refusal(Reason.LOCK_EXPIRED), "your lock has run out")


def test_d2_a_closing_outcome_ends_the_leads_way(story: Story) -> None:
    story.opens("rep-7")
    story.asks("outcome", "rep-7", outcome="do_not_contact")
    assert story.kinds == ["OutcomeRecorded", "LockReleased", "ContactForbidden", "LeadClosed"]
    assert (story.lead.phase, story.queues, story.lead.deadlines) == (Phase.CLOSED, [], ())
    for action in ("view", "outcome", "callback", "claim", "claim_now", "release"):
        answer = story.asks(action, "rep-7", outcome="talked")
        assert told(answer) == refusal(Reason.LEAD_CLOSED)
        assert answer.why == "it was closed with do_not_contact"


@pytest.mark.parametrize("action", ["release", "outcome", "callback", "claim_now", "note"])
def test_d2_who_does_not_have_the_lead_open_cannot_act_on_it(story: Story, action: str) -> None:
    answer = story.asks(action, "rep-7", outcome="talked", note="n")
    assert told(answer) == refusal(Reason.NOT_LOCKED)


@pytest.mark.parametrize(
    ("action", "field"), [("outcome", "outcome"), ("note", "note"), ("assign", "to_rep_id")]
)
def test_d2_an_action_without_what_it_needs_is_refused_by_field(
    story: Story, action: str, field: str
) -> None:
    story.opens("mia")
    answer = story.asks(action, "mia")
    assert told(answer) == refusal(Reason.INVALID)
    assert (answer.why or "").startswith(f"{field}: ")


def test_d3_claim_now_makes_the_open_lead_ones_own_and_only_its_owners(story: Story) -> None:
    story.opens("rep-7")
    answer = story.asks("claim_now", "rep-7")
    assert (answer.result, answer.owner, answer.why) == (Result.WON, "rep-7", "rep-7 had it open")
    assert story.said == [
        LockReleased(rep_id="rep-7", why=ANY),
        OwnerChanged(
            rep_id="rep-7", previous_rep_id=None, how="claim_now", via=None, why="rep-7 had it open"
        ),
    ]
    assert (story.lead.phase, story.queues, story.lead.deadlines) == (Phase.OWNED, [], ())
    for action in ("view", "outcome", "callback", "claim_now", "note"):
        other = story.asks(action, "rep-9", outcome="talked", note="n")
        assert (told(other), other.owner) == (refusal(Reason.NOT_ALLOWED), "rep-7")
    assert story.claims("rep-9", "all").reason is Reason.ALREADY_CLAIMED


def test_d3_claim_now_of_ones_own_lead_is_won_and_closes_it(story: Story) -> None:
    story.opens("rep-7")
    story.asks("claim_now", "rep-7")
    story.opens("rep-7")
    again = story.asks("claim_now", "rep-7")
    assert (again.result, again.why) == (Result.WON, "it is yours already")
    assert story.said == [LockReleased(rep_id="rep-7", why="rep-7 claimed it")]


@pytest.mark.parametrize("who", ["mia", "ada"])
def test_d5_a_manager_looks_without_a_lock_and_changes_nothing(story: Story, who: str) -> None:
    def looks() -> None:
        lead, seq = story.lead, story.row.seq
        assert told(story.opens(who, view_only=True)) == DONE
        assert (story.lead, story.row.seq, story.said) == (lead, seq, [])

    looks()
    story.opens("rep-7")
    looks()
    story.asks("claim_now", "rep-7")
    looks()
    story.asks("outcome", "rep-7", outcome="closed_lost")
    looks()
    story.arrives("A-2", state="TX").publishes("queue", "all", None).asks("ignore", "mia")
    assert story.lead.phase is Phase.IGNORED
    looks()


def test_d5_looking_without_a_lock_is_for_managers_and_admins(story: Story) -> None:
    lead = story.lead
    answer = story.opens("rep-7", view_only=True)
    assert told(answer) == refusal(Reason.NOT_ALLOWED)
    assert story.lead == lead


def test_d5_a_manager_who_opens_for_real_locks_like_anybody_else(story: Story) -> None:
    assert told(story.opens("mia")) == DONE
    assert (story.lead.phase, story.lead.deadline(DeadlineKind.LOCK) is None) == (Phase.LOCKED, False)


def test_d1_a_clock_that_runs_backwards_does_not_make_a_lock_longer_or_shorter(story: Story) -> None:
    story.at(minutes=10).opens("rep-7")
    story.at(minutes=0).asks("release", "rep-7")
    story.opens("rep-9")
    expected: datetime = START + timedelta(minutes=70)
    assert story.lead.lock is not None
    assert story.lead.lock.until == expected


def test_x2_a_rep_who_leaves_has_no_lead_open_any_more(story: Story) -> None:
    """Switching the rep off is one publication. Only its sweep finds the lock."""
    story.opens("rep-7")
    story.rep("rep-7", active=False)
    assert LockReleased(rep_id="rep-7", why="rep-7 has left") in story.said
    assert (story.lead.phase, story.queues) == (Phase.QUEUED, ["all", "ri"])
    assert story.lead.deadline(DeadlineKind.LOCK) is None
    assert told(story.opens("rep-9")) == DONE


# -- managers free locks ---------------------------------------------------------------------------------------------


def test_m6_a_manager_frees_a_lead_with_a_reason_and_the_rep_is_told(story: Story) -> None:
    story.opens("rep-7")
    without = story.asks("release", "mia")
    assert (without.reason, without.why) == (
        Reason.INVALID,
        "why: freeing a lead that somebody else has open needs a reason",
    )
    assert told(story.asks("release", "mia", why="rep-7 is ill")) == DONE
    assert story.said[:2] == [
        LockReleased(rep_id="rep-7", why="freed by mia: rep-7 is ill"),
        LockFreed(rep_id="rep-7", freed_by="mia", why="rep-7 is ill"),
    ]
    assert (story.lead.phase, story.lead.lock, story.queues) == (Phase.QUEUED, None, ["all", "ri"])
    (notice,) = notifications_of(story.row)
    assert (notice.template, notice.kind, notice.rep_id) == ("lock_freed", "push", "rep-7")
    assert notice.data["why"] == "rep-7 is ill"
    assert told(story.asks("outcome", "rep-7", outcome="talked")) == refusal(Reason.NOT_LOCKED)
    assert told(story.opens("rep-9")) == DONE, "anybody may open it again"


def test_m6_a_manager_frees_an_owned_lead_too_and_its_owner_keeps_it(story: Story) -> None:
    story.asks("assign", "mia", to_rep_id="rep-7")
    story.opens("rep-7")
    assert told(story.asks("release", "ada", why="it is stuck")) == DONE
    assert (story.lead.phase, story.lead.owner, story.lead.lock) == (Phase.OWNED, "rep-7", None)


def test_m6_a_rep_frees_nobody_elses_lead(story: Story) -> None:
    story.opens("rep-7")
    assert told(story.asks("release", "rep-9", why="mine")) == refusal(Reason.LOCKED_BY_OTHER)
    assert story.lead.lock is not None
