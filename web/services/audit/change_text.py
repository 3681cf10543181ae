"""Says in words what a publication changed: "adds the rule State is one of RI, MA"."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from models.audit import AuditDifference
from web.services.names import Names
from web.services.rule_words import field_label, rule_text, value_text

MOST_CHANGES: Final = 6
"""How many changes a sentence names. The others are counted."""
_RULES: Final = re.compile(r"(inclusion|exclusion|filter)((?:\.rules\[\d+\])*)(?:\.(\w+))?(?:\..*)?")
_PLACE: Final = re.compile(r"\[(\d+)\]")
_WHERE: Final = {"inclusion": "", "exclusion": " to what is left out", "filter": " to the filter"}
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
_PARTS: Final = {"field", "operator", "value"}
_OWN_IDS: Final = {"queue_id", "rep_id"}


def changes_text(
    differences: Sequence[AuditDifference], *, is_new: bool = False, names: Names | None = None
) -> str:
    """Return the changes in words, separated by semicolons; empty if there are none.

    `is_new`: the object is new. `names`: of the org, for rules about owners, queues and outcomes.
    """
    said = []
    for some in _by_rule(differences):
        text = _replaced(some, names)
        if not text:
            text = "; ".join(filter(None, (_change(one, names, is_new=is_new) for one in some)))
        if text:
            said.append(text)
    more = len(said) - MOST_CHANGES
    return "; ".join(said[:MOST_CHANGES]) + (f"; and {more} more changes" if more > 0 else "")


def _by_rule(differences: Sequence[AuditDifference]) -> Iterator[list[AuditDifference]]:
    """Yield the differences, those of the parts of one rule together."""
    for _, some in groupby(
        differences, key=lambda one: one.path.rpartition(".")[0] if _part(one) else one.path
    ):
        yield list(some)


def _part(one: AuditDifference) -> bool:
    return one.path.rpartition(".")[2] in _PARTS and "rules[" in one.path


def _replaced(some: Sequence[AuditDifference], names: Names | None) -> str:
    """Return what happened to a rule of which every part differs: another rule took its place."""
    if {one.path.rpartition(".")[2] for one in some} != _PARTS or not _part(some[0]):
        return ""
    old, new = ({one.path.rpartition(".")[2]: getattr(one, side) for one in some} for side in ("old", "new"))
    where = _WHERE.get(some[0].path.partition(".")[0], "")
    removed = f"removes the rule {rule_text(old, names=names)}{where.replace(' to ', ' from ')}"
    return f"{removed}; adds the rule {rule_text(new, names=names)}{where}"


def _change(one: AuditDifference, names: Names | None, *, is_new: bool) -> str:
    if one.path == "…":
        return str(one.new)
    if one.path in _OWN_IDS or (one.old is None and one.new == []):
        return ""  # the sentence names the object, and an empty list of a new one says nothing
    found = _RULES.fullmatch(one.path)
    if found:
        return _of_rules(one, found[1], found[3], names)
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


def _of_rules(one: AuditDifference, tree: str, part: str | None, names: Names | None) -> str:
    where = _WHERE[tree]
    if part in (None, "rules") and (isinstance(one.old, dict) or isinstance(one.new, dict)):
        said = []
        if one.old is not None and _is_rule(one.old):
            said.append(
                f"removes the rule {rule_text(one.old, names=names)}{where.replace(' to ', ' from ')}"
            )
        if one.new is not None and _is_rule(one.new):
            said.append(f"adds the rule {rule_text(one.new, names=names)}{where}")
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
