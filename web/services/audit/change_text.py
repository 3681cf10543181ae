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

MAX_CHANGES: Final = 6
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
    more = len(texts) - MAX_CHANGES
    return "; ".join(texts[:MAX_CHANGES]) + (f"; and {more} more changes" if more > 0 else "")


def change_texts(
    differences: Sequence[AuditDifference], *, is_new: bool = False, names: Names | None = None
) -> list[str]:
    """Return each change in words. `is_new` and `names` as in `changes_text`."""
    texts = []
    for group in _by_rule(differences):
        text = _rule_changed(group, names) or _replaced(group, names)
        if not text:
            text = "; ".join(
                filter(None, (_change(difference, names, is_new=is_new) for difference in group))
            )
        if text:
            texts.append(text)
    return texts


def _by_rule(differences: Sequence[AuditDifference]) -> Iterator[list[AuditDifference]]:
    """Yield the differences, those of the parts of one rule together."""

    def object_of(difference: AuditDifference) -> str:
        if _has_rule(difference):
            return _inside_rule(difference)[0]
        return difference.path.rpartition(".")[0] if _is_rule_part(difference) else difference.path

    for _, group in groupby(differences, key=object_of):
        yield list(group)


def _has_rule(difference: AuditDifference) -> bool:
    return isinstance(difference.rule, dict) and _RULE.fullmatch(difference.path) is not None


def _inside_rule(difference: AuditDifference) -> tuple[str, str]:
    match = _RULE.fullmatch(difference.path)
    return (match[1], match[2]) if match else (difference.path, "")


def _rule_changed(group: Sequence[AuditDifference], names: Names | None) -> str:
    """Return how a rule changed of which parts differ: each record has the new rule, from which the old one follows."""
    rule = group[0].rule
    if not _has_rule(group[0]) or not isinstance(rule, dict):
        return ""
    before = deepcopy(rule)
    for difference in group:
        *outer, name = _inside_rule(difference)[1].split(".")
        inside: Any = before
        for part in outer:
            inside = inside.get(part) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            inside[name] = difference.old
    old, new = rule_text(before, names=names), rule_text(rule, names=names)
    phrase = _WHERE.get(group[0].path.partition(".")[0], "")
    if before.get("field") == rule.get("field"):
        phrase = phrase.replace(" to ", " of ", 1)
        return f"changes the rule {old}{phrase} to {new}" if old != new else ""
    return f"removes the rule {old}{phrase.replace(' to ', ' from ')}; adds the rule {new}{phrase}"


def _is_rule_part(difference: AuditDifference) -> bool:
    return difference.path.rpartition(".")[2] in _PARTS and "rules[" in difference.path


def _replaced(group: Sequence[AuditDifference], names: Names | None) -> str:
    """Return what happened to a rule of which every part differs: another rule took its place."""
    if {difference.path.rpartition(".")[2] for difference in group} != _PARTS or not _is_rule_part(group[0]):
        return ""
    old, new = (
        {difference.path.rpartition(".")[2]: getattr(difference, side) for difference in group}
        for side in ("old", "new")
    )
    phrase = _WHERE.get(group[0].path.partition(".")[0], "")
    removed = f"removes the rule {rule_text(old, names=names)}{phrase.replace(' to ', ' from ')}"
    return f"{removed}; adds the rule {rule_text(new, names=names)}{phrase}"


def _change(difference: AuditDifference, names: Names | None, *, is_new: bool) -> str:
    if difference.path == "…":
        return str(difference.new)
    if difference.path in _OWN_IDS | _SILENT or (difference.old is None and difference.new in ([], {})):
        return ""  # the sentence names the object, and an empty list of a new one says nothing
    match = _RULES.fullmatch(difference.path)
    if match:
        return _rule_change_text(difference, match[1], match[3], names)
    old, new = (_value_words(difference.path, value, names) for value in (difference.old, difference.new))
    entry = _ENTRY.fullmatch(difference.path)
    if entry and difference.old is None:
        return f"adds {new} to the {_label(entry[1])}"
    if entry and difference.new is None:
        return f"removes {old} from the {_label(entry[1])}"
    label = _label(difference.path)
    if difference.old is None:
        return f"{'with' if is_new else 'sets the'} {label} {new}"
    if difference.new is None:
        return f"removes the {label}, which was {old}"
    return f"changes the {label} from {old} to {new}"


def _value_words(path: str, value: Any, names: Names | None) -> str:
    """Return a value in words: names and labels in place of ids and values of the contract."""
    if path == "columns" and isinstance(value, list):
        return value_text([field_label(name) for name in value])
    if path == "sort.field" and value is not None:
        return field_label(value)
    if path == "sort.direction":
        return "descending" if value == "desc" else "ascending"
    return value_text(readable(path, value, names))


def _rule_change_text(difference: AuditDifference, tree: str, part: str | None, names: Names | None) -> str:
    phrase = _WHERE[tree]
    if part in (None, "rules") and (isinstance(difference.old, dict) or isinstance(difference.new, dict)):
        texts = []
        if difference.old is not None and _is_rule(difference.old):
            texts.append(
                f"removes the rule {rule_text(difference.old, names=names)}{phrase.replace(' to ', ' from ')}"
            )
        if difference.new is not None and _is_rule(difference.new):
            texts.append(f"adds the rule {rule_text(difference.new, names=names)}{phrase}")
        return "; ".join(texts)
    if part in (None, "combinator", "rules") and difference.old is None:
        return ""  # of a new group of rules, whose rules are named
    label = _label(part or tree)
    return f"changes the {label} of a rule from {value_text(difference.old)} to {value_text(difference.new)}"


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
