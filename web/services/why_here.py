"""Says in words why leads are in a call queue: its rules, once for all of its rows (X1, Q3)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rules.language.catalogue import FIELDS
from rules.queues.rule_book import OrgRules
from web.services.audit.change_text import rule_text

_OF_THE_LEAD: Final = "Lead"
"""The group of fields that say what became of a lead, not who the prospect is."""
_SILENCED: Final = "silenced"
"""Each row of every queue says whether the lead must not be called."""


def why_here(rules: OrgRules, queue_id: str, *, oversees: bool) -> str | None:
    """Return why leads are in a shared queue, in a sentence.

    None for a rep if the rules name a fact of the prospect that the queue does not show: its leads have that fact (Q3).
    None as well if the queue's newest publication does not compile, because other rules are used then.
    """
    found = rules.objects.get(("queue", queue_id))
    if found is None or found.value is None or ("queue", queue_id) in rules.problems:
        return None
    value = found.value
    if not oversees and not _is_shown(value):
        return None
    return rules_sentence(value)


def rules_sentence(value: Mapping[str, Any]) -> str:
    """Return the rules of a queue or a view in a sentence."""
    taken, left_out = value.get("inclusion"), value.get("exclusion")
    because = rule_text(taken) if _has_rules(taken) else "every lead is"
    unless = f"; not if {rule_text(left_out)}" if _has_rules(left_out) else ""
    return f"Why they are here: {because}{unless}."


def _has_rules(tree: Any) -> bool:
    return isinstance(tree, Mapping) and bool(tree.get("rules"))


def _is_shown(value: Mapping[str, Any]) -> bool:
    columns = {name for name in value.get("columns") or () if name}
    named = {field for part in ("inclusion", "exclusion") for field in _fields(value.get(part))}
    facts = {name for name in named - {_SILENCED} if name not in FIELDS or FIELDS[name].group != _OF_THE_LEAD}
    return bool(columns) and facts <= columns


def _fields(tree: Any) -> Iterator[str]:
    if not isinstance(tree, Mapping):
        return
    if "field" in tree:
        yield str(tree["field"])
    for rule in tree.get("rules") or ():
        yield from _fields(rule)
