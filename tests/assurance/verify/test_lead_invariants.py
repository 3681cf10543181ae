"""A machine that gives a lead to whom it is not offered is found out, however sure of itself it is (R3, S1, X2)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace as changed

from assurance.verify.lead_invariants import phase_problem
from models.events import OrgAnswered
from models.lead import DistributionStatus, Lead, Phase
from models.offers import LeadOrphaned, OfferMade
from rules.lead import corrections, distribution, machine, offer_actions
from tests.assurance.verify.checking import check
from tests.assurance.verify.working import partition_with_offer as one_offered
from tests.assurance.verify.working import partition_with_reps

if TYPE_CHECKING:
    from tests.assurance.verify.partition import Partition


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("claim", {}),
        ("claim_now", {}),
        ("accept", {"epoch": 1}),
        ("press_one", {}),
        ("note", {"note": "called"}),
        ("outcome", {"outcome": "no_answer"}),
        ("callback", {"at": None}),
    ],
)
def test_r3_whoever_has_the_offer_takes_the_lead_by_any_action(action: str, more: dict[str, Any]) -> None:
    partition, lead_id = one_offered()
    partition.ask(action, lead_id, "rep-2", **more)
    assert owner(partition, lead_id) is None
    partition.ask(action, lead_id, "rep-1", **more)
    assert owner(partition, lead_id) == "rep-1"
    assert check(partition).codes == {}


def test_r3_a_rep_who_takes_what_another_is_offered_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer_actions, "offered_to", lambda *_: True)
    partition, lead_id = one_offered()
    partition.ask("accept", lead_id, "rep-2")
    assert owner(partition, lead_id) == "rep-2"
    assert check(partition).codes == {"owner_replaced": 1}


def test_r3_a_rep_who_takes_what_was_offered_to_it_before_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "expire_offer", lambda _: None)
    partition, lead_id = one_offered()
    partition.now += timedelta(minutes=2)
    partition.ask("accept", lead_id, "rep-1")
    assert owner(partition, lead_id) == "rep-1"
    assert check(partition).codes == {"owner_replaced": 1}


def test_d6_a_manager_may_give_an_offered_lead_to_anybody() -> None:
    partition, lead_id = one_offered()
    partition.ask("assign", lead_id, "boss", to_rep_id="rep-4")
    assert owner(partition, lead_id) == "rep-4"
    assert check(partition).codes == {}


def test_m2_a_resend_that_undoes_a_correction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def resent() -> dict[str, int]:
        partition, lead_id = one_offered()
        partition.ask("update", lead_id, "boss", facts={"state": "TX", "phone": None})
        partition.arrive("A-1", campaign="turns", phone="+14014194247", credit_score=700)
        return dict(check(partition).codes)

    assert resent() == {}
    monkeypatch.setattr(corrections, "protected_fields", lambda _: frozenset())
    assert resent() == {"correction_undone": 1}


def test_r1_a_lead_given_for_good_by_an_answer_to_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The org's only answer was another; the machine takes what it hears for its own."""
    partition, lead_id = one_offered()
    answer = OfferMade(
        lead_id=lead_id,
        epoch=9,
        group_id="list",
        rep_id="rep-4",
        method="roster",
        window_seconds=None,
        due=None,
        why="",
    )

    def credulous(turn: Any, answer: Any) -> Any:
        if answer.epoch != 9:
            return distribution.apply_answer(turn, answer)
        return turn.assign_owner(answer.rep_id, answer.method, None, answer.why)

    monkeypatch.setattr(machine, "apply_answer", credulous)
    partition.tell(OrgAnswered(lead_id=lead_id, cause="org/default/0/0", answer=answer))
    assert check(partition).codes == {"owner_replaced": 1, "org_answer_unasked": 1}


def test_x2_a_lead_taken_from_an_owner_by_an_answer_of_before_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    partition = partition_with_reps()
    lead_id = partition.arrive("A-1", campaign="list")
    answer = LeadOrphaned(lead_id=lead_id, epoch=1, rep_id="rep-2", why="")
    partition.tell(OrgAnswered(lead_id=lead_id, cause="org/default/0/0", answer=answer))
    assert owner(partition, lead_id) == "rep-2"
    assert check(partition).codes == {"org_answer_unasked": 1}

    def forget_offer(turn: Any, answer: Any) -> Any:
        if answer.epoch != 7:
            return distribution.apply_answer(turn, answer)
        return turn.remove_owner("orphaned", answer.why)

    monkeypatch.setattr(machine, "apply_answer", forget_offer)
    partition.tell(OrgAnswered(lead_id=lead_id, cause="org/default/0/1", answer=changed(answer, epoch=7)))
    codes = check(partition).codes
    assert codes.pop("org_unasked") == 1  # the org still counts it for its owner
    assert codes == {"owner_replaced": 1, "org_answer_unasked": 2}


def test_x7_a_phase_that_does_not_fit_its_distribution_is_found() -> None:
    partition, lead_id = one_offered()
    lead = partition.row(lead_id).lead
    assert lead is not None
    assert lead.open_distribution is not None
    waiting = changed(lead.open_distribution, stage=DistributionStatus.WAITING)
    wrong: list[Lead] = [
        changed(lead, open_distribution=None),
        changed(lead, open_distribution=waiting),
        changed(lead, owner="rep-1"),
        changed(lead, phase=Phase.OWNED, owner="rep-1"),
        changed(lead, phase=Phase.OWNED, owner="rep-1", open_distribution=waiting),
        changed(lead, phase=Phase.IGNORED),
    ]
    assert phase_problem(lead) is None
    assert all(phase_problem(wrong_lead) for wrong_lead in wrong)


def test_s4_a_ring_that_is_over_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    partition = partition_with_reps()
    lead_id = partition.arrive("A-1", campaign="ring")
    partition.ask("decline", lead_id, "rep-2")
    assert check(partition).codes == {}
    monkeypatch.setattr(offer_actions, "offered_to", lambda *_: True)
    monkeypatch.setattr(distribution, "offered_to", lambda *_: True)
    partition.ask("press_one", lead_id, "rep-2")
    assert owner(partition, lead_id) == "rep-2"
    assert check(partition).codes == {"owner_replaced": 1}


def owner(partition: Partition, lead_id: str) -> str | None:
    """Return who owns a lead."""
    lead = partition.row(lead_id).lead
    assert lead is not None
    return lead.owner
