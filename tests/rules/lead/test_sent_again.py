"""A deadline on which our code failed is removed from its row. Sent again after the fix, it is handled once."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from models.events import DeadlinePassed
from models.lead import Deadline, DeadlineKind, Lead, LeadRow, Lock, Phase
from rules.lead.machine import step
from rules.lead.resumption import resumed_row
from rules.queues.rule_book import RuleBook
from tests.rules.outbound.journal_cases import AT, lead, offered_lead, owned_lead, row

LATER = AT + timedelta(hours=2)
LOCKED = lead(
    phase=Phase.LOCKED, lock=Lock(rep_id="rep-7", since=AT, until=AT + timedelta(hours=1), epoch=5), epoch=5
)


def deadline_passed(kind: DeadlineKind) -> DeadlinePassed:
    return DeadlinePassed(lead_id=LOCKED.lead_id, cause="deadline", kind=kind, due=AT, epoch=5)


def decide(stored_row: LeadRow, kind: DeadlineKind) -> Lead:
    event = deadline_passed(kind)
    before = resumed_row(stored_row, event, LATER)
    after = step(before, event, off=stored_row.off + 1, at=LATER, rule_book=RuleBook())
    assert after.lead is not None
    assert after.lead.deadline(kind) is None, "it is not told again"
    return after.lead


def test_without_it_the_deadline_is_a_stale_one() -> None:
    after = step(row(of=LOCKED), deadline_passed(DeadlineKind.LOCK), off=42, at=LATER, rule_book=RuleBook())
    assert after.lead is LOCKED


def test_d2_a_lock_ends_at_its_deadline() -> None:
    after = decide(row(of=LOCKED), DeadlineKind.LOCK)
    assert (after.lock, after.lapsed) == (None, "rep-7")


def test_r3_an_offer_runs_out() -> None:
    after = decide(row(of=replace(offered_lead("rep-1"), epoch=5)), DeadlineKind.OFFER)
    assert after.open_distribution is not None
    assert after.open_distribution.stage == "asked"


def test_d4_a_promised_call_falls_due() -> None:
    after = decide(row(of=owned_lead(callback_at=AT, epoch=5)), DeadlineKind.CALLBACK)
    assert after.callback_at == AT


@pytest.mark.parametrize(
    ("lead", "kind"),
    [
        (lead(epoch=5), DeadlineKind.LOCK),
        (
            replace(LOCKED, lock=Lock(rep_id="rep-1", since=AT, until=LATER + timedelta(1), epoch=6)),
            DeadlineKind.LOCK,
        ),
        (lead(epoch=5), DeadlineKind.OFFER),
        (lead(epoch=5), DeadlineKind.CALLBACK),
        (replace(LOCKED, deadlines=(Deadline(DeadlineKind.LOCK, LATER, 6),)), DeadlineKind.LOCK),
    ],
)
def test_x3_what_has_moved_on_is_left_alone(lead: Lead, kind: DeadlineKind) -> None:
    before = row(of=lead)
    assert resumed_row(before, deadline_passed(kind), LATER) is before
    assert resumed_row(None, deadline_passed(kind), LATER) is None
