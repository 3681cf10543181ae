"""The events after which a lead is on the exceptions desk or leaves it (D6, E1, E3, E4, R5)."""

from unittest.mock import ANY

import pytest

from models.decisions import (
    Answered,
    ArrivalRepeated,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    LeadAccepted,
    NoteRecorded,
    OwnerChanged,
    QueueEntered,
)
from models.lead import Phase
from models.results import Reason, Result
from rules.lead.settlement import EXPLAINED_QUEUES
from tests.rules.lead.lead_scenario import START, Scenario


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead that no queue takes."""
    return Scenario().queue("tx", ("state", "=", "TX")).arrives()


def result_of(answer: Answered) -> tuple[Result, Reason | None, str | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason, answer.owner


OPEN_EXCEPTION = ({"queue_id": "tx", "why": "not in tx by its rules of version 5: state is RI, not TX"},)


def resolution(why: str) -> ExceptionResolved:
    """Return the resolution of the fixture's exception, with its former values."""
    return ExceptionResolved(
        reason="no_available_agents", why=why, explanation=OPEN_EXCEPTION, raised_at=START
    )


def test_e1_a_lead_that_no_queue_takes_is_an_exception_with_every_queues_reason(scenario: Scenario) -> None:
    assert scenario.decisions == [
        LeadAccepted(),
        ExceptionRaised(reason="no_available_agents", explanation=OPEN_EXCEPTION),
    ]
    assert (scenario.lead.phase, scenario.lead.owner, scenario.queues) == (Phase.EXCEPTION, None, [])


def test_e1_an_org_without_queues_says_so() -> None:
    scenario = Scenario().arrives()
    assert scenario.lead.open_exception is not None
    assert scenario.lead.open_exception.explanation == ({"why": "the org has published no queue"},)


def test_e1_an_exception_explains_so_many_queues_at_most() -> None:
    scenario = Scenario()
    for number in range(EXPLAINED_QUEUES + 1):
        scenario.queue(f"q{number:02}", ("state", "=", "TX"))
    scenario.arrives()
    assert scenario.lead.open_exception is not None
    assert len(scenario.lead.open_exception.explanation) == EXPLAINED_QUEUES


def test_e1_a_queue_that_takes_the_lead_ends_the_exception(scenario: Scenario) -> None:
    scenario.wait(days=1).queue("ri", ("state", "=", "RI"))
    assert scenario.decisions == [
        QueueEntered(queue_id="ri", sort_key=ANY, rules_version=6, why=ANY, columns={"name": "Jones"}),
        resolution("a queue takes it: ri"),
    ]
    scenario.publishes("queue", "ri", None)
    assert scenario.lead.open_exception is not None
    assert scenario.lead.open_exception.raised_at == scenario.now


def test_e1_an_exception_that_goes_on_is_not_raised_again(scenario: Scenario) -> None:
    open_exception = scenario.lead.open_exception
    assert scenario.wait(days=1).arrives(email="j@x.org").kinds == ["ArrivalRepeated"]
    assert scenario.asks("note", "mia", note="odd").result is Result.DONE
    assert (scenario.lead.phase, scenario.lead.open_exception) == (Phase.EXCEPTION, open_exception)


def test_e3_a_manager_assigns_and_the_lead_leaves_the_desk(scenario: Scenario) -> None:
    assert result_of(scenario.asks("assign", "mia", to_rep_id="rep-7")) == (Result.DONE, None, "rep-7")
    assert scenario.decisions == [
        OwnerChanged(
            rep_id="rep-7", previous_rep_id=None, how="manual", via="manager/mia", why="assigned by mia"
        ),
        resolution("assigned to rep-7"),
    ]
    assert (scenario.lead.phase, scenario.lead.open_exception) == (Phase.OWNED, None)


@pytest.mark.parametrize("open_for_its_owner", [False, True])
def test_e3_a_second_assign_and_a_late_claim_are_told_who_has_it(
    scenario: Scenario, open_for_its_owner: bool
) -> None:
    scenario.asks("assign", "mia", to_rep_id="rep-7")
    if open_for_its_owner:
        scenario.opens("rep-7")
    second = scenario.asks("assign", "ada", to_rep_id="rep-9")
    assert result_of(second) == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-7")
    assert second.why == f"rep-7 has it since {START}: reassign moves it to another rep"
    late = scenario.claims("rep-9", "tx")
    assert (late.owner, late.result in (Result.LOST, Result.REFUSED)) == ("rep-7", True)
    assert "rep-7 has it" in (late.why or "")
    assert scenario.lead.owner == "rep-7"


@pytest.mark.parametrize(
    ("action", "rep_id", "to", "reason"),
    [
        ("assign", "rep-7", "rep-7", Reason.NOT_ALLOWED),
        ("assign", "mia", "nobody", Reason.UNKNOWN_REP),
        ("assign", "mia", "gone", Reason.UNKNOWN_REP),
        ("assign", "mia", None, Reason.INVALID),
        ("ignore", "rep-7", None, Reason.NOT_ALLOWED),
        ("unignore", "mia", None, Reason.NOT_AN_EXCEPTION),
    ],
)
def test_e3_what_the_desk_refuses_changes_nothing(
    scenario: Scenario, action: str, rep_id: str, to: str | None, reason: Reason
) -> None:
    lead = scenario.rep("gone", active=False).lead
    assert result_of(scenario.asks(action, rep_id, to_rep_id=to)) == (Result.REFUSED, reason, None)
    assert scenario.lead == lead


def test_e4_an_ignored_lead_is_hidden_from_all_queues_and_still_assignable(scenario: Scenario) -> None:
    assert result_of(scenario.asks("ignore", "mia")) == (Result.DONE, None, None)
    assert scenario.decisions == [ExceptionIgnored(rep_id="mia")]
    scenario.queue("ri", ("state", "=", "RI")).queue("new", ("owned", "=", False), claimable=True)
    assert (scenario.lead.phase, scenario.queues) == (Phase.IGNORED, [])
    assert scenario.claims("rep-7", "new").reason is Reason.NOT_QUALIFIED
    assert scenario.opens("mia").result is Result.REFUSED
    assert result_of(scenario.asks("assign", "mia", to_rep_id="rep-7")) == (Result.DONE, None, "rep-7")
    assert scenario.decisions[1] == resolution("assigned to rep-7")
    assert scenario.lead.phase is Phase.OWNED


def test_e4_ignoring_twice_is_told_that_it_is_no_open_exception(scenario: Scenario) -> None:
    scenario.asks("ignore", "mia")
    repeated = scenario.asks("ignore", "ada")
    assert (result_of(repeated), repeated.why) == (
        (Result.REFUSED, Reason.NOT_AN_EXCEPTION, None),
        "it is ignored, not an exception",
    )


def test_e4_an_open_exception_that_is_unignored_is_told_that_it_is_open(scenario: Scenario) -> None:
    assert scenario.asks("unignore", "mia").why == "its exception is open, not ignored"


def test_e4_only_an_exception_can_be_ignored(scenario: Scenario) -> None:
    scenario.queue("ri", ("state", "=", "RI"))
    assert result_of(scenario.asks("ignore", "mia")) == (Result.REFUSED, Reason.NOT_AN_EXCEPTION, None)


def test_e4_an_ignored_lead_comes_back_as_an_exception_or_to_the_queue_that_takes_it_by_now(
    scenario: Scenario,
) -> None:
    scenario.asks("ignore", "mia")
    assert scenario.asks("unignore", "rep-7").reason is Reason.NOT_ALLOWED
    scenario.asks("unignore", "mia")
    assert scenario.decisions == [ExceptionRaised(reason="no_available_agents", explanation=OPEN_EXCEPTION)]
    assert scenario.lead.phase is Phase.EXCEPTION
    scenario.asks("ignore", "mia")
    scenario.queue("ri", ("state", "=", "RI"))
    scenario.asks("unignore", "mia")
    assert scenario.kinds == ["QueueEntered", "ExceptionResolved"]
    assert (scenario.lead.phase, scenario.queues) == (Phase.QUEUED, ["ri"])


def test_e4_an_ignored_lead_can_be_noted_by_managers_and_completed_by_its_vendor(scenario: Scenario) -> None:
    scenario.asks("ignore", "mia")
    assert scenario.asks("note", "mia", note="spam").result is Result.DONE
    assert scenario.decisions == [NoteRecorded(rep_id="mia", note="spam")]
    assert scenario.arrives(email="j@x.org").decisions == [ArrivalRepeated(filled=("email",))]
    assert scenario.lead.phase is Phase.IGNORED


def test_d6_a_manager_assigns_from_a_queue_too_and_the_lead_leaves_it(scenario: Scenario) -> None:
    scenario.queue("ri", ("state", "=", "RI")).queue("new", ("owned", "=", False), claimable=True)
    assert scenario.queues == ["new", "ri"]
    assert result_of(scenario.asks("assign", "ada", to_rep_id="rep-9")) == (Result.DONE, None, "rep-9")
    assert scenario.queues == []


def test_d6_a_manager_who_has_the_lead_open_assigns_it(scenario: Scenario) -> None:
    scenario.opens("mia")
    assert scenario.decisions[-1] == resolution("opened by mia")
    assert result_of(scenario.asks("assign", "mia", to_rep_id="rep-9")) == (Result.DONE, None, "rep-9")
    assert scenario.kinds == ["LockReleased", "OwnerChanged"]
    assert (scenario.lead.lock, scenario.lead.deadlines) == (None, ())


def test_e1_a_lead_opened_from_the_desk_and_given_back_is_an_exception_again(scenario: Scenario) -> None:
    scenario.opens("mia")
    assert scenario.lead.phase is Phase.LOCKED
    scenario.asks("release", "mia")
    assert scenario.kinds == ["LockReleased", "ExceptionRaised"]
    assert scenario.opens("rep-7").reason is Reason.NOT_QUALIFIED


def test_r5_a_lead_that_arrives_assigned_keeps_its_rep() -> None:
    scenario = Scenario().queue("all").queue("new", ("owned", "=", False), claimable=True)
    scenario.arrives(assigned_to="rep-7")
    assert scenario.decisions == [
        LeadAccepted(),
        OwnerChanged(
            rep_id="rep-7",
            previous_rep_id=None,
            how="pre_assigned",
            via="vendor/acme",
            why="it arrived assigned (R5)",
        ),
    ]
    assert (scenario.lead.phase, scenario.queues) == (Phase.OWNED, [])
    assert scenario.arrives(assigned_to="rep-9").decisions == [ArrivalRepeated()]
    assert scenario.lead.owner == "rep-7"
    assert scenario.claims("rep-9", "new").reason is Reason.ALREADY_CLAIMED


def test_r5_an_org_that_published_no_reps_takes_the_vendors_word() -> None:
    assert Scenario(reps={}).arrives(assigned_to="anybody").lead.owner == "anybody"


@pytest.mark.parametrize("assigned_to", ["nobody", "gone", ""])
def test_r5_a_lead_assigned_to_no_active_rep_is_distributed_like_any_other(assigned_to: str) -> None:
    scenario = Scenario().queue("all").rep("gone", active=False).arrives(assigned_to=assigned_to)
    assert (scenario.lead.owner, scenario.queues) == (None, ["all"])


def test_e1_a_resend_completes_a_lead_and_never_overwrites_it() -> None:
    scenario = Scenario().queue("ma", ("state", "=", "MA")).arrives(state=None)
    assert scenario.lead.phase is Phase.EXCEPTION
    scenario.arrives(state="MA", last_name="JONES", email="j@x.org")
    assert scenario.decisions[0] == ArrivalRepeated(filled=("email", "state"))
    assert (scenario.lead.facts.last_name, scenario.lead.facts.email, scenario.queues) == (
        "Jones",
        "j@x.org",
        ["ma"],
    )
    seq = scenario.row.seq
    assert scenario.arrives(state="MA", email="j@x.org").decisions == [ArrivalRepeated()]
    assert scenario.row.seq == seq
