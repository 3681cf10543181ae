"""Finds leads that a publication changes.

It may change them by new queue rules (Q6), a group's new pause schedule (R4), or a rep who leaves or returns (X2, M4).
"""

from datetime import datetime

from models.events import DirectoryPublished
from models.lead import Lead
from rules.lead.offer_windows import moved_distribution
from rules.queues import stale_placements
from rules.queues.rule_book import OrgRules, RuleBook


def is_stale(lead: Lead, rules: OrgRules, now: datetime) -> bool:
    """Say whether the current rules would change the lead: its queues, who has it open, or its offer's window."""
    return stale_placements.is_stale(lead, rules, now) or moved_distribution(lead, rules, now) is not None


def presence_changed(event: DirectoryPublished, before: RuleBook, after: RuleBook) -> bool:
    """Say whether a publication makes a rep leave, return or begin (X2, M4).

    The first rep of an open org counts too: everybody else may not act any more. A new rep may own leads from the time
    when its org was open.
    """
    if event.kind != "rep":
        return False
    rep_id, old, new = event.object_id, before.org(event.org), after.org(event.org)
    return new.has_left(rep_id) or old.has_left(rep_id) or old.is_open is not new.is_open


def pauses_changed(event: DirectoryPublished, before: RuleBook, after: RuleBook) -> bool:
    """Say whether a publication changes the pause schedule of a group, so that open windows may move (R4)."""
    if event.kind != "group":
        return False
    old, new = (rule_book.org(event.org).groups.get(event.object_id) for rule_book in (before, after))
    return new is not None and (old is None or old.pauses != new.pauses)
