"""A rep's own queue follows from the lead alone: who owns it, and when the rep is to call (D3, D4).

The order, top first: calls that are due, by their time · leads to work, by their assignment · calls promised
for later, by their time · leads to be called back at no particular time, by when that was said.
"""

from datetime import UTC, datetime
from typing import Any, Final

from models.lead import OWNED_PHASES, Lead
from models.public import personal_queue
from rules.columns import NAME, name_of

DUE: Final = "0"
TO_WORK: Final = "1"
LATER: Final = "2"
DEFERRED: Final = "3"


def owner_of(lead: Lead | None) -> str | None:
    """Return the rep in whose queue the lead stands: its owner, until the lead is closed."""
    return lead.owner if lead is not None and lead.phase in OWNED_PHASES else None


def own_queue(lead: Lead | None) -> str | None:
    """Return the id of the personal queue the lead stands in, if any; it is one at most (D3)."""
    owner = owner_of(lead)
    return None if owner is None else personal_queue(owner)


def own_sort_key(lead: Lead, at: datetime) -> str:
    """Return the key of the lead in its owner's queue, as of `at` (D4).

    `at` is the record's time, never a clock's, so the same record gives the same key in every reading. The
    record of `CallbackDue` is not before `callback_at`, which the lead keeps until somebody acts.
    """
    if lead.callback_at is not None:
        return _key(DUE if lead.callback_at <= at else LATER, lead.callback_at)
    if lead.deferred_at is not None:
        return _key(DEFERRED, lead.deferred_at)
    return _key(TO_WORK, lead.assigned_at or lead.arrived_at)


def own_columns(lead: Lead) -> dict[str, Any]:
    """Return what a rep's own queue shows; it is the rep's lead, so contact data is among it."""
    facts = lead.facts
    return {
        NAME: name_of(facts),
        "state": facts.state,
        "loan_purpose": facts.loan_purpose,
        "loan_amount": facts.loan_amount,
        "phone": facts.phone,
        "email": facts.email,
        "campaign": facts.campaign,
        "how": lead.how,
        "assigned_at": lead.assigned_at,
        "callback_at": lead.callback_at,
        "last_contacted_at": lead.last_contacted_at,
        "last_outcome": lead.last_outcome,
    }


def _key(band: str, when: datetime) -> str:
    # One width and one zone, so that the text sorts as the instants do.
    return band + when.astimezone(UTC).isoformat(timespec="microseconds")
