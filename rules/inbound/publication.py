"""Checks a publication as a whole. If anything is wrong, every problem is reported and nothing is published (Q6)."""

from typing import Any, Final

from pydantic import ValidationError

from models.errors import Problem, PublicationErrors, RuleErrors
from models.public import MINE, personal_queue
from models.publication import KINDS
from models.publication_reach import REASONS
from rules.language.catalogue import FIELDS
from rules.language.tree import Node, RuleGroup, parse

_TREES: Final = {"queue": ("inclusion", "exclusion"), "rep": ("filter",), "group": ("filter",)}
"""kind -> the fields that are rule trees."""

_REASONS: Final = {
    "missing": "is missing",
    "dict_type": "must be an object",
    "string_pattern_mismatch": "must be a time of day like 08:30",
    "string_unicode": "is not valid Unicode",
}
"""Reasons that replace those pydantic messages that mention Python."""


def check(kind: str, object_id: str, value: dict[str, Any] | None) -> tuple[Problem, ...]:
    """Return every problem of a publication; empty if it can be published. A value of None removes the object.

    Paths start at the object: `sort.field`, `columns[2]`, `inclusion.rules[0]`.
    """
    try:
        accept_publication(kind, object_id, value)
    except PublicationErrors as error:
        return error.problems
    return ()


def accept_publication(kind: str, object_id: str, value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the object as it is to be published; raises `PublicationErrors` with every problem.

    Null fields count as not given and are left out. Unknown fields are kept. A missing id is taken from the key; for a
    record on the topic, rules/inbound/intake.py requires the id. A claimable queue has no outcomes: they are cleared,
    not refused (Q5).
    """
    if kind not in KINDS:
        raise PublicationErrors((Problem(path="kind", reason=f"must be one of {', '.join(KINDS)}"),))
    if value is None:
        return None
    if not isinstance(value, dict):
        raise PublicationErrors((Problem(path="", reason="must be an object"),))
    model, id_field = KINDS[kind]
    published = present(value)
    if id_field is not None:
        published.setdefault(id_field, object_id)
    problems: list[Problem] = []
    try:
        model.model_validate(published)
    except ValidationError as error:
        problems.extend(map(_problem, error.errors(include_url=False, include_input=False)))
    if id_field is not None and isinstance(published[id_field], str) and published[id_field] != object_id:
        reason = f"is not the id {object_id} it is published under"
        problems.append(Problem(path=id_field, field=id_field, reason=reason))
    for name in _TREES.get(kind, ()):
        problems.extend(_tree_problems(published.get(name), name, kind))
    if kind == "queue":
        problems.extend(_queue_problems(published))
    if problems:
        raise PublicationErrors(tuple(problems))
    return {**published, "outcomes": []} if kind == "queue" and published.get("claimable") else published


def present(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object without its null fields. A null field counts as not given."""
    return {name: field_value for name, field_value in value.items() if field_value is not None}


def _queue_problems(queue: dict[str, Any]) -> list[Problem]:
    problems = []
    queue_id = queue.get("queue_id")
    if isinstance(queue_id, str) and (queue_id == MINE or queue_id.startswith(personal_queue(""))):
        reason = f"is reserved for reps' own queues: {MINE}, and ids that begin with {personal_queue('')}"
        problems.append(Problem(path="queue_id", field="queue_id", reason=reason))
    columns, sort = queue.get("columns"), queue.get("sort")
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        if isinstance(column, str) and column not in FIELDS:
            problems.append(_no_field(f"columns[{index}]", column))
    field = sort.get("field") if isinstance(sort, dict) else None
    if isinstance(field, str) and field not in FIELDS:
        problems.append(_no_field("sort.field", field))
    return problems


def _no_field(path: str, field: str) -> Problem:
    return Problem(path=path, field=field[:100], reason="there is no such field")


def _tree_problems(raw: Any, name: str, kind: str) -> list[Problem]:
    if raw is not None and not isinstance(raw, dict):
        return []  # the object's model reports this
    try:
        tree = parse(raw, name)
    except RuleErrors as error:
        return list(error.problems)
    return _derived(tree, name) if kind == "queue" else []


def _derived(node: Node, path: str) -> list[Problem]:
    """Find the fields that depend on queue membership. A queue whose rules use one would depend on itself."""
    if isinstance(node, RuleGroup):
        return [
            problem
            for index, rule in enumerate(node.rules)
            for problem in _derived(rule, f"{path}.rules[{index}]")
        ]
    if not FIELDS[node.field].derived:
        return []
    reason = "follows from the queues a lead stands in, so a queue cannot ask for it; use owned or how"
    return [Problem(path=path, field=node.field, operator=node.operator.value, reason=reason)]


def _problem(error: Any) -> Problem:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    names = [part for part in error["loc"] if isinstance(part, str)]
    pattern = (error.get("ctx") or {}).get("pattern", "")
    reason = (
        REASONS.get(pattern)
        or _REASONS.get(error["type"])
        or str(error["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    )
    return Problem(path=path, field=names[-1] if names else None, reason=reason)
