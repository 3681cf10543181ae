"""Defines the decisions about contact with a lead's person: promised calls, the do-not-contact list, consent."""

from datetime import datetime

from models.decision_base import DecisionBase


class SuppressionRecorded(DecisionBase, frozen=True, tag="suppression_recorded"):
    """A handle of the lead was put on the do-not-contact list, or taken off it (`reason` None) (X6)."""

    handle: str
    reason: str | None
    why: str


class ContactForbidden(DecisionBase, frozen=True, tag="contact_forbidden"):
    """An outcome says that the person must not be contacted (M8).

    `handles`: the lead's phone and mail address, which go on the org's do-not-contact list with `reason`. It is empty
    if the lead has neither; the lead itself is silenced then.
    """

    rep_id: str
    outcome: str
    reason: str
    handles: tuple[str, ...] = ()


class ConsentRecorded(DecisionBase, frozen=True, tag="consent_recorded"):
    """A person recorded that the lead's person agrees to be contacted (M8). Nothing else lifts a suppression.

    `handles`: those that are taken off the org's do-not-contact list. `unsilenced`: the vendor or an outcome had
    silenced the lead.
    """

    rep_id: str
    why: str
    handles: tuple[str, ...] = ()
    unsilenced: bool = False


class CallbackSet(DecisionBase, frozen=True, tag="callback_set"):
    """A callback was set. `at` None: it has no particular time, and the lead goes to the end of its queues (D4).

    `quiet_until`: `at` is within the lead's quiet hours, which end then; in the lead's own time (M7).
    """

    rep_id: str
    at: datetime | None
    quiet_until: datetime | None = None


class CallbackDue(DecisionBase, frozen=True, tag="callback_due"):
    """The promised call is due, so the lead moves to the top of its owner's queue, or of its work queues (D4, M7).

    It is decided again for a new owner who gets a lead with a due call. `epoch`: of the call's deadline, or of the new
    owner; 0 in records of earlier versions. `quiet_until`: the end of the quiet hours at the lead's location; it must
    not be called before then (X6).
    """

    rep_id: str | None
    quiet_until: datetime | None = None
    epoch: int = 0


class CallbackNoticeWithdrawn(DecisionBase, frozen=True, tag="callback_notice_withdrawn"):
    """The owner need not be told any more that the promised call is due (M7). `epoch`: that of the `CallbackDue`."""

    rep_id: str
    epoch: int
    why: str
