"""Defines a lead's life cycle as one table: for each phase, which triggers are allowed and which phases may follow.

The machine dispatches by it, the tests check every observed step against it, and the diagram in docs/ is generated from
it.
"""

from enum import StrEnum
from typing import Final

from models.lead import Phase


class Trigger(StrEnum):
    """The triggers that can change a lead.

    They are arrivals, actions (docs/contracts, `type`), answers of its org, deadlines and new rules. `INQUIRED`: an
    arrival of a known person, or a lead that was merged (R6, K5). `TAKEN_OUT`: a merged lead or an inquiry is a lead of
    its own again (K5). `SUPPRESSION`: the do-not-contact list (X6).
    """

    ARRIVED = "arrived"
    INQUIRED = "inquired"
    TAKEN_OUT = "taken_out"
    SUPPRESSION = "suppression"
    CLAIM = "claim"
    CLAIM_NOW = "claim_now"
    VIEW = "view"
    RELEASE = "release"
    OUTCOME = "outcome"
    CALLBACK = "callback"
    NOTE = "note"
    ACTIVITY = "activity"
    DIAL = "dial"
    ASSIGN = "assign"
    REASSIGN = "reassign"
    UNASSIGN = "unassign"
    REDISTRIBUTE = "redistribute"
    REOPEN = "reopen"
    UPDATE = "update"
    CONSENT = "consent"
    MERGE = "merge"
    SPLIT = "split"
    IGNORE = "ignore"
    UNIGNORE = "unignore"
    REOPEN_CLAIMABLE = "reopen_claimable"
    ERASE = "erase"
    ACCEPT = "accept"
    DECLINE = "decline"
    PRESS_ONE = "press_one"
    CONNECT = "connect"
    HANG_UP = "hang_up"
    OFFER_MADE = "offer_made"
    NOBODY_AVAILABLE = "nobody_available"
    OFFER_VOIDED = "offer_voided"
    OFFER_EXPIRED = "offer_expired"
    ORPHANED = "orphaned"
    LOCK_EXPIRED = "lock_expired"
    CALLBACK_DUE = "callback_due"
    RETENTION_OVER = "retention_over"
    RULES_CHANGED = "rules_changed"


OFFER_TRIGGERS: Final = frozenset(
    {Trigger.ACCEPT, Trigger.DECLINE, Trigger.PRESS_ONE, Trigger.CONNECT, Trigger.HANG_UP}
)
"""Answers to an offer. If no offer is open, they are answered `offer_over` and change nothing (X3)."""

_Q, _L, _F, _O, _W, _E, _I, _C = (
    Phase.QUEUED,
    Phase.LOCKED,
    Phase.OFFERED,
    Phase.OWNED,
    Phase.WORKING,
    Phase.EXCEPTION,
    Phase.IGNORED,
    Phase.CLOSED,
)
_FREE: Final = frozenset({_Q, _E})
"""The lead has no owner and nobody has it open. The rules decide which of the two phases applies (Q2, E1)."""

LIFECYCLE: Final[dict[Phase | None, dict[Trigger, frozenset[Phase]]]] = {
    None: {
        Trigger.ARRIVED: _FREE | {_O, _F},
        Trigger.INQUIRED: _FREE | {_O, _F},
        Trigger.TAKEN_OUT: _FREE | {_O, _F},
    },
    _Q: {
        Trigger.ARRIVED: _FREE,
        Trigger.INQUIRED: _FREE | {_O, _F},
        Trigger.SUPPRESSION: _FREE,
        Trigger.CLAIM: frozenset({_O}),
        Trigger.VIEW: _FREE | {_L},
        Trigger.OUTCOME: _FREE | {_C},
        Trigger.CALLBACK: _FREE | {_O},
        Trigger.CLAIM_NOW: frozenset({_O}),
        Trigger.NOTE: _FREE,
        Trigger.ACTIVITY: _FREE,
        Trigger.UPDATE: _FREE | {_F},
        Trigger.ASSIGN: frozenset({_O}),
        Trigger.REDISTRIBUTE: frozenset({_F}),
        Trigger.REOPEN_CLAIMABLE: _FREE,
        Trigger.NOBODY_AVAILABLE: _FREE,
        Trigger.OFFER_MADE: frozenset({_F, _O}),
        Trigger.CALLBACK_DUE: _FREE,
        Trigger.ERASE: frozenset({_C}),
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: _FREE | {_F},
        Trigger.CONSENT: _FREE,
        Trigger.RULES_CHANGED: _FREE,
    },
    _L: {
        Trigger.ARRIVED: frozenset({_L}),
        Trigger.INQUIRED: _FREE | {_L, _O, _F},
        Trigger.SUPPRESSION: frozenset({_L}),
        Trigger.CLAIM: frozenset({_L}),
        Trigger.VIEW: frozenset({_L}),
        Trigger.RELEASE: _FREE,
        Trigger.OUTCOME: _FREE | {_C},
        Trigger.CALLBACK: _FREE | {_O},
        Trigger.CLAIM_NOW: frozenset({_O}),
        Trigger.NOTE: frozenset({_L}),
        Trigger.ACTIVITY: frozenset({_L}),
        Trigger.DIAL: frozenset({_L}),
        Trigger.UPDATE: frozenset({_L}),
        Trigger.ASSIGN: frozenset({_O}),
        Trigger.REDISTRIBUTE: frozenset({_F}),
        Trigger.REOPEN_CLAIMABLE: frozenset({_L}),
        Trigger.LOCK_EXPIRED: _FREE,
        Trigger.CALLBACK_DUE: frozenset({_L}),
        Trigger.ERASE: frozenset({_C}),
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: frozenset({_L}),
        Trigger.CONSENT: frozenset({_L}),
        Trigger.RULES_CHANGED: _FREE | {_L},
    },
    _F: {
        Trigger.ARRIVED: frozenset({_F}),
        Trigger.INQUIRED: frozenset({_F}),
        Trigger.SUPPRESSION: frozenset({_F}),
        Trigger.CLAIM: frozenset({_O}),
        Trigger.CLAIM_NOW: frozenset({_O}),
        Trigger.ACCEPT: frozenset({_O}),
        Trigger.PRESS_ONE: frozenset({_O}),
        Trigger.DECLINE: _FREE | {_F},
        Trigger.HANG_UP: _FREE | {_F},
        Trigger.VIEW: _FREE | {_F},
        Trigger.OUTCOME: frozenset({_O, _C}),
        Trigger.CALLBACK: frozenset({_O}),
        Trigger.NOTE: _FREE | {_O, _F},
        Trigger.ACTIVITY: _FREE | {_O, _F},
        Trigger.UPDATE: _FREE | {_F},
        Trigger.ASSIGN: frozenset({_O}),
        Trigger.REDISTRIBUTE: frozenset({_F}),
        Trigger.REOPEN_CLAIMABLE: _FREE | {_F},
        Trigger.OFFER_MADE: frozenset({_F, _O}),
        Trigger.NOBODY_AVAILABLE: _FREE | {_F},
        Trigger.OFFER_VOIDED: frozenset({_F}),
        Trigger.OFFER_EXPIRED: _FREE | {_F},
        Trigger.ERASE: frozenset({_C}),
        Trigger.CALLBACK_DUE: frozenset({_F}),
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: _FREE | {_F},
        Trigger.CONSENT: _FREE | {_F},
        Trigger.RULES_CHANGED: frozenset({_F}),
    },
    _O: {
        Trigger.ARRIVED: frozenset({_O}),
        Trigger.INQUIRED: _FREE | {_O, _F},
        Trigger.SUPPRESSION: frozenset({_O}),
        Trigger.CLAIM: frozenset({_O}),
        Trigger.CLAIM_NOW: frozenset({_O}),
        Trigger.VIEW: frozenset({_O, _W}),
        Trigger.OUTCOME: frozenset({_O, _C}),
        Trigger.CALLBACK: frozenset({_O}),
        Trigger.NOTE: frozenset({_O}),
        Trigger.ACTIVITY: frozenset({_O}),
        Trigger.DIAL: frozenset({_O}),
        Trigger.UPDATE: frozenset({_O}),
        Trigger.REASSIGN: frozenset({_O}),
        Trigger.UNASSIGN: _FREE | {_F},
        Trigger.REDISTRIBUTE: frozenset({_F}),
        Trigger.REOPEN_CLAIMABLE: frozenset({_O}),
        Trigger.ACCEPT: frozenset({_O}),
        Trigger.PRESS_ONE: frozenset({_O}),
        Trigger.CONNECT: frozenset({_O}),
        Trigger.HANG_UP: frozenset({_O}),
        Trigger.ORPHANED: _FREE,
        Trigger.CALLBACK_DUE: frozenset({_O}),
        Trigger.ERASE: frozenset({_C}),
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: frozenset({_O}),
        Trigger.CONSENT: frozenset({_O}),
        Trigger.RULES_CHANGED: frozenset({_O}),
    },
    _W: {
        Trigger.ARRIVED: frozenset({_W}),
        Trigger.INQUIRED: _FREE | {_O, _W, _F},
        Trigger.SUPPRESSION: frozenset({_W}),
        Trigger.CLAIM: frozenset({_W}),
        Trigger.CLAIM_NOW: frozenset({_O}),
        Trigger.VIEW: frozenset({_W}),
        Trigger.RELEASE: frozenset({_O}),
        Trigger.OUTCOME: frozenset({_O, _C}),
        Trigger.CALLBACK: frozenset({_O}),
        Trigger.NOTE: frozenset({_W}),
        Trigger.ACTIVITY: frozenset({_W}),
        Trigger.DIAL: frozenset({_W}),
        Trigger.UPDATE: frozenset({_W}),
        Trigger.REASSIGN: frozenset({_O, _W}),
        Trigger.UNASSIGN: _FREE | {_F},
        Trigger.REDISTRIBUTE: frozenset({_F}),
        Trigger.REOPEN_CLAIMABLE: frozenset({_W}),
        Trigger.ACCEPT: frozenset({_W}),
        Trigger.PRESS_ONE: frozenset({_W}),
        Trigger.CONNECT: frozenset({_W}),
        Trigger.HANG_UP: frozenset({_W}),
        Trigger.ORPHANED: _FREE,
        Trigger.LOCK_EXPIRED: frozenset({_O}),
        Trigger.CALLBACK_DUE: frozenset({_W}),
        Trigger.ERASE: frozenset({_C}),
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: frozenset({_W}),
        Trigger.CONSENT: frozenset({_W}),
        Trigger.RULES_CHANGED: frozenset({_O, _W}),
    },
    _E: {
        Trigger.ARRIVED: _FREE,
        Trigger.INQUIRED: _FREE | {_O, _F},
        Trigger.SUPPRESSION: _FREE,
        Trigger.CLAIM: frozenset({_O}),
        Trigger.VIEW: _FREE | {_L},
        Trigger.OUTCOME: _FREE | {_C},
        Trigger.CALLBACK: _FREE | {_O},
        Trigger.CLAIM_NOW: frozenset({_O}),
        Trigger.NOTE: _FREE,
        Trigger.ACTIVITY: _FREE,
        Trigger.UPDATE: _FREE | {_F},
        Trigger.ASSIGN: frozenset({_O}),
        Trigger.REDISTRIBUTE: frozenset({_F}),
        Trigger.IGNORE: frozenset({_I}),
        Trigger.REOPEN_CLAIMABLE: _FREE,
        Trigger.NOBODY_AVAILABLE: _FREE,
        Trigger.OFFER_MADE: frozenset({_F, _O}),
        Trigger.CALLBACK_DUE: _FREE,
        Trigger.ERASE: frozenset({_C}),
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: _FREE | {_F},
        Trigger.CONSENT: _FREE,
        Trigger.RULES_CHANGED: _FREE,
    },
    _I: {
        Trigger.ARRIVED: frozenset({_I}),
        Trigger.INQUIRED: _FREE | {_O, _F, _I},
        Trigger.SUPPRESSION: frozenset({_I}),
        Trigger.CLAIM: frozenset({_I}),
        Trigger.VIEW: frozenset({_I}),
        Trigger.NOTE: frozenset({_I}),
        Trigger.ACTIVITY: frozenset({_I}),
        Trigger.UPDATE: frozenset({_I}),
        Trigger.ASSIGN: frozenset({_O}),
        Trigger.REDISTRIBUTE: frozenset({_F}),
        Trigger.UNIGNORE: _FREE,
        Trigger.REOPEN_CLAIMABLE: frozenset({_I}),
        Trigger.CALLBACK_DUE: frozenset({_I}),
        Trigger.ERASE: frozenset({_C}),
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: frozenset({_I}),
        Trigger.CONSENT: frozenset({_I}),
        Trigger.RULES_CHANGED: frozenset({_I}),
    },
    _C: {
        Trigger.ARRIVED: frozenset({_C}),
        Trigger.INQUIRED: _FREE | {_O, _F, _C},
        Trigger.SUPPRESSION: frozenset({_C}),
        Trigger.CLAIM: frozenset({_C}),
        Trigger.VIEW: frozenset({_C}),
        Trigger.NOTE: frozenset({_C}),
        Trigger.ERASE: frozenset({_C}),
        Trigger.RETENTION_OVER: frozenset({_C}),
        Trigger.ACTIVITY: frozenset({_C}),
        Trigger.UPDATE: frozenset({_C}),
        Trigger.REOPEN: _FREE | {_O, _F},
        Trigger.MERGE: frozenset({_C}),
        Trigger.SPLIT: frozenset({_C}),
        Trigger.TAKEN_OUT: _FREE | {_O, _F, _I, _C},
        Trigger.CONSENT: frozenset({_C}),
        Trigger.RULES_CHANGED: frozenset({_C}),
    },
}
"""phase -> trigger -> the phases it may end in. A trigger that is not listed is refused and changes nothing. A
manager's `view` with the view-only preference (D5) does not change the phase. If a lead's lock has expired, an action
finds the lead as it is after the expiry, even if the timer is late (D2). New rules end the lock of a rep who has left
(X2). A manager's action on an offered lead whose ring has expired may leave the lead free, as the timer would. Another
inquiry distributes again a lead that nobody is handling, including a closed lead, and a lead whose owner has left; a
closed lead with an active owner belongs to that owner again (R6). An erased lead is closed for good: whatever its phase
lists, no arrival and no action changes it."""


_BY_RULES: Final[dict[tuple[Phase | str, Phase], str]] = {
    (_Q, _E): "no queue takes it",
    (_E, _Q): "a queue takes it",
}
"""After every event of a free lead, the rules are evaluated. They alone move it between these two phases (Q2, E1)."""


def mermaid() -> str:
    """Return the table as a Mermaid state diagram, with one arrow for each pair of phases."""
    arrows: dict[tuple[Phase | str, Phase], list[str]] = {}
    for source, row in LIFECYCLE.items():
        for trigger, targets in row.items():
            for target in sorted(targets):
                if source is not target:
                    arrows.setdefault((source or "[*]", target), []).append(trigger)
    lines = [
        f"    {a} --> {b}: {_BY_RULES.get((a, b)) or ', '.join(triggers)}"
        for (a, b), triggers in arrows.items()
    ]
    return "\n".join(["stateDiagram-v2", *lines, f"    {_C} --> [*]"]) + "\n"
