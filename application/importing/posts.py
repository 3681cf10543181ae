"""Reads a vendor's post as rows, by the readers of files: JSON, a form, or ADF XML (V3)."""

from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Final, Literal
from urllib.parse import parse_qsl

from application.importing import adf, documents, import_tables
from application.importing.import_rows import AS_SENT, ImportRow, ParsedLine, refused_row, row
from application.importing.mapping import Mapping, UnusableCell
from models.directory import OrgSettings
from models.errors import InvalidInput, Problem
from models.inbound import MAX_DEPTH

MAX_LEADS: Final = 500
"""The most leads of one post."""
MAX_FORM_FIELDS: Final = 1_000
Kind = Literal["json", "form", "adf"]
TYPES: Final[dict[str, Kind]] = {
    "application/json": "json",
    "text/json": "json",
    "application/x-www-form-urlencoded": "form",
    "application/xml": "adf",
    "text/xml": "adf",
    "application/adf+xml": "adf",
    "application/x-adf+xml": "adf",
}
"""Content type -> how the body is read. Other types that end in `+json` are JSON."""


def kind_of(content_type: str) -> Kind | None:
    """Return how a body of a content type is read, None if it cannot be."""
    name = content_type.partition(";")[0].strip().lower()
    return TYPES.get(name) or ("json" if name.endswith("+json") else None)


def read_post(
    body: bytes,
    kind: Kind,
    mapping: Mapping | None,
    *,
    vendor: str,
    org: str,
    campaign: str | None = None,
    settings: OrgSettings = AS_SENT,
) -> list[ImportRow]:
    """Return the rows of a post. ADF has its own fields and takes no mapping.

    A row that names another vendor or org than these is refused. `campaign`: where a row names none. `settings`: of
    the org, by which its engine will read the leads (C4). Raises `InvalidInput` for a body that is not of its kind,
    that has no lead, or that has more than `MAX_LEADS`.
    """
    try:
        parsed_lines = list(islice(_parsed_lines(body, kind, mapping), MAX_LEADS + 1))
    except RecursionError:
        raise _unreadable(f"is nested deeper than {MAX_DEPTH}") from None
    if len(parsed_lines) > MAX_LEADS:
        raise _unreadable(f"has more than {MAX_LEADS} leads; send them in several posts")
    if not parsed_lines:
        raise _unreadable("has no lead")
    defaults = {"vendor": vendor, "campaign": campaign or "", "org": org}
    defaults_set = {name: value for name, value in defaults.items() if value}
    return [_refuse_foreign(row(parsed, defaults_set, settings), vendor, org) for parsed in parsed_lines]


def _parsed_lines(body: bytes, kind: Kind, mapping: Mapping | None) -> Iterator[ParsedLine]:
    match kind:
        case "json":
            try:
                document = documents.parse(body)
            except ValueError as error:
                raise _unreadable(f"is not JSON: {error}") from error
            yield from documents.leads_in(document, mapping)
        case "form":
            yield _form(body, mapping)
        case "adf":
            yield from adf.read_open(BytesIO(body))


def _form(body: bytes, mapping: Mapping | None) -> ParsedLine:
    """Return the one lead of a form. A field that comes twice is `phone` and `phone (2)`."""
    try:
        text, encoding = body.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = body.decode("cp1252", "replace"), "cp1252"
    try:
        pairs = _pairs(text, encoding)
    except ValueError:
        raise _unreadable(f"has more than {MAX_FORM_FIELDS} fields") from None
    if not pairs:
        raise _unreadable("has no field")
    header = import_tables.named_columns([name for name, _ in pairs])
    parsed = import_tables.row_of(1, [value for _, value in pairs], header)
    cells = parsed.message or {}
    try:
        return ParsedLine(
            line=1, message=mapping.message(cells) if mapping else import_tables.by_names(cells)
        )
    except UnusableCell as cell:
        return ParsedLine(line=1, field=cell.field, reason=str(cell))


def _pairs(text: str, encoding: str) -> list[tuple[str, str]]:
    """Return names and values of a form, in UTF-8, or in cp1252 if it is no UTF-8. Raises `ValueError`."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except UnicodeDecodeError:
        encoding = "cp1252"
    return parse_qsl(
        text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, encoding=encoding, errors="replace"
    )


def _refuse_foreign(read: ImportRow, vendor: str, org: str) -> ImportRow:
    """Refuse a row that names another vendor or org than the sender's."""
    if read.facts is None:
        return read
    for field, expected, value in (("vendor", vendor, read.facts.vendor), ("org", org, read.facts.org)):
        if value != expected:
            return refused_row(read.line, field, f"is {value!r}, but the key belongs to {expected!r}")
    return read


def _unreadable(reason: str) -> InvalidInput:
    return InvalidInput((Problem(path="body", reason=reason),))
