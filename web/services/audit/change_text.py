"""Says in words what a publication changed: "adds the rule State is one of RI, MA"."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from models.audit import AuditDifference
from rules.language.catalogue import FIELDS
from rules.language.operators import LABELS, Operator
from rules.language.value_labels import value_label
from web.services.names import Names

MOST_CHANGES: Final = 6
"""How many changes a sentence names. The others are counted."""
_MOST_VALUES: Final = 8
_LONGEST: Final = 120
_RULES: Final = re.compile(r"(inclusion|exclusion|filter)((?:\.rules\[\d+\])*)(?:\.(\w+))?(?:\..*)?")
_PLACE: Final = re.compile(r"\[(\d+)\]")
_WHERE: Final = {"inclusion": "", "exclusion": " to what is left out", "filter": " to the filter"}
_DIRECTIONS: Final = {"asc": "ascending", "desc": "descending"}
_LABELS: Final = {
    "sort": "order",
    "sort.field": "order",
    "sort.direction": "direction of the order",
    "combinator": "way in which rules are combined",
    "not": "negation",
    "max_open": "most open leads",
    "max_per_day": "most leads a day",
    "group_id": "group",
}
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
_PARTS: Final = {"field", "operator", "value"}
_OWN_IDS: Final = {"queue_id", "rep_id"}
_DEEPEST: Final = 8
_MOST_RULES: Final = 8


def changes_text(differences: Sequence[AuditDifference], *, is_new: bool = False) -> str:
    """Return the changes in words, separated by semicolons; empty if there are none. `is_new`: the object is new."""
    said = [
        text
        for some in _by_rule(differences)
        if (text := _replaced(some) or "; ".join(filter(None, (_change(one, is_new=is_new) for one in some))))
    ]
    more = len(said) - MOST_CHANGES
    return "; ".join(said[:MOST_CHANGES]) + (f"; and {more} more changes" if more > 0 else "")


def value_text(value: Any) -> str:
    """Return a value in words."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        if not value:
            return "nothing"
        named = ", ".join(value_text(one) for one in value[:_MOST_VALUES])
        return named + (f" and {len(value) - _MOST_VALUES} more" if len(value) > _MOST_VALUES else "")
    if isinstance(value, dict):
        if "direction" in value:
            return f"{field_label(value.get('field'))}, {_DIRECTIONS.get(value['direction'], 'ascending')}"
        if "rules" in value or "field" in value:
            return rule_text(value)
        if "amount" in value and "unit" in value:
            return f"{value['amount']} {value['unit']}s"
        parts = [
            f"{name.replace('_', ' ')} {value_text(one)}" for name, one in value.items() if one is not None
        ]
        return ", ".join(parts[:_MOST_VALUES])
    text = f"{value:,}" if isinstance(value, int | float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def rule_text(rule: Any, depth: int = 0, *, names: Names | None = None) -> str:
    """Return a rule, or a group of rules, in words. `names`: of the org, for rules about owners, queues and outcomes.

    A group names at most `_MOST_RULES` rules, and counts the others.
    """
    if not isinstance(rule, dict) or depth > _DEEPEST:
        return "a rule"
    if "rules" in rule:
        rules = rule["rules"]
        inner = [rule_text(one, depth + 1, names=names) for one in rules[:_MOST_RULES]] or ["every lead"]
        if (more := len(rules) - _MOST_RULES) > 0:
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
        return [_labelled(field, one, names) for one in value]
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


def _by_rule(differences: Sequence[AuditDifference]) -> Iterator[list[AuditDifference]]:
    """Yield the differences, those of the parts of one rule together."""
    for _, some in groupby(
        differences, key=lambda one: one.path.rpartition(".")[0] if _part(one) else one.path
    ):
        yield list(some)


def _part(one: AuditDifference) -> bool:
    return one.path.rpartition(".")[2] in _PARTS and "rules[" in one.path


def _replaced(some: Sequence[AuditDifference]) -> str:
    """Return what happened to a rule of which every part differs: another rule took its place."""
    if {one.path.rpartition(".")[2] for one in some} != _PARTS or not _part(some[0]):
        return ""
    old, new = ({one.path.rpartition(".")[2]: getattr(one, side) for one in some} for side in ("old", "new"))
    where = _WHERE.get(some[0].path.partition(".")[0], "")
    removed = f"removes the rule {rule_text(old)}{where.replace(' to ', ' from ')}"
    return f"{removed}; adds the rule {rule_text(new)}{where}"


def _change(one: AuditDifference, *, is_new: bool) -> str:
    if one.path == "…":
        return str(one.new)
    if one.path in _OWN_IDS or (one.old is None and one.new == []):
        return ""  # the sentence names the object, and an empty list of a new one says nothing
    found = _RULES.fullmatch(one.path)
    if found:
        return _of_rules(one, found[1], found[3])
    label = _label(one.path)
    old, new = (_named(one.path, value) for value in (one.old, one.new))
    if one.old is None:
        return f"{'with' if is_new else 'sets the'} {label} {new}"
    if one.new is None:
        return f"removes the {label}, which was {old}"
    return f"changes the {label} from {old} to {new}"


def _named(path: str, value: Any) -> str:
    """Return a value in words. Fields of leads have their labels."""
    if path == "columns" and isinstance(value, list):
        return value_text([field_label(one) for one in value])
    return field_label(value) if path == "sort.field" and value is not None else value_text(value)


def _of_rules(one: AuditDifference, tree: str, part: str | None) -> str:
    where = _WHERE[tree]
    if part in (None, "rules") and (isinstance(one.old, dict) or isinstance(one.new, dict)):
        said = []
        if one.old is not None and _is_rule(one.old):
            said.append(f"removes the rule {rule_text(one.old)}{where.replace(' to ', ' from ')}")
        if one.new is not None and _is_rule(one.new):
            said.append(f"adds the rule {rule_text(one.new)}{where}")
        return "; ".join(said)
    if part in (None, "combinator", "rules") and one.old is None:
        return ""  # of a new group of rules, whose rules are named
    what = _label(part or tree)
    return f"changes the {what} of a rule from {value_text(one.old)} to {value_text(one.new)}"


def _is_rule(value: Any) -> bool:
    return isinstance(value, dict) and ("field" in value or bool(value.get("rules")))


def _label(path: str) -> str:
    if path in _LABELS:
        return _LABELS[path]
    return " ".join(_words(path))


def _words(path: str) -> Iterator[str]:
    for part in path.split("."):
        place = _PLACE.search(part)
        name = _PLACE.sub("", part)
        yield _LABELS.get(name, name).replace("_", " ").removesuffix(" id")
        if place:
            yield str(int(place[1]) + 1)
