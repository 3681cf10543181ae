"""People correct the facts of a lead; queues follow, every version has its author, and no arrival undoes it (M2)."""

from typing import Any

import msgspec
import pytest

from models.corrections import (
    MOST_REMOVED_HANDLES,
    MOST_VERSION_BYTES,
    VERSIONS_KEPT,
    FactChange,
    FactsCorrected,
)
from models.decisions import ArrivalRepeated, InquiryAdded
from models.lead import Phase
from models.public import ASSIGNMENTS, LEAD_EXCEPTIONS
from models.results import Reason, Result
from rules.outbound.public_messages import public_messages
from tests.rules.lead.lead_story import LEAD, Story

WRONG, RIGHT = "+14014194247", "+14014190001"


def owned(**facts: Any) -> Story:
    """Return a story with one lead that rep-7 owns."""
    return Story().queue("all").arrives(assigned_to="rep-7", **facts)


def free(**facts: Any) -> Story:
    """Return a story with one lead that nobody owns, in a queue of Rhode Island or one of Texas."""
    story = Story().queue("ri", ("state", "=", "RI"), columns=["state"]).queue("tx", ("state", "=", "TX"))
    return story.arrives(**facts)


def corrects(story: Story, rep_id: str = "mia", why: str | None = None, **facts: Any) -> tuple[Result, Any]:
    """Let a person correct facts; return result and reason."""
    answer = story.asks("update", rep_id, facts=facts, why=why)
    return answer.result, answer.reason


def test_m2_a_correction_moves_a_lead_to_the_queues_of_its_new_facts() -> None:
    story = free()
    assert story.queues == ["ri"]
    assert corrects(story, state="TX", loan_amount=310000) == (Result.DONE, None)
    assert (story.queues, story.lead.facts.loan_amount) == (["tx"], 310000)
    (said,) = [each for each in story.said if isinstance(each, FactsCorrected)]
    assert said.changes == (
        FactChange("state", "RI", "TX"),
        FactChange("loan_amount", None, 310000),
    )
    assert said.why == "corrected by mia: state RI → TX; loan amount empty → 310000"


def test_m2_its_owner_managers_and_admins_may_and_nobody_else() -> None:
    story = owned()
    for rep_id, expected in {"rep-7": Result.DONE, "mia": Result.DONE, "ada": Result.DONE}.items():
        assert corrects(story, rep_id, first_name=rep_id) == (expected, None)
    for other in (owned(), free()):
        assert corrects(other, "rep-9", state="TX") == (Result.REFUSED, Reason.NOT_ALLOWED)
        assert other.lead.corrections is None


def test_m2_a_rep_to_whom_it_is_offered_does_not_claim_it_by_a_correction() -> None:
    """A correction is none of the actions of R3; the desk's tests see a manager correct an offered lead."""
    story = free()
    story.opens("rep-9")
    assert corrects(story, "rep-9", state="TX") == (Result.REFUSED, Reason.NOT_ALLOWED)
    assert corrects(story, "mia", state="TX") == (Result.DONE, None)
    assert (story.lead.phase, story.lead.lock is not None) == (Phase.LOCKED, True)


@pytest.mark.parametrize("outcome", ["closed_won", None])
def test_m2_a_closed_or_opened_lead_may_be_corrected_and_stays_so(outcome: str | None) -> None:
    story = owned()
    story.opens("rep-7")
    if outcome:
        story.asks("outcome", "rep-7", outcome=outcome)
    phase = story.lead.phase
    assert corrects(story, "rep-7", state="TX") == (Result.DONE, None)
    assert (story.lead.phase, story.lead.facts.state) == (phase, "TX")


def test_m2_without_a_field_it_is_refused_and_without_a_difference_nothing_changes() -> None:
    story = owned(first_name="Jeremy")
    assert corrects(story) == (Result.REFUSED, Reason.INVALID)
    assert story.row.decisions[0].why == "facts: an update action needs at least one field"  # type: ignore[union-attr]
    assert corrects(story, first_name="Jeremy") == (Result.DONE, None), "he is sure of it"
    assert story.lead.corrections is not None
    assert story.lead.corrections.fields == ("first_name",)
    seq = story.row.seq
    again = story.asks("update", "mia", facts={"first_name": "Jeremy"})
    assert (again.why, story.row.seq) == ("it has these facts already: nothing changes", seq)


def test_m2_a_resend_and_an_inquiry_never_undo_a_correction_and_fill_the_rest() -> None:
    story = owned(phone=WRONG, email=None, last_name="Jnes", state=None)
    corrects(story, phone=None, last_name="Jones")
    story.arrives(phone=WRONG, email="j@x.org", last_name="Jnes", state="RI", assigned_to="rep-7")
    facts = story.lead.facts
    assert (facts.phone, facts.last_name, facts.email, facts.state) == (None, "Jones", "j@x.org", "RI")
    (resend,) = [each for each in story.said if isinstance(each, ArrivalRepeated)]
    assert set(resend.filled) == {"email", "state"}
    story.inquires("I-1", phone=RIGHT, credit_score=700, zip="02903")
    facts = story.lead.facts
    assert (facts.phone, facts.credit_score, facts.zip) == (None, 700, "02903")
    (inquiry,) = [each for each in story.said if isinstance(each, InquiryAdded)]
    assert set(inquiry.filled) == {"credit_score", "zip"}


def test_m2_an_inquiry_may_ask_for_silence_again_and_only_consent_lifts_it() -> None:
    story = owned(silenced=True)
    assert corrects(story, silenced=False, consent=True) == (Result.REFUSED, Reason.INVALID)
    assert corrects(story, silenced=True) == (Result.DONE, None)
    story.asks("consent", "rep-7", why="she called us")
    assert not story.lead.silenced
    story.inquires("I-1", silenced=True)
    assert story.lead.silenced


def test_m2_the_time_zone_follows_zip_state_and_phone_unless_somebody_named_it() -> None:
    story = owned(state="RI", time_zone="America/New_York")
    corrects(story, state="CA")
    assert story.lead.facts.time_zone == "America/Los_Angeles"
    corrects(story, time_zone="America/Denver")
    corrects(story, state="IL")
    assert story.lead.facts.time_zone == "America/Denver"
    corrects(story, time_zone=None)
    assert story.lead.facts.time_zone == "America/Chicago"
    corrects(story, state="TX")
    assert story.lead.facts.time_zone is None, "Texas has two"
    named = owned(state="RI", time_zone="America/Phoenix")
    corrects(named, state="NY")
    assert named.lead.facts.time_zone == "America/Phoenix", "the vendor named it"


def test_m2_x6_a_zone_that_follows_from_a_wrong_phone_does_not_come_back() -> None:
    story = owned(state=None, phone=WRONG, time_zone="America/New_York")
    corrects(story, phone=None)
    assert story.lead.facts.time_zone is None
    story.arrives(assigned_to="rep-7", state=None, phone=WRONG, time_zone="America/New_York")
    assert story.lead.facts.time_zone is None
    story.arrives(assigned_to="rep-7", state=None, phone=WRONG, zip="80202", time_zone="America/Denver")
    assert story.lead.facts.time_zone == "America/Denver"


def test_m2_x1_each_version_has_author_time_reason_and_difference_and_they_are_bounded() -> None:
    story = owned()
    for n in range(VERSIONS_KEPT + 4):
        corrects(story, "rep-7" if n % 2 else "mia", why=f"call {n}", credit_score=600 + n)
    assert story.lead.corrections is not None
    versions = story.lead.corrections.versions
    assert len(versions) == VERSIONS_KEPT
    newest = versions[-1]
    assert (newest.rep_id, newest.at, newest.why) == ("rep-7", story.now, f"call {VERSIONS_KEPT + 3}")
    assert newest.changes == (FactChange("credit_score", 600 + VERSIONS_KEPT + 2, 600 + VERSIONS_KEPT + 3),)
    for n in range(VERSIONS_KEPT):
        corrects(story, first_name="é" * 199 + str(n), last_name="é" * 199 + str(n), why="é" * 1_000)
    assert story.lead.corrections is not None
    kept = story.lead.corrections.versions
    assert 1 < len(kept) < VERSIONS_KEPT
    assert len(msgspec.json.encode(kept)) <= MOST_VERSION_BYTES


def test_m2_the_wrong_phones_of_a_lead_are_bounded_and_the_refusal_says_so() -> None:
    story = owned(email="j@x.org")
    for n in range(MOST_REMOVED_HANDLES):
        assert corrects(story, email=f"j{n}@x.org") == (Result.DONE, None)
    assert corrects(story, email="one@more.org") == (Result.REFUSED, Reason.INVALID)
    assert corrects(story, email="j@x.org") == (Result.DONE, None), "back to a known one is no further one"
    assert corrects(story, state="TX") == (Result.DONE, None)


def test_m2_the_assignment_and_the_exceptions_desk_show_the_corrected_facts() -> None:
    story = owned()
    corrects(story, last_name="Smith")
    (assignment,) = sent(story, ASSIGNMENTS)
    assert (assignment["rep_id"], assignment["previous_rep_id"]) == ("rep-7", "rep-7")
    assert (assignment["how"], assignment["version"]) == ("pre_assigned", story.row.seq)
    assert assignment["lead"]["last_name"] == "Smith"
    assert assignment["assigned_at"] == msgspec.to_builtins(story.lead.assigned_at)
    nobody = Story().arrives()
    assert nobody.lead.phase is Phase.EXCEPTION
    corrects(nobody, last_name="Smith")
    assert sent(nobody, ASSIGNMENTS) == []
    assert [line["prospect_name"] for line in sent(nobody, LEAD_EXCEPTIONS)] == ["Smith"]


def test_m2_x4_a_repeated_correction_is_answered_the_same_and_does_not_act_again() -> None:
    story = owned()
    first = story.asks("update", "mia", action_id="once", facts={"state": "TX"})
    corrects(story, state="RI")
    assert story.asks("update", "mia", action_id="once", facts={"state": "TX"}) == first
    assert story.lead.facts.state == "RI"


def sent(story: Story, topic: str) -> list[dict[str, Any]]:
    """Return the last record's messages of a topic."""
    return [
        msgspec.json.decode(message.value)
        for message in public_messages(story.row, LEAD.encode(), 0)
        if message.topic == topic
    ]
