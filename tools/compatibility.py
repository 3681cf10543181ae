"""Finds changes of the public messages that break clients which others wrote against the last release.

`docs/contracts/released/` has the schemas of that release. Fields and values are only ever added (docs/contracts). A
message that firstclaim sends must still fit a reader of the released schema; one that it receives must still be
accepted if the released schema accepts it. A test compares; at a release `python -m tools.compatibility` copies the
schemas.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tools import asyncapi, contracts

RELEASED: Final = contracts.FOLDER / "released"
MAX_DEPTH: Final = 32
"""How deep schemas are compared. No public message is nested so deep; recursive filters end here."""
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EVERY_TYPE: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})

Schema = dict[str, Any]


def breaking_changes(old: Schema, new: Schema, *, received: bool) -> list[str]:
    """Return what a client of the old schema cannot live with, each with the field and the reason.

    `received`: clients write such messages; otherwise they read them.
    """
    return list(dict.fromkeys(_Comparison(old, new, received=received).run()))


class _Comparison:
    """Compares two schemas of one message."""

    def __init__(self, old: Schema, new: Schema, *, received: bool) -> None:
        self.old, self.new, self.received = old, new, received

    def run(self) -> Iterator[str]:
        yield from self._compare(self.old, self.new, "", 0)

    def _compare(self, old: Schema, new: Schema, path: str, depth: int) -> Iterator[str]:
        if depth > MAX_DEPTH or old == new == {}:
            return
        olds, news = _choices(old, self.old), _choices(new, self.new)
        yield from self._types(_types(olds), _types(news), path)
        yield from self._values(_values(olds), _values(news), path)
        before, after = _alternative(olds, "object"), _alternative(news, "object")
        if before is not None and after is not None:
            yield from self._fields(before, after, path, depth)
        before, after = _alternative(olds, "array"), _alternative(news, "array")
        if before is not None and after is not None:
            yield from self._compare(before.get("items", {}), after.get("items", {}), f"{path}[]", depth + 1)
        yield from self._limits(olds, news, path)

    def _types(self, old: frozenset[str], new: frozenset[str], path: str) -> Iterator[str]:
        if self.received and (removed := old - new):
            yield _sentence(path, f"no longer accepts {_listed(removed)}")
        if not self.received and (added := new - old):
            yield _sentence(path, f"may now be {_listed(added)}, which readers do not expect")

    def _values(self, old: list[Any] | None, new: list[Any] | None, path: str) -> Iterator[str]:
        if new is None:
            return
        if old is None:
            if self.received:
                yield _sentence(path, f"accepts only {json.dumps(new)} now")
            return
        if removed := [value for value in old if value not in new]:
            yield _sentence(path, f"no longer has the value {', '.join(map(json.dumps, removed))}")

    def _fields(self, old: Schema, new: Schema, path: str, depth: int) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            inner_path = f"{path}.{name}" if path else name
            if name not in after:
                yield _sentence(inner_path, "is no longer there")
            else:
                yield from self._compare(before[name], after[name], inner_path, depth + 1)
        needed_before, needed_now = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(needed_now - needed_before if self.received else needed_before - needed_now):
            inner_path = f"{path}.{name}" if path else name
            if self.received:
                yield _sentence(inner_path, "is required now")
            elif name in after:
                yield _sentence(inner_path, "may be missing now")
        if self.received and new.get("additionalProperties", True) is False is not old.get(
            "additionalProperties", True
        ):
            yield _sentence(path, "refuses unknown fields now")
        values, still_values = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(values, dict) and isinstance(still_values, dict):
            yield from self._compare(values, still_values, f"{path}.*" if path else "*", depth + 1)

    def _limits(self, olds: list[Schema], news: list[Schema], path: str) -> Iterator[str]:
        """Compare the limits of values that clients write. What they read may become narrower."""
        if not self.received or len(olds) != len(news):
            return
        for old, new in zip(olds, news, strict=True):
            for word in _LOWER:
                if word in new and new[word] > old.get(word, float("-inf")):
                    yield _sentence(path, f"{word} is {new[word]} now")
            for word in _UPPER:
                if word in new and new[word] < old.get(word, float("inf")):
                    yield _sentence(path, f"{word} is {new[word]} now")
            for word in ("pattern", "format"):
                if word in new and _unescaped(new[word]) != _unescaped(old.get(word)):
                    yield _sentence(path, f"{word} is {new[word]!r} now")


def _unescaped(pattern: str | None) -> str | None:
    """Return a pattern without backslashes before quotes. Python ignores them, JavaScript refuses them."""
    return None if pattern is None else pattern.replace('\\"', '"')


def _choices(schema: Schema, root: Schema) -> list[Schema]:
    """Return the alternatives of a schema, without references. A schema with `anyOf` beside other words is one."""
    for _ in range(MAX_DEPTH):
        if "$ref" not in schema:
            break
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    options = schema.get("anyOf", schema.get("oneOf"))
    if options is None or "properties" in schema:
        return [schema]
    return [choice for option in options for choice in _choices(option, root)]


def _types(choices: list[Schema]) -> frozenset[str]:
    types: set[str] = set()
    for choice in choices:
        declared = choice.get("type")
        if declared is None and (values := _own_values(choice)) is not None:
            types |= {_type_of(value) for value in values}
        elif declared is None:
            types |= {"object"} if "properties" in choice else _EVERY_TYPE
        else:
            types |= {declared} if isinstance(declared, str) else set(declared)
    return frozenset(types | ({"integer"} if "number" in types else set()))


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number", str: "string", list: "array"}.get(type(value), "object")


def _own_values(choice: Schema) -> list[Any] | None:
    values: list[Any] | None = [choice["const"]] if "const" in choice else choice.get("enum")
    return values


def _values(choices: list[Schema]) -> list[Any] | None:
    """Return the only values that a text may have; None if any text is allowed."""
    texts = [choice for choice in choices if choice.get("type", "string") == "string"]
    allowed: list[Any] = []
    for choice in texts:
        values = _own_values(choice)
        if values is None:
            return None
        allowed += values
    return allowed if texts else None


def _alternative(choices: list[Schema], kind: str) -> Schema | None:
    """Return the alternative of a type, with the fields of all its alternatives."""
    alternatives = [
        choice
        for choice in choices
        if choice.get("type") == kind or (kind == "object" and "properties" in choice)
    ]
    if len(alternatives) < 2:  # noqa: PLR2004  # none or one
        return alternatives[0] if alternatives else None
    required = set.intersection(*(set(choice.get("required", ())) for choice in alternatives))
    properties = {
        name: schema for choice in alternatives for name, schema in choice.get("properties", {}).items()
    }
    return {"type": kind, "properties": properties, "required": sorted(required)}


def _sentence(path: str, change: str) -> str:
    return f"{path or 'the message'} {change}"


def _listed(types: frozenset[str]) -> str:
    return " or ".join(sorted(types))


def since_the_release() -> list[str]:
    """Return every breaking change between the released schemas and the current ones, with the message's name."""
    current = contracts.schemas()
    received = {name for topic in asyncapi.PUBLIC if topic.received for name in topic.messages}
    problems = []
    for path in sorted(RELEASED.glob("*.schema.json")):
        name = path.name.removesuffix(".schema.json")
        if name not in current:
            problems.append(f"{name}: the message is no longer there")
            continue
        old = json.loads(path.read_text(encoding="utf-8"))
        changes = breaking_changes(old, current[name], received=name in received)
        problems += [f"{name}: {change}" for change in changes]
    return problems


def release(report: Callable[[str], None], folder: Path = RELEASED) -> None:
    """Make the current schemas the released ones. Raises `ValueError` that names every breaking change."""
    if changes := since_the_release():
        raise ValueError("; ".join(changes))
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in contracts.schema_files().items():
        (folder / path.name).write_text(text, encoding="utf-8")
        report(f"released {path.name}")


if __name__ == "__main__":
    release(print)
