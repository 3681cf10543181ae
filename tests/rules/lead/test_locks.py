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
from tests.rules.lead.lead_scenario import START, Scenario

HOUR = START + timedelta(hours=1)


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead in two work queues that everyone sees."""
    return Scenario().queue("all").queue("ri", ("state", "=", "RI")).arrives()


def result_of(answer: Answered) -> tuple[Result, Reason | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason


DONE = (Result.DONE, None)


def refusal(reason: Reason) -> tuple[Result, Reason]:
    """Return a refusal with this reason."""
    return Result.REFUSED, reason


def test_d1_opening_a_lead_locks_it_and_takes_it_from_all_queues(scenario: Scenario) -> None:
    assert result_of(scenario.opens("rep-7")) == DONE
    assert scenario.decisions == [
        LockTaken(rep_id="rep-7", until=HOUR, epoch=1),
        QueueLeft(queue_id="all", why="not in all by its rules of version 5: rep-7 has it open"),
        QueueLeft(queue_id="ri", why="not in ri by its rules of version 6: rep-7 has it open"),
    ]
    assert (scenario.lead.phase, scenario.lead.owner, scenario.queues) == (Phase.LOCKED, None, [])
    assert [deadline.due for deadline in scenario.lead.deadlines] == [HOUR]


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
    scenario: Scenario, action: str, fields: dict[str, Any]
) -> None:
    scenario.opens("rep-7")
    lead, seq = scenario.lead, scenario.row.seq
    asker = "mia" if action == "assign" else "rep-9"
    answer = scenario.asks(action, asker, **fields)
    assert result_of(answer) == refusal(Reason.LOCKED_BY_OTHER)
    assert answer.why == f"rep-7 has it open until {HOUR}"
    assert (scenario.lead, scenario.row.seq) == (lead, seq)


def test_d1_a_rep_opens_only_what_a_queue_of_theirs_shows() -> None:
    scenario = Scenario().queue("east", teams=["east"]).arrives()
    answer = scenario.opens("rep-7")
    assert result_of(answer) == refusal(Reason.NOT_QUALIFIED)
    assert answer.why == "it is in no work queue that you have access to"
    assert result_of(scenario.opens("rep-3")) == DONE


def test_d1_opening_again_extends_the_lock_and_the_old_deadline_is_over(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    old = scenario.deadline(DeadlineKind.LOCK)
    scenario.at(minutes=40).opens("rep-7")
    assert scenario.decisions == [LockTaken(rep_id="rep-7", until=START + timedelta(minutes=100), epoch=2)]
    assert scenario.lead.lock is not None
    assert scenario.lead.lock.since == START
    assert scenario.at(hours=1).passes(old).decisions == [
        DeadlineIgnored(kind="lock", epoch=1, why="the current epoch is 2")
    ]
    assert scenario.lead.phase is Phase.LOCKED


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
    scenario: Scenario, action: str, fields: dict[str, Any]
) -> None:
    scenario.opens("rep-7")
    assert result_of(scenario.at(minutes=5).asks(action, "rep-7", **fields)) == DONE
    assert "LockReleased" in scenario.kinds
    assert (scenario.lead.phase, scenario.lead.lock, scenario.lead.deadlines) == (Phase.QUEUED, None, ())
    assert scenario.queues == ["all", "ri"]
    assert scenario.at(minutes=6).opens("rep-9").result is Result.DONE


def test_d2_without_an_action_the_lock_expires_and_the_lead_returns_to_its_queues(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    assert scenario.wait(minutes=60, microseconds=-1).lead.phase is Phase.LOCKED
    assert scenario.wait(microseconds=1).decisions == [
        LockReleased(rep_id="rep-7", why="it ran out without an action"),
        QueueEntered(queue_id="all", sort_key=ANY, rules_version=5, why=ANY, columns={"name": "Jones"}),
        QueueEntered(queue_id="ri", sort_key=ANY, rules_version=6, why=ANY, columns={"name": "Jones"}),
    ]
    assert (scenario.lead.phase, scenario.lead.owner) == (Phase.QUEUED, None)


def test_d2_how_long_a_lock_holds_is_a_setting_of_the_org(scenario: Scenario) -> None:
    scenario.settings(lock_minutes=1.5).opens("rep-7")
    assert scenario.lead.lock is not None
    assert scenario.lead.lock.until == START + timedelta(seconds=90)
    scenario.settings(lock_minutes=5)
    assert scenario.wait(seconds=90).lead.phase is Phase.QUEUED


def test_d2_an_owner_keeps_the_lead_whose_lock_expires(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    scenario.asks("claim_now", "rep-7")
    scenario.opens("rep-7")
    assert scenario.lead.phase is Phase.WORKING
    scenario.wait(hours=1)
    assert (scenario.lead.phase, scenario.lead.owner, scenario.queues) == (Phase.OWNED, "rep-7", [])


@pytest.mark.parametrize("timer", ["on time", "late"])
def test_d2_a_late_action_counts_while_nobody_else_has_the_lead(scenario: Scenario, timer: str) -> None:
    scenario.opens("rep-7")
    scenario = scenario.wait(minutes=61) if timer == "on time" else scenario.at(minutes=61)
    assert result_of(scenario.asks("outcome", "rep-7", outcome="talked")) == DONE
    assert OutcomeRecorded(rep_id="rep-7", outcome="talked") in scenario.decisions
    assert (scenario.lead.last_outcome, scenario.lead.last_contacted_at) == ("talked", scenario.now)
    repeated = scenario.at(minutes=62).asks("outcome", "rep-7", outcome="talked")
    assert result_of(repeated) == refusal(Reason.NOT_LOCKED)


@pytest.mark.parametrize("timer", ["on time", "late"])
@pytest.mark.parametrize("action", ["outcome", "callback", "claim_now", "note", "view", "release"])
def test_d2_a_late_action_is_refused_while_someone_else_has_it_open(
    scenario: Scenario, action: str, timer: str
) -> None:
    scenario.opens("rep-7")
    scenario = scenario.wait(minutes=61) if timer == "on time" else scenario.at(minutes=61)
    assert result_of(scenario.opens("rep-9")) == DONE
    until = scenario.now + timedelta(hours=1)
    answer = scenario.at(minutes=62).asks(action, "rep-7", outcome="talked", note="n")
    expected = Reason.LOCKED_BY_OTHER if action == "view" else Reason.LOCK_EXPIRED
    assert result_of(answer) == refusal(expected)
    assert answer.why == f"rep-9 has it open until {until}"


def test_d2_once_someone_else_has_had_it_the_late_action_comes_too_late(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    scenario.wait(minutes=61).opens("rep-9")
    scenario.asks("release", "rep-9")
    answer = scenario.asks("outcome", "rep-7", outcome="talked")
    assert result_of(answer) == refusal(Reason.NOT_LOCKED)


def test_d2_a_late_action_on_a_lead_that_got_an_owner_is_told_of_the_lock_and_the_owner(
    scenario: Scenario,
) -> None:
    scenario.opens("rep-7")
    scenario.wait(minutes=61).asks("assign", "mia", to_rep_id="rep-9")
    answer = scenario.asks("outcome", "rep-7", outcome="talked")
    assert (result_of(answer), answer.owner) == (refusal(Reason.LOCK_EXPIRED), "rep-9")
    assert answer.why == "it belongs to rep-9"
    stranger = scenario.asks("outcome", "rep-3", outcome="talked")
    assert result_of(stranger) == refusal(Reason.NOT_ALLOWED)


def test_d2_releasing_a_lock_that_ran_out_is_told_so(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    answer = scenario.wait(minutes=61).asks("release", "rep-7")
    assert (result_of(answer), answer.why) == (refusal(Reason.LOCK_EXPIRED), "your lock has run out")


def test_d2_a_closing_outcome_ends_the_leads_way(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    scenario.asks("outcome", "rep-7", outcome="do_not_contact")
    assert scenario.kinds == ["OutcomeRecorded", "LockReleased", "ContactForbidden", "LeadClosed"]
    assert (scenario.lead.phase, scenario.queues, scenario.lead.deadlines) == (Phase.CLOSED, [], ())
    for action in ("view", "outcome", "callback", "claim", "claim_now", "release"):
        answer = scenario.asks(action, "rep-7", outcome="talked")
        assert result_of(answer) == refusal(Reason.LEAD_CLOSED)
        assert answer.why == "it was closed with do_not_contact"


@pytest.mark.parametrize("action", ["release", "outcome", "callback", "claim_now", "note"])
def test_d2_who_does_not_have_the_lead_open_cannot_act_on_it(scenario: Scenario, action: str) -> None:
    answer = scenario.asks(action, "rep-7", outcome="talked", note="n")
    assert result_of(answer) == refusal(Reason.NOT_LOCKED)


@pytest.mark.parametrize(
    ("action", "field"), [("outcome", "outcome"), ("note", "note"), ("assign", "to_rep_id")]
)
def test_d2_an_action_without_what_it_needs_is_refused_by_field(
    scenario: Scenario, action: str, field: str
) -> None:
    scenario.opens("mia")
    answer = scenario.asks(action, "mia")
    assert result_of(answer) == refusal(Reason.INVALID)
    assert (answer.why or "").startswith(f"{field}: ")


def test_d3_claim_now_makes_the_open_lead_ones_own_and_only_its_owners(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    answer = scenario.asks("claim_now", "rep-7")
    assert (answer.result, answer.owner, answer.why) == (Result.WON, "rep-7", "rep-7 had it open")
    assert scenario.decisions == [
        LockReleased(rep_id="rep-7", why=ANY),
        OwnerChanged(
            rep_id="rep-7", previous_rep_id=None, how="claim_now", via=None, why="rep-7 had it open"
        ),
    ]
    assert (scenario.lead.phase, scenario.queues, scenario.lead.deadlines) == (Phase.OWNED, [], ())
    for action in ("view", "outcome", "callback", "claim_now", "note"):
        other = scenario.asks(action, "rep-9", outcome="talked", note="n")
        assert (result_of(other), other.owner) == (refusal(Reason.NOT_ALLOWED), "rep-7")
    assert scenario.claims("rep-9", "all").reason is Reason.ALREADY_CLAIMED


def test_d3_claim_now_of_ones_own_lead_is_won_and_closes_it(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    scenario.asks("claim_now", "rep-7")
    scenario.opens("rep-7")
    repeated = scenario.asks("claim_now", "rep-7")
    assert (repeated.result, repeated.why) == (Result.WON, "it is yours already")
    assert scenario.decisions == [LockReleased(rep_id="rep-7", why="rep-7 claimed it")]


@pytest.mark.parametrize("rep_id", ["mia", "ada"])
def test_d5_a_manager_looks_without_a_lock_and_changes_nothing(scenario: Scenario, rep_id: str) -> None:
    def looks() -> None:
        lead, seq = scenario.lead, scenario.row.seq
        assert result_of(scenario.opens(rep_id, view_only=True)) == DONE
        assert (scenario.lead, scenario.row.seq, scenario.decisions) == (lead, seq, [])

    looks()
    scenario.opens("rep-7")
    looks()
    scenario.asks("claim_now", "rep-7")
    looks()
    scenario.asks("outcome", "rep-7", outcome="closed_lost")
    looks()
    scenario.arrives("A-2", state="TX").publishes("queue", "all", None).asks("ignore", "mia")
    assert scenario.lead.phase is Phase.IGNORED
    looks()


def test_d5_looking_without_a_lock_is_for_managers_and_admins(scenario: Scenario) -> None:
    lead = scenario.lead
    answer = scenario.opens("rep-7", view_only=True)
    assert result_of(answer) == refusal(Reason.NOT_ALLOWED)
    assert scenario.lead == lead


def test_d5_a_manager_who_opens_for_real_locks_like_anybody_else(scenario: Scenario) -> None:
    assert result_of(scenario.opens("mia")) == DONE
    assert (scenario.lead.phase, scenario.lead.deadline(DeadlineKind.LOCK) is None) == (Phase.LOCKED, False)


def test_d1_a_clock_that_runs_backwards_does_not_make_a_lock_longer_or_shorter(scenario: Scenario) -> None:
    scenario.at(minutes=10).opens("rep-7")
    scenario.at(minutes=0).asks("release", "rep-7")
    scenario.opens("rep-9")
    expected: datetime = START + timedelta(minutes=70)
    assert scenario.lead.lock is not None
    assert scenario.lead.lock.until == expected


def test_x2_a_rep_who_leaves_has_no_lead_open_any_more(scenario: Scenario) -> None:
    """Switching the rep off is one publication. Only its sweep finds the lock."""
    scenario.opens("rep-7")
    scenario.rep("rep-7", active=False)
    assert LockReleased(rep_id="rep-7", why="rep-7 has left") in scenario.decisions
    assert (scenario.lead.phase, scenario.queues) == (Phase.QUEUED, ["all", "ri"])
    assert scenario.lead.deadline(DeadlineKind.LOCK) is None
    assert result_of(scenario.opens("rep-9")) == DONE


# -- managers free locks ---------------------------------------------------------------------------------------------


def test_m6_a_manager_frees_a_lead_with_a_reason_and_the_rep_is_told(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    without = scenario.asks("release", "mia")
    assert (without.reason, without.why) == (
        Reason.INVALID,
        "why: freeing a lead that somebody else has open needs a reason",
    )
    assert result_of(scenario.asks("release", "mia", why="rep-7 is ill")) == DONE
    assert scenario.decisions[:2] == [
        LockReleased(rep_id="rep-7", why="freed by mia: rep-7 is ill"),
        LockFreed(rep_id="rep-7", freed_by="mia", why="rep-7 is ill"),
    ]
    assert (scenario.lead.phase, scenario.lead.lock, scenario.queues) == (Phase.QUEUED, None, ["all", "ri"])
    (notification,) = notifications_of(scenario.row)
    assert (notification.template, notification.kind, notification.rep_id) == ("lock_freed", "push", "rep-7")
    assert notification.data["why"] == "rep-7 is ill"
    assert result_of(scenario.asks("outcome", "rep-7", outcome="talked")) == refusal(Reason.NOT_LOCKED)
    assert result_of(scenario.opens("rep-9")) == DONE, "anybody may open it again"


def test_m6_a_manager_frees_an_owned_lead_too_and_its_owner_keeps_it(scenario: Scenario) -> None:
    scenario.asks("assign", "mia", to_rep_id="rep-7")
    scenario.opens("rep-7")
    assert result_of(scenario.asks("release", "ada", why="it is stuck")) == DONE
    assert (scenario.lead.phase, scenario.lead.owner, scenario.lead.lock) == (Phase.OWNED, "rep-7", None)


def test_m6_a_rep_frees_nobody_elses_lead(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    assert result_of(scenario.asks("release", "rep-9", why="mine")) == refusal(Reason.LOCKED_BY_OTHER)
    assert scenario.lead.lock is not None
