"""Finds objects of a directory that people cannot tell apart: with the same name, or with the same rules."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import msgspec

from application.directory.objects import Value
from rules.queues.rule_book import Key

_WORDS: Final = {"queue": "view", "rep": "rep", "group": "group", "campaign": "campaign"}
_SAME: Final[Mapping[str, tuple[str, ...]]] = {
    "queue": ("inclusion", "exclusion", "claimable"),
    "group": ("method", "members", "filter"),
}
"""What two objects of a kind do not both need. A roster or rules that are empty count as not given."""
_SAID: Final = {"queue": "have the same rules", "group": "have the same roster, method and filter"}
MAX_SENTENCES: Final = 20
"""The most sentences of one list."""


class LookAlikes(msgspec.Struct, frozen=True):
    """Objects that are alike. `text`: how, as a sentence with their names."""

    ids: tuple[str, ...]
    text: str


def look_alikes(objects: Mapping[Key, Value], kind: str) -> list[LookAlikes]:
    """Return those that look alike among the objects of a kind, at most `MAX_SENTENCES`."""
    of_kind = {object_id: value for (object_kind, object_id), value in objects.items() if object_kind == kind}
    groups = [
        LookAlikes(ids, f"{len(ids)} {_WORDS[kind]}s are named {of_kind[ids[0]]['name']}: {', '.join(ids)}.")
        for ids in _alike(of_kind, lambda value: str(value.get("name") or "").strip().casefold() or None)
    ]
    if kind in _SAME:
        groups += [
            LookAlikes(ids, f"{_joined_names(ids, of_kind)} {_SAID[kind]}.")
            for ids in _alike(of_kind, lambda value: _rules(value, _SAME[kind]))
        ]
    return groups[:MAX_SENTENCES]


def look_alikes_of(objects: Mapping[Key, Value], key: Key) -> list[str]:
    """Return what an object has in common with others, as sentences."""
    kind, object_id = key
    return (
        [look_alike.text for look_alike in look_alikes(objects, kind) if object_id in look_alike.ids]
        if kind in _WORDS
        else []
    )


def _alike(of_kind: Mapping[str, Value], by: Any) -> Iterator[tuple[str, ...]]:
    groups: defaultdict[Hashable, list[str]] = defaultdict(list)
    for object_id, value in of_kind.items():
        if value.get("active", True) and (same := by(value)) is not None:
            groups[same].append(object_id)
    yield from (tuple(sorted(ids)) for ids in groups.values() if len(ids) > 1)


def _rules(value: Value, fields: tuple[str, ...]) -> bytes | None:
    """Return the compared fields as bytes; None if none of the rules or the roster says anything."""
    values = {name: value.get(name) for name in fields if _has_content(value.get(name))}
    decisive = {name for name in values if name not in {"claimable", "method"}}
    return msgspec.json.encode(values, order="sorted") if decisive else None


def _has_content(value: Any) -> bool:
    return bool(value.get("rules")) if isinstance(value, dict) and "rules" in value else bool(value)


def _joined_names(ids: tuple[str, ...], of_kind: Mapping[str, Value]) -> str:
    names = [of_kind[object_id].get("name") or object_id for object_id in ids]
    return f"{', '.join(names[:-1])} and {names[-1]}"
