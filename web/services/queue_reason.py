"""Says in words why leads are in a call queue: its rules, once for all of its rows (X1, Q3)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rules.queues.rule_book import OrgRules
from web.services.names import Names
from web.services.rule_words import rule_text

_ALWAYS_SHOWN: Final = frozenset({"owned", "owned_by_active", "claimed_once", "arrived_at", "days_in_queue"})
"""Facts that reps may know of every lead in a list: none says who the prospect is, or who had the lead."""


def queue_reason(rules: OrgRules, queue_id: str, *, oversees: bool) -> str | None:
    """Return why leads are in a shared queue, in a sentence.

    None for a rep if the rules name a fact of the prospect that the queue does not show: its leads have that fact (Q3).
    None as well if the queue's newest publication does not compile, because other rules are used then.
    """
    published = rules.objects.get(("queue", queue_id))
    if published is None or published.value is None or ("queue", queue_id) in rules.problems:
        return None
    value = published.value
    if not oversees and not _is_shown(value):
        return None
    return rules_sentence(value, rules) or "Every lead is here."


def rules_sentence(value: Mapping[str, Any], rules: OrgRules) -> str | None:
    """Return the rules of a queue or a view in a sentence; None if it has none."""
    names, included, left_out = Names(rules), value.get("inclusion"), value.get("exclusion")
    if not _has_rules(included) and not _has_rules(left_out):
        return None
    texts = [rule_text(included, names=names) if _has_rules(included) else "every lead"]
    if _has_rules(left_out):
        texts.append(f"not if {rule_text(left_out, names=names)}")
    return f"Why they are here: {'; '.join(texts)}."


def _has_rules(tree: Any) -> bool:
    return isinstance(tree, Mapping) and bool(tree.get("rules"))


def _is_shown(value: Mapping[str, Any]) -> bool:
    columns = {name for name in value.get("columns") or () if name}
    used_fields = {field for part in ("inclusion", "exclusion") for field in _fields(value.get(part))}
    # A list that shows the phone number says of each row whether it may be called (M8).
    shown = columns | _ALWAYS_SHOWN | ({"silenced"} if "phone" in columns else set())
    return bool(columns) and used_fields <= shown


def _fields(tree: Any) -> Iterator[str]:
    if not isinstance(tree, Mapping):
        return
    if "field" in tree:
        yield str(tree["field"])
    for rule in tree.get("rules") or ():
        yield from _fields(rule)
