"""Builds a lead from its row in the CRM database, with all that rules read: every catalogue field and the phase.

Rules do not read a lead's lock, placements and distribution, so the lead does not contain them. Of its deadlines it
has only that of a promised call that is not due, because work queues are ordered by it (M7).
"""

from typing import Any

import msgspec

from models.facts import Facts
from models.lead import Deadline, DeadlineKind, Failure, Lead, Phase
from models.open_exception import OpenException


def lead_from_row(row: dict[str, Any]) -> Lead:
    """Return the lead of a whole row of `LeadTable`.

    Its exception and its failed search have only their reason. If a handle is on the do-not-contact list, the lead
    says only that there is one (X6).
    """
    facts = msgspec.convert(row["facts"], Facts)
    listed = row["silenced"] and not facts.silenced
    return Lead(
        lead_id=row["lead_id"],
        facts=facts,
        suppressed={facts.phone or facts.email or "": "on the do-not-contact list"} if listed else {},
        phase=Phase(row["phase"]),
        arrived_at=row["arrived_at"],
        updated_at=row["updated_at"],
        owner=row["owner"],
        how=row["how"],
        via=row["via"],
        assigned_at=row["assigned_at"],
        callback_at=row["callback_at"],
        deadlines=_deadlines(row),
        claimed_through=row["claimed_through"],
        queue_since=row["in_queue_since"],
        last_contacted_at=row["last_contacted_at"],
        owner_last_contacted_at=row["owner_last_contacted_at"],
        owner_left=bool(row["owner_left"]),
        last_outcome=row["last_outcome"],
        deferred_at=row["deferred_at"],
        inquiries=row["inquiries"],
        notes=row["notes"],
        open_exception=None
        if row["failure_reason"] is None
        else OpenException(row["failure_reason"], (), row["updated_at"]),
        failed=None if row["failed"] is None else Failure(row["failed"]),
    )


def _deadlines(row: dict[str, Any]) -> tuple[Deadline, ...]:
    promised = row["callback_at"]
    if promised is None or promised <= row["updated_at"]:
        return ()
    return (Deadline(DeadlineKind.CALLBACK, promised, 0),)
