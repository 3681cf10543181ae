"""Defines the models of the API's requests and responses. Fields are only added."""

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.corrections import CORRECTABLE
from models.results import Reason
from rules.lead.overrides import OverrideField


class Model(BaseModel):
    """The base of all models. Unknown fields in requests are rejected, so that typing errors are noticed."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Me(Model):
    """Who is signed in."""

    org: str
    rep_id: str
    name: str
    role: Literal["rep", "manager", "admin"]
    teams: list[str]
    scopes: list[str]
    csrf: str | None = Field(description="What a signed-in browser repeats in X-CSRF-Token with each write")


class QueueSummary(Model):
    """A queue that the person may see. `kind` personal: the rep's own."""

    queue_id: str
    name: str
    description: str
    claimable: bool
    columns: list[str]
    outcomes: list[str]
    size: int
    version: int


class LeadRow(Model):
    """A lead in a queue: its rank and only the columns that the queue shows (Q3)."""

    lead_id: str
    rank: int
    version: int
    columns: dict[str, Any]
    may_call: bool | None = Field(
        default=None,
        description="False: the lead must not be called (M8). Null: the queue shows no phone number",
    )
    may_claim: bool | None = Field(
        default=None, description="False: you may neither claim nor open it (M6); `why_not` says why"
    )
    why_not: str | None = None


class CallTime(Model):
    """The time of one lead. `until` and `call_from` are instants; `why` says why it may not be called now."""

    time_zone: str | None = Field(
        default=None, description="The lead's time zone; null if more than one is possible"
    )
    may_call: bool = True
    reason: Reason | None = None
    why: str | None = None
    until: datetime | None = Field(
        default=None, description="When quiet hours begin, if it may be called now"
    )
    call_from: datetime | None = Field(default=None, description="When it may be called again; null if never")
    window_seconds: int | None = Field(
        default=None, description="The claim window of the group that the lead's campaign distributes to"
    )


class QueuePage(Model):
    """A page of a queue as of one instant. `next`: the cursor of the following page, null at the end."""

    queue_id: str
    size: int
    rows: list[LeadRow]
    as_of: str = Field(description="The live feed's entry that this page is as of")
    next: str | None
    call_times: dict[str, CallTime] | None = Field(
        default=None, description="Lead -> its time, if they were asked for and the queue shows where it is"
    )


class Answer(Model):
    """The single answer to one action, as in `lead-decisions` (X4)."""

    action_id: str
    lead_id: str
    rep_id: str
    type: str
    result: Literal["won", "lost", "done", "refused"]
    reason: str | None
    owner: str | None
    owner_name: str | None = Field(
        default=None, description="The owner's name, where the org has published it"
    )
    version: int
    decided_at: datetime
    why: str | None
    merged_into: str | None = Field(
        default=None, description="There is no such lead: its arrival is another inquiry of this one (R6)"
    )
    call_from: datetime | None = Field(
        default=None,
        description="The promised time is in the lead's quiet hours: from then on it may be called, in the lead's time",
    )
    words: str | None = Field(default=None, description="`why` with people's names in place of their ids")
    problem: str | None = Field(
        default=None, description="`words` of a refusal without what a manager may do about it"
    )
    override: OverrideField | None = Field(
        default=None,
        description="The field with which the caller may do it all the same, with a reason (M6); null if nothing does",
    )


class Claim(Model):
    """A claim. `queue_id`: the queue of the claim; without it, any claimable queue that has the lead."""

    queue_id: str | None = None


class Action(Model):
    """Any other action of docs/contracts, `lead-actions`. The lead and the actor are known from the request."""

    type: Literal[
        "claim_now",
        "view",
        "release",
        "outcome",
        "callback",
        "accept",
        "decline",
        "press_one",
        "connect",
        "hang_up",
        "assign",
        "reassign",
        "unassign",
        "redistribute",
        "reopen",
        "update",
        "merge",
        "split",
        "ignore",
        "unignore",
        "reopen_claimable",
        "consent",
        "note",
        "activity",
        "dial",
    ]
    outcome: str | None = Field(default=None, max_length=200)
    note: str | None = Field(default=None, max_length=10_000)
    at: datetime | None = None
    epoch: int | None = None
    to_rep_id: str | None = Field(default=None, max_length=200)
    from_rep_id: str | None = Field(default=None, max_length=200)
    why: str | None = Field(default=None, max_length=1_000)
    kind: str | None = Field(default=None, max_length=200)
    into_lead_id: uuid.UUID | None = None
    inquiry_id: uuid.UUID | None = None
    facts: dict[str, str | int | float | bool | None] | None = Field(
        default=None, min_length=1, max_length=len(CORRECTABLE)
    )
    view_only: bool | None = None
    override_licence: bool | None = None
    override_cap: bool | None = None
