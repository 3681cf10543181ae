"""Puts names and labels in place of the ids and values of publications: "rep-7" is shown as "Scott Lee"."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from rules.language.value_labels import value_label
from web.services.names import Names

_REPS: Final = {"rep_id", "reps", "to_rep_id", "owner", "assigned_to", "actor"}
_GROUPS: Final = {"group_id", "group"}
_QUEUES: Final = {"queue_id", "queue", "claimed_through"}
_CAMPAIGNS: Final = {"campaign", "campaigns", "campaign_id"}
_OUTCOMES: Final = {"outcome", "outcomes", "closing_outcomes", "do_not_contact_outcomes", "last_outcome"}
_LABELLED: Final = {
    "method",
    "role",
    "availability",
    "signature",
    "signed_arrivals",
    "signed_actions",
    "contact_kinds",
    "days",
    "phase",
    "how",
    "failure_reason",
    "loan_purpose",
    "property_type",
    "offers",
    "assignments",
    "inquiries",
    "callbacks",
    "digests",
    "templates",
    "events",
}
"""Fields whose values are words of the contract."""
_EVERY_TEAM: Final = "*"
_INDEX: Final = re.compile(r"\[\d+\]")
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)")


def readable(path: str, value: Any, names: Names | None) -> Any:
    """Return a value of a publication as people name it. `path`: where it is. `names`: of the org.

    An entry of a list is one text: a member of a roster, working hours of some days, an outcome. Texts that people
    wrote, numbers and ids without a name stay as they are.
    """
    parts = [_INDEX.sub("", part) for part in path.split(".")]
    if parts[:1] == ["attribute_types"] and isinstance(value, str):
        return value_label(value)
    if parts[:2] == ["telephone", "inbound"]:
        return _each_text(value, lambda campaign_id: names.campaign(campaign_id) if names else campaign_id)
    return _readable(parts[-1], value, names)


def _readable(field: str, value: Any, names: Names | None) -> Any:
    if isinstance(value, list):
        return [_readable(field, item, names) for item in value]
    if isinstance(value, Mapping):
        return _entry(value, names)
    if not isinstance(value, str):
        return value
    if field == "teams" and value == _EVERY_TEAM:
        return "every team"
    if field in _LABELLED:
        return value_label(value)
    if match := _INSTANT.fullmatch(value):
        return f"{match[1]} {match[2]} UTC"
    return value if names is None else _name(field, value, names)


def _name(field: str, value: str, names: Names) -> str:
    if field in _REPS:
        return names.rep(value)
    if field in _GROUPS:
        return names.group(value)
    if field in _QUEUES:
        return names.queue(value)
    if field in _CAMPAIGNS:
        return names.campaign(value)
    if field in _OUTCOMES:
        return names.outcome(value)
    return names.via(value) or value if field == "via" else value


def _entry(value: Mapping[str, Any], names: Names | None) -> Any:
    """Return one entry of a list as a text, any other object with readable values."""
    shown = {field: _readable(field, part, names) for field, part in value.items()}
    match sorted(value):
        case ["rep_id"] | ["rep_id", "weight"]:
            weight = value.get("weight", 1)
            return str(shown["rep_id"]) + ("" if weight == 1 else f" (weight {weight})")
        case ["days", "from", "to"]:
            return f"{' '.join(shown['days'])} {value['from']} to {value['to']}"
        case ["from", "to"]:
            return f"{shown['from']} to {shown['to']}"
        case ["label", "outcome"]:
            return str(value["label"])
    return shown


def _each_text(value: Any, say: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _each_text(item, say) for name, item in value.items()}
    return say(value) if isinstance(value, str) else value
