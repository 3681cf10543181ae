"""Reads a CSV file with a header, quoted line breaks, and any usual delimiter and encoding."""

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, TextIO

from application.importing.mapping import FIELDS, Cell, Mapping, named
from application.importing.rows import Found
from models.errors import InvalidInput, Problem

DELIMITERS: Final = ",;\t|"
_ENCODINGS: Final = ("utf-8-sig", "cp1252")
_BOMS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CHUNK: Final = 1 << 16
MAX_COLUMNS: Final = 2_000
"""The most columns of a table."""
MAX_PROBLEMS: Final = 100
"""The most problems of a header that are reported."""
LONGEST_NAME: Final = 200
"""The most characters of a column's name in a message."""
MAX_LINE: Final = 1 << 20
"""The most characters of one line. A message has 1 MB at most."""
MAX_ROW: Final = 4 << 20
"""The most characters of one row over all its lines. A quoted cell may contain line breaks."""
_OTHER_NAMES: Final = {
    "zip_code": "zip",
    "zipcode": "zip",
    "postal_code": "zip",
    "phone_number": "phone",
    "telephone": "phone",
    "email_address": "email",
    "e_mail": "email",
    "firstname": "first_name",
    "lastname": "last_name",
    "surname": "last_name",
    "id": "external_id",
    "lead_id": "external_id",
    "leadid": "external_id",
}
"""Other names that vendors use for our fields. A column with the field's own name comes first."""
_BREAKS: Final = re.compile(r"[\s\-_.]+")


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
def open_table(path: Path) -> Iterator[tuple[tuple[str, ...], Iterator[Found]]]:
    """Open a table: its columns, and for each row its trimmed cells by column in `message`, or a reason.

    Raises `InvalidInput` where there is no header.
    """
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        lines = _Lines(file)
        try:
            start = next(lines, "")
            if not start.strip():
                raise _header_refused("the first line is empty; it must name the columns")
            file.seek(0)
            lines = _Lines(file)
            cells = csv.reader(lines, delimiter=delimiter_of(start))
            header = tuple(name.strip() or f"column {at}" for at, name in enumerate(next(cells), start=1))
        except csv.Error as error:
            raise _header_refused(f"cannot be read: {error}") from error
        _check_header(header)
        yield header, _rows(cells, lines, header)


class _Lines:
    """The lines of a table, each read within its bound. A longer line is skipped without being stored, and refused.

    `number`: of the line read last. Call `begin` at the start of each row.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._row = 0
        self.number = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            while (rest := self._file.readline(MAX_LINE)) and not rest.endswith(("\n", "\r")):
                pass
            raise csv.Error(f"the line has more than {MAX_LINE} characters")
        self._row += len(line)
        if self._row > MAX_ROW:
            raise csv.Error(f"the row has more than {MAX_ROW} characters; is a quote not closed?")
        return line

    def begin(self) -> int:
        """Begin a row; return the number of its first line."""
        self._row = 0
        return self.number + 1


def read(path: Path, mapping: Mapping | None) -> Iterator[Found]:
    """Yield the message or the refusal of each row. Raises `InvalidInput` without a header or a needed column."""
    with open_table(path) as (header, rows):
        if mapping is None:
            mapping = _by_names(header)
        mapping.check_columns(header)
        for row in rows:
            if row.message is None:
                yield row
                continue
            try:
                message = mapping.message(row.message)
            except Cell as cell:
                yield Found(line=row.line, field=cell.field, reason=str(cell))
            else:
                yield Found(line=row.line, message=message)


def _rows(cells: Any, lines: _Lines, header: tuple[str, ...]) -> Iterator[Found]:
    while True:
        line = lines.begin()
        try:
            row = next(cells)
        except StopIteration:
            return
        except csv.Error as error:
            yield Found(line=line, reason=f"not CSV: {error}")
            continue
        if not row:
            continue
        if len(row) > len(header):
            yield Found(line=line, reason=f"has {len(row)} cells, the header {len(header)}")
            continue
        yield Found(line=line, message={name: cell.strip() for name, cell in zip(header, row, strict=False)})


def _header_refused(reason: str) -> InvalidInput:
    return InvalidInput((Problem(path="header", reason=reason),))


def _check_header(header: tuple[str, ...]) -> None:
    if len(header) > MAX_COLUMNS:
        raise _header_refused(f"has {len(header)} columns; a table has {MAX_COLUMNS} at most")
    seen: set[str] = set()
    problems: list[Problem] = []
    for at, name in enumerate(header, start=1):
        if name in seen and len(problems) < MAX_PROBLEMS:
            problems.append(
                Problem(path=f"header, column {at}", reason=f"{name[:LONGEST_NAME]} occurs twice")
            )
        seen.add(name)
    if problems:
        raise InvalidInput(tuple(problems))


def _by_names(header: tuple[str, ...]) -> Mapping:
    """Return the mapping of a header: columns named like fields become these fields, others attributes."""
    names = {column: _BREAKS.sub("_", column.strip().lower()) for column in header}
    found: dict[str, str] = {}
    for column, name in names.items():
        if name in FIELDS:
            found.setdefault(name, column)
    for column, name in names.items():
        if name in _OTHER_NAMES:
            found.setdefault(_OTHER_NAMES[name], column)
    if not found:
        reason = f"none of {named(header)} is a field of lead-arrivals; a mapping must say which is which"
        raise InvalidInput((Problem(path="header", reason=reason),))
    return Mapping(found)
