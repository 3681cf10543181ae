"""Says in words what a rule about leads means: "State is one of RI, MA", with names in place of ids."""

from typing import Any, Final

from rules.language.catalogue import FIELDS
from rules.language.operators import LABELS, Operator
from rules.language.value_labels import value_label
from web.services.names import Names

_MAX_VALUES: Final = 8
_LONGEST: Final = 120
_DEEPEST: Final = 8
_MAX_RULES: Final = 8
_DIRECTIONS: Final = {"asc": "ascending", "desc": "descending"}
_LABELLED: Final = {"loan_purpose", "property_type", "last_outcome", "phase", "how", "failure_reason"}
"""Fields of leads whose values are words of the contract."""
_YES_NO: Final = {
    "silenced": ("the lead must not be contacted", "the lead may be contacted"),
    "consent": ("the lead agreed to be contacted", "the lead did not agree to be contacted"),
    "owned": ("the lead has an owner", "the lead has no owner"),
    "owned_by_active": ("the lead has an active owner", "the lead has no active owner"),
    "claimed_once": ("the lead was claimed once", "the lead was never claimed"),
}
"""Fields of leads that are true or false, and what each of it means."""


def value_text(value: Any) -> str:
    """Return a value in words."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        if not value:
            return "nothing"
        listed = ", ".join(value_text(item) for item in value[:_MAX_VALUES])
        return listed + (f" and {len(value) - _MAX_VALUES} more" if len(value) > _MAX_VALUES else "")
    if isinstance(value, dict):
        if "direction" in value:
            return f"{field_label(value.get('field'))}, {_DIRECTIONS.get(value['direction'], 'ascending')}"
        if "rules" in value or "field" in value:
            return rule_text(value)
        if "amount" in value and "unit" in value:
            return f"{value['amount']} {value['unit']}s"
        parts = [
            f"{name.replace('_', ' ')} {value_text(part)}" for name, part in value.items() if part is not None
        ]
        return ", ".join(parts[:_MAX_VALUES])
    text = f"{value:,}" if isinstance(value, int | float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def rule_text(rule: Any, depth: int = 0, *, names: Names | None = None) -> str:
    """Return a rule, or a group of rules, in words. `names`: of the org, for rules about owners, queues and outcomes.

    A group names at most `_MAX_RULES` rules, and counts the others.
    """
    if not isinstance(rule, dict) or depth > _DEEPEST:
        return "a rule"
    if "rules" in rule:
        rules = rule["rules"]
        inner = [rule_text(child, depth + 1, names=names) for child in rules[:_MAX_RULES]] or ["every lead"]
        if (more := len(rules) - _MAX_RULES) > 0:
            inner.append(f"{more} more {'rule' if more == 1 else 'rules'}")
        joined = f" {rule.get('combinator', 'and')} ".join(inner)
        joined = f"({joined})" if len(inner) > 1 and depth else joined
        return f"not {joined}" if rule.get("not") else joined
    field, value = str(rule.get("field")), rule.get("value")
    label = field_label(rule.get("field"))
    try:
        operator = Operator(rule.get("operator", "="))
        does = LABELS[operator]
    except (ValueError, KeyError):
        operator, does = None, str(rule.get("operator"))
    if field in _YES_NO and isinstance(value, bool) and operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        yes, no = _YES_NO[field]
        return yes if value is (operator is Operator.EQUAL) else no
    if value is None or "null" in str(rule.get("operator")).lower():
        return f"{label} {does}"
    return f"{label} {does} {value_text(_labelled(field, value, names))}"


def _labelled(field: str, value: Any, names: Names | None) -> Any:
    """Return a rule's value with the names and labels that people read, where it has some."""
    if isinstance(value, list):
        return [_labelled(field, item, names) for item in value]
    if not isinstance(value, str):
        return value
    if names is not None:
        match field:
            case "owner" | "assigned_to":
                return names.rep(value)
            case "claimed_through":
                return names.queue(value)
            case "campaign":
                return names.campaign(value)
            case "via":
                return names.via(value)
            case "last_outcome":
                return names.outcome(value)
    return value_label(value) if field in _LABELLED else value


def field_label(name: Any) -> str:
    """Return the label of a field of leads."""
    field = FIELDS.get(str(name))
    return field.label if field else str(name or "a field").replace("_", " ")
