"""Decides by a lead's state which kinds of queue may hold it, whatever their rules say (D1, D3, Q10, Q11)."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from models.lead import Lead, Phase


class EligibleKinds(msgspec.Struct, frozen=True):
    """The kinds of queue that may hold a lead, as values of `Queue.claimable`: False is a work queue.

    `allowed`: the kinds that may. `refused`: each kind that may not, with the reason.
    """

    allowed: tuple[bool, ...]
    refused: dict[bool, str] = {}


ORPHANED: Final = "orphaned"
"""The exception reason of a lead whose owner left, if no queue takes it (E1)."""
_OPEN: Final = EligibleKinds((False, True))

_HIDDEN: Final = {
    Phase.CLOSED: "it is closed",
    Phase.IGNORED: "it is ignored",
    Phase.OFFERED: "it is being distributed",
}
_FREE: Final = frozenset({Phase.QUEUED, Phase.EXCEPTION})


def protected_until(lead: Lead, minutes: float) -> datetime | None:
    """Return until when a fresh assignment is in no claimable queue (M4); None for a lead without an owner.

    A closed lead that became its owner's again is a fresh assignment too. A claimed lead needs no protection: it was
    claimed once, so only an admin's override lets it in (Q10).
    """
    if lead.owner is None or lead.assigned_at is None or lead.how == "claim" or not minutes:
        return None
    return lead.in_queue_since + timedelta(minutes=minutes)


def eligible_kinds(lead: Lead, protected: datetime | None = None) -> EligibleKinds:
    """Return which kinds of queue may hold the lead. Within these, the rules decide.

    `protected`: until when its owner has it to itself, if that is not over yet.

    - A lead that somebody has open, or that is closed or ignored, is in no queue (D1, E4).
    - A lead that was claimed through a claimable queue is never in a claimable queue again. Once its owner has left,
      it is in no queue at all but at the exceptions desk (Q10).
    - A lead that is being distributed is in no queue, because a rep is about to get it (R3, S1).
    - A fresh assignment is in no claimable queue (M4).
    - A lead with an owner is in no work queue (D3). Claimable queues take it by their rules, whether it is aged or
      not (Q11).
    """
    if lead.phase not in _FREE and lead.phase is not Phase.OWNED:
        opened = f"{lead.lock.rep_id} has it open" if lead.lock else "somebody has it open"
        why = _HIDDEN.get(lead.phase, opened)
        return EligibleKinds((), {True: why, False: why})
    refused: dict[bool, str] = {}
    if lead.claimed_through is not None and lead.failed is not None and lead.failed.reason == ORPHANED:
        why = (
            f"it was claimed once, through {lead.claimed_through}, and its owner has left: a manager decides"
        )
        return EligibleKinds((), {True: why, False: why})
    if lead.claimed_through is not None:
        refused[True] = f"it was claimed once already, through {lead.claimed_through}"
    elif protected is not None:
        refused[True] = f"{lead.owner} got it at {lead.in_queue_since}: it is protected until {protected}"
    if lead.phase is Phase.OWNED:
        refused[False] = f"{lead.owner} owns it and the queue is not claimable"
    return (
        EligibleKinds(tuple(kind for kind in (False, True) if kind not in refused), refused)
        if refused
        else _OPEN
    )
