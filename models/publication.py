"""Defines the objects that an admin publishes, field by field as in docs/contracts. Unknown fields are kept.

Rule trees are not checked here. `rules/inbound/publication.py` parses them, together with all checks that need the
catalogue.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from models import moments, normalize
from models.activities import ActivityKind
from models.publication_fields import (
    DAY_SECONDS,
    MAX_ATTRIBUTE_TYPES,
    MAX_CLAIMS_PER_MINUTE,
    MAX_COLUMNS,
    MAX_ENTRIES,
    MAX_LOCK_MINUTES,
    MAX_LOCKS,
    MAX_MEMBERS,
    MAX_PROTECTION_MINUTES,
    MAX_RETENTION_DAYS,
    WEEK_SECONDS,
    Count,
    Description,
    Handle,
    Id,
    Ids,
    Instant,
    Kind,
    Label,
    Name,
    Published,
    Rules,
    State,
    Week,
    WeekSpan,
    Zone,
)
from models.publication_reach import ChatObject, MailObject, NotifyObject, SipUri, TelephoneObject


class Absence(Published):
    """A rep is away from one instant up to another."""

    from_: Instant = Field(alias="from")
    to: Instant

    @model_validator(mode="after")
    def _has_length(self) -> "Absence":
        start, end = moments.instant(self.from_), moments.instant(self.to)
        if start is not None and end is not None and start >= end:
            raise ValueError("from must be before to")
        return self


class Sort(Published):
    """A queue's sort order. The catalogue decides whether the field exists."""

    field: str = "arrived_at"
    direction: Literal["asc", "desc"] = "asc"


class QueueObject(Published):
    """A call queue (Q1)."""

    queue_id: Id
    name: Name = ""
    description: Description = ""
    claimable: bool = False
    columns: Annotated[list[str], Field(max_length=MAX_COLUMNS)] = []
    inclusion: Rules | None = None
    exclusion: Rules | None = None
    sort: Sort = Sort()
    teams: Ids = ["*"]
    reps: Ids = []
    outcomes: Ids = []


class RepObject(Published):
    """A person who works leads (R9). `notify`: how the rep wants to hear of news (N8).

    `telephone`: the SIP URI at which the rep is called; without one the rep is called by phone (N4).
    `availability`: whether the rep is offered leads (R9). `last_lead`: one more, and after the rep has a lead, none.
    `availability_at`: when that was chosen; a later choice of `last_lead` is for another lead.
    """

    rep_id: Id
    name: Name = ""
    email: Name | None = None
    phone: Name | None = None
    role: Literal["admin", "manager", "rep"] = "rep"
    teams: Ids = []
    active: bool = True
    licensed_states: Annotated[list[State], Field(max_length=MAX_ENTRIES)] | None = None
    hours: Week | None = None
    absences: Annotated[list[Absence], Field(max_length=MAX_ENTRIES)] = []
    max_open: Count | None = None
    max_per_day: Count | None = None
    filter: Rules | None = None
    time_zone: Zone | None = None
    notify: NotifyObject = NotifyObject()
    telephone: SipUri | None = None
    availability: Literal["available", "paused", "last_lead"] = "available"
    availability_at: Instant | None = None


class Member(Published):
    """A rep's position on a roster. A rep with `weight` 2 gets two turns for each turn of a rep with weight 1."""

    rep_id: Id
    weight: Annotated[int, Field(ge=1, le=1_000)] = 1


class GroupObject(Published):
    """A distribution group: an ordered roster with a method (R1, S1, S5)."""

    group_id: Id
    name: Name = ""
    method: Literal["round_robin", "roster", "ring_all", "distribute_all", "queue"]
    members: Annotated[list[Member], Field(max_length=MAX_MEMBERS)] = []
    filter: Rules | None = None
    claim_window_seconds: Annotated[int, Field(ge=1, le=WEEK_SECONDS)] | None = None
    ring_seconds: Annotated[int, Field(ge=1, le=DAY_SECONDS)] | None = None
    pause: Week | None = None
    time_zone: Zone | None = None

    @model_validator(mode="after")
    def _once_each(self) -> "GroupObject":
        rep_ids: set[str] = set()
        for member in self.members:
            if member.rep_id in rep_ids:
                raise ValueError(f"{member.rep_id} is on the roster twice: give it a weight instead")
            rep_ids.add(member.rep_id)
        return self


class CampaignObject(Published):
    """A campaign: the source through which leads arrive, and the group they are distributed to."""

    campaign_id: Id
    name: Name = ""
    description: Description = ""
    vendor: Name | None = None
    group_id: Id | None = None
    default: bool = False


Asked = Literal["optional", "required"]
"""Whether messages must be signed."""


class VendorBinding(Published):
    """What one vendor may send. `key_ids`: the keys it signs with.

    `campaigns`: the only ones allowed; null allows any.
    """

    key_ids: Ids = []
    campaigns: Ids | None = None
    signature: Asked = "required"


def _vendor_names(vendors: dict[str, VendorBinding]) -> dict[str, VendorBinding]:
    for name in vendors:
        if normalize.vendor(name) != name:
            raise ValueError(f"{name!r} must be written as it is kept: {normalize.vendor(name)!r}")
    return vendors


class OutcomeObject(Published):
    """An outcome that reps record, and the words that people read for it."""

    outcome: Id
    label: Label


def _distinguishable(outcomes: list[OutcomeObject]) -> list[OutcomeObject]:
    outcome_of_label: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.outcome in outcome_of_label.values():
            raise ValueError(f"{outcome.outcome} is listed twice")
        if outcome_of_label.setdefault(outcome.label.casefold(), outcome.outcome) != outcome.outcome:
            raise ValueError(f"two outcomes are both shown as {outcome.label}")
    return outcomes


class SettingsObject(Published):
    """An org's settings (D2, D4, R1, X6).

    `time_zone`: of the org (C1): its days are meant by dates in rules, and times of leads without an offset are
    read in it. UTC if not given. `quiet_hours`: in the lead's local time; an empty list switches them off.
    `open_without_reps`: anyone may act again once the org's last rep is removed. `signed_arrivals`,
    `signed_actions`: whether every lead and every action must be signed. `key_ids`: the keys of the org's own
    programs, such as console and CRM, which sign actions and leads of any vendor. `vendors`: vendor -> binding.
    `outcomes`: the org's outcomes in the order in which people choose them, with the words that people read.
    `owners_may_reassign`: a lead's owner may give it to another rep (M1). `do_not_contact_outcomes`: the outcomes
    that put phone and mail address on the do-not-contact list (M8). `contact_kinds`: the kinds of activity that
    count as contact with the lead (M3). `max_locks`: how many leads without an owner a rep may have open (M6).
    `enforce_licence`: a rep claims, is assigned or opens only leads whose state it is licensed in (M6).
    `enforce_caps`: no claim and no assignment gives a rep more than `max_open` open leads (M6).
    `protect_assigned_minutes`: how long a lead that somebody got is in no claimable queue (M4); 0: it is at once.
    `claims_per_minute`: how many claims of one rep are taken in any 60 seconds.
    `shared_handles`: phones and mail addresses that many people give, such as a vendor's switchboard. They join no
    arrivals (K1). A phone without an extension covers all its extensions.
    `attribute_types`: how attributes of leads are read, by their names: as a number (`$12,000`), text, date or boolean
    (C4). A value that cannot be read is kept under `attributes.invalid`. Without a type it is kept as it was sent.
    `retention_days`: how long a closed lead keeps its facts, and its decisions their words; null: for ever.
    `refuse_erased`: whether an arrival of an erased person is refused. `mail`: the org's mails to its reps (N2).
    `telephone`: the org's telephone (N4). `chat`: the chats that get what reps get as push messages (N3).
    """

    time_zone: Zone | None = None
    lock_minutes: Annotated[float, Field(gt=0, le=MAX_LOCK_MINUTES, allow_inf_nan=False)] = 60
    max_locks: Annotated[int, Field(ge=1, le=MAX_LOCKS)] = 3
    enforce_licence: bool = True
    enforce_caps: bool = False
    protect_assigned_minutes: Annotated[
        float, Field(ge=0, le=MAX_PROTECTION_MINUTES, allow_inf_nan=False)
    ] = 60
    claims_per_minute: Annotated[int, Field(ge=1, le=MAX_CLAIMS_PER_MINUTE)] = 600
    auto_claim_on_timed_callback: bool = True
    round_robin: bool = True
    outcomes: Annotated[
        list[OutcomeObject], Field(max_length=MAX_ENTRIES), AfterValidator(_distinguishable)
    ] = []
    closing_outcomes: Ids = ["closed_won", "closed_lost", "do_not_contact"]
    quiet_hours: Week = [
        WeekSpan.model_validate(
            {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "21:00", "to": "08:00"}
        )
    ]
    open_without_reps: bool = False
    retention_days: Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS)] | None = None
    refuse_erased: bool = False
    owners_may_reassign: bool = False
    do_not_contact_outcomes: Ids = ["do_not_contact"]
    contact_kinds: Annotated[list[Kind], Field(max_length=len(ActivityKind))] = ["call", "email", "sms"]
    shared_handles: Annotated[list[Handle], Field(max_length=MAX_ENTRIES)] = []
    attribute_types: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=100)], Literal["number", "text", "date", "boolean"]
        ],
        Field(max_length=MAX_ATTRIBUTE_TYPES),
    ] = {}
    signed_arrivals: Asked = "optional"
    signed_actions: Asked = "optional"
    key_ids: Ids = []
    vendors: Annotated[
        dict[str, VendorBinding], Field(max_length=MAX_ENTRIES), AfterValidator(_vendor_names)
    ] = {}
    mail: MailObject = MailObject()
    telephone: TelephoneObject = TelephoneObject()
    chat: ChatObject = ChatObject()


KINDS: Final[dict[str, tuple[type[Published], str | None]]] = {
    "queue": (QueueObject, "queue_id"),
    "rep": (RepObject, "rep_id"),
    "group": (GroupObject, "group_id"),
    "campaign": (CampaignObject, "campaign_id"),
    "settings": (SettingsObject, None),
}
"""kind -> the object's model, and the field that repeats the id of the key."""


def with_id(kind: str, object_id: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its own id added, as a publication requires."""
    id_field = KINDS[kind][1]
    return value if id_field is None else {id_field: object_id, **value}
