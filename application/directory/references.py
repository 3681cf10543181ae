"""Checks that objects of a directory refer only to objects that exist once a file is published (Q6)."""

from collections.abc import Iterator

from application.directory.objects import Objects, Value, WantedAction, path_of
from models.errors import Problem
from rules.queues.rule_book import Key


def directory_after(before: Objects, objects: WantedAction, *, prune: bool = False) -> dict[Key, Value]:
    """Return the directory after publication. `prune`: objects that the file does not name are removed."""
    merged: dict[Key, Value | None] = {**({} if prune else before), **objects}
    return {key: value for key, value in merged.items() if value is not None}


def missing_references(
    before: Objects, objects: WantedAction, *, is_open: bool, prune: bool = False
) -> tuple[Problem, ...]:
    """Return references to objects that do not exist: group members that are no reps, groups of campaigns.

    Only problems that the file causes count: in an object that it names, or by an object that it removes and others
    still need. `is_open`: the org never had a rep, or is open without reps; then anyone may be a member while there
    is no rep.
    """
    result = directory_after(before, objects, prune=prune)
    anyone = is_open and not any(kind == "rep" for kind, _ in result)
    problems = []
    for key, value in result.items():
        for inner_path, target in _targets(key[0], value):
            if target in result or (anyone and target[0] == "rep"):
                continue
            if key in objects:
                reason = f"there is no {target[0]} {target[1]}, neither in the file nor published"
                problems.append(Problem(path=path_of(key, inner_path), reason=reason))
            elif target in objects and target in before:
                reason = f"cannot be removed: {path_of(key, inner_path)} needs it"
                problems.append(Problem(path=path_of(target), reason=reason))
    return tuple(problems)


def _targets(kind: str, value: Value) -> Iterator[tuple[str, Key]]:
    """Yield each reference of an object: its path and its target."""
    if kind == "group":
        for index, member in enumerate(value.get("members", ())):
            yield f"members[{index}].rep_id", ("rep", member["rep_id"])
    elif kind == "campaign" and "group_id" in value:
        yield "group_id", ("group", value["group_id"])
