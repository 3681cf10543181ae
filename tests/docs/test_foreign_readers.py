"""What other people's tools read: schemas for validators such as Ajv, documents for generators of clients."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.repository import ROOT
from web.app import build

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACTS = ROOT / "docs" / "contracts"
COMPILE = """
for (const pattern of JSON.parse(require("fs").readFileSync(0)))
    try { new RegExp(pattern, "u") } catch (error) { console.log(error.message) }
"""
"""JSON Schema's patterns are JavaScript's, with the flag u (JSON Schema 2020-12, section 6.4)."""


def documents() -> dict[str, Any]:
    """Return each document that others read, by its name."""
    api = build(None).openapi()  # type: ignore[arg-type]  # nothing calls it
    files = {path.name: json.loads(path.read_text()) for path in sorted(CONTRACTS.glob("*.json"))}
    return {**files, "openapi.json": api}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def resolves(document: Any, reference: str) -> bool:
    """Say whether a reference names a place in its document."""
    place = document
    for step in reference.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        place = place[int(name)] if isinstance(place, list) else place.get(name)
        if place is None:
            return False
    return True


@pytest.mark.parametrize(("name", "document"), documents().items())
def test_every_reference_names_a_place_in_its_document(name: str, document: Any) -> None:
    references = {part["$ref"] for part in objects(document) if isinstance(part.get("$ref"), str)}
    dangling = sorted(
        reference
        for reference in references
        if reference.startswith("#") and not resolves(document, reference)
    )
    assert dangling == [], name


def test_every_pattern_is_one_that_javascript_compiles() -> None:
    patterns = {
        part["pattern"]
        for document in documents().values()
        for part in objects(document)
        if isinstance(part.get("pattern"), str)
    }
    assert patterns
    node = Path(sys.executable).with_name("node")
    compiled = subprocess.run(
        [node, "-e", COMPILE], input=json.dumps(sorted(patterns)), text=True, capture_output=True, check=True
    )
    assert compiled.stdout == ""
