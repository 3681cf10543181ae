"""Finds leads whose queues change under new rules. A publication re-evaluates them one by one (Q6)."""

from datetime import datetime

from models.lead import DeadlineKind, Lead
from rules.queues.rule_book import OrgRules
from rules.retention import retention_is_stale


def is_stale(lead: Lead, rules: OrgRules, now: datetime) -> bool:
    """Say whether the current rules would change the lead's placements, its columns or its next change by time.

    A lead that no new rule takes today may have to be taken in a week, so its deadline must be set for that (Q2). A rep
    who has left keeps no lead open (X2), and rules may ask whether a lead's owner has left (M4).
    """
    if lead.owner is not None and rules.has_left(lead.owner) is not lead.owner_left:
        return True
    if lead.lock is not None and rules.has_left(lead.lock.rep_id):
        return True
    if lead.evaluated == rules.version:
        return False
    if retention_is_stale(lead, rules):
        return True
    evaluation = rules.evaluate(lead, now)
    sort_keys, deadline = evaluation.sort_keys, lead.deadline(DeadlineKind.RULES)
    if sort_keys.keys() != lead.placements.keys() or evaluation.valid_until != (
        deadline.due if deadline else None
    ):
        return True
    return any(
        rules.queues[queue_id].version != placement.rules_version or sort_keys[queue_id] != placement.sort_key
        for queue_id, placement in lead.placements.items()
    )
