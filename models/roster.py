"""Defines reps and groups of the directory, with the fields for distribution (docs/contracts, `rep`, `group`; R9)."""

from datetime import datetime
from typing import Any, Final

import msgspec

AVAILABLE: Final = "available"
PAUSED: Final = "paused"
LAST_LEAD: Final = "last_lead"
"""What a rep chose: to be offered leads, none, or one more (R9)."""


class WeekSpan(msgspec.Struct, frozen=True):
    """Hours on some days of the week. If `to` is before `from`, they run past midnight.

    `24:00` is the end of the day.
    """

    days: tuple[str, ...]
    from_: str = msgspec.field(name="from")
    to: str


class Absence(msgspec.Struct, frozen=True):
    """A rep is absent from one instant up to, but not including, another."""

    from_: datetime = msgspec.field(name="from")
    to: datetime


class Member(msgspec.Struct, frozen=True):
    """A rep's position on a roster. A rep with `weight` 2 gets two turns for each turn of a rep with weight 1."""

    rep_id: str
    weight: int = 1


class RepTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions under which a rep is given leads (R9).

    `licensed_states` None: licences are not tracked; empty: the rep is licensed nowhere. `hours` None: always; empty:
    never. `max_open`: the leads a rep may own or be offered at once. `max_per_day`: the leads that may be distributed
    to the rep on one day of its `time_zone` (UTC if none is given). None means no cap. `filter`: the rule that the
    rep's leads must meet. `availability`: `available`, `paused` (no leads), or `last_lead` (one more lead, then none);
    `availability_at`: when it was chosen, which tells one `last_lead` from the next.
    """

    rep_id: str
    active: bool = True
    licensed_states: frozenset[str] | None = None
    hours: tuple[WeekSpan, ...] | None = None
    absences: tuple[Absence, ...] = ()
    max_open: int | None = None
    max_per_day: int | None = None
    filter: dict[str, Any] | None = None
    time_zone: str = "UTC"
    availability: str = AVAILABLE
    availability_at: str | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution group: an ordered roster with a method (R1, S1, S5).

    `claim_window_seconds` None: an offer does not expire. `pause`: when transfers stop (R4), in `time_zone`.
    """

    group_id: str
    method: str = "round_robin"
    members: tuple[Member, ...] = ()
    filter: dict[str, Any] | None = None
    claim_window_seconds: int | None = None
    ring_seconds: int | None = None
    pause: tuple[WeekSpan, ...] = ()
    time_zone: str = "UTC"
