"""Filters of groups and reps in the org's tests: one condition, and what meets it."""

from typing import Any

from models.lead import Lead


def meets(rule: dict[str, Any], lead: Lead) -> bool:
    """Ask a rule of one condition, `=`, of a lead."""
    (condition,) = rule["rules"]
    return bool(getattr(lead.facts, condition["field"]) == condition["value"])


def where(field: str, value: Any) -> dict[str, Any]:
    """Return a rule of one condition."""
    return {"combinator": "and", "rules": [{"field": field, "operator": "=", "value": value}]}
