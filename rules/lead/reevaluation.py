"""Finds leads that a publication changes: by new queue rules (Q6), or by a group's new pause schedule (R4)."""

from datetime import datetime

from models.lead import Lead
from rules.lead.offer_windows import moved_search
from rules.queues import reevaluation
from rules.queues.rule_book import OrgRules


def is_stale(lead: Lead, rules: OrgRules, now: datetime) -> bool:
    """Say whether the current rules would change the lead: its queues, who has it open, or its offer's window."""
    return reevaluation.is_stale(lead, rules, now) or moved_search(lead, rules, now) is not None
