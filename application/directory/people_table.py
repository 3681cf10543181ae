"""Reads people from a table that a spreadsheet saved as CSV: one rep a row, the columns in any order."""

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from application.directory.objects import Objects, Value, normal
from application.importing.import_tables import delimiter_of
from application.importing.text_encoding import decoded_text
from models import location
from models.errors import Problem, PublicationErrors
from rules.queues.rule_book import Key

MAX_PEOPLE: Final = 5_000
"""The most rows of a table of people."""
_LONGEST_CELL: Final = 10_000
_SEPARATOR: Final = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"[,;|/\n]")
_NO_ID: Final = re.compile(r"[^a-z0-9]+")
_YES: Final = frozenset({"yes", "y", "true", "1", "active", "x"})
_NO: Final = frozenset({"no", "n", "false", "0", "inactive"})


class PeopleTable(NamedTuple):
    """The reps of a table as they are to be published. `unread`: columns whose names are not known.

    `lines`: rep id -> its line in the file.
    """

    objects: dict[Key, Value | None]
    unread: tuple[str, ...]
    lines: dict[str, int]


class PeopleErrors(PublicationErrors):
    """What is wrong in a table. `lines`: the line of each problem, in their order."""

    def __init__(self, problems: tuple[Problem, ...], lines: tuple[int, ...]) -> None:
        super().__init__(problems)
        self.lines = lines


def is_table(name: str) -> bool:
    """Say whether a file of this name is read as a table of people, and not as a directory file."""
    return name.lower().endswith((".csv", ".tsv", ".txt"))


def _split_cell(text: str) -> list[str]:
    return [part.strip() for part in _BETWEEN.split(text) if part.strip()]


def _states(text: str) -> list[str]:
    return [code for part in _split_cell(text) if (code := _state(part))]


def _state(text: str) -> str | None:
    try:
        return location.state(text)
    except ValueError as error:
        raise ValueError(f"{text} {error}") from error


def _flag(text: str) -> bool:
    if text.lower() in _YES | _NO:
        return text.lower() in _YES
    raise ValueError(f"is {text}; write yes or no")


def _count(text: str) -> int:
    if not (text.isdecimal() and text.isascii()):
        raise ValueError(f"is {text}; write a number without a fraction")
    return int(text)


_COLUMNS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "id": ("rep_id", str),
    "rep id": ("rep_id", str),
    "name": ("name", str),
    "full name": ("name", str),
    "email": ("email", str),
    "e-mail": ("email", str),
    "mail": ("email", str),
    "email address": ("email", str),
    "phone": ("phone", str),
    "role": ("role", str.lower),
    "team": ("teams", _split_cell),
    "teams": ("teams", _split_cell),
    "state": ("licensed_states", _states),
    "states": ("licensed_states", _states),
    "licensed states": ("licensed_states", _states),
    "time zone": ("time_zone", str),
    "most open leads": ("max_open", _count),
    "most leads a day": ("max_per_day", _count),
    "active": ("active", _flag),
}
"""A column's name, in small letters and with spaces -> the rep's field, and how a cell is read."""


def read_people(org: str, content: bytes, before: Objects) -> PeopleTable:
    """Read a table's reps. An empty cell, and a field without a column, leave what is published (`before`).

    Comma, semicolon, tab or `|` part the cells; the bytes may be UTF-8, UTF-16 or Windows' cp1252. A row without an id
    is the rep with its mail address, else a new rep, whose id comes from the address or the name. Raises
    `PeopleErrors` with every problem by the line of its row.
    """
    rows = _rows(decoded_text(content).removeprefix("\ufeff"))
    line, header = next(rows, (1, []))
    names = [" ".join(cell.lower().replace("_", " ").split()) for cell in header]
    if not {"name", "full name", "email", "e-mail", "mail", "email address", "id", "rep id"} & set(names):
        reason = "the first line must name the columns, one of them Name, Email or Id"
        raise PeopleErrors((Problem(path="", reason=reason),), (line,))
    reader = _Reader(org, names, before)
    for number, cells in rows:
        reader.row(number, cells)
    if reader.problems:
        lines, problems = zip(*reader.problems, strict=True)
        raise PeopleErrors(problems, lines)
    unread = tuple(cell for cell, name in zip(header, names, strict=True) if name and name not in _COLUMNS)
    return PeopleTable(reader.objects, unread, reader.lines)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the trimmed cells of each row that is not empty. Raises `PeopleErrors` where it is no CSV."""
    lines = text.splitlines(keepends=True)
    skipped = 0
    delimiter: str | None = None
    if lines and (declared := _SEPARATOR.fullmatch(lines[0])):
        delimiter, skipped = declared[1], 1
    header = next((line for line in lines[skipped:] if line.strip()), "")
    table = csv.reader(lines[skipped:], delimiter=delimiter or delimiter_of(header), strict=True)
    begins, people = skipped + 1, 0
    try:
        for row in table:
            if any(cell.strip() for cell in row):
                people += 1
                if people > MAX_PEOPLE + 1:
                    reason = f"has more than {MAX_PEOPLE:,} people; import it in parts"
                    raise PeopleErrors((Problem(path="", reason=reason),), (begins,))
                yield begins, [cell.strip()[:_LONGEST_CELL] for cell in row]
            begins = skipped + table.line_num + 1
    except csv.Error as error:
        raise PeopleErrors((Problem(path="", reason=f"cannot be read: {error}"),), (begins,)) from error


class _Reader:
    """Reads rows and collects every problem instead of stopping at the first."""

    def __init__(self, org: str, names: list[str], before: Objects) -> None:
        self._org, self._names, self._before = org, names, before
        self._by_mail = {
            str(value.get("email")).casefold(): rep_id
            for (kind, rep_id), value in before.items()
            if kind == "rep" and value.get("email")
        }
        self.problems: list[tuple[int, Problem]] = []
        self.objects: dict[Key, Value | None] = {}
        self.lines: dict[str, int] = {}

    def row(self, line: int, cells: list[str]) -> None:
        if len(cells) > len(self._names) and any(cells[len(self._names) :]):
            self._problem(line, "", f"has {len(cells)} cells, and the first line {len(self._names)}")
            return
        person: Value = {}
        for name, cell in zip(self._names, cells, strict=False):
            field, read = _COLUMNS.get(name, ("", str))
            if not field or not cell:
                continue
            try:
                person[field] = read(cell)
            except ValueError as error:
                self._problem(line, field, str(error))
        rep_id = person.pop("rep_id", None) or self._id_of(person)
        if not rep_id:
            self._problem(line, "", "has no name, no email and no id")
        elif rep_id in self.lines:
            self._problem(line, "", f"is the same person as line {self.lines[rep_id]}")
        else:
            self.lines[rep_id] = line
            self._take(line, rep_id, person)

    def _take(self, line: int, rep_id: str, person: Value) -> None:
        key: Key = ("rep", rep_id)
        try:
            self.objects[key] = normal(self._org, *key, {**self._before.get(key, {}), **person})
        except PublicationErrors as error:
            self.problems += [(line, problem) for problem in error.problems]

    def _id_of(self, person: Value) -> str:
        mail = str(person.get("email", "")).casefold()
        if mail in self._by_mail:
            return self._by_mail[mail]
        base = _NO_ID.sub("-", (mail.partition("@")[0] or str(person.get("name", ""))).casefold()).strip("-")
        taken_ids = {rep_id for _, rep_id in self._before} | set(self.lines)
        free_ids = (
            candidate
            for n in range(1, MAX_PEOPLE + 2)
            if (candidate := base if n == 1 else f"{base}-{n}") not in taken_ids
        )
        return next(free_ids, "") if base else ""

    def _problem(self, line: int, field: str, reason: str) -> None:
        self.problems.append((line, Problem(path=field, reason=reason)))
