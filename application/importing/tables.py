"""Reads a CSV file with a header, quoted line breaks, and any usual delimiter and encoding."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, TextIO

from application.importing.mapping import FIELDS, Cell, Mapping, named
from application.importing.rows import Found
from application.importing.summary_rows import REASON as SUMMARY
from application.importing.summary_rows import is_summary
from models.errors import InvalidInput, Problem
from models.field_names import field_of
from rules.inbound.fields import find_fields

DELIMITERS: Final = ",;\t|"
_ENCODINGS: Final = ("utf-8-sig", "cp1252")
_BOMS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CHUNK: Final = 1 << 16
MAX_COLUMNS: Final = 2_000
"""The most columns of a table."""
_ROW_LIKE: Final = 3
"""A line inside a quoted cell is a row of its own if it has a row's delimiters, and at least so many."""
MAX_LINE: Final = 1 << 20
"""The most characters of one line. A message has 1 MB at most."""
MAX_ROW: Final = 4 << 20
"""The most characters of one row over all its lines. A quoted cell may contain line breaks."""
MAX_ROW_LINES: Final = 100
"""The most lines of one row. A quote that is open for longer was never closed."""
_TITLE_LINES: Final = 20
"""How many lines may come before the header."""
_SEPARATOR: Final = re.compile(r"\ufeff?\"?sep=(.)\"?\s*", re.IGNORECASE)
_FORMULA: Final = re.compile(r'="(.*)"', re.DOTALL)
_FLOAT_ID: Final = re.compile(r"(\d+)\.0+", re.ASCII)
_FIELDS: Final = frozenset(FIELDS)
_OPEN: Final = "unexpected end of data"
_REPEATED: Final = "repeats the header"
NOT_CLOSED: Final = "a quote is opened on this line and not closed"
"""The reason for refusing a line. Its other lines are read as rows of their own, so that no row is swallowed (A1)."""


def encoding_of(path: Path) -> str:
    """Return the encoding of a file: UTF-16 by its mark, UTF-8, cp1252, else Latin-1, which never fails.

    The whole file is read, a piece at a time, because one accented letter near the end decides. Raises `InvalidInput`
    for broken UTF-16.
    """
    with path.open("rb") as file:
        mark = file.read(2)
    if mark in _BOMS:
        if _decodes(path, _BOMS[mark]):
            return _BOMS[mark]
        raise InvalidInput((Problem(path="file", reason="begins as UTF-16 and is not UTF-16 to its end"),))
    return next((name for name in _ENCODINGS if _decodes(path, name)), "latin-1")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def delimiter_of(header: str) -> str:
    """Return the most frequent delimiter outside quotes of a header line, or a comma where it has none."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


@contextmanager
def open_table(
    path: Path, needed: frozenset[str] = frozenset()
) -> Iterator[tuple[tuple[str, ...], Iterator[Found]]]:
    """Open a table: its columns, and for each row its trimmed cells by column in `message`, or a reason.

    Lines before the header are skipped: empty lines, a title, `sep=;`. The header is the first line that names a field
    or a `needed` column, else the first that is not empty. Raises `InvalidInput` where there is no header.
    """
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        delimiter, skipped = _beginning(file, needed)
        file.seek(0)
        lines = _Lines(file)
        for _ in range(skipped):
            next(lines, "")
        rows = _Rows(lines, delimiter)
        try:
            first = next(rows, None)
        except csv.Error as error:
            raise _header_refused(f"cannot be read: {error}") from error
        cells = "there is no line with columns" if first is None else first[1]
        if isinstance(cells, str):
            raise _header_refused(f"cannot be read: {cells.removeprefix('not CSV: ')}")
        header = named_columns(cells)
        rows.columns = len(header)
        yield header, _rows(rows, header)


def _beginning(file: TextIO, needed: frozenset[str]) -> tuple[str, int]:
    """Return the delimiter, and how many lines come before the header."""
    lines = _Lines(file)
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
        if number == 0 and (given := _SEPARATOR.fullmatch(line)):
            delimiter = given[1]
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


class _Lines:
    """The lines of a table, each read within its bound. A longer line is skipped without being stored, and refused.

    `number`: of the line read last. Lines that were `put_back` are read again.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: list[str] = []
        self.number = 0

    def __iter__(self) -> Self:
        return self

    def put_back(self, lines: list[str]) -> None:
        """Let lines be read again."""
        self._again += reversed(lines)
        self.number -= len(lines)

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._file.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            while (rest := self._file.readline(MAX_LINE)) and not rest.endswith(("\n", "\r")):
                pass
            raise csv.Error(f"the line has more than {MAX_LINE} characters")
        return line


class _Rows:
    """The rows of a table: the first line's number, and its cells or the reason why the line is no row.

    `columns`: the number of columns, once the header was read.
    """

    def __init__(self, lines: _Lines, delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self.columns = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, list[str] | str]:
        try:
            line = next(self._lines)
        except csv.Error as error:
            return self._lines.number, f"not CSV: {error}"
        number = self._lines.number
        if '"' not in line and len(line) <= csv.field_size_limit():
            bare = line.rstrip("\r\n")
            return number, bare.split(self._delimiter) if bare else []
        return number, self._quoted(line)

    def _quoted(self, line: str) -> list[str] | str:
        """Return the cells of a row with quotes; a reason where they are not closed, and its other lines go back."""
        row, size = [line], len(line)
        while True:
            try:
                cells = next(csv.reader(row, delimiter=self._delimiter, strict=True, skipinitialspace=True))
            except csv.Error as error:
                reason = str(error)
            else:
                if not self._has_rows_inside(row):
                    return cells
                reason = NOT_CLOSED
            if reason == _OPEN and len(row) < MAX_ROW_LINES and size < MAX_ROW:
                try:
                    more = self._until_quote(MAX_ROW_LINES - len(row))
                except csv.Error:
                    more = []
                row += more
                size += sum(map(len, more))
                if more and '"' in more[-1]:
                    continue
            self._lines.put_back(row[1:])
            return f"not CSV: {NOT_CLOSED if reason == _OPEN else reason}"

    def _until_quote(self, most: int) -> list[str]:
        """Return the next lines up to one with a quote, at most so many."""
        found: list[str] = []
        for line in self._lines:
            found.append(line)
            if '"' in line or len(found) == most:
                break
        return found

    def _has_rows_inside(self, row: list[str]) -> bool:
        """Say whether whole rows stand inside a quoted cell. Then its quote was closed by another row's."""
        needed = self.columns - 1
        return needed >= _ROW_LIKE and any(line.count(self._delimiter) >= needed for line in row[1:-1])


def read(path: Path, mapping: Mapping | None) -> Iterator[Found]:
    """Yield the message or the refusal of each row. Raises `InvalidInput` without a header or a needed column."""
    with open_table(path, frozenset(mapping.columns()) if mapping else frozenset()) as (header, rows):
        yield from messages(header, rows, mapping)


def messages(header: tuple[str, ...], rows: Iterable[Found], mapping: Mapping | None) -> Iterator[Found]:
    """Yield the message or the refusal of each row, by a mapping or by the columns' names."""
    if mapping is not None:
        mapping.check_columns(header)
    else:
        require_known(header)
    phones = (
        frozenset(mapping.sources["phone"].column) if mapping and "phone" in mapping.sources else frozenset()
    )
    for row in rows:
        if row.message is None:
            yield row
            continue
        if is_summary(row.message, phones):
            yield Found(line=row.line, reason=SUMMARY)
            continue
        try:
            message = mapping.message(row.message) if mapping else by_names(row.message)
        except Cell as cell:
            yield Found(line=row.line, field=cell.field, reason=str(cell))
        else:
            yield Found(line=row.line, message=message)


def require_known(header: tuple[str, ...]) -> None:
    """Raise `InvalidInput` where no column is named like a field."""
    if not any(map(field_of, header)):
        reason = f"none of {named(header)} is a field of lead-arrivals; a mapping must say which is which"
        raise InvalidInput((Problem(path="header", reason=reason),))


def by_names(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as a message: columns named like fields become these fields, others attributes."""
    found = find_fields({name: cell for name, cell in row.items() if cell != ""})
    message: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in found.fields.items():
        (message if name in _FIELDS else attributes)[name] = value
    if whole := _FLOAT_ID.fullmatch(str(message.get("external_id", ""))):
        message["external_id"] = whole[1]  # an id that pandas held as a float
    if lost := {name: value for name, value in found.invalid.items() if name not in attributes}:
        attributes["invalid"] = lost
    return {**message, "attributes": attributes} if attributes else message


def _rows(rows: "_Rows", header: tuple[str, ...]) -> Iterator[Found]:
    for line, cells in rows:
        if isinstance(cells, str):
            yield Found(line=line, reason=cells)
        elif cells and cells != [""]:
            repeats = tuple(map(str.strip, cells)) == header
            yield Found(line=line, reason=_REPEATED) if repeats else row_of(line, cells, header)


def row_of(line: int, cells: list[str], header: tuple[str, ...]) -> Found:
    """Return a row's cells by column. Empty cells beyond the header are none."""
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) > len(header):
        return Found(line=line, reason=f"has {len(cells)} cells, the header {len(header)}")
    return Found(line=line, message={name: _cell(cell) for name, cell in zip(header, cells, strict=False)})


def _cell(text: str) -> str:
    """Return a cell's text, trimmed. `="02903"` keeps a spreadsheet from changing it."""
    text = text.strip()
    found = _FORMULA.fullmatch(text) if text.startswith("=") else None
    return found[1].strip() if found else text


def _header_refused(reason: str) -> InvalidInput:
    return InvalidInput((Problem(path="header", reason=reason),))
