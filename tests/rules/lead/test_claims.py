"""Claims: the events of a lead's log and their expected answers (Q4, Q8, Q10, Q11, Q12)."""

from unittest.mock import ANY

import pytest

from models.contact_decisions import CallbackDue
from models.decisions import (
    Answered,
    ClaimReopened,
    LockReleased,
    OwnerChanged,
    QueueEntered,
    QueueLeft,
)
from models.lead import ANSWERS_KEPT, DeadlineKind, Phase
from models.results import Reason, Result
from tests.rules.lead.lead_story import Story


@pytest.fixture
def story() -> Story:
    """Return a story with a lead in a claimable queue that everyone sees."""
    story = Story().queue("new", ("owned", "=", False), claimable=True)
    return story.arrives()


def told(answer: Answered) -> tuple[Result, Reason | None, str | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason, answer.owner


WON_BY_7 = (Result.WON, None, "rep-7")
LOST_TO_7 = (Result.LOST, Reason.ALREADY_CLAIMED, "rep-7")


def test_q8_the_first_claim_in_the_log_wins_and_everyone_else_is_told_who_has_it(story: Story) -> None:
    assert told(story.claims("rep-7", "new")) == WON_BY_7
    assert story.said == [
        OwnerChanged(rep_id="rep-7", previous_rep_id=None, how="claim", via="queue/new", why=ANY),
        QueueLeft(
            queue_id="new",
            why="not in new by its rules of version 5: it was claimed once already, through new",
        ),
    ]
    assert (story.lead.phase, story.lead.owner, story.queues) == (Phase.OWNED, "rep-7", [])
    for rep_id in ("rep-9", "rep-3", "mia", "ada"):
        assert told(story.claims(rep_id, "new")) == LOST_TO_7
        assert story.said == []


def test_q8_the_time_of_the_claim_counts_for_nothing_only_its_place_in_the_log(story: Story) -> None:
    story.at(minutes=5).claims("rep-7", "new")
    assert told(story.at(minutes=1).claims("rep-9", "new")) == LOST_TO_7


def test_q8_the_winners_repeat_under_another_action_id_is_won_again_and_changes_nothing(story: Story) -> None:
    first = story.claims("rep-7", "new")
    again = story.at(minutes=3).claims("rep-7", "new")
    assert told(again) == WON_BY_7
    assert again.version == first.version
    assert story.kinds == []


def test_q8_the_winners_repeat_is_won_while_the_lead_is_open_and_after_it_was_closed(story: Story) -> None:
    story.claims("rep-7", "new")
    story.opens("rep-7")
    assert told(story.claims("rep-7", "new")) == WON_BY_7
    assert told(story.claims("rep-9", "new")) == LOST_TO_7
    story.asks("outcome", "rep-7", outcome="closed_won")
    assert told(story.claims("rep-7", "new")) == WON_BY_7
    assert told(story.claims("rep-9", "new")) == LOST_TO_7
    assert story.lead.phase is Phase.CLOSED


def test_q8_a_claim_that_names_no_queue_is_of_the_first_claimable_one_the_rep_sees(story: Story) -> None:
    story.queue("east", claimable=True, teams=["east"]).queue("west", claimable=True, teams=["west"])
    assert told(story.claims("rep-7")) == WON_BY_7
    assert story.lead.via == "queue/new"
    story.publishes("queue", "new", None).arrives("A-2")
    assert told(story.claims("rep-7")) == WON_BY_7
    assert story.lead.via == "queue/west"


@pytest.mark.parametrize(
    ("queue_id", "rep_id", "reason", "why"),
    [
        ("gone", "rep-7", Reason.UNKNOWN_QUEUE, "the org has no queue gone that you have access to"),
        ("east", "rep-7", Reason.UNKNOWN_QUEUE, "the org has no queue east that you have access to"),
        ("work", "rep-7", Reason.NOT_QUALIFIED, "work is a work queue: open the lead instead"),
        (
            "texas",
            "rep-7",
            Reason.NOT_QUALIFIED,
            "not in texas by its rules of version 7: state is RI, not TX",
        ),
        ("new", "nobody", Reason.UNKNOWN_REP, "the org has no active rep nobody"),
        ("new", "gone", Reason.UNKNOWN_REP, "the org has no active rep gone"),
    ],
)
def test_q8_a_claim_that_cannot_be_is_refused_with_the_reason_and_changes_nothing(
    queue_id: str, rep_id: str, reason: Reason, why: str
) -> None:
    story = Story().queue("new", claimable=True).queue("work")
    story.queue("texas", ("state", "=", "TX"), claimable=True)
    story.queue("east", claimable=True, teams=["east"]).rep("gone", active=False)
    before = story.arrives().row
    answer = story.claims(rep_id, queue_id)
    assert (answer.result, answer.reason, answer.why) == (Result.REFUSED, reason, why)
    assert (story.lead, story.row.seq) == (before.lead, before.seq)


def test_q8_a_claim_of_a_lead_that_never_arrived_is_answered_and_no_lead_is_made() -> None:
    story = Story()
    answer = story.claims("rep-7", "new")
    assert told(answer) == (Result.REFUSED, Reason.UNKNOWN_LEAD, None)
    assert (story.row.lead, story.row.seq, answer.version) == (None, 0, 0)


def test_q4_team_access_decides_who_may_claim_and_never_whose_leads_are_there() -> None:
    story = Story().settings(protect_assigned_minutes=0).queue("east", claimable=True, teams=["east"])
    story.arrives("A-1", assigned_to="rep-9").arrives("A-2", campaign="west")
    assert story.list("east") == ["A-1", "A-2"]
    assert told(story.claims("rep-7", "east")) == (Result.REFUSED, Reason.UNKNOWN_QUEUE, None)
    assert told(story.claims("rep-7")) == (Result.REFUSED, Reason.NOT_QUALIFIED, None)
    assert told(story.claims("rep-3", "east")) == (Result.WON, None, "rep-3")
    assert told(story.of("A-1").claims("mia", "east")) == (Result.WON, None, "mia")


def test_q10_what_was_claimed_once_is_in_no_claimable_queue_again_whatever_the_rules_say(
    story: Story,
) -> None:
    story.claims("rep-7", "new")
    story.queue("any", claimable=True).queue("claimed", ("claimed_once", "=", True), claimable=True)
    story.asks("outcome", "rep-7", outcome="left a message")
    assert story.wait(days=400).queues == []
    for queue_id in ("any", "claimed", "new", None):
        assert told(story.claims("rep-9", queue_id)) == LOST_TO_7


def test_q10_only_an_admins_recorded_override_lets_it_in_again(story: Story) -> None:
    story.queue("any", claimable=True)
    story.claims("rep-7", "new")
    for rep_id in ("rep-7", "mia"):
        assert told(story.asks("reopen_claimable", rep_id)) == (Result.REFUSED, Reason.NOT_ALLOWED, "rep-7")
    assert story.asks("reopen_claimable", "ada").result is Result.DONE
    assert story.said == [
        ClaimReopened(rep_id="ada", claimed_through="new"),
        QueueEntered(queue_id="any", sort_key=ANY, rules_version=6, why=ANY, columns={"name": "Jones"}),
    ]
    assert told(story.claims("rep-9", "any")) == (Result.WON, None, "rep-9")
    assert story.said[0] == OwnerChanged(
        rep_id="rep-9", previous_rep_id="rep-7", how="claim", via="queue/any", why=ANY
    )
    assert told(story.claims("rep-7", "any")) == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-9")
    assert story.queues == []


def test_q10_an_override_of_what_was_never_claimed_says_so_and_changes_nothing(story: Story) -> None:
    seq = story.row.seq
    answer = story.asks("reopen_claimable", "ada")
    assert (answer.result, answer.why) == (Result.DONE, "it was not claimed through a queue: nothing changes")
    assert story.row.seq == seq


def test_q11_an_aged_lead_is_claimable_although_it_has_an_owner_and_changes_hands() -> None:
    story = Story().queue(
        "aged", ("owned", "=", True), ("last_contacted_at", "notInLast", "14 day"), claimable=True
    )
    story.arrives(assigned_to="rep-3").asks("outcome", "rep-3", outcome="talked")
    assert story.queues == []
    story.wait(days=14)
    assert (story.queues, story.lead.phase, story.lead.owner) == (["aged"], Phase.OWNED, "rep-3")
    assert told(story.claims("rep-7", "aged")) == WON_BY_7
    assert story.kinds == ["OwnerChanged", "QueueLeft"]
    assert story.said[0] == OwnerChanged(
        rep_id="rep-7", previous_rep_id="rep-3", how="claim", via="queue/aged", why=ANY
    )
    assert told(story.claims("rep-9", "aged")) == LOST_TO_7


def test_q11_a_call_by_its_owner_in_time_keeps_an_aged_lead_from_others() -> None:
    story = Story().queue("aged", ("last_contacted_at", "notInLast", "14 day"), claimable=True)
    story.arrives(assigned_to="rep-3").asks("outcome", "rep-3", outcome="talked")
    story.wait(days=13).asks("outcome", "rep-3", outcome="talked")
    story.wait(days=1)
    assert told(story.claims("rep-7", "aged")) == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-3")
    assert story.wait(days=13).queues == ["aged"]
    story.opens("rep-3")
    assert (story.queues, story.lead.phase) == ([], Phase.WORKING)
    assert told(story.claims("rep-7", "aged")) == (Result.REFUSED, Reason.LOCKED_BY_OTHER, "rep-3")


def test_q11_m7_the_promised_call_of_an_aged_lead_is_its_new_owners() -> None:
    """M7 amends Q11: the person was promised a call, whoever has the lead then."""
    story = Story().settings(protect_assigned_minutes=0).queue("aged", ("owned", "=", True), claimable=True)
    call = story.now.replace(hour=20)
    story.arrives(assigned_to="rep-3").asks("callback", "rep-3", at=call)
    assert told(story.claims("rep-7", "aged")) == WON_BY_7
    assert (story.lead.callback_at, story.deadline(DeadlineKind.CALLBACK).due) == (call, call)
    epoch = story.deadline(DeadlineKind.CALLBACK).epoch
    assert story.wait(hours=6).said == [CallbackDue(rep_id="rep-7", epoch=epoch)]


def test_q12_what_is_to_be_claimed_cannot_be_opened_before(story: Story) -> None:
    for rep_id in ("rep-7", "mia", "ada"):
        answer = story.opens(rep_id)
        assert told(answer) == (Result.REFUSED, Reason.NOT_ALLOWED, None)
        assert answer.why == "it is to be claimed first, from new"
    for action in ("outcome", "callback", "claim_now", "note", "release"):
        answer = story.asks(action, "rep-7", outcome="talked", note="hello")
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_LOCKED)
    story.claims("rep-7", "new")
    assert story.opens("rep-7").result is Result.DONE


def test_q12_a_lead_that_is_in_a_work_queue_too_is_claimed_before_it_is_opened(story: Story) -> None:
    story.queue("work")
    assert story.queues == ["new", "work"]
    assert told(story.opens("rep-9")) == (Result.REFUSED, Reason.NOT_ALLOWED, None)


def test_q8_a_claim_decides_by_the_rules_of_its_instant_though_no_timer_has_spoken() -> None:
    story = Story().queue("hour", ("arrived_at", "inLast", "1 hour"), claimable=True)
    story.queue("old", ("arrived_at", "notInLast", "1 hour"), claimable=True).arrives()
    assert story.queues == ["hour"]
    answer = story.at(hours=1).claims("rep-7", "hour")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_QUALIFIED)
    assert told(story.claims("rep-7", "old")) == WON_BY_7


def test_q8_a_lead_one_has_open_is_made_ones_own_by_claim_now(story: Story) -> None:
    story.queue("new", ("state", "=", "TX"), claimable=True).queue("work")
    story.opens("rep-7")
    answer = story.claims("rep-7", "new")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_QUALIFIED)
    assert answer.why == "you have it open, so it is in no queue: claim_now makes it yours"
    assert told(story.claims("rep-9", "new")) == (Result.REFUSED, Reason.LOCKED_BY_OTHER, None)


def test_q8_a_lock_that_ran_out_keeps_nobody_from_claiming_however_late_the_timer_is() -> None:
    """A worker that was down for an hour decides like one that was not: D2 by the log's time."""
    story = Story().queue("work", ("arrived_at", "inLast", "1 hour"))
    story.queue("late", ("arrived_at", "notInLast", "1 hour"), claimable=True).arrives().at(minutes=5)
    story.opens("rep-3")
    lock = story.lead.deadlines[0]
    assert told(story.at(minutes=64).claims("rep-7", "late")) == (
        Result.REFUSED,
        Reason.LOCKED_BY_OTHER,
        None,
    )
    assert told(story.at(minutes=65).claims("rep-7", "late")) == WON_BY_7
    assert story.said[0] == LockReleased(rep_id="rep-3", why="it ran out without an action")
    assert story.passes(lock).kinds == ["DeadlineIgnored"]
    assert told(story.asks("outcome", "rep-3", outcome="talked")) == (
        Result.REFUSED,
        Reason.LOCK_EXPIRED,
        "rep-7",
    )


def test_x4_beyond_the_answers_kept_the_winner_still_wins_and_others_still_lose(story: Story) -> None:
    won = story.claims("rep-7", "new", action_id="first")
    lost = story.claims("rep-9", "new", action_id="second")
    version = story.row.seq
    for _ in range(ANSWERS_KEPT):
        story.claims("rep-3", "new")
    assert not {answer.action_id for answer in story.row.answers} & {"first", "second"}
    assert told(story.claims("rep-7", "new", action_id="first")) == told(won)
    assert told(story.claims("rep-9", "new", action_id="second")) == told(lost)
    assert story.row.seq == version
