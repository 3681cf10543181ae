"""Reps and groups of the directory as distribution needs them (docs/contracts, `rep`, `group`; R9)."""

from datetime import datetime
from typing import Any

import msgspec


class WeekSpan(msgspec.Struct, frozen=True):
    """Hours on some days of the week: `to` before `from` runs past midnight, `24:00` is the end of the day."""

    days: tuple[str, ...]
    from_: str = msgspec.field(name="from")
    to: str


class Absence(msgspec.Struct, frozen=True):
    """A rep is away from one instant up to, not including, another."""

    from_: datetime = msgspec.field(name="from")
    to: datetime


class Member(msgspec.Struct, frozen=True):
    """A rep's place on a roster; `weight` 2 is two turns for everybody else's one."""

    rep_id: str
    weight: int = 1


class RepTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Under what terms a rep is given leads (R9).

    `licensed_states` None: licences are not tracked; empty: licensed nowhere. `hours` None: always; empty: never.
    `max_open`: leads a rep holds or is offered at once; `max_per_day`: leads distributed to it on one day of its
    `time_zone` (UTC where none is given); None is no cap. `filter`: the rule its leads must meet.
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


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution group: an ordered roster with a method (R1, S1, S5).

    `claim_window_seconds` None: an offer has no end of its own. `pause`: when transfers stop (R4), in `time_zone`.
    """

    group_id: str
    method: str = "round_robin"
    members: tuple[Member, ...] = ()
    filter: dict[str, Any] | None = None
    claim_window_seconds: int | None = None
    ring_seconds: int | None = None
    pause: tuple[WeekSpan, ...] = ()
    time_zone: str = "UTC"
