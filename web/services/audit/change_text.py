"""Says in words what a publication changed: "adds the rule State is one of RI, MA"."""

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import groupby
from typing import Any, Final

from models.audit import AuditDifference
from web.services.audit.value_words import readable
from web.services.names import Names
from web.services.rule_words import field_label, rule_text, value_text

MOST_CHANGES: Final = 6
"""How many changes a sentence names. The others are counted."""
_RULES: Final = re.compile(r"(inclusion|exclusion|filter)((?:\.rules\[\d+\])*)(?:\.(\w+))?(?:\..*)?")
_RULE: Final = re.compile(r"((?:inclusion|exclusion|filter)(?:\.rules\[\d+\])*)\.?(.*)")
"""The path of a rule, and the path inside it."""
_INDEX: Final = re.compile(r"\[(\d+)\]")
_ENTRY: Final = re.compile(r"([\w.]+)\[(\d+)\]")
"""The path of one entry of a list."""
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
    "members": "roster",
    "hours": "working hours",
    "pause": "pause schedule",
    "notify": "ways in which news comes",
    "notify.offers": "ways in which offers come",
    "notify.assignments": "ways in which news of own leads comes",
    "notify.inquiries": "ways in which news of inquiries comes",
    "notify.callbacks": "ways in which promised calls are named",
    "notify.digests": "ways in which digests come",
    "notify.quiet_times": "quiet times",
}
_SILENT: Final = {"availability_at"}
"""Paths that only programs need."""
_PARTS: Final = {"field", "operator", "value"}
_OWN_IDS: Final = {"queue_id", "rep_id"}


def changes_text(
    differences: Sequence[AuditDifference], *, is_new: bool = False, names: Names | None = None
) -> str:
    """Return the changes in words, separated by semicolons; empty if there are none.

    `is_new`: the object is new. `names`: of the org, for rules about owners, queues and outcomes.
    """
    texts = change_texts(differences, is_new=is_new, names=names)
    more = len(texts) - MOST_CHANGES
    return "; ".join(texts[:MOST_CHANGES]) + (f"; and {more} more changes" if more > 0 else "")


def change_texts(
    differences: Sequence[AuditDifference], *, is_new: bool = False, names: Names | None = None
) -> list[str]:
    """Return each change in words. `is_new` and `names` as in `changes_text`."""
    texts = []
    for some in _by_rule(differences):
        text = _rule_changed(some, names) or _replaced(some, names)
        if not text:
            text = "; ".join(filter(None, (_change(one, names, is_new=is_new) for one in some)))
        if text:
            texts.append(text)
    return texts


def _by_rule(differences: Sequence[AuditDifference]) -> Iterator[list[AuditDifference]]:
    """Yield the differences, those of the parts of one rule together."""

    def object_of(one: AuditDifference) -> str:
        if _has_rule(one):
            return _inside_rule(one)[0]
        return one.path.rpartition(".")[0] if _part(one) else one.path

    for _, some in groupby(differences, key=object_of):
        yield list(some)


def _has_rule(one: AuditDifference) -> bool:
    return isinstance(one.rule, dict) and _RULE.fullmatch(one.path) is not None


def _inside_rule(one: AuditDifference) -> tuple[str, str]:
    found = _RULE.fullmatch(one.path)
    return (found[1], found[2]) if found else (one.path, "")


def _rule_changed(some: Sequence[AuditDifference], names: Names | None) -> str:
    """Return how a rule changed of which parts differ: each record has the new rule, from which the old one follows."""
    rule = some[0].rule
    if not _has_rule(some[0]) or not isinstance(rule, dict):
        return ""
    before = deepcopy(rule)
    for one in some:
        *outer, name = _inside_rule(one)[1].split(".")
        inside: Any = before
        for part in outer:
            inside = inside.get(part) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            inside[name] = one.old
    old, new = rule_text(before, names=names), rule_text(rule, names=names)
    where = _WHERE.get(some[0].path.partition(".")[0], "")
    if before.get("field") == rule.get("field"):
        where = where.replace(" to ", " of ", 1)
        return f"changes the rule {old}{where} to {new}" if old != new else ""
    return f"removes the rule {old}{where.replace(' to ', ' from ')}; adds the rule {new}{where}"


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
    if one.path in _OWN_IDS | _SILENT or (one.old is None and one.new in ([], {})):
        return ""  # the sentence names the object, and an empty list of a new one says nothing
    found = _RULES.fullmatch(one.path)
    if found:
        return _of_rules(one, found[1], found[3], names)
    old, new = (_named(one.path, value, names) for value in (one.old, one.new))
    entry = _ENTRY.fullmatch(one.path)
    if entry and one.old is None:
        return f"adds {new} to the {_label(entry[1])}"
    if entry and one.new is None:
        return f"removes {old} from the {_label(entry[1])}"
    label = _label(one.path)
    if one.old is None:
        return f"{'with' if is_new else 'sets the'} {label} {new}"
    if one.new is None:
        return f"removes the {label}, which was {old}"
    return f"changes the {label} from {old} to {new}"


def _named(path: str, value: Any, names: Names | None) -> str:
    """Return a value in words: names and labels in place of ids and values of the contract."""
    if path == "columns" and isinstance(value, list):
        return value_text([field_label(one) for one in value])
    if path == "sort.field" and value is not None:
        return field_label(value)
    if path == "sort.direction":
        return "descending" if value == "desc" else "ascending"
    return value_text(readable(path, value, names))


def _of_rules(one: AuditDifference, tree: str, part: str | None, names: Names | None) -> str:
    where = _WHERE[tree]
    if part in (None, "rules") and (isinstance(one.old, dict) or isinstance(one.new, dict)):
        texts = []
        if one.old is not None and _is_rule(one.old):
            texts.append(
                f"removes the rule {rule_text(one.old, names=names)}{where.replace(' to ', ' from ')}"
            )
        if one.new is not None and _is_rule(one.new):
            texts.append(f"adds the rule {rule_text(one.new, names=names)}{where}")
        return "; ".join(texts)
    if part in (None, "combinator", "rules") and one.old is None:
        return ""  # of a new group of rules, whose rules are named
    what = _label(part or tree)
    return f"changes the {what} of a rule from {value_text(one.old)} to {value_text(one.new)}"


def _is_rule(value: Any) -> bool:
    return isinstance(value, dict) and ("field" in value or bool(value.get("rules")))


def _label(path: str) -> str:
    if path in _LABELS:
        return _LABELS[path]
    entry = re.fullmatch(r"([\w.]+)\[(\d+)\]\.(.+)", path)
    if entry:
        return f"{_label(entry[3])} of entry {int(entry[2]) + 1} of the {_label(entry[1])}"
    return " ".join(_words(path))


def _words(path: str) -> Iterator[str]:
    for part in path.split("."):
        index = _INDEX.search(part)
        name = _INDEX.sub("", part)
        yield _LABELS.get(name, name).replace("_", " ").removesuffix(" id")
        if index:
            yield str(int(index[1]) + 1)
