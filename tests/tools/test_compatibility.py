"""A change that breaks others' clients fails the build, and the message says which field of which topic it is."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models import public
from tools import compatibility, contracts
from tools.compatibility import RELEASED, breaking_changes


def test_nothing_has_changed_since_the_release_that_breaks_a_client() -> None:
    """If this fails, put the field or value back. A change that has to be made needs a new topic."""
    assert list(RELEASED.glob("*.schema.json"))
    assert compatibility.since_the_release() == []


def released_file(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((RELEASED / f"{name}.schema.json").read_text())
    return schema


def test_a_field_taken_out_of_a_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [
        (field.encode_name, field.type)
        for field in msgspec.structs.fields(public.Assignment)
        if field.name != "version"
    ]
    without = msgspec.defstruct(
        "Assignment", fields, frozen=True, kw_only=True, namespace={"__doc__": "Less."}
    )
    monkeypatch.setattr(public, "Assignment", without)
    assert compatibility.since_the_release() == ["assignments: version is no longer there"]


def test_a_release_with_a_breaking_change_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schemas = contracts.schemas()
    del schemas["calls"]
    monkeypatch.setattr(contracts, "schemas", lambda: schemas)
    with pytest.raises(ValueError, match="calls: the message is no longer there"):
        compatibility.release(print, tmp_path)
    assert not list(tmp_path.iterdir())


CHANGES = [
    # message, path in the schema, new value (... removes it), received, what is said
    ("lead-exceptions", "properties.state", ..., False, "state is no longer there"),
    ("lead-exceptions", "properties.version.type", "string", False,
     "version may now be string, which readers do not expect"),
    ("lead-exceptions", "properties.lead_id", {"anyOf": [{"type": "string"}, {"type": "null"}]}, False,
     "lead_id may now be null, which readers do not expect"),
    ("lead-exceptions", "required", [], False, "version may be missing now"),
    ("notifications", "properties.kind.enum", ["call", "email"], False, 'kind no longer has the value "push"'),
    ("assignments", "properties.lead.properties.phone", ..., False, "lead.phone is no longer there"),
    ("lead-arrivals", "properties.vendor", ..., True, "vendor is no longer there"),
    ("lead-arrivals", "required", ["vendor", "phone"], True, "phone is required now"),
    ("lead-arrivals", "additionalProperties", False, True, "the message refuses unknown fields now"),
    ("lead-actions", "properties.lead_id.maxLength", 3, True, "lead_id maxLength is 3 now"),
    ("lead-actions", "properties.lead_id.pattern", "^x", True, "lead_id pattern is '^x' now"),
    ("lead-actions", "properties.lead_id.type", "integer", True, "lead_id no longer accepts string"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "path", "value", "received", "expected"), CHANGES)
def test_each_kind_of_breaking_change_is_named(
    message: str, path: str, value: Any, received: bool, expected: str
) -> None:
    old, new = released_file(message), released_file(message)
    *parents, last = path.split(".")
    node = new
    for parent in parents:
        node = node[parent]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    assert expected in breaking_changes(old, new, received=received)


HARMLESS = [
    ("notifications", False, {"properties": {"kind": {"enum": ["call", "chat", "email", "push"]}}}),
    ("notifications", False, {"properties": {"later": {"type": "string"}}}),
    ("lead-arrivals", True, {"properties": {"later": {"type": "string"}}}),
    ("calls", False, {"required": ["call_id", "later"]}),
]


@pytest.mark.parametrize(("message", "received", "added"), HARMLESS)
def test_what_is_added_breaks_nobody(message: str, received: bool, added: dict[str, Any]) -> None:
    old = released_file(message)
    new = deepcopy(old)
    for word, value in added.items():
        if isinstance(value, dict):
            for name, schema in value.items():
                new[word][name] = {**new[word].get(name, {}), **schema}
        else:
            new[word] = sorted({*new[word], *value})
    assert breaking_changes(old, new, received=received) == []


@pytest.mark.parametrize("name", sorted(contracts.schemas()))
def test_a_schema_is_compatible_with_itself(name: str) -> None:
    schema = contracts.schemas()[name]
    assert breaking_changes(schema, schema, received=True) == []
    assert breaking_changes(schema, schema, received=False) == []
