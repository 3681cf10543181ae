"""Moves the claim window of an open offer when its group publishes another pause schedule (R4)."""

from datetime import datetime

from msgspec.structs import replace

from models.lead import DeadlineKind, Lead, RepSearch, Search
from models.offer_decisions import WindowMoved
from rules.calendar.schedule import moved_window_end
from rules.lead.transition import Transition
from rules.queues.rule_book import OrgRules


def moved_search(lead: Lead, rules: OrgRules, at: datetime) -> Search | None:
    """Return the lead's search with the end of its window by its group's current schedule; None if it does not move.

    `at`: aware. Only a window counts; a ring is not paused.
    """
    search = lead.search
    if search is None or search.stage is not RepSearch.OFFERED or search.window_seconds is None:
        return None
    group = rules.groups.get(search.group_id)
    if group is None:
        return None
    until = moved_window_end(search.until, search.window_seconds, group.pause_hours, group.time_zone, at)
    return None if until == search.until else replace(search, until=until)


def move_window(transition: Transition) -> None:
    """Give the open offer the end that its group's current pause schedule says."""
    search = moved_search(transition.lead, transition.rules, transition.at)
    if search is None:
        return
    transition.update(search=search)
    transition.set_deadline(DeadlineKind.OFFER, search.until)
    ends = f"until {search.until.isoformat()}" if search.until else "without an end"
    transition.emit(
        WindowMoved(
            group_id=search.group_id,
            epoch=search.epoch,
            until=search.until,
            why=f"the pause schedule of {search.group_id} changed: the window runs {ends}",
        )
    )
