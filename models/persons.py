"""How an org recognises the arrivals of one person, and whom it must not contact (R6, X6).

A handle identifies a person: `phone/+14014194247` or `email/j@x.org`, normalised.
"""

from typing import Final

import msgspec

from models.facts import Facts
from models.offers import OrgDecisionBase

PHONE: Final = "phone"
EMAIL: Final = "email"
HANDLES: Final = (PHONE, EMAIL)
"""The facts that are handles, in order of importance."""


def handles_of(facts: Facts) -> tuple[str, ...]:
    """Return the handles of a prospect, the phone first."""
    values = ((PHONE, facts.phone), (EMAIL, facts.email and facts.email.lower()))
    return tuple(f"{kind}/{value}" for kind, value in values if value)


class Inquiry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An arrival of a person who already has a lead. `inquiry_id`: the lead id that the arrival would have had.

    `why`: how the person was recognised. `again`: the arrival is a resend of an inquiry that was added before.
    """

    inquiry_id: str
    why: str
    again: bool = False


class ArrivalPlaced(OrgDecisionBase, frozen=True, tag="arrival_placed"):
    """An arrival belongs to this lead: as the lead's own arrival, or as another inquiry if `inquiry` is set (R6).

    `barred`: its handles on the do-not-contact list, with the reason (X6).
    """

    lead_id: str
    facts: Facts
    why: str
    inquiry: Inquiry | None = None
    barred: dict[str, str] = msgspec.field(default_factory=dict)


class DoNotContactChanged(OrgDecisionBase, frozen=True, tag="contact_barred"):
    """A handle of this lead was put on the do-not-contact list, or taken off it (`reason` None) (X6)."""

    lead_id: str
    handle: str
    reason: str | None
