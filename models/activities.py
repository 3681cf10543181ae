"""Defines the kinds of activity on a lead, and the words by which CRMs name them (M3)."""

from enum import StrEnum
from typing import Any, Final

from models import normalize


class ActivityKind(StrEnum):
    """What a rep did with a lead (R3)."""

    CALL = "call"
    EMAIL = "email"
    SMS = "sms"
    NOTE = "note"
    CALL_LOG = "call_log"
    TODO = "todo"
    DRIP_PLAN = "drip_plan"
    BULK_EMAIL = "bulk_email"


CRM_WORDS: Final[dict[str, ActivityKind]] = {
    "phone": ActivityKind.CALL,
    "phone_call": ActivityKind.CALL,
    "outbound_call": ActivityKind.CALL,
    "dial": ActivityKind.CALL,
    "e_mail": ActivityKind.EMAIL,
    "mail": ActivityKind.EMAIL,
    "text": ActivityKind.SMS,
    "text_message": ActivityKind.SMS,
    "message": ActivityKind.SMS,
    "comment": ActivityKind.NOTE,
    "log_call": ActivityKind.CALL_LOG,
    "logged_call": ActivityKind.CALL_LOG,
    "call_logged": ActivityKind.CALL_LOG,
    "task": ActivityKind.TODO,
    "to_do": ActivityKind.TODO,
    "reminder": ActivityKind.TODO,
    "drip": ActivityKind.DRIP_PLAN,
    "campaign_enrollment": ActivityKind.DRIP_PLAN,
    "sequence": ActivityKind.DRIP_PLAN,
    "mass_email": ActivityKind.BULK_EMAIL,
    "email_blast": ActivityKind.BULK_EMAIL,
    "newsletter": ActivityKind.BULK_EMAIL,
}
"""Word of a CRM -> kind. Words are compared in lower case, with underscores for spaces, hyphens and slashes."""

SHORT_TYPES: Final = frozenset(ActivityKind) - {ActivityKind.NOTE}
"""The kinds that may also be the type of an action, which is then an activity of that kind. `note` is its own type."""


def activity_kind(value: Any) -> ActivityKind | None:
    """Read a kind of activity, by its name or by a CRM's word for it. Raises ValueError with the reason."""
    word = normalize.word(value)
    if word is None:
        return None
    if word in set(ActivityKind):
        return ActivityKind(word)
    if word in CRM_WORDS:
        return CRM_WORDS[word]
    raise ValueError(f"is not a kind of activity; the kinds are {', '.join(ActivityKind)}")
