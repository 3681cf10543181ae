"""The events of a lead's log. The time of an event is the broker's timestamp, not a field."""

from datetime import datetime
from typing import Any, Final

import msgspec

from models.facts import Facts
from models.offers import OrgAnswer
from models.persons import Inquiry


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Events are tagged by their name. `lead_id` is the log's key; `cause` is an id that a repeat repeats."""

    lead_id: str
    cause: str


class LeadArrived(_Event, frozen=True, tag="lead_arrived"):
    """A vendor sent a lead, and its org has told whose it is (R6).

    `cause`: the arrival's own. `inquiry`: it is another inquiry of the lead; None where it is the lead's own arrival.
    `barred`: its handles that are not to be contacted, and why (X6). `place`: the offset in `org-log` of what the org
    decided it by; of one lead these only grow, so a repeat is known by it. -1: it came by no org.
    """

    facts: Facts
    inquiry: Inquiry | None = None
    barred: dict[str, str] = {}
    place: int = -1


class ArrivalMerged(_Event, frozen=True, tag="arrival_merged"):
    """The arrival of this id is no lead of its own: it was added to lead `into` as another inquiry (R6)."""

    into: str
    why: str


class SuppressionChanged(_Event, frozen=True, tag="suppression_changed"):
    """A handle of the lead was put on its org's do-not-contact list; `reason` None: it was taken off (X6).

    `place`: as of `LeadArrived`.
    """

    handle: str
    reason: str | None = None
    place: int = -1


NO_ORG: Final = ""
"""The org of an action that does not say readably whose it is: no lead is of it, so it is told nothing of any."""


class ActionRequested(_Event, frozen=True, tag="action_requested"):
    """A person or a CRM asks for something (docs/contracts, `lead-actions`); `cause` is the action id.

    `action`: the contract's `type`. The other fields belong to some actions only. `invalid`: a field that was sent and
    could not be read, and why; such an action is answered with reason `invalid` and changes nothing. `attributes`:
    what else was sent.
    """

    action: str
    rep_id: str
    org: str = "default"
    queue_id: str | None = None
    outcome: str | None = None
    note: str | None = None
    at: datetime | None = None
    epoch: int | None = None
    to_rep_id: str | None = None
    view_only: bool = False
    invalid: str | None = None
    attributes: dict[str, Any] = {}


class DeadlinePassed(_Event, frozen=True, tag="deadline_passed"):
    """A timer found a deadline due. It is a hint: the row says whether the epoch is still current (X3)."""

    kind: str
    due: datetime
    epoch: int


class RulesChanged(_Event, frozen=True, tag="rules_changed"):
    """A sweep found that the lead's places may differ under the org's rules of this version (Q6)."""

    version: int


class OrgAnswered(_Event, frozen=True, tag="org_answered"):
    """The lead's org found it a rep, or nobody, or takes one away (R3, S1, X2); the answer names the epoch it answers.

    `cause`: `org/{org}/{offset in org-log}/{n}`, so a repeat repeats it.
    """

    answer: OrgAnswer


class DirectoryPublished(_Event, frozen=True, tag="directory_published"):
    """An admin published, changed or removed (`value` None) one object of an org; `lead_id` is empty.

    `version`: the place in the `directory` topic; only grows. Appended to every partition of `lead-log`.
    """

    org: str
    kind: str
    object_id: str
    version: int
    value: dict[str, Any] | None = None


Event = (
    LeadArrived
    | ArrivalMerged
    | SuppressionChanged
    | ActionRequested
    | DeadlinePassed
    | RulesChanged
    | OrgAnswered
    | DirectoryPublished
)
