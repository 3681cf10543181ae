"""Defines the results and reasons that answers to actions carry."""

from enum import StrEnum


class Result(StrEnum):
    """The answer to an action (docs/contracts, `lead-decisions`)."""

    WON = "won"
    LOST = "lost"
    DONE = "done"
    REFUSED = "refused"


class Reason(StrEnum):
    """The reason why an action was lost or refused."""

    ALREADY_CLAIMED = "already_claimed"
    NOT_QUALIFIED = "not_qualified"
    LOCKED_BY_OTHER = "locked_by_other"
    LOCK_EXPIRED = "lock_expired"
    NOT_LOCKED = "not_locked"
    OFFER_OVER = "offer_over"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_LEAD = "unknown_lead"
    UNKNOWN_REP = "unknown_rep"
    UNKNOWN_QUEUE = "unknown_queue"
    UNKNOWN_ACTION = "unknown_action"
    NOT_AN_EXCEPTION = "not_an_exception"
    NOT_OWNED = "not_owned"
    NO_GROUP = "no_group"
    NO_PHONE = "no_phone"
    REPEATED = "repeated"
    LEAD_CLOSED = "lead_closed"
    INVALID = "invalid"
    SUPPRESSED = "suppressed"
    QUIET_HOURS = "quiet_hours"
    TOO_MANY_OPEN = "too_many_open"
    NOT_LICENSED = "not_licensed"
    AT_CAP = "at_cap"
    TOO_MANY_CLAIMS = "too_many_claims"
    FATAL_ERROR = "fatal_error"
