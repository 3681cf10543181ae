"""Defines the decisions of erasure: a lead was erased, or an erased person's arrival was refused (docs/erasure.md)."""

from models.decision_base import DecisionBase


class ArrivalDropped(DecisionBase, frozen=True, tag="arrival_dropped"):
    """An arrival of an erased person was not taken. Nothing of it is kept but this."""

    why: str


class InquiryErased(DecisionBase, frozen=True, tag="inquiry_erased"):
    """A lead that had been taken out of this one was erased. The record replaces the one of the split (K5)."""

    inquiry_id: str


class LeadErased(DecisionBase, frozen=True, tag="lead_erased"):
    """The facts of the lead were erased, with everything that repeats them. The lead stays, closed and empty.

    `rep_id`: who requested it; None if the org's retention period ended. `hashes`: the keyed hashes by which the person
    is recognised from now on; none after a retention period.
    """

    rep_id: str | None
    why: str
    hashes: tuple[str, ...] = ()
