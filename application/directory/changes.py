"""Lists what applying a file would change, object by object and path by path."""

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from application.directory.objects import Objects, Value, WantedAction, ordered
from rules.queues.rule_book import Key

_SIGNS: Final = {"added": "+", "changed": "~", "removed": "-"}
_LONGEST_TEXT: Final = 70
"""How many characters of a value a line of the diff shows. Programs get the whole value."""


class Difference(msgspec.Struct, frozen=True):
    """The old and the new value at one path of an object. None where there is no value.

    `rule`: the new rule, if the path is a part of a rule. Its value alone does not say what it is about.
    """

    path: str
    old: Any
    new: Any
    rule: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One object to publish or remove. `remark`: the reason, where its paths do not show it."""

    change: Literal["added", "changed", "removed"]
    kind: str
    id: str
    paths: tuple[Difference, ...] = ()
    remark: str | None = None

    def lines(self) -> Iterator[str]:
        """Yield the change as lines for people."""
        yield f"{_SIGNS[self.change]} {self.kind}/{self.id}"
        if self.remark:
            yield f"    {self.remark}"
        for change in self.paths:
            yield f"    {change.path}: {_clipped_text(change.old)} → {_clipped_text(change.new)}"


class ChangePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The changes to make.

    `objects`: what to publish, in this order; None removes. `unchanged`: objects of the file that are already
    published so. `unlisted`: published objects that the file does not name. `read_end`: the topic's end when the
    plan was made.
    """

    objects: dict[Key, Value | None]
    changes: tuple[Change, ...]
    unchanged: int
    unlisted: tuple[Key, ...]
    read_end: int = 0


def plan(
    before: Objects, objects: WantedAction, *, refused: dict[Key, str] | None = None, prune: bool = False
) -> ChangePlan:
    """Compare the published objects with those of a file, both in normal form.

    `refused`: objects whose newest publication the engine refused, with the reason. They are published again even if
    they are equal. `prune`: remove objects that the file does not name. Removals come last and in reverse order, so
    that no object ever refers to a removed one.
    """
    refused = refused or {}
    unnamed = ordered(key for key in before if key not in objects)
    published: dict[Key, Value | None] = {}
    removed: dict[Key, Value | None] = {}
    changes: list[Change] = []
    unchanged = 0
    for key in ordered([*objects, *(unnamed if prune else ())]):
        old, new = before.get(key), objects.get(key)
        change = _change(key, old, new, refused.get(key))
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
            (removed if new is None else published)[key] = new
    return ChangePlan(
        objects={**published, **dict(reversed(removed.items()))},
        changes=tuple(changes),
        unchanged=unchanged,
        unlisted=() if prune else tuple(unnamed),
    )


def _change(key: Key, old: Value | None, new: Value | None, refused: str | None) -> Change | None:
    kind, object_id = key
    if new is None:
        return None if old is None else Change(change="removed", kind=kind, id=object_id)
    remark = None if refused is None else f"its newest publication was refused: {refused}"
    if old is None:
        return Change(change="added", kind=kind, id=object_id, remark=remark)
    paths = tuple(differences(old, new))
    if not paths and remark is None:
        return None
    return Change(change="changed", kind=kind, id=object_id, paths=paths, remark=remark)


def differences(
    old: Any, new: Any, path: str = "", rule: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
) -> Iterator[Difference]:
    """Yield each path at which two values differ. A list of texts and numbers counts as one value.

    A rule and a group of rules in its place differ as a whole. `rule`: the new rule in which the values are.
    """
    if isinstance(old, dict) and isinstance(new, dict) and not _are_rule_and_group(old, new):
        rule = new if _is_rule(old) and _is_rule(new) else rule
        for name in [*new, *(name for name in old if name not in new)]:
            inner = f"{path}.{name}" if path else name
            yield from differences(old.get(name), new.get(name), inner, rule)
    elif _of_objects(old) and _of_objects(new):
        for index in range(max(len(old), len(new))):
            old_element, new_element = (side[index] if index < len(side) else None for side in (old, new))
            yield from differences(old_element, new_element, f"{path}[{index}]", rule)
    elif _value_text(old) != _value_text(new):
        yield Difference(path, old, new, rule)


def _is_rule(value: dict[str, Any]) -> bool:
    return "field" in value and "direction" not in value  # a sort order has a direction


def _are_rule_and_group(value: dict[str, Any], other: dict[str, Any]) -> bool:
    return (_is_rule(value) and "rules" in other) or (_is_rule(other) and "rules" in value)


def _of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(element, dict) for element in value)


def _value_text(value: Any) -> bytes:
    # Compare as bytes, because in Python 1 equals True and 60 equals 60.0.
    return msgspec.json.encode(value, order="sorted")


def _clipped_text(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) and value else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
