"""Reads the lines of a CSV file as rows of cells. A damaged quote never makes one row swallow others (A1, V1)."""

import csv
from typing import Final, NamedTuple, Self, TextIO

from application.importing.import_rows import LONGEST_TEXT

MAX_LINE: Final = 1 << 20
"""The most characters of one line. A message has 1 MB at most."""
MAX_ROW: Final = 4 << 20
"""The most characters of one row over all its lines. A quoted cell may contain line breaks."""
MAX_ROW_LINES: Final = 100
"""The most lines of one row. A quote that is open for longer was never closed."""
NOT_CLOSED: Final = "a quote is opened on this line and not closed"
"""The reason for refusing a line. Its other lines are read as rows of their own, so that no row is swallowed (A1)."""
_ROW_LIKE: Final = 3
"""A line inside a quoted cell is a row of its own if it has a row's delimiters, and at least so many."""
_OPEN: Final = "unexpected end of data"


class CsvLines:
    """The lines of a table, each read within its bound. A longer line is skipped without being stored, and refused.

    `number`: of the line read last. Lines that were `put_back` are read again.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: list[str | TooLongError] = []
        self.number = 0

    def __iter__(self) -> Self:
        return self

    def put_back(self, lines: "list[str | TooLongError]") -> None:
        """Let lines be read again; the error of a line that is too long is raised again."""
        self._again += reversed(lines)
        self.number -= len(lines)

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._file.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if isinstance(line, TooLongError):
            raise line
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            while (rest := self._file.readline(MAX_LINE)) and not rest.endswith(("\n", "\r")):
                pass
            raise TooLongError(line)
        return line


class TooLongError(csv.Error):
    """A line that exceeds its bound. `beginning`: its first characters."""

    def __init__(self, line: str) -> None:
        super().__init__(f"the line has more than {MAX_LINE} characters")
        self.beginning = line[:LONGEST_TEXT]


class CsvRow(NamedTuple):
    """A row of a table. `line`: its first line's number; `lines`: how many it has; `text`: the row as in the file.

    `cells`: its cells, or the reason why it is no row.
    """

    line: int
    cells: list[str] | str
    lines: int
    text: str


class CsvRows:
    """The rows of a table. `columns`: the number of columns, once the header was read."""

    def __init__(self, lines: CsvLines, delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self.columns = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> CsvRow:
        try:
            line = next(self._lines)
        except TooLongError as error:
            return CsvRow(self._lines.number, f"not CSV: {error}", 1, error.beginning)
        number = self._lines.number
        if '"' not in line and len(line) <= csv.field_size_limit():
            stripped = line.rstrip("\r\n")
            return CsvRow(number, stripped.split(self._delimiter) if stripped else [], 1, stripped)
        row = [line]
        cells = self._quoted(row)
        return CsvRow(number, cells, len(row), "".join(row).rstrip("\r\n"))

    def _quoted(self, row: list[str]) -> list[str] | str:
        """Return the cells of a row with quotes, and add its further lines to `row`.

        Returns a reason where the quotes are not closed. Then `row` keeps its first line, and the others go back.
        """
        size = len(row[0])
        while True:
            try:
                cells = next(csv.reader(row, delimiter=self._delimiter, strict=True, skipinitialspace=True))
            except csv.Error as error:
                reason = str(error)
            else:
                if not self._has_rows_inside(row, cells):
                    return cells
                reason = NOT_CLOSED
            if reason == _OPEN and len(row) < MAX_ROW_LINES and size < MAX_ROW:
                next_lines = self._until_quote(MAX_ROW_LINES - len(row))
                row += next_lines
                size += sum(map(len, next_lines))
                if next_lines and '"' in next_lines[-1]:
                    continue
            self._lines.put_back([*row[1:]])
            del row[1:]
            return f"not CSV: {NOT_CLOSED if reason == _OPEN else reason}"

    def _until_quote(self, limit: int) -> list[str]:
        """Return the next lines up to one with a quote, at most so many; none beyond a line that is too long."""
        lines: list[str] = []
        try:
            for line in self._lines:
                lines.append(line)
                if '"' in line or len(lines) == limit:
                    break
        except TooLongError as error:
            self._lines.put_back([error])
        return lines

    def _has_rows_inside(self, row: list[str], cells: list[str]) -> bool:
        """Say whether whole rows stand inside a quoted cell. Then its quote was closed by another row's.

        A row of several lines has one inside if it has too many cells, if a line in its middle has the delimiters of a
        row, or if its first line and its last line both have them.
        """
        needed = self.columns - 1
        if len(row) == 1 or needed < _ROW_LIKE:
            return False
        counts = [line.count(self._delimiter) for line in row]
        return (
            any(cell.strip() for cell in cells[self.columns :])
            or any(count >= needed for count in counts[1:-1])
            or (counts[0] >= needed and counts[-1] == needed)
        )
