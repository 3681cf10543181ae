"""Computes a lead's queues and their validity from the published objects, without index, closures or sharing."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from models.lead import Lead, Phase
from rules.queues.rule_book import OrgRules
from tests.rules.language.reference_language import UNITS, meets, queue_since, value_of

NOWHERE = frozenset({Phase.LOCKED, Phase.WORKING, Phase.CLOSED, Phase.IGNORED, Phase.OFFERED})


def protected_until(lead: Lead, rules: OrgRules) -> datetime | None:
    """Return until when a fresh assignment is in no claimable queue (M4)."""
    minutes = rules.settings.protect_assigned_minutes
    if lead.owner is None or lead.assigned_at is None or lead.how == "claim":
        return None
    return queue_since(lead) + timedelta(minutes=minutes)


def open_queues(lead: Lead, rules: OrgRules) -> list[str]:
    """Return the queues that the lead's phase allows, whatever their rules say (D1, D3, Q10, Q11)."""
    if lead.phase in NOWHERE:
        return []
    if lead.claimed_through is not None and lead.failed is not None and lead.failed.reason == "orphaned":
        return []
    return [
        queue_id
        for queue_id, compiled in rules.queues.items()
        if (lead.claimed_through is None if compiled.queue.claimable else lead.owner is None)
    ]


def takes(rules: OrgRules, queue_id: str, lead: Lead, now: datetime) -> bool:
    """Return whether a queue's rules accept a lead: every inclusion rule and no exclusion rule (Q2)."""
    queue = rules.queues[queue_id].queue
    included = not queue.inclusion or meets(queue.inclusion, lead, now)
    excluded = bool(queue.exclusion and queue.exclusion["rules"]) and meets(queue.exclusion or {}, lead, now)
    protected = protected_until(lead, rules) if queue.claimable else None
    return included and not excluded and (protected is None or now >= protected)


def placements(lead: Lead, rules: OrgRules, now: datetime) -> set[str]:
    """Return the ids of the lead's queues."""
    return {queue_id for queue_id in open_queues(lead, rules) if takes(rules, queue_id, lead, now)}


def valid_until(lead: Lead, rules: OrgRules, now: datetime) -> datetime | None:
    """Return when time alone next changes the result of a queue, by trying every possible instant."""
    queues = open_queues(lead, rules)
    protected = protected_until(lead, rules)
    instants: set[datetime] = set() if protected is None else {protected}
    for queue_id in queues:
        queue = rules.queues[queue_id].queue
        for raw in (queue.inclusion, queue.exclusion):
            for field, length in _relative(raw or {}):
                if (value := value_of(lead, field)) is not None:
                    instants |= {value - length, value, value + length}
            instants |= {queue_since(lead) + days * UNITS["day"] for days in _day_counts(raw or {})}
    before = {queue_id: takes(rules, queue_id, lead, now) for queue_id in queues}
    return next(
        (
            at
            for at in sorted(instants)
            if at > now
            and any(takes(rules, queue_id, lead, at) is not before[queue_id] for queue_id in queues)
        ),
        None,
    )


def _day_counts(raw: dict[str, Any]) -> Iterator[int]:
    """Yield the numbers of days at which a condition on `days_in_queue` may change."""
    for rule in raw.get("rules", ()):
        yield from _day_counts(rule)
    if raw.get("field") == "days_in_queue":
        for days in raw["value"] if isinstance(raw["value"], list) else [raw["value"]]:
            yield from (days, days + 1)


def _relative(raw: dict[str, Any]) -> Iterator[tuple[str, timedelta]]:
    for rule in raw.get("rules", ()):
        yield from _relative(rule)
    if raw.get("operator") in ("inLast", "notInLast", "inNext"):
        yield raw["field"], raw["value"]["amount"] * UNITS[raw["value"]["unit"]]
