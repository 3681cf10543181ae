"""Defines the records by which two leads are joined by hand and an inquiry is taken out again (K5).

A manager merges a lead into another one. The lead then closes, keeps its facts, and counts as an inquiry of the other
one. A split takes an inquiry out: a merged lead is what it was before, and an arrival that was added to a lead becomes
a lead of its own. The org decides whether two leads may be merged, because they may lie in different logs.
"""

from datetime import datetime
from typing import Final

import msgspec

from models.facts import Facts
from models.open_exception import OpenException

MERGED: Final = "merged"
"""The outcome with which a merged lead closes."""
MAX_KEPT: Final = 32
"""How many inquiries of a lead can be taken out again. Beyond it the oldest one that came as an arrival is dropped."""
MAX_MERGED: Final = 16
"""How many leads may be merged into one, directly and through others."""
MAX_FORMER: Final = 32
"""How many leads a lead remembers that it was taken out of. An erasure reaches what those say about it."""
MAX_KEPT_BYTES: Final = 256 * 1024
"""The maximum of a lead's kept inquiries, as bytes of JSON. Beyond it the oldest ones are dropped."""


class MergeAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The org's answer to the action `merge`.

    `message`: as in `models.reserved_place.PlaceAnswer`. `into`: the lead that counts.
    """

    message: str
    into: str
    granted: bool
    why: str


class MergedLead(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a merged lead brings beside its facts.

    `rep_id`: the manager. `inquiries`: its arrivals. `handles`: those of all its arrivals and its entries in the
    do-not-contact list. `open`: it was neither closed nor ignored. `callback_at`: the call it was promised (M7).
    """

    rep_id: str
    inquiries: int = 1
    handles: tuple[str, ...] = ()
    open: bool = False
    callback_at: datetime | None = None


class Merge(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """That a lead was merged into another one. `cause`: the action's id. `phase`, `last_outcome`: as they were.

    `exception`: that of an ignored lead, which is ignored again once it is taken out.
    """

    into: str
    rep_id: str
    cause: str
    phase: str
    last_outcome: str | None = None
    exception: OpenException | None = None


class KeptInquiry(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An inquiry as its lead remembers it, so that it can be taken out again.

    `filled`: the lead's fields that it completed. `attributes`: the names of the attributes that it completed.
    `merged`: set if it is a lead that was merged.
    """

    facts: Facts
    filled: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    merged: MergedLead | None = None


class SplitFrom(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """That a lead was taken out of lead `lead_id` by the manager `rep_id`."""

    lead_id: str
    rep_id: str
    why: str


class OrgMerged(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_merged"
):
    """A lead and all its arrivals belong to the lead `into`; None: it is a lead of its own again (K5).

    The newest row of a lead counts. `cause`: the id of the action. `pending`: the lead has not confirmed it yet.
    """

    lead_id: str
    into: str | None = None
    cause: str = ""
    pending: bool = False


class OrgSplit(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_split"
):
    """The arrival `inquiry_id` is no longer an inquiry of lead `lead_id` but a lead of its own (K5).

    `handles`, `apart`, `name`: those of the new lead, as in `models.org_rows.OrgPerson`. `lost`: the handles that the
    former lead had only by this inquiry. `lost_name`: the digest of the last name that it had only by this inquiry. A
    row without handles replaces that of an erased lead.
    """

    inquiry_id: str
    lead_id: str
    handles: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    name: str | None = None
    lost: tuple[str, ...] = ()
    lost_name: str | None = None
