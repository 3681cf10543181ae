"""How an org recognises the arrivals of one person, and whom it must not contact (R6, X6).

A handle identifies a person: `phone/+14014194247` or `email/j@x.org`, normalised.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from models.corrections import FactChange
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


DIGEST_BYTES: Final = 15
"""With a billion people, two share a digest with a probability of 10^-18; and a `bytes` of this length takes 48
bytes."""


def handle_digest(handle: str) -> bytes:
    """Return a handle's digest, by which the index of persons finds it. It has no key and is never kept in a topic."""
    return blake2b(handle.encode(), digest_size=DIGEST_BYTES).digest()


def corrected_handles(changes: tuple[FactChange, ...]) -> tuple[str, ...]:
    """Return the handles that a correction removed or added, each once."""
    return tuple(
        dict.fromkeys(
            f"{change.field}/{value}"
            for change in changes
            if change.field in HANDLES
            for value in (change.old, change.new)
            if value is not None and change.old != change.new
        )
    )


class Inquiry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An arrival of a person who already has a lead. `inquiry_id`: the lead id that the arrival would have had.

    `why`: how the person was recognised. `again`: the arrival is a resend of an inquiry that was added before.
    """

    inquiry_id: str
    why: str
    again: bool = False


class ArrivalPlaced(OrgDecisionBase, frozen=True, tag="arrival_placed"):
    """An arrival belongs to this lead: as the lead's own arrival, or as another inquiry if `inquiry` is set (R6).

    `barred`: its handles on the do-not-contact list, with the reason (X6). `hashes`: the keyed hashes of its handles
    (`models.erasure`).
    """

    lead_id: str
    facts: Facts
    why: str
    inquiry: Inquiry | None = None
    barred: dict[str, str] = msgspec.field(default_factory=dict)
    hashes: tuple[str, ...] = ()


class ArrivalTurnedAway(OrgDecisionBase, frozen=True, tag="arrival_turned_away"):
    """An arrival of an erased person was not taken. `arrival_id`: the lead id that it would have had.

    It has no facts, so that nothing of the person comes back.
    """

    arrival_id: str
    why: str


class ErasureOrder(OrgDecisionBase, frozen=True, tag="erasure_order"):
    """The leads of one person are to be erased, each in its own log. `leads`: their ids, possibly none.

    `rep_id`: who requests it; each lead checks that the rep may. `cause`: the id of the request. `hashes`: the keyed
    hashes of the phone or mail address that the request names. `answer_to`: the id under which the request is answered,
    None for an order that follows from an erased lead. `preview`: the leads are only named in the answer, not erased.
    """

    leads: tuple[str, ...]
    rep_id: str
    cause: str
    why: str
    hashes: tuple[str, ...] = ()
    answer_to: str | None = None
    preview: bool = False


class PersonForgotten(OrgDecisionBase, frozen=True, tag="person_forgotten"):
    """The org knows the person of an erased lead no more.

    `arrivals`, `handles`: how many of each were removed from the index of persons. `hashes`: how many keyed hashes were
    kept to recognise the person.
    """

    lead_id: str
    arrivals: int
    handles: int
    hashes: int


class HandlesCorrected(OrgDecisionBase, frozen=True, tag="handles_corrected"):
    """A person corrected the phone or mail address of this lead, and the org's index of persons follows (M2).

    `handles`: those that the lead got or lost by it. `barred`: which of them are on the do-not-contact list, and why.
    `also`: other leads that have one of them. They stay leads of their own.
    """

    lead_id: str
    handles: tuple[str, ...]
    barred: dict[str, str] = msgspec.field(default_factory=dict)
    also: tuple[str, ...] = ()


class OrgCorrection(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_correction"
):
    """The phone and mail address of a lead as a person corrected them (M2). The newest row of a lead counts.

    `handles`: those that the lead has by a correction. `removed`: those that are not the lead's, although an arrival
    of it had them.
    """

    lead_id: str
    handles: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class DoNotContactChanged(OrgDecisionBase, frozen=True, tag="contact_barred"):
    """A handle of this lead was put on the do-not-contact list, or taken off it (`reason` None) (X6)."""

    lead_id: str
    handle: str
    reason: str | None
