"""How an org recognises a person's arrivals, and whom it must not contact (R6, X6).

A handle is what a person is known by: `phone/+14014194247` or `email/j@x.org`, normalised.
"""

from typing import Final

import msgspec

from models.facts import Facts
from models.offers import OrgDecisionBase

PHONE: Final = "phone"
EMAIL: Final = "email"
HANDLES: Final = (PHONE, EMAIL)
"""The facts that are handles, the one that counts more first."""


def handles_of(facts: Facts) -> tuple[str, ...]:
    """Return the handles of a prospect, the phone first."""
    values = ((PHONE, facts.phone), (EMAIL, facts.email and facts.email.lower()))
    return tuple(f"{kind}/{value}" for kind, value in values if value)


class Inquiry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An arrival of a person who is a lead already. `inquiry_id`: the id it would have had as a lead of its own.

    `why`: by what the person is known. `again`: a resend of an inquiry that was added before.
    """

    inquiry_id: str
    why: str
    again: bool = False


class ArrivalPlaced(OrgDecisionBase, frozen=True, tag="arrival_placed"):
    """An arrival belongs to this lead: as itself, or with `inquiry` as another inquiry of it (R6).

    `barred`: those of its handles that are on the do-not-contact list, with the reason (X6).
    """

    lead_id: str
    facts: Facts
    why: str
    inquiry: Inquiry | None = None
    barred: dict[str, str] = msgspec.field(default_factory=dict)


class ContactBarred(OrgDecisionBase, frozen=True, tag="contact_barred"):
    """A handle of this lead was put on the do-not-contact list, or with `reason` None taken off it (X6)."""

    lead_id: str
    handle: str
    reason: str | None
