"""Rewrites the engine's reasons for people: the names of reps, queues and groups, and labels of fields and values (X1).

The engine's log keeps ids and values, because they do not change when something gets another name.
"""

import re
from collections.abc import Callable
from typing import Final

from models.lead import Phase
from models.results import Reason
from rules.language.catalogue import ATTRIBUTES, FIELDS
from rules.language.value_labels import value_label
from rules.queues.rule_book import OrgRules
from web.services.outcome_labels import outcome_label

_WORD: Final = re.compile(r"[\w@-]+(?:\.[\w@-]+)*")
_STATEMENT: Final = re.compile(rf"(?<![\w.'])({re.escape(ATTRIBUTES)}[^;()]+?|[a-z]\w*)(?= is )")
_VALUES: Final = frozenset(
    value
    for value in (*(option for field in FIELDS.values() for option in field.options), *Phase, *Reason)
    if "_" in value
)
_ID: Final = r"(?P<id>[^\s:;,]+)"
_QUEUES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\bin {_ID}(?= by (?:its )?rules )",
        rf"\bclaimed once(?: already)?, through {_ID}",
        rf"\bno queue {_ID}",
    )
)
_GROUPS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\bthe filter of {_ID}",
        rf"\bon the roster of {_ID}",
        rf"\bthe pause schedule of {_ID}",
        rf"\bthe method, filter or pause of {_ID}",
        rf"^{_ID}(?= distributes to nobody)",
        rf"\bgroup {_ID}(?= was published)",
        rf"\bjoined {_ID}$",
        rf": {_ID}(?= is asked$)",
    )
)
_OUTCOME: Final = re.compile(r"(\blast_outcome is (?:[^;()]*?, not )?|\bit was closed with )([\w-]+)")
_CAMPAIGN: Final = re.compile(rf"\bthrough campaign {_ID}")


def reason_text(text: str, rules: OrgRules) -> str:
    """Return a reason with names and labels in place of ids, fields and values. What is unknown stays as it is."""
    for patterns, name in ((_QUEUES, _queue), (_GROUPS, _published("group"))):
        for pattern in patterns:
            text = _named(pattern, text, rules, name)
    text = _named(_CAMPAIGN, text, rules, _published("campaign"))
    text = _OUTCOME.sub(lambda found: found[1] + outcome_label(rules, found[2]), text)
    text = _STATEMENT.sub(_labelled, text)
    return _WORD.sub(lambda found: _word(found[0], rules), text)


def _named(
    pattern: re.Pattern[str], text: str, rules: OrgRules, name: Callable[[OrgRules, str], str | None]
) -> str:
    def renamed(found: re.Match[str]) -> str:
        known = name(rules, found["id"])
        return found[0] if known is None else found[0].removesuffix(found["id"]) + known

    return pattern.sub(renamed, text)


def _queue(rules: OrgRules, queue_id: str) -> str | None:
    known = rules.queues.get(queue_id)
    return known.queue.name or None if known else None


def _published(kind: str) -> Callable[[OrgRules, str], str | None]:
    def name(rules: OrgRules, object_id: str) -> str | None:
        published = rules.objects.get((kind, object_id))
        return str(published.value.get("name") or "") or None if published and published.value else None

    return name


def _labelled(found: re.Match[str]) -> str:
    field = FIELDS.get(found[1])
    return found[0] if field is None else field.label[:1].lower() + field.label[1:]


def _word(word: str, rules: OrgRules) -> str:
    known = rules.reps.get(word)
    if known is not None and known.name:
        return known.name
    return value_label(word).lower() if word in _VALUES else word
