"""The promised call comes at its time, to the rep who promised it (D4)."""

from datetime import timedelta

import pytest

from models.contact_decisions import CallbackDue, CallbackSet
from models.decisions import DeadlineIgnored, LockReleased, OwnerChanged
from models.lead import DeadlineKind, Phase
from models.results import Result
from rules.queues.personal_queues import own_sort_key
from tests.rules.lead.lead_story import START, Story

CALL = START + timedelta(hours=3)


@pytest.fixture
def story() -> Story:
    """Return a story with a lead in a work queue, open for rep-7."""
    story = Story().queue("all").arrives()
    story.opens("rep-7")
    return story


def test_d4_a_callback_with_a_time_claims_the_lead_and_is_due_then(story: Story) -> None:
    answer = story.asks("callback", "rep-7", at=CALL)
    assert (answer.result, answer.owner) == (Result.DONE, "rep-7")
    why = f"rep-7 promised to call at {CALL}"
    assert story.said == [
        LockReleased(rep_id="rep-7", why=why),
        OwnerChanged(rep_id="rep-7", previous_rep_id=None, how="callback", via=None, why=why),
        CallbackSet(rep_id="rep-7", at=CALL),
    ]
    assert (story.lead.phase, story.queues, story.lead.callback_at) == (Phase.OWNED, [], CALL)
    later = own_sort_key(story.lead, story.row.at)
    assert story.wait(hours=3, microseconds=-1).lead.deadline(DeadlineKind.CALLBACK) is not None
    epoch = story.deadline(DeadlineKind.CALLBACK).epoch
    story.wait(microseconds=1)
    assert story.said == [CallbackDue(rep_id="rep-7", epoch=epoch)]
    assert (story.lead.deadlines, story.lead.callback_at) == ((), CALL)
    assert own_sort_key(story.lead, story.row.at) < later


def test_d4_without_the_setting_a_callback_with_a_time_claims_nothing(story: Story) -> None:
    story.settings(auto_claim_on_timed_callback=False)
    story.asks("callback", "rep-7", at=CALL)
    assert (story.lead.owner, story.lead.phase, story.queues) == (None, Phase.QUEUED, ["all"])
    epoch = story.deadline(DeadlineKind.CALLBACK).epoch
    story.wait(hours=3)
    assert CallbackDue(rep_id=None, epoch=epoch) in story.said
    assert (story.lead.phase, story.queues) == (Phase.QUEUED, ["all"])


def test_d4_a_callback_without_a_time_goes_to_the_end_of_the_queue_unclaimed() -> None:
    story = Story().queue("all")
    for name in ("A-1", "A-2", "A-3"):
        story.arrives(name).wait(minutes=1)
    story.of("A-1").opens("rep-7")
    story.asks("callback", "rep-7")
    assert CallbackSet(rep_id="rep-7", at=None) in story.said
    assert (story.lead.owner, story.lead.deferred_at, story.lead.deadlines) == (None, story.now, ())
    assert story.list("all") == ["A-2", "A-3", "A-1"]
    story.wait(minutes=1).of("A-2").opens("rep-9")
    story.asks("callback", "rep-9")
    assert story.list("all") == ["A-3", "A-1", "A-2"]


def test_d4_an_outcome_takes_a_lead_back_from_the_end_of_its_queue() -> None:
    story = Story().queue("all").arrives("A-1").wait(minutes=1).arrives("A-2")
    story.of("A-1").opens("rep-7")
    story.asks("callback", "rep-7")
    assert story.list("all") == ["A-2", "A-1"]
    story.opens("rep-7")
    story.asks("outcome", "rep-7", outcome="no answer")
    assert (story.list("all"), story.lead.deferred_at) == (["A-1", "A-2"], None)


def test_d4_a_lead_put_off_by_one_rep_is_not_put_off_for_its_new_owner(story: Story) -> None:
    story.asks("callback", "rep-7")
    assert story.lead.deferred_at is not None
    story.asks("assign", "mia", to_rep_id="rep-9")
    assert story.lead.deferred_at is None


def test_d4_a_new_time_makes_the_old_deadline_stale(story: Story) -> None:
    story.asks("callback", "rep-7", at=CALL)
    old = story.deadline(DeadlineKind.CALLBACK)
    later = CALL + timedelta(hours=1)
    story.asks("callback", "rep-7", at=later)
    assert story.at(hours=3).passes(old).said == [
        DeadlineIgnored(kind="callback", epoch=old.epoch, why=f"the current epoch is {old.epoch + 1}")
    ]
    assert story.at(hours=4).passes(story.deadline(DeadlineKind.CALLBACK)).said == [
        CallbackDue(rep_id="rep-7", epoch=old.epoch + 1)
    ]


def test_d4_the_same_time_again_keeps_its_deadline(story: Story) -> None:
    story.asks("callback", "rep-7", at=CALL)
    deadline = story.deadline(DeadlineKind.CALLBACK)
    story.asks("callback", "rep-7", at=CALL)
    assert story.deadline(DeadlineKind.CALLBACK) == deadline


def test_d4_a_time_that_is_past_is_due_at_once_and_once(story: Story) -> None:
    story.asks("callback", "rep-7", at=START - timedelta(days=1))
    deadline = story.deadline(DeadlineKind.CALLBACK)
    assert story.passes(deadline).said == [CallbackDue(rep_id="rep-7", epoch=deadline.epoch)]
    assert story.passes(deadline).said == [
        DeadlineIgnored(kind="callback", epoch=deadline.epoch, why="the current epoch is none")
    ]


def test_d4_a_due_call_stays_due_until_somebody_acts(story: Story) -> None:
    story.asks("callback", "rep-7", at=CALL)
    story.wait(hours=5).opens("rep-7")
    assert (story.lead.phase, story.lead.callback_at) == (Phase.WORKING, CALL)
    story.asks("outcome", "rep-7", outcome="talked")
    assert (story.lead.phase, story.lead.callback_at) == (Phase.OWNED, None)


def test_d4_a_call_comes_due_while_the_lead_is_open(story: Story) -> None:
    story.asks("callback", "rep-7", at=START + timedelta(minutes=30))
    story.opens("rep-7")
    epoch = story.deadline(DeadlineKind.CALLBACK).epoch
    story.wait(minutes=30)
    assert story.said == [CallbackDue(rep_id="rep-7", epoch=epoch)]
    assert story.lead.phase is Phase.WORKING
    assert story.wait(minutes=30).lead.phase is Phase.OWNED


def test_d4_the_owner_may_promise_a_call_without_opening_the_lead(story: Story) -> None:
    story.asks("callback", "rep-7", at=CALL)
    assert story.asks("callback", "rep-7").result is Result.DONE
    assert (story.lead.owner, story.lead.callback_at, story.lead.deferred_at) == ("rep-7", None, story.now)


def test_d4_a_late_promise_after_the_lock_ran_out_claims_too(story: Story) -> None:
    assert story.wait(minutes=61).asks("callback", "rep-7", at=CALL).owner == "rep-7"
    assert story.lead.lapsed is None
