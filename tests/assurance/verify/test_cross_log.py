"""Differences in the messages between leads and orgs, and in their state, are found, each with its own code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace as changed

from assurance.verify.cross_state import check_conservation, check_orgs
from assurance.verify.journal_summary import OrgLeadState
from models.codec import decode_org_record
from models.events import OrgAnswered
from models.lead import DistributionStatus
from models.offers import OfferMade, OfferVoided, Outcome
from models.org_decisions import OrgStep
from models.org_events import LeadTaken, OfferSettled, RepRequested
from models.org_rows import OrgLead, OrgLeadStatus
from tests.assurance.verify.checking import check
from tests.assurance.verify.working import (
    distributed_partition,
    partition_with_offer,
    partition_with_reps,
    rep,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def relay_that_loses(kind: type[Any], **fields: Any) -> Callable[[Any], bool]:
    """Return a relay that loses one kind of message."""

    def loses(known_answers: Any) -> bool:
        answer = known_answers.answer if isinstance(known_answers, OrgAnswered) else known_answers
        return isinstance(answer, kind) and all(
            getattr(answer, name) == value for name, value in fields.items()
        )

    return loses


def test_a_request_that_never_arrives_is_found() -> None:
    partition = partition_with_reps()
    partition.loses = relay_that_loses(RepRequested)
    partition.arrive("A-1", campaign="turns")
    assert check(partition).codes == {"errand_lost": 1, "org_silent": 1}


def test_an_end_of_an_offer_that_the_org_does_not_hear_is_found() -> None:
    """The consequences are still right, because the next request gives back what the offer took."""
    partition, lead_id = partition_with_offer()
    partition.loses = relay_that_loses(OfferSettled, outcome=Outcome.TIMEOUT)
    partition.pass_deadline(lead_id)
    checked = check(partition)
    assert checked.codes == {"errand_lost": 1}
    assert checked.findings.found[0].lead_id == lead_id


def test_an_owner_the_org_does_not_hear_of_is_found() -> None:
    partition, lead_id = partition_with_offer()
    partition.loses = relay_that_loses(LeadTaken)
    partition.ask("accept", lead_id, "rep-1")
    assert check(partition).codes == {"errand_lost": 1, "org_differs": 1}
    partition, lead_id = partition_with_reps(), ""
    partition.loses = relay_that_loses(LeadTaken)
    lead_id = partition.arrive("A-2")
    partition.ask("claim", lead_id, "rep-1")
    assert check(partition).codes == {"errand_lost": 1, "org_missing": 1}


def test_an_org_message_that_says_something_else_is_found() -> None:
    partition, lead_id = partition_with_reps(), ""
    partition.halted = True
    lead_id = partition.arrive("A-1")
    partition.ask("claim", lead_id, "rep-1")
    (org_message,) = partition.on_way
    partition.on_way.clear()
    event = msgspec.json.decode(org_message.value, type=LeadTaken)  # type: ignore[union-attr]
    partition.org.tell(changed(event, cause="another"), partition.now, tuple(org_message.headers))  # type: ignore[union-attr]
    assert check(partition).codes == {"errand_differs": 1}


@pytest.mark.parametrize("headers", [(), (("ce_id", b"lead-log-0-1-77"),), (("ce_id", b"lead-log-7-1-0"),)])
def test_an_org_message_of_nobody_is_found(headers: tuple[tuple[str, bytes], ...]) -> None:
    """The org ignores it here. It is still wrong that it was sent."""
    partition, lead_id = partition_with_offer()
    event = OfferSettled(cause="x", lead_id=lead_id, epoch=0, outcome=Outcome.TIMEOUT)
    partition.org.tell(event, partition.now, headers)
    assert check(partition).codes == {"errand_unasked": 1}


def test_an_answer_that_never_arrives_is_found() -> None:
    partition = partition_with_reps()
    partition.loses = relay_that_loses(OfferMade)
    partition.arrive("A-1", campaign="turns")
    assert check(partition).codes == {"org_answer_lost": 1, "org_silent": 1}


def test_x3_an_answer_no_org_gave_is_found() -> None:
    """The lead ignores it. It is still wrong that it exists."""
    partition, lead_id = partition_with_offer()
    answer = OfferVoided(lead_id=lead_id, epoch=0, rep_id="rep-1", why="")
    partition.tell(OrgAnswered(lead_id=lead_id, cause="org/default/0/0", answer=answer))
    assert check(partition).codes == {"org_answer_unasked": 1}


def test_an_answer_that_says_something_else_is_found() -> None:
    partition = partition_with_reps()
    partition.loses = relay_that_loses(OfferMade)
    lead_id = partition.arrive("A-1", campaign="turns")
    step = decode_org_record(partition.org.journal[-4].value or b"")
    assert isinstance(step, OrgStep)
    answer: Any = changed(step.decisions[0], why="it was my friend")
    partition.tell(OrgAnswered(lead_id=lead_id, cause=f"org/default/{step.off}/0", answer=answer))
    assert check(partition).codes == {"org_answer_differs": 1}


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (None, "org_missing"),
        (OrgLeadState(OrgLeadStatus.OFFERED, 1, frozenset({"rep-2"})), "org_differs"),
        (OrgLeadState(OrgLeadStatus.OFFERED, 2, frozenset({"rep-1"})), "org_differs"),
        (OrgLeadState(OrgLeadStatus.HELD, 1, frozenset({"rep-1"})), "org_differs"),
    ],
)
def test_what_an_org_knows_of_an_offered_lead_is_compared(place: OrgLeadState | None, code: str) -> None:
    partition, lead_id = partition_with_offer()
    checked = check(partition)
    assert checked.journal_facts.org_leads == {
        ("default", lead_id): OrgLeadState(OrgLeadStatus.OFFERED, 1, frozenset({"rep-1"}))
    }
    del checked.journal_facts.org_leads["default", lead_id]
    if place is not None:
        checked.journal_facts.org_leads["default", lead_id] = place
    check_orgs(checked.journal_facts, checked.findings)
    assert checked.codes == {code: 1}
    checked.findings.counts.clear()
    checked.journal_facts.moving.add(lead_id)
    check_orgs(checked.journal_facts, checked.findings)
    assert checked.codes == {}


def test_a_lead_its_org_holds_and_nobody_owns_is_found() -> None:
    partition = partition_with_reps()
    lead_id = partition.arrive("A-1")
    checked = check(partition)
    for held_id in (lead_id, "no-such-lead"):
        checked.journal_facts.org_leads["default", held_id] = OrgLeadState(
            OrgLeadStatus.HELD, 1, frozenset({"rep-1"})
        )
    check_orgs(checked.journal_facts, checked.findings)
    assert checked.codes == {"org_unasked": 2}


def test_x7_a_lead_that_came_in_and_is_nowhere_is_found() -> None:
    checked = check(distributed_partition(10, seed=2))
    lead_id = next(iter(checked.journal_facts.leads))
    lead_facts = checked.journal_facts.leads.pop(lead_id)
    check_conservation(checked.journal_facts, checked.findings)
    assert checked.codes == {"leads_do_not_add_up": 1}
    assert checked.findings.found[0].details["missing"] == [lead_id]
    checked.journal_facts.leads[lead_id] = checked.journal_facts.leads["of nobody"] = lead_facts
    check_conservation(checked.journal_facts, checked.findings)
    assert checked.codes == {"leads_do_not_add_up": 2}


def test_r4_a_lead_waits_for_its_org_in_one_way_or_another() -> None:
    """While transfers pause, the lead is offered to nobody and is in no queue. While all reps are busy, it is free."""
    partition = partition_with_reps()
    for rep_id in ("rep-1", "rep-2", "rep-3", "rep-4"):
        partition.publish("rep", rep_id, rep(rep_id, max_open=1))
    partition.now = partition.now.replace(hour=14, minute=4)
    paused = partition.arrive("A-1", campaign="night")
    partition.now = partition.now.replace(minute=6)
    partition.pass_deadline(paused)
    waiting_ids = [partition.arrive(f"B-{n}", campaign="turns") for n in range(5)]
    stages = {}
    for lead_id in (paused, *waiting_ids):
        lead = partition.row(lead_id).lead
        assert lead is not None
        stages[lead_id] = lead.open_distribution.stage if lead.open_distribution else None
    assert stages[paused] is DistributionStatus.PAUSED
    assert stages[waiting_ids[-1]] is DistributionStatus.WAITING
    checked = check(partition)
    assert checked.codes == {}
    assert {place.stage for place in checked.journal_facts.org_leads.values()} == {
        OrgLeadStatus.WAITING,
        OrgLeadStatus.OFFERED,
    }
    assert isinstance(partition.org.orgs.state("default").leads[paused], OrgLead)
