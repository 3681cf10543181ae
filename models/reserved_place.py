"""Describes a reserved place: room for one more open lead of a rep, which the org reserves for an action (M6).

The lead asks its org (`PlaceSought`), and the org sends the action back with its answer (`PlaceAnswer`). The lead then
decides the action, and the place becomes that of the owned lead or is returned (`PlaceReturned`).
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

USABLE: Final = timedelta(minutes=10)
"""How long a lead may use a place after the org reserved it. Later the lead asks again."""
LAPSES: Final = timedelta(hours=1)
"""When a reserved place that was neither used nor returned is free again. It is well above `USABLE`, so that the org
has heard of each used place before."""


class PlaceAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The org's answer: whether `rep_id` may have one more open lead.

    `message`: the answer's identity, `org/{org}/{offset in org-log}/{n}`; a repeat has the same one. `open`: the rep's
    open leads, with offers and reserved places, without this one. `most`: the rep's cap; None if it has none any more.
    `decided_at`: the broker's time of the answer. `error`: why the org could not answer.
    """

    message: str
    rep_id: str
    granted: bool
    decided_at: datetime
    open: int = 0
    most: int | None = None
    error: str | None = None


class ReservedPlace(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A place that is reserved with a rep for one action on one lead."""

    lead_id: str
    action_id: str
    since: datetime
