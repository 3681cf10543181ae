"""Defines the objects an admin publishes: queues, reps, settings (docs/contracts, `directory`)."""

from typing import Any, Final, Literal

import msgspec

from models.roster import WeekSpan

AttributeType = Literal["number", "text", "date", "boolean"]
"""`number`: amounts as people write them (`$12,000`, `12k`). `text`: also where a number was sent. `date`: an instant
in UTC, as text in RFC 3339, so that it sorts. `boolean`: yes and no, in the usual words (C4)."""


class SortOrder(msgspec.Struct, frozen=True):
    """A queue's order: one catalogue field, ascending or descending."""

    field: str = "arrived_at"
    direction: str = "asc"


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A call queue (Q1).

    `inclusion`, `exclusion`: rule trees as published. An empty inclusion matches every lead, an empty exclusion none.
    `columns`: the catalogue fields shown; a queue without columns is a blind queue (Q3). `teams`: the ids of the teams
    with access, `"*"` for everyone; `reps`: the reps with access beside the teams (Q4).
    """

    queue_id: str
    name: str = ""
    description: str = ""
    claimable: bool = False
    columns: tuple[str, ...] = ()
    inclusion: dict[str, Any] | None = None
    exclusion: dict[str, Any] | None = None
    sort: SortOrder = SortOrder()
    teams: tuple[str, ...] = ("*",)
    reps: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()


class Rep(msgspec.Struct, frozen=True, kw_only=True):
    """A person who works leads. `role`: admin, manager or rep. The org machine handles hours, caps and licences.

    `licensed_states`: also for what people do themselves, such as claims (M6); None: licences are not tracked.
    `max_open`: the cap of open leads, which the org counts (R9); None: no cap.
    """

    rep_id: str
    name: str = ""
    email: str | None = None
    role: str = "rep"
    teams: tuple[str, ...] = ()
    active: bool = True
    licensed_states: frozenset[str] | None = None
    max_open: int | None = None


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign: the source through which leads arrive, and the group they are distributed to.

    `default`: the campaign also takes leads that name no campaign of the org.
    """

    campaign_id: str
    name: str = ""
    description: str = ""
    vendor: str | None = None
    group_id: str | None = None
    default: bool = False


QUIET_HOURS: Final = (
    WeekSpan(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), from_="21:00", to="08:00"),
)
"""Default quiet hours: no telephone solicitation before 8:00 or after 21:00 local time of the called party (47 CFR
64.1200(c)(1))."""


class OrgSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An org's settings (D2, D4). `closing_outcomes`: the outcomes that close a lead.

    `time_zone`: whose days the dates in rules are, and in which times without an offset are read (C1).

    `quiet_hours`: when a lead is not called, in the lead's local time; an empty tuple switches them off (X6).
    `open_without_reps`: anyone may act again once the last rep of the org is removed; otherwise such an org stays
    closed. `owners_may_reassign`: a lead's owner may give it to another rep (M1); managers always may.
    `do_not_contact_outcomes`: the outcomes that put phone and mail address on the do-not-contact list (M8).
    `contact_kinds`: the kinds of activity that count as contact with the lead (M3).
    `max_locks`: how many leads without an owner a rep may have open in one partition of the log (M6).
    `enforce_licence`: a rep claims, is assigned or opens only leads whose state it is licensed in (M6).
    `enforce_caps`: no claim and no assignment gives a rep more than `max_open` open leads (M6).
    `protect_assigned_minutes`: how long a lead that somebody got is in no claimable queue (M4); 0: it is at once.
    `claims_per_minute`: how many claims of one rep are taken in any 60 seconds.
    `shared_handles`: phones and mail addresses that many people give, as typed; they join no arrivals (K1).
    `attribute_types`: how attributes of leads are read, by their names (C4).
    `retention_days`: how long a closed lead keeps its facts; None: for ever. `refuse_erased`: an arrival of an erased
    person is not taken; otherwise it is taken as a new lead.
    """

    time_zone: str = "UTC"
    lock_minutes: float = 60
    max_locks: int = 3
    enforce_licence: bool = True
    enforce_caps: bool = False
    protect_assigned_minutes: float = 60
    claims_per_minute: int = 600
    auto_claim_on_timed_callback: bool = True
    round_robin: bool = True
    closing_outcomes: tuple[str, ...] = ("closed_won", "closed_lost", "do_not_contact")
    quiet_hours: tuple[WeekSpan, ...] = QUIET_HOURS
    open_without_reps: bool = False
    retention_days: int | None = None
    refuse_erased: bool = False
    owners_may_reassign: bool = False
    do_not_contact_outcomes: tuple[str, ...] = ("do_not_contact",)
    contact_kinds: tuple[str, ...] = ("call", "email", "sms")
    shared_handles: tuple[str, ...] = ()
    attribute_types: dict[str, AttributeType] = {}
