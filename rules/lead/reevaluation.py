"""Finds leads that a publication changes: by new queue rules (Q6), or by a group's new pause schedule (R4)."""

from datetime import datetime

from models.events import DirectoryPublished
from models.lead import Lead
from rules.lead.offer_windows import moved_search
from rules.queues import reevaluation
from rules.queues.rule_book import OrgRules, RuleBook


def is_stale(lead: Lead, rules: OrgRules, now: datetime) -> bool:
    """Say whether the current rules would change the lead: its queues, who has it open, or its offer's window."""
    return reevaluation.is_stale(lead, rules, now) or moved_search(lead, rules, now) is not None


def pauses_changed(event: DirectoryPublished, before: RuleBook, after: RuleBook) -> bool:
    """Say whether a publication changes the pause schedule of a group, so that open windows may move (R4)."""
    if event.kind != "group":
        return False
    old, new = (book.org(event.org).groups.get(event.object_id) for book in (before, after))
    return new is not None and (old is None or old.pauses != new.pauses)
