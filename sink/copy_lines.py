"""Writes table rows as COPY reads them, a column at a time. This is pure, so it may run while another batch is stored.

Most columns have one value in all rows of a batch, or few. Each of them is written once.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import JSON, Boolean, Column, Table, Text
from sqlalchemy.types import TypeEngine

from sink.column_types import UtcDateTime
from sink.database_engine import to_json
from sink.rows import Values

_NULL: Final = "\\N"
_ENCODE: Final = msgspec.json.Encoder().encode
_SPECIAL: Final = re.compile(r"[\\\t\n\r]")
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

ToText = Callable[[Any], str]


def copy_columns(table: Table, rows: Sequence[Values]) -> list[Column[Any]]:
    """Return the columns that the rows give, in the table's order. All rows of a table give the same ones."""
    return [one for one in table.columns if one.name in rows[0]]


def copy_lines(table: Table, rows: Sequence[Values]) -> list[str]:
    """Return a line of COPY for each row, with its end. Raises ValueError for an instant without a time zone.

    A value that Postgres refuses is written as it is, so that Postgres refuses it.
    """
    columns = copy_columns(table, rows)
    values = [*zip(*map(itemgetter(*(one.name for one in columns)), rows), strict=True)]
    pieces: list[Sequence[str]] = []
    after = "\n"
    for n in range(len(columns) - 1, -1, -1):
        to_text, column, before = _to_text(type(columns[n].type)), values[n], "\t" if n else ""
        # Equal JSON may differ, as 1 and true do.
        if column.count(None if to_text is _json else column[0]) == len(column):
            after = f"{before}{to_text(column[0])}{after}"
            continue
        if to_text is _json:  # its values have no hash
            pieces.append([f"{before}{_json(value)}{after}" for value in column])
        else:
            text_of = {value: f"{before}{to_text(value)}{after}" for value in set(column)}
            pieces.append([*map(text_of.__getitem__, column)])
        after = ""
    pieces.append([after] * len(rows))
    return [*map("".join, zip(*reversed(pieces), strict=True))]


def _to_text(kind: type[TypeEngine[Any]]) -> ToText:
    """Return what writes one value of a column's type."""
    if issubclass(kind, JSON):
        return _json
    if issubclass(kind, Text):
        return _text
    if issubclass(kind, UtcDateTime):
        return _instant
    return _boolean if issubclass(kind, Boolean) else _number


def _text(value: str | None) -> str:
    if value is None:
        return _NULL
    return value.translate(_ESCAPED) if _SPECIAL.search(value) else value


def _instant(value: datetime | None) -> str:
    if value is None:
        return _NULL
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone")
    return _ENCODE(value if value.tzinfo is UTC else value.astimezone(UTC))[1:-1].decode()


def _json(value: Any) -> str:
    """Return JSON with its backslashes doubled. It has no other character that COPY reads as a sign."""
    if value is None:
        return _NULL
    text = str(value, "utf-8") if type(value) is msgspec.Raw else to_json(value)
    return text.replace("\\", "\\\\")


def _boolean(value: bool | None) -> str:
    return _NULL if value is None else "t" if value else "f"


def _number(value: float | None) -> str:
    return _NULL if value is None else repr(value)
