"""Reserves a place with a rep for an action that would give the rep a lead, or refuses it because of the cap (M6).

The org's log decides the order, like that of offers, so a rep never has more places than the cap allows, however many
claims, assignments and offers come at once. The lead's own messages end each reservation.
"""

from typing import TYPE_CHECKING

from models.org_decisions import CapacityReturned, OrgEventIgnored, PlaceDecided
from models.org_events import PlaceRequested, PlaceUnused
from models.reserved_place import LAPSES, ReservedPlace
from rules.org.transition import OrgTransition

if TYPE_CHECKING:
    from models.org_rows import OrgRep


def reserve_place(transition: OrgTransition, event: PlaceRequested) -> None:
    """Reserve a place, or refuse. An action that has a place already gets the same one, with a new time.

    Places that were never used nor returned lapse here.
    """
    rep_id, action_id = event.rep_id, event.action.cause
    row = transition.rep(rep_id)
    current = tuple(
        reserved
        for reserved in row.places
        if transition.at - reserved.since < LAPSES
        and not _is_reserved_for(reserved, event.lead_id, action_id)
    )
    has_place = any(_is_reserved_for(reserved, event.lead_id, action_id) for reserved in row.places)
    open_leads = row.open_leads - len(row.places) + len(current)
    plan = transition.directory.rep(rep_id)
    limit = plan.max_open if plan is not None else None
    granted = has_place or limit is None or open_leads < limit
    if granted:
        current = (*current, ReservedPlace(event.lead_id, action_id, transition.at))
    if current != row.places:
        transition.change_rep(rep_id, places=current)
    if len(current) < len(row.places):
        transition.freed.add(rep_id)
    transition.emit(
        PlaceDecided(
            lead_id=event.lead_id,
            rep_id=rep_id,
            granted=granted,
            open=open_leads,
            most=limit,
            action=event.action,
        )
    )


def return_place(transition: OrgTransition, event: PlaceUnused) -> None:
    """Return a place that is not needed."""
    if use_place(transition, event.rep_id, event.lead_id, event.action_id):
        transition.freed.add(event.rep_id)
        transition.emit(CapacityReturned(lead_id=event.lead_id, rep_id=event.rep_id, why=event.why))
    else:
        why = f"no place is reserved with {event.rep_id} for {event.action_id}"
        transition.emit(OrgEventIgnored(object_id=event.lead_id, why=why))


def use_place(transition: OrgTransition, rep_id: str, lead_id: str, action_id: str | None) -> bool:
    """Remove a rep's reserved place, if there is one; say whether there was."""
    row: OrgRep = transition.rep(rep_id)
    if not row.places:
        return False
    remaining = tuple(
        reserved for reserved in row.places if not _is_reserved_for(reserved, lead_id, action_id)
    )
    if len(remaining) == len(row.places):
        return False
    transition.change_rep(rep_id, places=remaining)
    return True


def _is_reserved_for(reserved: ReservedPlace, lead_id: str, action_id: str | None) -> bool:
    return (reserved.lead_id, reserved.action_id) == (lead_id, action_id)
