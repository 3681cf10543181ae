"""The promised call comes at its time, to the rep who promised it (D4)."""

from datetime import timedelta

import pytest

from models.contact_decisions import CallbackDue, CallbackSet
from models.decisions import DeadlineIgnored, LockReleased, OwnerChanged
from models.lead import DeadlineKind, Phase
from models.results import Result
from rules.queues.personal_queues import own_sort_key
from tests.rules.lead.lead_scenario import START, Scenario

CALL = START + timedelta(hours=3)


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead in a work queue, open for rep-7."""
    scenario = Scenario().queue("all").arrives()
    scenario.opens("rep-7")
    return scenario


def test_d4_a_callback_with_a_time_claims_the_lead_and_is_due_then(scenario: Scenario) -> None:
    answer = scenario.asks("callback", "rep-7", at=CALL)
    assert (answer.result, answer.owner) == (Result.DONE, "rep-7")
    why = f"rep-7 promised to call at {CALL}"
    assert scenario.decisions == [
        LockReleased(rep_id="rep-7", why=why),
        OwnerChanged(rep_id="rep-7", previous_rep_id=None, how="callback", via=None, why=why),
        CallbackSet(rep_id="rep-7", at=CALL),
    ]
    assert (scenario.lead.phase, scenario.queues, scenario.lead.callback_at) == (Phase.OWNED, [], CALL)
    later = own_sort_key(scenario.lead, scenario.row.at)
    assert scenario.wait(hours=3, microseconds=-1).lead.deadline(DeadlineKind.CALLBACK) is not None
    epoch = scenario.deadline(DeadlineKind.CALLBACK).epoch
    scenario.wait(microseconds=1)
    assert scenario.decisions == [CallbackDue(rep_id="rep-7", epoch=epoch)]
    assert (scenario.lead.deadlines, scenario.lead.callback_at) == ((), CALL)
    assert own_sort_key(scenario.lead, scenario.row.at) < later


def test_d4_without_the_setting_a_callback_with_a_time_claims_nothing(scenario: Scenario) -> None:
    scenario.settings(auto_claim_on_timed_callback=False)
    scenario.asks("callback", "rep-7", at=CALL)
    assert (scenario.lead.owner, scenario.lead.phase, scenario.queues) == (None, Phase.QUEUED, ["all"])
    epoch = scenario.deadline(DeadlineKind.CALLBACK).epoch
    scenario.wait(hours=3)
    assert CallbackDue(rep_id=None, epoch=epoch) in scenario.decisions
    assert (scenario.lead.phase, scenario.queues) == (Phase.QUEUED, ["all"])


def test_d4_a_callback_without_a_time_goes_to_the_end_of_the_queue_unclaimed() -> None:
    scenario = Scenario().queue("all")
    for name in ("A-1", "A-2", "A-3"):
        scenario.arrives(name).wait(minutes=1)
    scenario.of("A-1").opens("rep-7")
    scenario.asks("callback", "rep-7")
    assert CallbackSet(rep_id="rep-7", at=None) in scenario.decisions
    assert (scenario.lead.owner, scenario.lead.deferred_at, scenario.lead.deadlines) == (
        None,
        scenario.now,
        (),
    )
    assert scenario.list("all") == ["A-2", "A-3", "A-1"]
    scenario.wait(minutes=1).of("A-2").opens("rep-9")
    scenario.asks("callback", "rep-9")
    assert scenario.list("all") == ["A-3", "A-1", "A-2"]


def test_d4_an_outcome_takes_a_lead_back_from_the_end_of_its_queue() -> None:
    scenario = Scenario().queue("all").arrives("A-1").wait(minutes=1).arrives("A-2")
    scenario.of("A-1").opens("rep-7")
    scenario.asks("callback", "rep-7")
    assert scenario.list("all") == ["A-2", "A-1"]
    scenario.opens("rep-7")
    scenario.asks("outcome", "rep-7", outcome="no answer")
    assert (scenario.list("all"), scenario.lead.deferred_at) == (["A-1", "A-2"], None)


def test_d4_a_lead_put_off_by_one_rep_is_not_put_off_for_its_new_owner(scenario: Scenario) -> None:
    scenario.asks("callback", "rep-7")
    assert scenario.lead.deferred_at is not None
    scenario.asks("assign", "mia", to_rep_id="rep-9")
    assert scenario.lead.deferred_at is None


def test_d4_a_new_time_makes_the_old_deadline_stale(scenario: Scenario) -> None:
    scenario.asks("callback", "rep-7", at=CALL)
    old = scenario.deadline(DeadlineKind.CALLBACK)
    later = CALL + timedelta(hours=1)
    scenario.asks("callback", "rep-7", at=later)
    assert scenario.at(hours=3).passes(old).decisions == [
        DeadlineIgnored(kind="callback", epoch=old.epoch, why=f"the current epoch is {old.epoch + 1}")
    ]
    assert scenario.at(hours=4).passes(scenario.deadline(DeadlineKind.CALLBACK)).decisions == [
        CallbackDue(rep_id="rep-7", epoch=old.epoch + 1)
    ]


def test_d4_the_same_time_again_keeps_its_deadline(scenario: Scenario) -> None:
    scenario.asks("callback", "rep-7", at=CALL)
    deadline = scenario.deadline(DeadlineKind.CALLBACK)
    scenario.asks("callback", "rep-7", at=CALL)
    assert scenario.deadline(DeadlineKind.CALLBACK) == deadline


def test_d4_a_time_that_is_past_is_due_at_once_and_once(scenario: Scenario) -> None:
    scenario.asks("callback", "rep-7", at=START - timedelta(days=1))
    deadline = scenario.deadline(DeadlineKind.CALLBACK)
    assert scenario.passes(deadline).decisions == [CallbackDue(rep_id="rep-7", epoch=deadline.epoch)]
    assert scenario.passes(deadline).decisions == [
        DeadlineIgnored(kind="callback", epoch=deadline.epoch, why="the current epoch is none")
    ]


def test_d4_a_due_call_stays_due_until_somebody_acts(scenario: Scenario) -> None:
    scenario.asks("callback", "rep-7", at=CALL)
    scenario.wait(hours=5).opens("rep-7")
    assert (scenario.lead.phase, scenario.lead.callback_at) == (Phase.WORKING, CALL)
    scenario.asks("outcome", "rep-7", outcome="talked")
    assert (scenario.lead.phase, scenario.lead.callback_at) == (Phase.OWNED, None)


def test_d4_a_call_comes_due_while_the_lead_is_open(scenario: Scenario) -> None:
    scenario.asks("callback", "rep-7", at=START + timedelta(minutes=30))
    scenario.opens("rep-7")
    epoch = scenario.deadline(DeadlineKind.CALLBACK).epoch
    scenario.wait(minutes=30)
    assert scenario.decisions == [CallbackDue(rep_id="rep-7", epoch=epoch)]
    assert scenario.lead.phase is Phase.WORKING
    assert scenario.wait(minutes=30).lead.phase is Phase.OWNED


def test_d4_the_owner_may_promise_a_call_without_opening_the_lead(scenario: Scenario) -> None:
    scenario.asks("callback", "rep-7", at=CALL)
    assert scenario.asks("callback", "rep-7").result is Result.DONE
    assert (scenario.lead.owner, scenario.lead.callback_at, scenario.lead.deferred_at) == (
        "rep-7",
        None,
        scenario.now,
    )


def test_d4_a_late_promise_after_the_lock_ran_out_claims_too(scenario: Scenario) -> None:
    assert scenario.wait(minutes=61).asks("callback", "rep-7", at=CALL).owner == "rep-7"
    assert scenario.lead.lapsed is None
