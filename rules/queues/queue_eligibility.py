"""Decides by a lead's state which kinds of queue may hold it, whatever their rules say (D1, D3, Q10, Q11)."""

from typing import Final

import msgspec

from models.lead import Lead, Phase


class Standing(msgspec.Struct, frozen=True):
    """Which kinds of queue may hold a lead. `kinds`: of False (shared) and True (claimable) those that may.

    `closed`: why a kind may not, by the same two.
    """

    kinds: tuple[bool, ...]
    closed: dict[bool, str] = {}


ORPHANED: Final = "orphaned"
"""Why a lead whose owner left is an exception, where no queue takes it (E1)."""
_OPEN: Final = Standing((False, True))

_HIDDEN: Final = {
    Phase.CLOSED: "it is closed",
    Phase.IGNORED: "it is ignored",
    Phase.OFFERED: "it is being distributed",
}
_FREE: Final = frozenset({Phase.QUEUED, Phase.EXCEPTION})


def standing(lead: Lead) -> Standing:
    """Return which kinds of queue may hold the lead. Among those the rules decide.

    - One that somebody has open, that is closed or ignored stands in no queue (D1, E4).
    - One that was claimed through a claimable queue stands in no claimable one again, and once its owner has left in
      none at all: it is at the exceptions desk (Q10).
    - One that is being distributed stands in no queue: somebody is about to have it (R3, S1).
    - One that has an owner stands in no shared queue (D3); claimable ones take it by their rules, aged or not
      (Q11).
    """
    if lead.phase not in _FREE and lead.phase is not Phase.OWNED:
        opened = f"{lead.lock.rep_id} has it open" if lead.lock else "somebody has it open"
        why = _HIDDEN.get(lead.phase, opened)
        return Standing((), {True: why, False: why})
    closed: dict[bool, str] = {}
    if lead.claimed_through is not None and lead.failed is not None and lead.failed.reason == ORPHANED:
        why = (
            f"it was claimed once, through {lead.claimed_through}, and its owner has left: a manager decides"
        )
        return Standing((), {True: why, False: why})
    if lead.claimed_through is not None:
        closed[True] = f"it was claimed once already, through {lead.claimed_through}"
    if lead.phase is Phase.OWNED:
        closed[False] = f"{lead.owner} owns it and the queue is not claimable"
    return Standing(tuple(kind for kind in (False, True) if kind not in closed), closed) if closed else _OPEN
