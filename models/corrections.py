"""Defines what people may correct of a lead's facts, and what a lead remembers of it (M2)."""

from datetime import datetime
from typing import Any, Final

import msgspec

from models.decision_base import DecisionBase

CORRECTABLE: Final = (
    "campaign",
    "first_name",
    "last_name",
    "email",
    "phone",
    "state",
    "zip",
    "loan_purpose",
    "loan_amount",
    "credit_score",
    "property_type",
    "silenced",
    "consent",
    "time_zone",
)
"""The facts that may be corrected. The others say which arrival the lead came by, or are the vendor's own."""
VERSIONS_KEPT: Final = 16
"""The number of newest versions that a lead's row keeps. The CRM's table `decision` has all of them."""
MAX_VERSION_BYTES: Final = 32 * 1024
"""The maximum of a lead's kept versions, as bytes of JSON. The oldest ones go first."""
MAX_REMOVED_HANDLES: Final = 64
"""How many wrong phones and mail addresses of a lead are remembered. A correction beyond it is refused."""


class FactChange(msgspec.Struct, frozen=True, gc=False):
    """One field that a person corrected. `old` and `new` are normalised; None is empty.

    They are equal if the person confirmed a value: no arrival changes the field from then on.
    """

    field: str
    old: Any
    new: Any


class FactsCorrected(DecisionBase, frozen=True, tag="facts_corrected"):
    """A person corrected the lead's facts (M2). `why`: the difference in words. `reason`: what the person gave."""

    rep_id: str
    changes: tuple[FactChange, ...]
    why: str
    reason: str | None = None


class FactsVersion(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One correction: its author, its time, what it changed, and the reason that the author gave."""

    rep_id: str
    at: datetime
    changes: tuple[FactChange, ...]
    why: str | None = None


class Corrections(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What people have corrected of one lead.

    `fields`: the corrected fields, in the order of `CORRECTABLE`. No arrival changes or fills them. `versions`: the
    newest corrections, the oldest first. `removed_handles`: phones and mail addresses that are not the lead's; no
    arrival brings them back. `unchecked`: handles whose org has not said yet whether they are on the do-not-contact
    list; until then the lead is not connected (X6).
    """

    fields: tuple[str, ...] = ()
    versions: tuple[FactsVersion, ...] = ()
    removed_handles: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


NOTHING_CORRECTED: Final = Corrections()


def newest_versions(versions: tuple[FactsVersion, ...]) -> tuple[FactsVersion, ...]:
    """Return the newest versions within the bounds. The newest one is always kept."""
    newest = versions[-VERSIONS_KEPT:]
    while len(newest) > 1 and len(msgspec.json.encode(newest)) > MAX_VERSION_BYTES:
        newest = newest[1:]
    return newest
