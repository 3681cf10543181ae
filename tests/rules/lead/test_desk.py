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
from tests.rules.lead.lead_story import START, Story


@pytest.fixture
def story() -> Story:
    """Return a story with a lead that no queue takes."""
    return Story().queue("tx", ("state", "=", "TX")).arrives()


def told(answer: Answered) -> tuple[Result, Reason | None, str | None]:
    """Return the text of an answer for a person."""
    return answer.result, answer.reason, answer.owner


TROUBLE = ({"queue_id": "tx", "why": "not in tx by its rules of version 5: state is RI, not TX"},)


def resolved(why: str) -> ExceptionResolved:
    """Return the resolution of the fixture's exception, with its former values."""
    return ExceptionResolved(reason="no_available_agents", why=why, explanation=TROUBLE, raised_at=START)


def test_e1_a_lead_that_no_queue_takes_is_an_exception_with_every_queues_reason(story: Story) -> None:
    assert story.said == [LeadAccepted(), ExceptionRaised(reason="no_available_agents", explanation=TROUBLE)]
    assert (story.lead.phase, story.lead.owner, story.queues) == (Phase.EXCEPTION, None, [])


def test_e1_an_org_without_queues_says_so() -> None:
    story = Story().arrives()
    assert story.lead.open_exception is not None
    assert story.lead.open_exception.explanation == ({"why": "the org has published no queue"},)


def test_e1_an_exception_explains_so_many_queues_at_most() -> None:
    story = Story()
    for number in range(EXPLAINED_QUEUES + 1):
        story.queue(f"q{number:02}", ("state", "=", "TX"))
    story.arrives()
    assert story.lead.open_exception is not None
    assert len(story.lead.open_exception.explanation) == EXPLAINED_QUEUES


def test_e1_a_queue_that_takes_the_lead_ends_the_exception(story: Story) -> None:
    story.wait(days=1).queue("ri", ("state", "=", "RI"))
    assert story.said == [
        QueueEntered(queue_id="ri", sort_key=ANY, rules_version=6, why=ANY, columns={"name": "Jones"}),
        resolved("a queue takes it: ri"),
    ]
    story.publishes("queue", "ri", None)
    assert story.lead.open_exception is not None
    assert story.lead.open_exception.raised_at == story.now


def test_e1_an_exception_that_goes_on_is_not_raised_again(story: Story) -> None:
    trouble = story.lead.open_exception
    assert story.wait(days=1).arrives(email="j@x.org").kinds == ["ArrivalRepeated"]
    assert story.asks("note", "mia", note="odd").result is Result.DONE
    assert (story.lead.phase, story.lead.open_exception) == (Phase.EXCEPTION, trouble)


def test_e3_a_manager_assigns_and_the_lead_leaves_the_desk(story: Story) -> None:
    assert told(story.asks("assign", "mia", to_rep_id="rep-7")) == (Result.DONE, None, "rep-7")
    assert story.said == [
        OwnerChanged(
            rep_id="rep-7", previous_rep_id=None, how="manual", via="manager/mia", why="assigned by mia"
        ),
        resolved("assigned to rep-7"),
    ]
    assert (story.lead.phase, story.lead.open_exception) == (Phase.OWNED, None)


@pytest.mark.parametrize("open_for_its_owner", [False, True])
def test_e3_a_second_assign_and_a_late_claim_are_told_who_has_it(
    story: Story, open_for_its_owner: bool
) -> None:
    story.asks("assign", "mia", to_rep_id="rep-7")
    if open_for_its_owner:
        story.opens("rep-7")
    second = story.asks("assign", "ada", to_rep_id="rep-9")
    assert told(second) == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-7")
    assert second.why == f"rep-7 has it since {START}: reassign moves it to another rep"
    late = story.claims("rep-9", "tx")
    assert (late.owner, late.result in (Result.LOST, Result.REFUSED)) == ("rep-7", True)
    assert "rep-7 has it" in (late.why or "")
    assert story.lead.owner == "rep-7"


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
    story: Story, action: str, rep_id: str, to: str | None, reason: Reason
) -> None:
    lead = story.rep("gone", active=False).lead
    assert told(story.asks(action, rep_id, to_rep_id=to)) == (Result.REFUSED, reason, None)
    assert story.lead == lead


def test_e4_an_ignored_lead_is_hidden_from_all_queues_and_still_assignable(story: Story) -> None:
    assert told(story.asks("ignore", "mia")) == (Result.DONE, None, None)
    assert story.said == [ExceptionIgnored(rep_id="mia")]
    story.queue("ri", ("state", "=", "RI")).queue("new", ("owned", "=", False), claimable=True)
    assert (story.lead.phase, story.queues) == (Phase.IGNORED, [])
    assert story.claims("rep-7", "new").reason is Reason.NOT_QUALIFIED
    assert story.opens("mia").result is Result.REFUSED
    assert told(story.asks("assign", "mia", to_rep_id="rep-7")) == (Result.DONE, None, "rep-7")
    assert story.said[1] == resolved("assigned to rep-7")
    assert story.lead.phase is Phase.OWNED


def test_e4_ignoring_twice_is_told_that_it_is_no_open_exception(story: Story) -> None:
    story.asks("ignore", "mia")
    again = story.asks("ignore", "ada")
    assert (told(again), again.why) == (
        (Result.REFUSED, Reason.NOT_AN_EXCEPTION, None),
        "it is ignored, not an exception",
    )


def test_e4_only_an_exception_can_be_ignored(story: Story) -> None:
    story.queue("ri", ("state", "=", "RI"))
    assert told(story.asks("ignore", "mia")) == (Result.REFUSED, Reason.NOT_AN_EXCEPTION, None)


def test_e4_an_ignored_lead_comes_back_as_an_exception_or_to_the_queue_that_takes_it_by_now(
    story: Story,
) -> None:
    story.asks("ignore", "mia")
    assert story.asks("unignore", "rep-7").reason is Reason.NOT_ALLOWED
    story.asks("unignore", "mia")
    assert story.said == [ExceptionRaised(reason="no_available_agents", explanation=TROUBLE)]
    assert story.lead.phase is Phase.EXCEPTION
    story.asks("ignore", "mia")
    story.queue("ri", ("state", "=", "RI"))
    story.asks("unignore", "mia")
    assert story.kinds == ["QueueEntered", "ExceptionResolved"]
    assert (story.lead.phase, story.queues) == (Phase.QUEUED, ["ri"])


def test_e4_an_ignored_lead_can_be_noted_by_managers_and_completed_by_its_vendor(story: Story) -> None:
    story.asks("ignore", "mia")
    assert story.asks("note", "mia", note="spam").result is Result.DONE
    assert story.said == [NoteRecorded(rep_id="mia", note="spam")]
    assert story.arrives(email="j@x.org").said == [ArrivalRepeated(filled=("email",))]
    assert story.lead.phase is Phase.IGNORED


def test_d6_a_manager_assigns_from_a_queue_too_and_the_lead_leaves_it(story: Story) -> None:
    story.queue("ri", ("state", "=", "RI")).queue("new", ("owned", "=", False), claimable=True)
    assert story.queues == ["new", "ri"]
    assert told(story.asks("assign", "ada", to_rep_id="rep-9")) == (Result.DONE, None, "rep-9")
    assert story.queues == []


def test_d6_a_manager_who_has_the_lead_open_assigns_it(story: Story) -> None:
    story.opens("mia")
    assert story.said[-1] == resolved("opened by mia")
    assert told(story.asks("assign", "mia", to_rep_id="rep-9")) == (Result.DONE, None, "rep-9")
    assert story.kinds == ["LockReleased", "OwnerChanged"]
    assert (story.lead.lock, story.lead.deadlines) == (None, ())


def test_e1_a_lead_opened_from_the_desk_and_given_back_is_an_exception_again(story: Story) -> None:
    story.opens("mia")
    assert story.lead.phase is Phase.LOCKED
    story.asks("release", "mia")
    assert story.kinds == ["LockReleased", "ExceptionRaised"]
    assert story.opens("rep-7").reason is Reason.NOT_QUALIFIED


def test_r5_a_lead_that_arrives_assigned_keeps_its_rep() -> None:
    story = Story().queue("all").queue("new", ("owned", "=", False), claimable=True)
    story.arrives(assigned_to="rep-7")
    assert story.said == [
        LeadAccepted(),
        OwnerChanged(
            rep_id="rep-7",
            previous_rep_id=None,
            how="pre_assigned",
            via="vendor/acme",
            why="it arrived assigned (R5)",
        ),
    ]
    assert (story.lead.phase, story.queues) == (Phase.OWNED, [])
    assert story.arrives(assigned_to="rep-9").said == [ArrivalRepeated()]
    assert story.lead.owner == "rep-7"
    assert story.claims("rep-9", "new").reason is Reason.ALREADY_CLAIMED


def test_r5_an_org_that_published_no_reps_takes_the_vendors_word() -> None:
    assert Story(reps={}).arrives(assigned_to="anybody").lead.owner == "anybody"


@pytest.mark.parametrize("assigned_to", ["nobody", "gone", ""])
def test_r5_a_lead_assigned_to_no_active_rep_is_distributed_like_any_other(assigned_to: str) -> None:
    story = Story().queue("all").rep("gone", active=False).arrives(assigned_to=assigned_to)
    assert (story.lead.owner, story.queues) == (None, ["all"])


def test_e1_a_resend_completes_a_lead_and_never_overwrites_it() -> None:
    story = Story().queue("ma", ("state", "=", "MA")).arrives(state=None)
    assert story.lead.phase is Phase.EXCEPTION
    story.arrives(state="MA", last_name="JONES", email="j@x.org")
    assert story.said[0] == ArrivalRepeated(filled=("email", "state"))
    assert (story.lead.facts.last_name, story.lead.facts.email, story.queues) == ("Jones", "j@x.org", ["ma"])
    seq = story.row.seq
    assert story.arrives(state="MA", email="j@x.org").said == [ArrivalRepeated()]
    assert story.row.seq == seq
