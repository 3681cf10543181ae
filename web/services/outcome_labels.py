"""Lists the org's outcomes, and their labels for people (D2, M8).

The log keeps values, because a value does not change when an org words it anew. Pages, texts and files show labels.
"""

from collections.abc import Iterator
from typing import Any

from rules.language.value_labels import value_label
from rules.queues.rule_book import OrgRules


def outcome_labels(rules: OrgRules) -> dict[str, str]:
    """Return the labels that the org gave its outcomes, in the org's order."""
    return {entry["outcome"]: entry["label"] for entry in _listed(rules)}


def outcome_label(rules: OrgRules, value: str) -> str:
    """Return the label of an outcome. One that the org did not list is shown as its value with spaces."""
    return outcome_labels(rules).get(value) or value_label(value)


def org_outcomes(rules: OrgRules) -> list[str]:
    """Return every outcome that the org uses: those it listed, in its order, then those of queues and settings."""
    of_queues = {outcome for queue in rules.queues.values() for outcome in queue.queue.outcomes}
    settings = {*rules.settings.closing_outcomes, *rules.settings.do_not_contact_outcomes}
    return list(dict.fromkeys([*outcome_labels(rules), *sorted(of_queues | settings)]))


def in_order(rules: OrgRules, outcomes: list[str]) -> list[str]:
    """Return outcomes in the org's order; those that it did not list come last, as they were."""
    position = {value: n for n, value in enumerate(outcome_labels(rules))}
    return sorted(outcomes, key=lambda outcome: position.get(outcome, len(position)))


def _listed(rules: OrgRules) -> Iterator[dict[str, Any]]:
    published = rules.objects.get(("settings", "settings"))
    yield from ((published.value if published else None) or {}).get("outcomes") or ()
