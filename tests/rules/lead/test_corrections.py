"""People correct the facts of a lead; queues follow, every version has its author, and no arrival undoes it (M2)."""

from typing import Any

import msgspec
import pytest

from models.corrections import (
    MAX_REMOVED_HANDLES,
    MAX_VERSION_BYTES,
    VERSIONS_KEPT,
    FactChange,
    FactsCorrected,
)
from models.decisions import ArrivalRepeated, InquiryAdded
from models.lead import Phase
from models.public import ASSIGNMENTS, LEAD_EXCEPTIONS
from models.results import Reason, Result
from rules.outbound.public_messages import public_messages
from tests.rules.lead.lead_scenario import LEAD, Scenario

WRONG, RIGHT = "+14014194247", "+14014190001"


def scenario_with_owner(**facts: Any) -> Scenario:
    """Return a scenario with one lead that rep-7 owns."""
    return Scenario().queue("all").arrives(assigned_to="rep-7", **facts)


def scenario_without_owner(**facts: Any) -> Scenario:
    """Return a scenario with one lead that nobody owns, in a queue of Rhode Island or one of Texas."""
    scenario = (
        Scenario().queue("ri", ("state", "=", "RI"), columns=["state"]).queue("tx", ("state", "=", "TX"))
    )
    return scenario.arrives(**facts)


def corrects(
    scenario: Scenario, rep_id: str = "mia", why: str | None = None, **facts: Any
) -> tuple[Result, Any]:
    """Let a person correct facts; return result and reason."""
    answer = scenario.asks("update", rep_id, facts=facts, why=why)
    return answer.result, answer.reason


def test_m2_a_correction_moves_a_lead_to_the_queues_of_its_new_facts() -> None:
    scenario = scenario_without_owner()
    assert scenario.queues == ["ri"]
    assert corrects(scenario, state="TX", loan_amount=310000) == (Result.DONE, None)
    assert (scenario.queues, scenario.lead.facts.loan_amount) == (["tx"], 310000)
    (decision,) = [decision for decision in scenario.decisions if isinstance(decision, FactsCorrected)]
    assert decision.changes == (
        FactChange("state", "RI", "TX"),
        FactChange("loan_amount", None, 310000),
    )
    assert decision.why == "corrected by mia: state RI → TX; loan amount empty → 310000"


def test_m2_its_owner_managers_and_admins_may_and_nobody_else() -> None:
    scenario = scenario_with_owner()
    for rep_id, expected in {"rep-7": Result.DONE, "mia": Result.DONE, "ada": Result.DONE}.items():
        assert corrects(scenario, rep_id, first_name=rep_id) == (expected, None)
    for other in (scenario_with_owner(), scenario_without_owner()):
        assert corrects(other, "rep-9", state="TX") == (Result.REFUSED, Reason.NOT_ALLOWED)
        assert other.lead.corrections is None


def test_m2_a_rep_to_whom_it_is_offered_does_not_claim_it_by_a_correction() -> None:
    """A correction is none of the actions of R3; the desk's tests see a manager correct an offered lead."""
    scenario = scenario_without_owner()
    scenario.opens("rep-9")
    assert corrects(scenario, "rep-9", state="TX") == (Result.REFUSED, Reason.NOT_ALLOWED)
    assert corrects(scenario, "mia", state="TX") == (Result.DONE, None)
    assert (scenario.lead.phase, scenario.lead.lock is not None) == (Phase.LOCKED, True)


@pytest.mark.parametrize("outcome", ["closed_won", None])
def test_m2_a_closed_or_opened_lead_may_be_corrected_and_stays_so(outcome: str | None) -> None:
    scenario = scenario_with_owner()
    scenario.opens("rep-7")
    if outcome:
        scenario.asks("outcome", "rep-7", outcome=outcome)
    phase = scenario.lead.phase
    assert corrects(scenario, "rep-7", state="TX") == (Result.DONE, None)
    assert (scenario.lead.phase, scenario.lead.facts.state) == (phase, "TX")


def test_m2_without_a_field_it_is_refused_and_without_a_difference_nothing_changes() -> None:
    scenario = scenario_with_owner(first_name="Jeremy")
    assert corrects(scenario) == (Result.REFUSED, Reason.INVALID)
    assert scenario.row.decisions[0].why == "facts: an update action needs at least one field"  # type: ignore[union-attr]
    assert corrects(scenario, first_name="Jeremy") == (Result.DONE, None), "he is sure of it"
    assert scenario.lead.corrections is not None
    assert scenario.lead.corrections.fields == ("first_name",)
    seq = scenario.row.seq
    repeated = scenario.asks("update", "mia", facts={"first_name": "Jeremy"})
    assert (repeated.why, scenario.row.seq) == ("it has these facts already: nothing changes", seq)


def test_m2_a_resend_and_an_inquiry_never_undo_a_correction_and_fill_the_rest() -> None:
    scenario = scenario_with_owner(phone=WRONG, email=None, last_name="Jnes", state=None)
    corrects(scenario, phone=None, last_name="Jones")
    scenario.arrives(phone=WRONG, email="j@x.org", last_name="Jnes", state="RI", assigned_to="rep-7")
    facts = scenario.lead.facts
    assert (facts.phone, facts.last_name, facts.email, facts.state) == (None, "Jones", "j@x.org", "RI")
    (resend,) = [decision for decision in scenario.decisions if isinstance(decision, ArrivalRepeated)]
    assert set(resend.filled) == {"email", "state"}
    scenario.inquires("I-1", phone=RIGHT, credit_score=700, zip="02903")
    facts = scenario.lead.facts
    assert (facts.phone, facts.credit_score, facts.zip) == (None, 700, "02903")
    (inquiry,) = [decision for decision in scenario.decisions if isinstance(decision, InquiryAdded)]
    assert set(inquiry.filled) == {"credit_score", "zip"}


def test_m2_an_inquiry_may_ask_for_silence_again_and_only_consent_lifts_it() -> None:
    scenario = scenario_with_owner(silenced=True)
    assert corrects(scenario, silenced=False, consent=True) == (Result.REFUSED, Reason.INVALID)
    assert corrects(scenario, silenced=True) == (Result.DONE, None)
    scenario.asks("consent", "rep-7", why="she called us")
    assert not scenario.lead.silenced
    scenario.inquires("I-1", silenced=True)
    assert scenario.lead.silenced


def test_m2_the_time_zone_follows_zip_state_and_phone_unless_somebody_named_it() -> None:
    scenario = scenario_with_owner(state="RI", time_zone="America/New_York")
    corrects(scenario, state="CA")
    assert scenario.lead.facts.time_zone == "America/Los_Angeles"
    corrects(scenario, time_zone="America/Denver")
    corrects(scenario, state="IL")
    assert scenario.lead.facts.time_zone == "America/Denver"
    corrects(scenario, time_zone=None)
    assert scenario.lead.facts.time_zone == "America/Chicago"
    corrects(scenario, state="TX")
    assert scenario.lead.facts.time_zone is None, "Texas has two"
    with_zone = scenario_with_owner(state="RI", time_zone="America/Phoenix")
    corrects(with_zone, state="NY")
    assert with_zone.lead.facts.time_zone == "America/Phoenix", "the vendor named it"


def test_m2_x6_a_zone_that_follows_from_a_wrong_phone_does_not_come_back() -> None:
    scenario = scenario_with_owner(state=None, phone=WRONG, time_zone="America/New_York")
    corrects(scenario, phone=None)
    assert scenario.lead.facts.time_zone is None
    scenario.arrives(assigned_to="rep-7", state=None, phone=WRONG, time_zone="America/New_York")
    assert scenario.lead.facts.time_zone is None
    scenario.arrives(assigned_to="rep-7", state=None, phone=WRONG, zip="80202", time_zone="America/Denver")
    assert scenario.lead.facts.time_zone == "America/Denver"


def test_m2_x1_each_version_has_author_time_reason_and_difference_and_they_are_bounded() -> None:
    scenario = scenario_with_owner()
    for n in range(VERSIONS_KEPT + 4):
        corrects(scenario, "rep-7" if n % 2 else "mia", why=f"call {n}", credit_score=600 + n)
    assert scenario.lead.corrections is not None
    versions = scenario.lead.corrections.versions
    assert len(versions) == VERSIONS_KEPT
    newest = versions[-1]
    assert (newest.rep_id, newest.at, newest.why) == ("rep-7", scenario.now, f"call {VERSIONS_KEPT + 3}")
    assert newest.changes == (FactChange("credit_score", 600 + VERSIONS_KEPT + 2, 600 + VERSIONS_KEPT + 3),)
    for n in range(VERSIONS_KEPT):
        corrects(scenario, first_name="é" * 199 + str(n), last_name="é" * 199 + str(n), why="é" * 1_000)
    assert scenario.lead.corrections is not None
    newest_versions = scenario.lead.corrections.versions
    assert 1 < len(newest_versions) < VERSIONS_KEPT
    assert len(msgspec.json.encode(newest_versions)) <= MAX_VERSION_BYTES


def test_m2_the_wrong_phones_of_a_lead_are_bounded_and_the_refusal_says_so() -> None:
    scenario = scenario_with_owner(email="j@x.org")
    for n in range(MAX_REMOVED_HANDLES):
        assert corrects(scenario, email=f"j{n}@x.org") == (Result.DONE, None)
    assert corrects(scenario, email="one@more.org") == (Result.REFUSED, Reason.INVALID)
    assert corrects(scenario, email="j@x.org") == (Result.DONE, None), "back to a known one is no further one"
    assert corrects(scenario, state="TX") == (Result.DONE, None)


def test_m2_the_assignment_and_the_exceptions_desk_show_the_corrected_facts() -> None:
    scenario = scenario_with_owner()
    corrects(scenario, last_name="Smith")
    (assignment,) = messages_in(scenario, ASSIGNMENTS)
    assert (assignment["rep_id"], assignment["previous_rep_id"]) == ("rep-7", "rep-7")
    assert (assignment["how"], assignment["version"]) == ("pre_assigned", scenario.row.seq)
    assert assignment["lead"]["last_name"] == "Smith"
    assert assignment["assigned_at"] == msgspec.to_builtins(scenario.lead.assigned_at)
    nobody = Scenario().arrives()
    assert nobody.lead.phase is Phase.EXCEPTION
    corrects(nobody, last_name="Smith")
    assert messages_in(nobody, ASSIGNMENTS) == []
    assert [line["prospect_name"] for line in messages_in(nobody, LEAD_EXCEPTIONS)] == ["Smith"]


def test_m2_x4_a_repeated_correction_is_answered_the_same_and_does_not_act_again() -> None:
    scenario = scenario_with_owner()
    first = scenario.asks("update", "mia", action_id="once", facts={"state": "TX"})
    corrects(scenario, state="RI")
    assert scenario.asks("update", "mia", action_id="once", facts={"state": "TX"}) == first
    assert scenario.lead.facts.state == "RI"


def messages_in(scenario: Scenario, topic: str) -> list[dict[str, Any]]:
    """Return the last record's messages of a topic."""
    return [
        msgspec.json.decode(message.value)
        for message in public_messages(scenario.row, LEAD.encode(), 0)
        if message.topic == topic
    ]
