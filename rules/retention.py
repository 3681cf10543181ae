"""Says until when a closed lead keeps its facts: its org's retention period, counted from when it was closed.

The end of the period is a deadline in the lead's row, like every other. So the timers find it without a scan, in
bounded portions, and it survives a crash.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models.lead import DeadlineKind, Lead, Phase

if TYPE_CHECKING:
    from rules.lead.transition import Transition
    from rules.queues.rule_book import OrgRules


def settle_retention(transition: Transition) -> None:
    """Note since when a lead is closed, and set the deadline at which it is erased."""
    lead, before = transition.lead, transition.before_event
    if lead.phase is not Phase.CLOSED:
        if lead.closed_at is not None:
            transition.update(closed_at=None)
            transition.set_deadline(DeadlineKind.RETENTION, None)
        return
    if lead.closed_at is None:
        already = before is not None and before.phase is Phase.CLOSED
        transition.update(closed_at=before.updated_at if already and before else transition.at)
    transition.set_deadline(DeadlineKind.RETENTION, retained_until(transition.lead, transition.rules))


def retained_until(lead: Lead, rules: OrgRules) -> datetime | None:
    """Return when a lead is to be erased; None if it keeps its facts."""
    days = rules.settings.retention_days
    if days is None or lead.phase is not Phase.CLOSED or lead.erased_at is not None:
        return None
    if lead.merged is not None:  # it is erased with the lead that it was merged into
        return None
    return (lead.closed_at or lead.updated_at) + timedelta(days=days)


def retention_is_stale(lead: Lead, rules: OrgRules) -> bool:
    """Say whether the current settings would erase a lead at another time."""
    deadline = lead.deadline(DeadlineKind.RETENTION)
    return (deadline.due if deadline else None) != retained_until(lead, rules)
