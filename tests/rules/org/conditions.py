"""Filters of groups and reps for the org's tests: a rule with one condition, and whether a lead meets it."""

from typing import Any

from models.lead import Lead


def meets(rule: dict[str, Any], lead: Lead) -> bool:
    """Return whether a lead meets a rule of one `=` condition."""
    (condition,) = rule["rules"]
    return bool(getattr(lead.facts, condition["field"]) == condition["value"])


def where(field: str, value: Any) -> dict[str, Any]:
    """Return a rule of one condition."""
    return {"combinator": "and", "rules": [{"field": field, "operator": "=", "value": value}]}
