"""Defines the decisions about leads that managers merge and inquiries that they take out (K5)."""

from models.decision_base import DecisionBase
from models.events import ActionRequested
from models.facts import Facts


class MergeSought(DecisionBase, frozen=True, tag="merge_sought"):
    """A manager wants to merge the lead into `into`, so the org is asked. The action is not answered yet."""

    into: str
    action: ActionRequested
    why: str


class MergeReturned(DecisionBase, frozen=True, tag="merge_returned"):
    """The org granted a merge, and the lead cannot follow it. It stays a lead of its own."""

    action_id: str
    why: str


class InquirySplit(DecisionBase, frozen=True, tag="inquiry_split"):
    """A manager took an inquiry out of the lead. It is a lead of its own again, under its own id.

    `facts`: those of the inquiry. `emptied`: the lead's fields that the inquiry had filled and that have another value
    or none now. `handles`: those the lead has left, with their extensions; `names`: the digests of its last names.
    `suppressed`: the handles on the do-not-contact list that the lead had until then. `merged`: the inquiry is a lead
    that was merged before.
    """

    inquiry_id: str
    rep_id: str
    why: str
    facts: Facts
    emptied: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    merged: bool = False


class LeadSplit(DecisionBase, frozen=True, tag="lead_split"):
    """The lead was taken out of lead `from_lead_id`. `owner`: who has it again, if anybody."""

    from_lead_id: str
    rep_id: str
    owner: str | None
    why: str
