"""Defines how an org recognises the arrivals of one person, and whom it must not contact (R6, X6).

A handle is a phone number or a mail address, normalised: `phone/+14014194247` or `email/j@x.org`. The do-not-contact
list is about handles. A joining handle recognises a person: a phone with its extension is `phone/+14014194247;ext=12`.
"""

import unicodedata
from hashlib import blake2b
from typing import Final

import msgspec

from models.corrections import FactChange
from models.facts import Facts
from models.merging import MergedLead, SplitFrom
from models.offers import OrgDecisionBase
from models.shared_handles import is_placeholder, is_service

PHONE: Final = "phone"
EMAIL: Final = "email"
HANDLES: Final = (PHONE, EMAIL)
"""The facts that are handles, in order of importance."""


MET_TOO_OFTEN: Final = 3
"""A handle that came with this many last names does not tell people apart (K1)."""
_EXTENSION: Final = ";ext="
_NAME_BYTES: Final = 8
_NO_NAMES: Final = frozenset({"unknown", "none", "null", "lastname", "notprovided", "notgiven", "anonymous"})
_SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv"})


def handles_of(facts: Facts) -> tuple[str, ...]:
    """Return the handles of a prospect, the phone first. A placeholder is no handle (K1)."""
    values = ((PHONE, facts.phone), (EMAIL, facts.email and facts.email.lower()))
    handles = (f"{kind}/{value}" for kind, value in values if value)
    return tuple(handle for handle in handles if not is_placeholder(handle))


def joining_handles(facts: Facts, shared: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the handles by which a person is recognised, the phone first (K1).

    `shared`: the handles that the org's settings call shared. One without an extension covers all its extensions.
    """
    handles: list[str] = []
    for handle in handles_of(facts):
        extension = facts.phone_extension if handle.startswith(f"{PHONE}/") else None
        joining = with_extension(handle, extension)
        if not (is_service(handle) or handle in shared or joining in shared):
            handles.append(joining)
    return tuple(handles)


def person_handles(facts: Facts) -> tuple[str, ...]:
    """Return the handles of a prospect, the phone with its extension."""
    return tuple(
        with_extension(handle, facts.phone_extension if handle.startswith(f"{PHONE}/") else None)
        for handle in handles_of(facts)
    )


def do_not_contact_handle(joining: str) -> str:
    """Return the handle by which a joining handle is on the do-not-contact list: without the extension."""
    return joining.partition(_EXTENSION)[0]


def with_extension(handle: str, extension: str | None) -> str:
    """Return the joining handle of a phone with its extension."""
    return f"{handle}{_EXTENSION}{extension}" if extension else handle


def last_name_key(facts: Facts) -> str | None:
    """Return the form in which last names are compared; None if there is none.

    Case, accents, punctuation, spaces and a suffix (`Jr.`) do not make another name. `Unknown` is no name.
    """
    if not facts.last_name:
        return None
    decomposed = unicodedata.normalize("NFKD", facts.last_name).casefold()
    parts = ["".join(filter(str.isalnum, word)) for word in decomposed.replace("-", " ").split()]
    while len(parts) > 1 and parts[-1] in _SUFFIXES:
        parts.pop()
    key = "".join(parts)
    return key if key and key not in _NO_NAMES else None


def names_differ(facts: Facts, other: Facts) -> bool:
    """Say whether both have a last name, and not the same (K3)."""
    first, second = last_name_key(facts), last_name_key(other)
    return first is not None and second is not None and first != second


def name_digest(facts: Facts) -> str | None:
    """Return the digest of a last name as the index of persons keeps it, in hex; None if there is none."""
    key = last_name_key(facts)
    return None if key is None else blake2b(key.encode(), digest_size=_NAME_BYTES).hexdigest()


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
            if value is not None
            and change.old != change.new
            and not is_placeholder(f"{change.field}/{value}")
        )
    )


MAX_DOUBTS: Final = 8
"""How many leads a new lead may be marked with as maybe the same person."""


class Inquiry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An arrival of a person who already has a lead. `inquiry_id`: the lead id that the arrival would have had.

    `why`: how the person was recognised. `again`: the arrival is a resend of an inquiry that was added before.
    `merged`: it is a lead that a manager merged (K5).
    """

    inquiry_id: str
    why: str
    again: bool = False
    merged: MergedLead | None = None


class ArrivalPlaced(OrgDecisionBase, frozen=True, tag="arrival_placed"):
    """An arrival belongs to this lead: as the lead's own arrival, or as another inquiry if `inquiry` is set (R6).

    `forbidden`: its handles on the do-not-contact list, with the reason (X6). `maybe`: leads of which the new lead may
    be the same person, at most `MAX_DOUBTS` (K2). `id_reused`: the lead to which the vendor gave the same id before,
    for another person (K6). `hashes`: the keyed hashes of its handles (`models.erasure`). `split`: the lead was taken
    out of another one (K5).
    """

    lead_id: str
    facts: Facts
    why: str
    inquiry: Inquiry | None = None
    forbidden: dict[str, str] = msgspec.field(default_factory=dict, name="barred")
    maybe: tuple[str, ...] = ()
    id_reused: str | None = None
    hashes: tuple[str, ...] = ()
    split: SplitFrom | None = None


class HandleRetired(OrgDecisionBase, frozen=True, tag="handle_retired"):
    """A handle of this lead was met with `MET_TOO_OFTEN` last names. From now on it joins nobody (K1).

    `leads`: the leads that have it, this one first, at most 16 (`rules.org.persons.MAX_LEADS`).
    """

    lead_id: str
    handle: str
    leads: tuple[str, ...]


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
    `retention`: it follows from a lead whose retention period ended; `rep_id` is then empty.
    """

    leads: tuple[str, ...]
    rep_id: str
    cause: str
    why: str
    hashes: tuple[str, ...] = ()
    answer_to: str | None = None
    preview: bool = False
    retention: bool = False


class PersonForgotten(OrgDecisionBase, frozen=True, tag="person_forgotten"):
    """The org knows the person of an erased lead no more.

    `arrivals`, `handles`: how many of each were removed from the index of persons. `hashes`: how many keyed hashes were
    kept to recognise the person. `former`: the leads that it was taken out of, which are told.
    """

    lead_id: str
    arrivals: int
    handles: int
    hashes: int
    former: tuple[str, ...] = ()


class HandlesCorrected(OrgDecisionBase, frozen=True, tag="handles_corrected"):
    """A person corrected the phone or mail address of this lead, and the org's index of persons follows (M2).

    `handles`: those that the lead got or lost by it. `forbidden`: which of them are on the do-not-contact list, and
    why. `also`: other leads that have one of them. They stay leads of their own.
    """

    lead_id: str
    handles: tuple[str, ...]
    forbidden: dict[str, str] = msgspec.field(default_factory=dict, name="barred")
    also: tuple[str, ...] = ()


class OrgCorrection(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    omit_defaults=True,
    tag_field="row",
    tag="org_correction",
):
    """The phone and mail address of a lead as a person corrected them (M2). The newest row of a lead counts.

    `handles`: those that the lead has by a correction. `removed`: those that are not the lead's, although an arrival
    of it had them.
    """

    lead_id: str
    handles: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class DoNotContactChanged(OrgDecisionBase, frozen=True, tag="contact_barred"):
    """A handle of this lead was put on the do-not-contact list, or taken off it (`reason` None) (X6).

    `why`: why the lead does not have the handle any more (K5); None if the list itself changed.
    """

    lead_id: str
    handle: str
    reason: str | None
    why: str | None = None
