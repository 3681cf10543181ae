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
            text = _with_names(pattern, text, rules, name)
    text = _with_names(_CAMPAIGN, text, rules, _published("campaign"))
    text = _OUTCOME.sub(lambda match: match[1] + outcome_label(rules, match[2]), text)
    text = _STATEMENT.sub(_labelled, text)
    return _WORD.sub(lambda match: _word(match[0], rules), text)


def _with_names(
    pattern: re.Pattern[str], text: str, rules: OrgRules, name: Callable[[OrgRules, str], str | None]
) -> str:
    def renamed(match: re.Match[str]) -> str:
        new_name = name(rules, match["id"])
        return match[0] if new_name is None else match[0].removesuffix(match["id"]) + new_name

    return pattern.sub(renamed, text)


def _queue(rules: OrgRules, queue_id: str) -> str | None:
    queue = rules.queues.get(queue_id)
    return queue.queue.name or None if queue else None


def _published(kind: str) -> Callable[[OrgRules, str], str | None]:
    def name(rules: OrgRules, object_id: str) -> str | None:
        published = rules.objects.get((kind, object_id))
        return str(published.value.get("name") or "") or None if published and published.value else None

    return name


def _labelled(match: re.Match[str]) -> str:
    field = FIELDS.get(match[1])
    return match[0] if field is None else field.label[:1].lower() + field.label[1:]


def _word(word: str, rules: OrgRules) -> str:
    rep = rules.reps.get(word)
    if rep is not None and rep.name:
        return rep.name
    return value_label(word).lower() if word in _VALUES else word
