"""Reads a JSON file: a list of leads, one lead, or a list somewhere inside (`{"root": {"row": [...]}}`) (A16)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from application.importing import lines
from application.importing.mapping import Cell, Mapping
from application.importing.rows import Found
from models import normalize
from models.errors import InvalidInput, Problem
from rules.inbound.fields import find_fields
from rules.inbound.lenient import UnreadableValue, document_of

MAX_DOCUMENT: Final = 64 << 20
"""The most bytes of one JSON document. It is held in memory; JSON lines have no such bound."""
_DEEPEST: Final = 6


def read(path: Path, mapping: Mapping | None) -> Iterator[Found]:
    """Yield each lead as a message or a refusal; `line` is its place in the list, from 1.

    A file that is no single document is read as JSON lines. Raises `InvalidInput` for a document beyond the bound.
    """
    with path.open("rb") as file:
        content = file.read(MAX_DOCUMENT + 1)
    if len(content) > MAX_DOCUMENT:
        reason = f"has more than {MAX_DOCUMENT} bytes; send it as JSON lines"
        raise InvalidInput((Problem(path="file", reason=reason),))
    try:
        document = document_of(content)
    except (ValueError, RecursionError):
        yield from lines.read(path, mapping)
        return
    for place, lead in enumerate(leads_in(document), start=1):
        yield _found(place, lead, mapping)


def leads_in(document: Any) -> list[Any]:
    """Return the leads of a document: its list, the first list of objects inside, or the document itself."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict) or find_fields(document).identifies:
        return [document]
    found = _list_inside(document, _DEEPEST)
    return [document] if found is None else found


def _list_inside(document: dict[str, Any], depth: int) -> list[Any] | None:
    for inner in document.values():
        if isinstance(inner, list) and any(isinstance(one, dict) for one in inner):
            return inner
        if isinstance(inner, dict) and depth and (found := _list_inside(inner, depth - 1)) is not None:
            return found
    return None


def _found(place: int, lead: Any, mapping: Mapping | None) -> Found:
    if not isinstance(lead, dict):
        return Found(line=place, reason=f"must be a JSON object, not {normalize.kind_of(lead)}")
    lost = {name: str(value) for name, value in lead.items() if isinstance(value, UnreadableValue)}
    if lost:
        attributes = lead.get("attributes")
        kept = attributes if isinstance(attributes, dict) else {}
        lead = {name: value for name, value in lead.items() if name not in lost}
        lead["attributes"] = {**kept, "invalid": lost}
    try:
        return Found(line=place, message=mapping.message(lead) if mapping else lead)
    except Cell as cell:
        return Found(line=place, field=cell.field, reason=str(cell))
