"""Says in sentences what a file would change: "Adds the rep Mia Jones, with email mia@lender.example."."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from application.directory.changes import ChangePlan, differences
from application.directory.objects import Objects, Value
from models.audit import AuditDifference
from models.publication import KINDS
from rules.language.value_labels import value_label
from rules.queues.rule_book import Key
from web.services.audit.change_text import changes_text

NOUNS: Final = {"rep": "rep", "group": "group", "campaign": "campaign", "queue": "view"}
_VERBS: Final = {"added": "Adds", "changed": "Changes", "removed": "Removes"}
_LABELLED: Final = {"rep": ("role", "availability"), "group": ("method",)}
"""Fields whose values are words of the contract, and have labels."""
MAX_SENTENCES: Final = 500


class Sentence(msgspec.Struct, frozen=True):
    """What happens to one object."""

    change: Literal["added", "changed", "removed"]
    kind: str
    id: str
    text: str


def sentences(plan: ChangePlan, before: Objects) -> list[Sentence]:
    """Return a sentence for each change of a plan, at most `MAX_SENTENCES`. `before`: what is published."""
    after = {**before, **{key: value for key, value in plan.objects.items() if value is not None}}
    listed = []
    for change in plan.changes[:MAX_SENTENCES]:
        key = (change.kind, change.id)
        old, new = before.get(key), plan.objects.get(key)
        change_text = "" if new is None else _change_text(change.kind, old, new, after)
        remark = f" Its newest publication was refused: {change.remark}." if change.remark else ""
        summary = f"{_VERBS[change.change]} {object_in_words(key, after)}"
        text = f"{summary}{': ' + change_text if change_text else ''}.{remark}"
        listed.append(Sentence(change.change, change.kind, change.id, text))
    return listed


def object_in_words(key: Key, objects: Objects) -> str:
    """Return an object as people name it: "the rep Mia Jones"."""
    kind, object_id = key
    if kind not in NOUNS:
        return "the settings"
    return f"the {NOUNS[kind]} {_name(key, objects) or object_id}"


def _name(key: Key, objects: Objects) -> str:
    return str((objects.get(key) or {}).get("name") or key[1])


def _change_text(kind: str, old: Value | None, new: Value, names: Objects) -> str:
    if old is None:
        new = {
            name: value
            for name, value in new.items()
            if name != "name" and not _is_default(kind, name, value)
        }
    changes = differences(_readable(kind, old or {}, names), _readable(kind, new, names))
    return changes_text(
        [
            AuditDifference(difference.path, difference.old, difference.new, difference.rule)
            for difference in changes
        ],
        is_new=old is None,
    )


def _is_default(kind: str, name: str, value: Any) -> bool:
    fields = KINDS[kind][0].model_fields
    return value in (None, "", [], {}) or (name in fields and fields[name].default == value)


def _readable(kind: str, value: Value, names: Objects) -> Value:
    """Return an object with the names of others in place of their ids, and labels in place of the contract's words."""
    own = f"{kind}_id"
    shown = {field: inner for field, inner in value.items() if field != own}
    for field in _LABELLED.get(kind, ()):
        if isinstance(shown.get(field), str):
            shown[field] = value_label(shown[field])
    for field in ("hours", "pause"):
        if shown.get(field):
            shown[field] = [_span(span) for span in shown[field]]
    if kind == "group" and "members" in shown:
        shown["roster"] = list(_roster(shown.pop("members"), names))
    if kind == "campaign" and shown.get("group_id"):
        shown["group"] = _name(("group", shown.pop("group_id")), names)
    if kind == "queue" and shown.get("reps"):
        shown["reps"] = [_name(("rep", rep), names) for rep in shown["reps"]]
    return shown


def _span(span: Mapping[str, Any]) -> str:
    """Return working hours of some days: "Mon Tue Wed 09:00 to 17:00"."""
    days = " ".join(str(day).title() for day in span.get("days", ()))
    return f"{days} {span.get('from')} to {span.get('to')}"


def _roster(members: list[Mapping[str, Any]], names: Objects) -> Iterator[str]:
    for member in members:
        weight = member.get("weight", 1)
        yield _name(("rep", member["rep_id"]), names) + ("" if weight == 1 else f" (weight {weight})")
