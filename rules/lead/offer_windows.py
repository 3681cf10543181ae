"""Moves the claim window of an open offer when its group publishes another pause schedule (R4)."""

from datetime import datetime

from msgspec.structs import replace

from models.lead import DeadlineKind, Distribution, DistributionStatus, Lead
from models.offer_decisions import WindowMoved
from rules.calendar.schedule import moved_window_end
from rules.lead.transition import Transition
from rules.queues.rule_book import OrgRules


def moved_distribution(lead: Lead, rules: OrgRules, at: datetime) -> Distribution | None:
    """Return the distribution with its window's end by the group's current schedule; None if it does not move.

    `at`: aware. Only a window counts; a ring is not paused.
    """
    distribution = lead.open_distribution
    if (
        distribution is None
        or distribution.stage is not DistributionStatus.OFFERED
        or distribution.window_seconds is None
    ):
        return None
    group = rules.groups.get(distribution.group_id)
    if group is None:
        return None
    until = moved_window_end(
        distribution.until, distribution.window_seconds, group.pause_hours, group.time_zone, at
    )
    return None if until == distribution.until else replace(distribution, until=until)


def move_window(transition: Transition) -> None:
    """Give the open offer the end that its group's current pause schedule says."""
    distribution = moved_distribution(transition.lead, transition.rules, transition.at)
    if distribution is None:
        return
    transition.update(open_distribution=distribution)
    transition.set_deadline(DeadlineKind.OFFER, distribution.until)
    ends = f"until {distribution.until.isoformat()}" if distribution.until else "without an end"
    transition.emit(
        WindowMoved(
            group_id=distribution.group_id,
            epoch=distribution.epoch,
            until=distribution.until,
            why=f"the pause schedule of {distribution.group_id} changed: the window runs {ends}",
        )
    )
