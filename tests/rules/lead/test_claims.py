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
from tests.rules.lead.lead_scenario import Scenario


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead in a claimable queue that everyone sees."""
    scenario = Scenario().queue("new", ("owned", "=", False), claimable=True)
    return scenario.arrives()


def result_of(answer: Answered) -> tuple[Result, Reason | None, str | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason, answer.owner


WON_BY_7 = (Result.WON, None, "rep-7")
LOST_TO_7 = (Result.LOST, Reason.ALREADY_CLAIMED, "rep-7")


def test_q8_the_first_claim_in_the_log_wins_and_everyone_else_is_told_who_has_it(scenario: Scenario) -> None:
    assert result_of(scenario.claims("rep-7", "new")) == WON_BY_7
    assert scenario.decisions == [
        OwnerChanged(rep_id="rep-7", previous_rep_id=None, how="claim", via="queue/new", why=ANY),
        QueueLeft(
            queue_id="new",
            why="not in new by its rules of version 5: it was claimed once already, through new",
        ),
    ]
    assert (scenario.lead.phase, scenario.lead.owner, scenario.queues) == (Phase.OWNED, "rep-7", [])
    for rep_id in ("rep-9", "rep-3", "mia", "ada"):
        assert result_of(scenario.claims(rep_id, "new")) == LOST_TO_7
        assert scenario.decisions == []


def test_q8_the_time_of_the_claim_counts_for_nothing_only_its_place_in_the_log(scenario: Scenario) -> None:
    scenario.at(minutes=5).claims("rep-7", "new")
    assert result_of(scenario.at(minutes=1).claims("rep-9", "new")) == LOST_TO_7


def test_q8_the_winners_repeat_under_another_action_id_is_won_again_and_changes_nothing(
    scenario: Scenario,
) -> None:
    first = scenario.claims("rep-7", "new")
    repeated = scenario.at(minutes=3).claims("rep-7", "new")
    assert result_of(repeated) == WON_BY_7
    assert repeated.version == first.version
    assert scenario.kinds == []


def test_q8_the_winners_repeat_is_won_while_the_lead_is_open_and_after_it_was_closed(
    scenario: Scenario,
) -> None:
    scenario.claims("rep-7", "new")
    scenario.opens("rep-7")
    assert result_of(scenario.claims("rep-7", "new")) == WON_BY_7
    assert result_of(scenario.claims("rep-9", "new")) == LOST_TO_7
    scenario.asks("outcome", "rep-7", outcome="closed_won")
    assert result_of(scenario.claims("rep-7", "new")) == WON_BY_7
    assert result_of(scenario.claims("rep-9", "new")) == LOST_TO_7
    assert scenario.lead.phase is Phase.CLOSED


def test_q8_a_claim_that_names_no_queue_is_of_the_first_claimable_one_the_rep_sees(
    scenario: Scenario,
) -> None:
    scenario.queue("east", claimable=True, teams=["east"]).queue("west", claimable=True, teams=["west"])
    assert result_of(scenario.claims("rep-7")) == WON_BY_7
    assert scenario.lead.via == "queue/new"
    scenario.publishes("queue", "new", None).arrives("A-2")
    assert result_of(scenario.claims("rep-7")) == WON_BY_7
    assert scenario.lead.via == "queue/west"


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
    scenario = Scenario().queue("new", claimable=True).queue("work")
    scenario.queue("texas", ("state", "=", "TX"), claimable=True)
    scenario.queue("east", claimable=True, teams=["east"]).rep("gone", active=False)
    before = scenario.arrives().row
    answer = scenario.claims(rep_id, queue_id)
    assert (answer.result, answer.reason, answer.why) == (Result.REFUSED, reason, why)
    assert (scenario.lead, scenario.row.seq) == (before.lead, before.seq)


def test_q8_a_claim_of_a_lead_that_never_arrived_is_answered_and_no_lead_is_made() -> None:
    scenario = Scenario()
    answer = scenario.claims("rep-7", "new")
    assert result_of(answer) == (Result.REFUSED, Reason.UNKNOWN_LEAD, None)
    assert (scenario.row.lead, scenario.row.seq, answer.version) == (None, 0, 0)


def test_q4_team_access_decides_who_may_claim_and_never_whose_leads_are_there() -> None:
    scenario = Scenario().settings(protect_assigned_minutes=0).queue("east", claimable=True, teams=["east"])
    scenario.arrives("A-1", assigned_to="rep-9").arrives("A-2", campaign="west")
    assert scenario.list("east") == ["A-1", "A-2"]
    assert result_of(scenario.claims("rep-7", "east")) == (Result.REFUSED, Reason.UNKNOWN_QUEUE, None)
    assert result_of(scenario.claims("rep-7")) == (Result.REFUSED, Reason.NOT_QUALIFIED, None)
    assert result_of(scenario.claims("rep-3", "east")) == (Result.WON, None, "rep-3")
    assert result_of(scenario.of("A-1").claims("mia", "east")) == (Result.WON, None, "mia")


def test_q10_what_was_claimed_once_is_in_no_claimable_queue_again_whatever_the_rules_say(
    scenario: Scenario,
) -> None:
    scenario.claims("rep-7", "new")
    scenario.queue("any", claimable=True).queue("claimed", ("claimed_once", "=", True), claimable=True)
    scenario.asks("outcome", "rep-7", outcome="left a message")
    assert scenario.wait(days=400).queues == []
    for queue_id in ("any", "claimed", "new", None):
        assert result_of(scenario.claims("rep-9", queue_id)) == LOST_TO_7


def test_q10_only_an_admins_recorded_override_lets_it_in_again(scenario: Scenario) -> None:
    scenario.queue("any", claimable=True)
    scenario.claims("rep-7", "new")
    for rep_id in ("rep-7", "mia"):
        assert result_of(scenario.asks("reopen_claimable", rep_id)) == (
            Result.REFUSED,
            Reason.NOT_ALLOWED,
            "rep-7",
        )
    assert scenario.asks("reopen_claimable", "ada").result is Result.DONE
    assert scenario.decisions == [
        ClaimReopened(rep_id="ada", claimed_through="new"),
        QueueEntered(queue_id="any", sort_key=ANY, rules_version=6, why=ANY, columns={"name": "Jones"}),
    ]
    assert result_of(scenario.claims("rep-9", "any")) == (Result.WON, None, "rep-9")
    assert scenario.decisions[0] == OwnerChanged(
        rep_id="rep-9", previous_rep_id="rep-7", how="claim", via="queue/any", why=ANY
    )
    assert result_of(scenario.claims("rep-7", "any")) == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-9")
    assert scenario.queues == []


def test_q10_an_override_of_what_was_never_claimed_says_so_and_changes_nothing(scenario: Scenario) -> None:
    seq = scenario.row.seq
    answer = scenario.asks("reopen_claimable", "ada")
    assert (answer.result, answer.why) == (Result.DONE, "it was not claimed through a queue: nothing changes")
    assert scenario.row.seq == seq


def test_q11_an_aged_lead_is_claimable_although_it_has_an_owner_and_changes_hands() -> None:
    scenario = Scenario().queue(
        "aged", ("owned", "=", True), ("last_contacted_at", "notInLast", "14 day"), claimable=True
    )
    scenario.arrives(assigned_to="rep-3").asks("outcome", "rep-3", outcome="talked")
    assert scenario.queues == []
    scenario.wait(days=14)
    assert (scenario.queues, scenario.lead.phase, scenario.lead.owner) == (["aged"], Phase.OWNED, "rep-3")
    assert result_of(scenario.claims("rep-7", "aged")) == WON_BY_7
    assert scenario.kinds == ["OwnerChanged", "QueueLeft"]
    assert scenario.decisions[0] == OwnerChanged(
        rep_id="rep-7", previous_rep_id="rep-3", how="claim", via="queue/aged", why=ANY
    )
    assert result_of(scenario.claims("rep-9", "aged")) == LOST_TO_7


def test_q11_a_call_by_its_owner_in_time_keeps_an_aged_lead_from_others() -> None:
    scenario = Scenario().queue("aged", ("last_contacted_at", "notInLast", "14 day"), claimable=True)
    scenario.arrives(assigned_to="rep-3").asks("outcome", "rep-3", outcome="talked")
    scenario.wait(days=13).asks("outcome", "rep-3", outcome="talked")
    scenario.wait(days=1)
    assert result_of(scenario.claims("rep-7", "aged")) == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-3")
    assert scenario.wait(days=13).queues == ["aged"]
    scenario.opens("rep-3")
    assert (scenario.queues, scenario.lead.phase) == ([], Phase.WORKING)
    assert result_of(scenario.claims("rep-7", "aged")) == (Result.REFUSED, Reason.LOCKED_BY_OTHER, "rep-3")


def test_q11_m7_the_promised_call_of_an_aged_lead_is_its_new_owners() -> None:
    """M7 amends Q11: the person was promised a call, whoever has the lead then."""
    scenario = (
        Scenario().settings(protect_assigned_minutes=0).queue("aged", ("owned", "=", True), claimable=True)
    )
    call = scenario.now.replace(hour=20)
    scenario.arrives(assigned_to="rep-3").asks("callback", "rep-3", at=call)
    assert result_of(scenario.claims("rep-7", "aged")) == WON_BY_7
    assert (scenario.lead.callback_at, scenario.deadline(DeadlineKind.CALLBACK).due) == (call, call)
    epoch = scenario.deadline(DeadlineKind.CALLBACK).epoch
    assert scenario.wait(hours=6).decisions == [CallbackDue(rep_id="rep-7", epoch=epoch)]


def test_q12_what_is_to_be_claimed_cannot_be_opened_before(scenario: Scenario) -> None:
    for rep_id in ("rep-7", "mia", "ada"):
        answer = scenario.opens(rep_id)
        assert result_of(answer) == (Result.REFUSED, Reason.NOT_ALLOWED, None)
        assert answer.why == "claim it first, from new"
    for action in ("outcome", "callback", "claim_now", "note", "release"):
        answer = scenario.asks(action, "rep-7", outcome="talked", note="hello")
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_LOCKED)
    scenario.claims("rep-7", "new")
    assert scenario.opens("rep-7").result is Result.DONE


def test_q12_a_lead_that_is_in_a_work_queue_too_is_claimed_before_it_is_opened(scenario: Scenario) -> None:
    scenario.queue("work")
    assert scenario.queues == ["new", "work"]
    assert result_of(scenario.opens("rep-9")) == (Result.REFUSED, Reason.NOT_ALLOWED, None)


def test_q8_a_claim_decides_by_the_rules_of_its_instant_though_no_timer_has_spoken() -> None:
    scenario = Scenario().queue("hour", ("arrived_at", "inLast", "1 hour"), claimable=True)
    scenario.queue("old", ("arrived_at", "notInLast", "1 hour"), claimable=True).arrives()
    assert scenario.queues == ["hour"]
    answer = scenario.at(hours=1).claims("rep-7", "hour")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_QUALIFIED)
    assert result_of(scenario.claims("rep-7", "old")) == WON_BY_7


def test_q8_a_lead_one_has_open_is_made_ones_own_by_claim_now(scenario: Scenario) -> None:
    scenario.queue("new", ("state", "=", "TX"), claimable=True).queue("work")
    scenario.opens("rep-7")
    answer = scenario.claims("rep-7", "new")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_QUALIFIED)
    assert answer.why == "you have it open, so it is in no queue; claim it now to own it"
    assert result_of(scenario.claims("rep-9", "new")) == (Result.REFUSED, Reason.LOCKED_BY_OTHER, None)


def test_q8_a_lock_that_ran_out_keeps_nobody_from_claiming_however_late_the_timer_is() -> None:
    """A worker that was down for an hour decides like one that was not: D2 by the log's time."""
    scenario = Scenario().queue("work", ("arrived_at", "inLast", "1 hour"))
    scenario.queue("late", ("arrived_at", "notInLast", "1 hour"), claimable=True).arrives().at(minutes=5)
    scenario.opens("rep-3")
    lock = scenario.lead.deadlines[0]
    assert result_of(scenario.at(minutes=64).claims("rep-7", "late")) == (
        Result.REFUSED,
        Reason.LOCKED_BY_OTHER,
        None,
    )
    assert result_of(scenario.at(minutes=65).claims("rep-7", "late")) == WON_BY_7
    assert scenario.decisions[0] == LockReleased(rep_id="rep-3", why="it ran out without an action")
    assert scenario.passes(lock).kinds == ["DeadlineIgnored"]
    assert result_of(scenario.asks("outcome", "rep-3", outcome="talked")) == (
        Result.REFUSED,
        Reason.LOCK_EXPIRED,
        "rep-7",
    )


def test_x4_beyond_the_answers_kept_the_winner_still_wins_and_others_still_lose(scenario: Scenario) -> None:
    won = scenario.claims("rep-7", "new", action_id="first")
    lost_answer = scenario.claims("rep-9", "new", action_id="second")
    version = scenario.row.seq
    for _ in range(ANSWERS_KEPT):
        scenario.claims("rep-3", "new")
    assert not {answer.action_id for answer in scenario.row.answers} & {"first", "second"}
    assert result_of(scenario.claims("rep-7", "new", action_id="first")) == result_of(won)
    assert result_of(scenario.claims("rep-9", "new", action_id="second")) == result_of(lost_answer)
    assert scenario.row.seq == version
