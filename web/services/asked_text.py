"""Says in words what somebody asked to do with a lead, and why it was not done (X1)."""

from collections.abc import Mapping
from typing import Any, Final

from models.results import Reason, Result

ASKED: Final[Mapping[str, str]] = {
    "claim": "claim it",
    "claim_now": "claim it while it was open",
    "view": "open it",
    "release": "put it back",
    "outcome": "record an outcome",
    "callback": "promise a call",
    "note": "write a note",
    "activity": "log what was done",
    "dial": "call",
    "assign": "assign it",
    "reassign": "move it to another rep",
    "unassign": "take it from its owner",
    "redistribute": "have it distributed again",
    "reopen": "reopen it",
    "update": "correct its facts",
    "consent": "record consent",
    "merge": "merge it",
    "split": "take an inquiry out",
    "ignore": "ignore the exception",
    "unignore": "bring it back",
    "reopen_claimable": "open it for claims again",
    "erase": "erase the person",
    "accept": "accept it",
    "decline": "decline it",
    "press_one": "press 1",
    "connect": "be connected",
    "hang_up": "hang up",
}
"""Action -> what the person asked to do."""
WHY_NOT_DONE: Final[Mapping[Reason, str]] = {
    Reason.ALREADY_CLAIMED: "somebody had it already",
    Reason.NOT_QUALIFIED: "it did not qualify for that",
    Reason.LOCKED_BY_OTHER: "somebody else had it open",
    Reason.LOCK_EXPIRED: "the time to work it had ended",
    Reason.NOT_LOCKED: "it was not open",
    Reason.OFFER_OVER: "the offer was over",
    Reason.NOT_ALLOWED: "that was not allowed",
    Reason.UNKNOWN_LEAD: "there was no such lead",
    Reason.UNKNOWN_REP: "there was no such rep",
    Reason.UNKNOWN_QUEUE: "there was no such queue",
    Reason.UNKNOWN_ACTION: "there is no such action",
    Reason.NOT_AN_EXCEPTION: "it was no exception",
    Reason.NOT_OWNED: "somebody else owned it, or nobody",
    Reason.NO_GROUP: "it had no group",
    Reason.NO_PHONE: "there was no phone number",
    Reason.REPEATED: "that was done before",
    Reason.LEAD_CLOSED: "it was closed",
    Reason.INVALID: "the request was not valid",
    Reason.SUPPRESSED: "the person must not be contacted",
    Reason.QUIET_HOURS: "it was not the hour for a call",
    Reason.TOO_MANY_OPEN: "too many leads were open",
    Reason.NOT_LICENSED: "there was no licence for its state",
    Reason.AT_CAP: "the cap of leads was reached",
    Reason.TOO_MANY_CLAIMS: "there were too many claims in a short time",
    Reason.FATAL_ERROR: "there was an error",
}
"""Reason of an answer -> why the action was not done."""


def asked_text(name: str, result: str, why: Mapping[str, Any]) -> str:
    """Return an answered action in a sentence: "You asked to open it, but somebody else had it open".

    `why`: the decision's fields, with `action` and `reason`.
    """
    action = str(why["action"])
    text = f"{name} asked to {ASKED.get(action, action.replace('_', ' '))}"
    if result in (Result.WON, Result.DONE):
        return f"{text}, and it was done"
    reason = str(why.get("reason") or "")
    cause = WHY_NOT_DONE[Reason(reason)] if reason in set(Reason) else "it was refused"
    return f"{text}, but {cause}"
