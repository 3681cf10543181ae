"""Renders the fields of every public message as Markdown: `docs/contracts/fields.md`, written by `tools.contracts`."""

import json
from collections.abc import Iterator
from typing import Any, Final

from models.publication import KINDS
from streams import topics
from tools import asyncapi

MAX_VALUES: Final = 12
"""The most values of a field that a cell lists. The schema has them all."""
_TYPE_NAMES: Final = {"string": "text", "array": "list"}
_HEAD: Final = """# Fields of the public messages

`python -m tools.contracts` writes this page from the [AsyncAPI document](asyncapi.json) and its schemas.
[Public messages](README.md) says what the messages mean and what intake does with them.
"""


def page(schemas: dict[str, dict[str, Any]]) -> str:
    """Return the page. `schemas`: the schema of each message by its name."""
    channels = asyncapi.document()["channels"]
    lines = [_HEAD]
    for topic in asyncapi.PUBLIC:
        direction = "firstclaim reads it" if topic.received else "firstclaim writes it"
        lines += [f"## `{topic.name}`", f"{channels[topic.name]['description']} ({direction}.)", ""]
        for name in topic.messages or (f"{topic.name}-headers",):
            if name != topic.name:
                lines += [f"### {_title(name)}", ""]
            lines += [*_tables(schemas[name]), ""]
    return "\n".join(lines).rstrip() + "\n"


def _title(name: str) -> str:
    kind = name.removeprefix(f"{topics.DIRECTORY}-")
    return f"`{kind}`" if kind in KINDS else "Headers"


def _tables(schema: dict[str, Any]) -> Iterator[str]:
    """Yield a table for each form of a message. A message of several structs has several."""
    forms = schema["anyOf"] if "properties" not in schema else [schema]
    for number, form in enumerate(forms):
        if number:
            yield ""
        yield f"[Schema]({schema['title']}.schema.json)" + (f", form {number + 1}" if len(forms) > 1 else "")
        yield ""
        if described := " ".join(form.get("description", "").split()):
            yield described
            yield ""
        yield "| field | type | needed | meaning |"
        yield "|---|---|---|---|"
        needed = set(form.get("required", ()))
        for name, field in form["properties"].items():
            meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
            yield f"| `{name}` | {_type(field, schema)} | {'yes' if name in needed else ''} | {meaning} |"


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in field:
        return _type(schema["$defs"][field["$ref"].rsplit("/", 1)[-1]], schema)
    if options := field.get("anyOf"):
        return " or ".join(dict.fromkeys(_type(option, schema) for option in options))
    if values := field.get("enum"):
        literals = [f"`{value}`" for value in values if value is not None]
        more_text = [f"{len(literals) - MAX_VALUES} more"] if len(literals) > MAX_VALUES else []
        empty = ["null"] if None in values else []
        return _listed([*literals[:MAX_VALUES], *more_text, *empty])
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    declared = field.get("type", "any")
    types = [declared] if isinstance(declared, str) else declared
    form = f" ({field['format']})" if "format" in field else ""
    element_type = f" of {_type(field['items'], schema)}" if field.get("items") else ""
    return (
        _listed([f"{_TYPE_NAMES.get(name, name)}{form if name == 'string' else ''}" for name in types])
        + element_type
    )


def _listed(terms: list[str]) -> str:
    return terms[0] if len(terms) == 1 else f"{', '.join(terms[:-1])} or {terms[-1]}"
