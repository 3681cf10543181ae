"""Reads a JSON file: a list of leads, one lead, or a list somewhere inside (`{"root": {"row": [...]}}`) (reading A16).

Of several lists the first is read, and each other one that has a lead is refused with its position.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from application.importing import lines
from application.importing.broken_documents import is_json_lines, parts_of
from application.importing.import_rows import LONGEST_TEXT, ParsedLine, encode
from application.importing.mapping import Mapping, UnusableCell
from application.importing.text_encoding import decoded_text, wide_encoding
from models import normalize
from models.errors import InvalidInput, Problem
from rules.inbound.fields import find_fields
from rules.inbound.lenient import UnreadableValue, document_of

MAX_DOCUMENT: Final = 64 << 20
"""The most bytes of one JSON document. It is held in memory; JSON lines have no such bound."""
_DEEPEST: Final = 6


def read(path: Path, mapping: Mapping | None) -> Iterator[ParsedLine]:
    """Yield each lead as a message or a refusal; `line` is its number in the list, from 1.

    A file that is no single document is read as JSON lines, or as a broken list of leads. Raises `InvalidInput` for a
    document beyond the bound.
    """
    with path.open("rb") as file:
        content = file.read(MAX_DOCUMENT + 1)
    if len(content) > MAX_DOCUMENT:
        reason = f"has more than {MAX_DOCUMENT} bytes; send it as JSON lines"
        raise InvalidInput((Problem(path="file", reason=reason),))
    try:
        document = parse(content)
    except (ValueError, RecursionError):
        if is_json_lines(content):
            yield from lines.read(path, mapping)
        else:
            yield from _broken(content, mapping)
        return
    yield from leads_in(document, mapping)


def parse(content: bytes) -> Any:
    """Return the document in these bytes, whatever their encoding. Raises `ValueError` or `RecursionError`."""
    return document_of(_as_utf8(content))


def leads_in(document: Any, mapping: Mapping | None) -> Iterator[ParsedLine]:
    """Yield each lead of a document as a message or a refusal; `line` is its number in the list, from 1.

    Where a mapping says where the leads are (`leads`), they are there and nowhere else.
    """
    if mapping is not None and mapping.leads:
        at_path = list(_at(document, mapping.leads.split(".")))
        for number, lead in enumerate(at_path, start=1):
            yield _parsed_line(number, lead, mapping)
        if not at_path:
            yield ParsedLine(
                line=1, field=mapping.leads, reason="is missing: the mapping says that leads are there"
            )
        return
    (_, leads), *others = _lists_of(document)
    for number, lead in enumerate(leads, start=1):
        yield _parsed_line(number, lead, mapping)
    for number, (path_inside, other_list) in enumerate(others, start=len(leads) + 1):
        if any(isinstance(element, dict) and find_fields(element).identifies for element in other_list):
            reason = (
                f"another list of {len(other_list)} was found at {path_inside}; send it as a file of its own"
            )
            yield ParsedLine(line=number, reason=reason, text=_text(other_list))


def _broken(content: bytes, mapping: Mapping | None) -> Iterator[ParsedLine]:
    """Yield each lead of a broken document as a message, and each part that cannot be read as a refusal.

    Where a mapping says where the leads are, the document is refused as a whole.
    """
    text = decoded_text(content)
    if mapping is not None and mapping.leads:
        yield ParsedLine(line=1, reason="not JSON", text=text[:LONGEST_TEXT])
        return
    for number, part in enumerate(parts_of(text), start=1):
        if part.value is None:
            yield ParsedLine(line=number, reason=part.reason, text=part.text[:LONGEST_TEXT])
        else:
            yield _parsed_line(number, part.value, mapping)


def _at(value: Any, names: list[str]) -> Iterator[Any]:
    """Yield each value at a path of names; a list on the way stands for each of its values."""
    if isinstance(value, list):
        for element in value:
            yield from _at(element, names)
    elif not names:
        yield value
    elif isinstance(value, dict) and names[0] in value:
        yield from _at(value[names[0]], names[1:])


def _lists_of(document: Any) -> list[tuple[str, list[Any]]]:
    """Return the leads of a document, and other lists inside, each with its path.

    The leads are its list, the first list of objects inside, the objects of an object that has only leads (a list that
    a program wrote with its keys), or the document itself.
    """
    if isinstance(document, list):
        return [("", [*_flat(document, _DEEPEST)])]
    if not isinstance(document, dict) or find_fields(document).identifies:
        return [("", [document])]
    lists = [*_lists_inside(document, "", _DEEPEST)]
    return lists or [("", _keyed_leads(document, _DEEPEST) or [document])]


def _flat(leads: list[Any], depth: int) -> Iterator[Any]:
    """Yield the elements of a list; a list of objects inside stands for its elements."""
    for lead in leads:
        if isinstance(lead, list) and depth and any(isinstance(inner, dict | list) for inner in lead):
            yield from _flat(lead, depth - 1)
        else:
            yield lead


def _keyed_leads(document: dict[str, Any], depth: int) -> list[Any]:
    """Return the leads of an object of leads, which may be inside other objects; none if there is no such object."""
    inner = [*document.values()]
    if len(inner) > 1 and all(
        isinstance(element, dict) and find_fields(element).identifies for element in inner
    ):
        return inner
    objects = [element for element in inner if isinstance(element, dict)]
    return _keyed_leads(objects[0], depth - 1) if len(objects) == 1 and depth else []


def _lists_inside(document: dict[str, Any], path: str, depth: int) -> Iterator[tuple[str, list[Any]]]:
    for name, inner in document.items():
        inner_path = f"{path}.{name}" if path else name
        if isinstance(inner, list) and any(isinstance(element, dict | list) for element in inner):
            yield inner_path, [*_flat(inner, _DEEPEST)]
        elif isinstance(inner, dict) and depth:
            yield from _lists_inside(inner, inner_path, depth - 1)


def _as_utf8(content: bytes) -> bytes:
    """Return a document in UTF-8, from UTF-16 or UTF-32 too; bytes that are no UTF-8 are read as cp1252."""
    try:
        if (wide := wide_encoding(content)) is not None:
            return content.decode(wide).encode()
        content.decode()
    except UnicodeDecodeError:
        return decoded_text(content).encode(errors="replace")
    return content


def _parsed_line(number: int, lead: Any, mapping: Mapping | None) -> ParsedLine:
    if not isinstance(lead, dict):
        reason = f"must be a JSON object, not {normalize.kind_of(lead)}"
        return ParsedLine(line=number, reason=reason, text=_text(lead))
    unreadable = {name: str(value) for name, value in lead.items() if isinstance(value, UnreadableValue)}
    if unreadable:
        attributes = lead.get("attributes")
        own_attributes = attributes if isinstance(attributes, dict) else {}
        lead = {name: value for name, value in lead.items() if name not in unreadable}
        lead["attributes"] = {**own_attributes, "invalid": unreadable}
    try:
        return ParsedLine(line=number, message=mapping.message(lead) if mapping else lead)
    except UnusableCell as cell:
        return ParsedLine(line=number, field=cell.field, reason=str(cell), text=_text(lead))


def _text(lead: Any) -> str:
    return encode(lead).decode()[:LONGEST_TEXT]
