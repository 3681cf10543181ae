"""Defines the decisions about an action that needs a reserved place with a rep (M6, `models.reserved_place`)."""

from models.decision_base import DecisionBase
from models.events import ActionRequested


class PlaceSought(DecisionBase, frozen=True, tag="place_sought"):
    """An action would give the lead to `rep_id`, so the org is asked for a place. It is not answered yet."""

    rep_id: str
    action: ActionRequested
    why: str


class PlaceReturned(DecisionBase, frozen=True, tag="place_returned"):
    """The place that the org reserved for an action is not needed. Another lead may have it."""

    rep_id: str
    action_id: str
    why: str
