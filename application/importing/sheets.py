"""Reads an XLSX workbook: each of its sheets is a table with a header (V1, A13)."""

import zlib
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook

from application.importing import import_tables
from application.importing.import_rows import ParsedLine
from application.importing.mapping import Mapping
from models.errors import InvalidInput, Problem
from models.field_names import field_of

MAX_BYTES: Final = 64 << 20
"""The most bytes of a workbook. A sheet is held in memory."""
MAX_UNPACKED_BYTES: Final = 512 << 20
"""The most bytes of a workbook's parts once they are unpacked, as the workbook declares them."""
_TITLE_ROWS: Final = 20


def read(path: Path, mapping: Mapping | None) -> Iterator[ParsedLine]:
    """Yield the message or the refusal of each row. Raises `InvalidInput` for what is no workbook or has no header."""
    if path.stat().st_size > MAX_BYTES:
        raise InvalidInput((Problem(path="file", reason=f"has more than {MAX_BYTES} bytes"),))
    require_small(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [
            (name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names
        ]
    except CalamineError as error:
        raise InvalidInput((Problem(path="file", reason=f"is not a workbook: {error}"),)) from error
    needed = frozenset(mapping.columns()) if mapping else frozenset()
    unusable: list[InvalidInput] = []
    readers: list[Iterator[ParsedLine]] = []
    for name, sheet in sheets:
        rows = [[_text(cell) for cell in row] for row in sheet]
        begin = _header_at(rows, needed)
        if begin is None:
            continue
        header = import_tables.named_columns(rows[begin])
        try:
            import_tables.require_no_row_in(header)
            import_tables.require_usable(header, mapping)
        except InvalidInput as error:
            unusable.append(error)
            readers.append(iter([_sheet_refused(name, rows, begin, error)]))
        else:
            readers.append(import_tables.messages(header, _parsed_lines(rows, begin, header), mapping))
    if unusable and len(unusable) == len(readers):
        raise unusable[0]
    yield from chain.from_iterable(readers)


def _sheet_refused(name: str, rows: list[list[str]], begin: int, error: InvalidInput) -> ParsedLine:
    """Return the refusal of a sheet that is no table of leads, beside others that are."""
    text = "\n".join(",".join(row) for row in rows[begin : begin + _TITLE_ROWS])
    reason = f"the sheet {name!r} is no table of leads: {error.problems[0].reason}"
    return ParsedLine(line=begin + 1, reason=reason, lines=len(rows) - begin, text=text)


def require_small(path: Path) -> None:
    """Raise `InvalidInput` if a workbook's parts would be too large in memory, or if one of them is damaged.

    The reader does not compare checksums, and would leave out rows of a damaged part.
    """
    broken: str | None = None
    try:
        with ZipFile(path) as book:
            unpacked = sum(part.file_size for part in book.infolist())
            if unpacked <= MAX_UNPACKED_BYTES:
                broken = book.testzip()
    except (BadZipFile, OSError, NotImplementedError, ValueError):
        return  # an older format, or no workbook; the reader says so
    except (zlib.error, EOFError, RuntimeError) as error:
        broken = str(error)
    if unpacked > MAX_UNPACKED_BYTES:
        reason = f"has {unpacked:,} bytes once it is unpacked; a workbook has {MAX_UNPACKED_BYTES:,} at most"
        raise InvalidInput((Problem(path="file", reason=reason),))
    if broken is not None:
        raise InvalidInput((Problem(path="file", reason=f"is a damaged workbook: {broken}"),))


def _header_at(rows: list[list[str]], needed: frozenset[str]) -> int | None:
    """Return the index of the first row that names a field or a needed column, else of the first that is not empty."""
    filled_rows = [index for index, row in enumerate(rows[:_TITLE_ROWS]) if any(row)]
    header_rows = (
        index for index in filled_rows if any(field_of(cell) or cell in needed for cell in rows[index])
    )
    return next(header_rows, filled_rows[0] if filled_rows else None)


def _parsed_lines(rows: list[list[str]], begin: int, header: tuple[str, ...]) -> Iterator[ParsedLine]:
    yield from import_tables.rows_before(rows[:begin], len(header))
    for index in range(begin + 1, len(rows)):
        if any(rows[index]):
            yield import_tables.row_of(index + 1, rows[index], header, text=",".join(rows[index]))


def _text(cell: Any) -> str:
    """Return a cell as text. A whole number has no fraction, because a spreadsheet holds each number as a float."""
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell).strip()
