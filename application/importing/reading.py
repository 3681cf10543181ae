"""Reads any file of leads as a stream of rows. The format follows from the name, or from the first character."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from application.importing import adf, lines, tables
from application.importing.mapping import Mapping
from application.importing.rows import Row, row
from models.errors import InvalidInput, Problem

Format = Literal["csv", "jsonl", "adf"]
_BY_SUFFIX: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xml": "adf",
    ".adf": "adf",
}
_HEAD: Final = 4096


def format_of(path: Path) -> Format:
    """Return a file's format: by its suffix; for others, `<` begins ADF, `{` JSON lines, anything else CSV."""
    if found := _BY_SUFFIX.get(path.suffix.lower()):
        return found
    with path.open("rb") as file:
        head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    return "adf" if head.startswith(b"<") else "jsonl" if head.startswith(b"{") else "csv"


def read_leads(
    path: Path, mapping: Mapping | None, vendor: str, campaign: str | None = None, org: str | None = None
) -> Iterator[Row]:
    """Yield each row of a file as a message to send or as a refusal, in constant memory.

    `vendor`, `campaign` and `org` apply where a row does not name its own. Raises `InvalidInput` where the file as a
    whole cannot be read: it does not exist, has no header, or lacks a column that the mapping needs.
    """
    defaults = {"vendor": vendor, "campaign": campaign or "", "org": org or ""}
    given = {name: value for name, value in defaults.items() if value}
    try:
        kind = format_of(path)
        if kind == "adf" and mapping is not None:
            raise InvalidInput(
                (Problem(path="mapping", reason="ADF has its own fields; it takes no mapping"),)
            )
        found = adf.read(path) if kind == "adf" else (tables if kind == "csv" else lines).read(path, mapping)
        for each in found:
            yield row(each, given)
    except OSError as error:
        raise InvalidInput((Problem(path=str(path), reason=f"cannot be read: {error.strerror}"),)) from error
