"""Reads any file of leads as a stream of rows. The format follows from the name, or from the first character."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from application.importing import adf, documents, import_tables, lines, sheets
from application.importing.import_rows import AS_SENT, ImportRow, ParsedLine, row
from application.importing.mapping import Mapping
from application.importing.text_encoding import decoded_text
from models.directory import OrgSettings
from models.errors import InvalidInput, Problem

Format = Literal["csv", "jsonl", "json", "adf", "xlsx"]
_BY_SUFFIX: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".xml": "adf",
    ".adf": "adf",
}
_BY_FIRST: Final[dict[str, Format]] = {"<": "adf", "{": "jsonl", "[": "json"}
_HEAD: Final = 4096


def format_of(path: Path) -> Format:
    """Return a file's format: by its suffix; for others, `<` begins ADF, `{` JSON lines, `[` JSON, else CSV."""
    if known_format := _BY_SUFFIX.get(path.suffix.lower()):
        return known_format
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    return _BY_FIRST.get(decoded_text(head).lstrip("\ufeff \t\r\n")[:1], "csv")


def read_leads(
    path: Path,
    mapping: Mapping | None,
    vendor: str,
    campaign: str | None = None,
    org: str | None = None,
    settings: OrgSettings = AS_SENT,
) -> Iterator[ImportRow]:
    """Yield each row of a file as a message to send or as a refusal, in constant memory.

    `vendor`, `campaign` and `org` apply where a row does not name its own. `settings`: of the org, by which its engine
    will read the leads (C4). Raises `InvalidInput` where the file as a whole cannot be read: it does not exist, has no
    header, or lacks a column that the mapping needs.
    """
    defaults = {"vendor": vendor, "campaign": campaign or "", "org": org or ""}
    try:
        kind = format_of(path)
        yield from rows_of(_parsed_lines(kind, path, mapping), mapping, kind, defaults, settings)
    except OSError as error:
        raise InvalidInput((Problem(path=str(path), reason=f"cannot be read: {error.strerror}"),)) from error


def rows_of(
    parsed_lines: Iterable[ParsedLine],
    mapping: Mapping | None,
    kind: Format,
    defaults: dict[str, str],
    settings: OrgSettings = AS_SENT,
) -> Iterator[ImportRow]:
    """Yield the row of each result of a reader. Raises `InvalidInput` if there is none, and for ADF with a mapping."""
    if kind == "adf" and mapping is not None:
        raise InvalidInput((Problem(path="mapping", reason="ADF has its own fields; it takes no mapping"),))
    defaults_set = {name: value for name, value in defaults.items() if value}
    has_any = False
    for parsed in parsed_lines:
        has_any = True
        yield row(parsed, defaults_set, settings)
    if not has_any:
        raise InvalidInput((Problem(path="file", reason="no lead was found in it"),))


def _parsed_lines(kind: Format, path: Path, mapping: Mapping | None) -> Iterator[ParsedLine]:
    match kind:
        case "adf":
            return adf.read(path)
        case "csv":
            return import_tables.read(path, mapping)
        case "json":
            return documents.read(path, mapping)
        case "xlsx":
            return sheets.read(path, mapping)
        case "jsonl":
            return lines.read(path, mapping)
