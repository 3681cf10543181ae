"""Determines why nobody can have a lead (E1)."""

from typing import Final

from models.lead import Failure, Lead
from models.offers import NoRepAvailable, RejectionReason

FATAL_ERROR: Final = "fatal_error"
UNANSWERED: Final = {"ring_all": "no_agents_answered", "distribute_all": "no_agents_clicked"}
"""method -> the exception reason of a lead that nobody took while it rang (S4, S5)."""


def failure_of(lead: Lead, answer: NoRepAvailable) -> Failure:
    """Return why nobody can have a lead. A ring that nobody answered stays the reason while its reps count as tried."""
    former = lead.failed
    if former is None or former.reason not in UNANSWERED.values() or answer.reason == FATAL_ERROR:
        return Failure(answer.reason, answer.explanation)
    tried_before = {
        candidate.rep_id: candidate
        for candidate in former.explanation
        if candidate.reason is RejectionReason.TRIED
    }
    explanation = tuple(
        tried_before.get(candidate.rep_id, candidate)
        if candidate.reason is RejectionReason.TRIED
        else candidate
        for candidate in answer.explanation
    )
    return Failure(former.reason, explanation)
