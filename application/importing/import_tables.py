"""Reads a CSV file with a header, quoted line breaks, and any usual delimiter and encoding."""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final, TextIO

from application.importing.csv_rows import CsvLines, CsvRows
from application.importing.import_rows import ParsedLine
from application.importing.mapping import FIELDS, Mapping, UnusableCell, columns_as_text
from application.importing.summary_rows import REASON as SUMMARY
from application.importing.summary_rows import is_email, is_phone, is_summary
from application.importing.text_encoding import encoding_of
from models.errors import InvalidInput, Problem
from models.field_names import field_of
from rules.inbound.fields import find_fields

DELIMITERS: Final = ",;\t|"
MAX_COLUMNS: Final = 2_000
"""The most columns of a table."""
_TITLE_LINES: Final = 20
"""How many lines may come before the header."""
_SEPARATOR: Final = re.compile(r"\ufeff?\"?sep=(.)\"?\s*", re.IGNORECASE)
_FORMULA: Final = re.compile(r'="(.*)"', re.DOTALL)
_FLOAT_ID: Final = re.compile(r"(\d+)\.0+", re.ASCII)
_FIELDS: Final = frozenset(FIELDS)
_REPEATED: Final = "repeats the header"
_BEFORE: Final = "stands before the line that names the columns"


def delimiter_of(header: str) -> str:
    """Return the most frequent delimiter outside quotes of a header line, or a comma where it has none."""
    unquoted = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=unquoted.count)


@contextmanager
def open_table(
    path: Path, needed: frozenset[str] = frozenset()
) -> Iterator[tuple[tuple[str, ...], Iterator[ParsedLine]]]:
    """Open a table: its columns, and for each row its trimmed cells by column in `message`, or a reason.

    Lines before the header are skipped: empty lines, a title, `sep=;`. What looks like a row there is refused. The
    header is the first line that names a field or a `needed` column, else the first that is not empty. Raises
    `InvalidInput` where there is no header.
    """
    encoding = encoding_of(path)
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
        delimiter, skipped = _beginning(file, needed)
        file.seek(0)
        lines = CsvLines(file)
        before = [line for _ in range(skipped) if (line := next(lines, None)) is not None]
        rows = CsvRows(lines, delimiter)
        first = next(rows, None)
        cells = "there is no line with columns" if first is None else first.cells
        if isinstance(cells, str):
            raise _header_refused(f"cannot be read: {cells.removeprefix('not CSV: ')}")
        header = named_columns(cells)
        require_no_row_in(header)
        rows.columns = len(header)
        cells_before = [line.rstrip("\r\n").split(delimiter) for line in before]
        yield header, chain(rows_before(cells_before, len(header), delimiter), _rows(rows, header))


def rows_before(rows: list[list[str]], columns: int, delimiter: str = ",") -> Iterator[ParsedLine]:
    """Yield a refusal of each row before the header that fills at least half of its columns, and two."""
    for number, cells in enumerate(rows, start=1):
        if sum(bool(cell.strip(' "')) for cell in cells) >= max(2, columns / 2):
            yield ParsedLine(line=number, reason=_BEFORE, text=delimiter.join(cells))


def _beginning(file: TextIO, needed: frozenset[str]) -> tuple[str, int]:
    """Return the delimiter, and how many lines come before the header."""
    lines = CsvLines(file)
    delimiter: str | None = None
    first: tuple[str, int] | None = None
    for number in range(_TITLE_LINES):
        try:
            line = next(lines, None)
        except csv.Error as error:
            if first is None:
                raise _header_refused(f"cannot be read: {error}") from error
            break
        if line is None:
            break
        if number == 0 and (declared := _SEPARATOR.fullmatch(line)):
            delimiter = declared[1]
            continue
        if not line.strip():
            continue
        used = delimiter or delimiter_of(line)
        cells = [cell.strip().strip('"') for cell in line.split(used)]
        if any(field_of(cell) or cell in needed for cell in cells):
            return used, number
        if first is None:
            first = used, number
    if first is None:
        raise _header_refused("the file is empty; a line must name the columns")
    return first


def require_no_row_in(header: tuple[str, ...]) -> None:
    """Raise `InvalidInput` if a column is named like a phone or a mail address: a row stands in the header."""
    name = next((name for name in header if is_phone(name) or is_email(name)), None)
    if name is not None:
        raise _header_refused(
            f"has a column {name}; it seems that a row of the table stands on the same line"
        )


def named_columns(cells: list[str]) -> tuple[str, ...]:
    """Return a header's columns, each under a name of its own. Raises `InvalidInput` for too many columns.

    A column without a name is `column 3`; the second `phone` is `phone (2)`.
    """
    if len(cells) > MAX_COLUMNS:
        raise _header_refused(f"has {len(cells)} columns; a table has {MAX_COLUMNS} at most")
    names: dict[str, None] = {}
    for at, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {at}"
        if name in names:
            name = next(other for n in range(2, MAX_COLUMNS + 2) if (other := f"{name} ({n})") not in names)
        names[name] = None
    return tuple(names)


def read(path: Path, mapping: Mapping | None) -> Iterator[ParsedLine]:
    """Yield the message or the refusal of each row. Raises `InvalidInput` without a header or a needed column."""
    with open_table(path, frozenset(mapping.columns()) if mapping else frozenset()) as (header, rows):
        yield from messages(header, rows, mapping)


def messages(
    header: tuple[str, ...], rows: Iterable[ParsedLine], mapping: Mapping | None
) -> Iterator[ParsedLine]:
    """Yield the message or the refusal of each row, by a mapping or by the columns' names."""
    require_usable(header, mapping)
    phones = (
        frozenset(mapping.sources["phone"].column) if mapping and "phone" in mapping.sources else frozenset()
    )
    for row in rows:
        if row.message is None:
            yield row
            continue
        if is_summary(row.message, phones):
            yield ParsedLine(line=row.line, reason=SUMMARY, lines=row.lines, text=row.text)
            continue
        try:
            message = mapping.message(row.message) if mapping else by_names(row.message)
        except UnusableCell as cell:
            yield ParsedLine(
                line=row.line, field=cell.field, reason=str(cell), lines=row.lines, text=row.text
            )
        else:
            yield ParsedLine(line=row.line, message=message, lines=row.lines)


def require_usable(header: tuple[str, ...], mapping: Mapping | None) -> None:
    """Raise `InvalidInput` where a column that the mapping needs is missing; without one, where none is a field."""
    if mapping is not None:
        mapping.check_columns(header)
    else:
        require_known(header)


def require_known(header: tuple[str, ...]) -> None:
    """Raise `InvalidInput` where no column is named like a field."""
    if not any(map(field_of, header)):
        reason = f"none of {columns_as_text(header)} is a field of lead-arrivals; a mapping must say which is which"
        raise InvalidInput((Problem(path="header", reason=reason),))


def by_names(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as a message: columns named like fields become these fields, others attributes."""
    fields = find_fields({name: cell for name, cell in row.items() if cell != ""})
    message: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in fields.fields.items():
        (message if name in _FIELDS else attributes)[name] = value
    if float_id := _FLOAT_ID.fullmatch(str(message.get("external_id", ""))):
        message["external_id"] = float_id[1]  # an id that pandas held as a float
    if invalid := {name: value for name, value in fields.invalid.items() if name not in attributes}:
        attributes["invalid"] = invalid
    return {**message, "attributes": attributes} if attributes else message


def _rows(rows: CsvRows, header: tuple[str, ...]) -> Iterator[ParsedLine]:
    for line, cells, lines, text in rows:
        if isinstance(cells, str):
            yield ParsedLine(line=line, reason=cells, lines=lines, text=text)
        elif cells and cells != [""]:
            if cells[0].strip() == header[0] and tuple(map(str.strip, cells)) == header:
                yield ParsedLine(line=line, reason=_REPEATED, lines=lines, text=text)
            else:
                yield row_of(line, cells, header, lines=lines, text=text)


def row_of(
    line: int, cells: list[str], header: tuple[str, ...], *, lines: int = 1, text: str = ""
) -> ParsedLine:
    """Return a row's cells by column. Empty cells beyond the header are none."""
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) > len(header):
        reason = f"has {len(cells)} cells, the header {len(header)}"
        return ParsedLine(line=line, reason=reason, lines=lines, text=text)
    message = {name: _cell(cell) for name, cell in zip(header, cells, strict=False)}
    return ParsedLine(line=line, message=message, lines=lines, text=text)


def _cell(text: str) -> str:
    """Return a cell's text, trimmed. `="02903"` keeps a spreadsheet from changing it."""
    text = text.strip()
    formula = _FORMULA.fullmatch(text) if text.startswith("=") else None
    return formula[1].strip() if formula else text


def _header_refused(reason: str) -> InvalidInput:
    return InvalidInput((Problem(path="header", reason=reason),))
