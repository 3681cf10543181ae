"""Writes table rows as COPY reads them, a column at a time. This is pure, so it may run while another batch is stored.

Many columns have one value in all rows of a batch. It is written once.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import JSON, Boolean, Column, Table, Text
from sqlalchemy.types import TypeEngine

from sink.column_types import UtcDateTime
from sink.rows import Values

_NULL: Final = "\\N"
_JSON: Final = msgspec.json.Encoder()
_SIGNS: Final = "\\\t\n\r"
"""What COPY reads as a sign in a text."""
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

ToTexts = Callable[[Sequence[Any]], list[str]]


def copy_columns(table: Table, rows: Sequence[Values]) -> list[Column[Any]]:
    """Return the columns that the rows give, in the table's order. All rows of a table give the same ones."""
    return [column for column in table.columns if column.name in rows[0]]


def copy_lines(table: Table, rows: Sequence[Values]) -> list[str]:
    """Return a line of COPY for each row, with its end. Raises ValueError for an instant without a time zone.

    A value that Postgres refuses is written as it is, so that Postgres refuses it.
    """
    columns = copy_columns(table, rows)
    values = [*zip(*map(itemgetter(*(column.name for column in columns)), rows), strict=True)]
    pieces: list[Sequence[str]] = []
    after = "\n"
    for n in range(len(columns) - 1, -1, -1):
        to_texts, column, before = _to_texts(type(columns[n].type)), values[n], "\t" if n else ""
        # Equal JSON may differ, as 1 and true do.
        if column.count(None if to_texts is _jsons else column[0]) == len(column):
            after = f"{before}{to_texts(column[:1])[0]}{after}"
        else:
            pieces.append([f"{before}{text}{after}" for text in to_texts(column)])
            after = ""
    pieces.append([after] * len(rows))
    return [*map("".join, zip(*reversed(pieces), strict=True))]


def _to_texts(kind: type[TypeEngine[Any]]) -> ToTexts:
    """Return what writes values of a column's type."""
    if issubclass(kind, JSON):
        return _jsons
    if issubclass(kind, Text):
        return _texts
    if issubclass(kind, UtcDateTime):
        return _instants
    return _booleans if issubclass(kind, Boolean) else _numbers


def _texts(column: Sequence[str | None]) -> list[str]:
    together = "".join(filter(None, column))
    if any(sign in together for sign in _SIGNS):
        return [_NULL if text is None else text.translate(_ESCAPED) for text in column]
    return [_NULL if text is None else text for text in column]


def _instants(column: Sequence[datetime | None]) -> list[str]:
    instants = [
        instant if instant.tzinfo is UTC else _utc(instant) for instant in column if instant is not None
    ]
    texts = _JSON.encode(instants)[2:-2].decode().split('","') if instants else []
    return _with_nulls(column, texts)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone")
    return value.astimezone(UTC)


def _jsons(column: Sequence[Any]) -> list[str]:
    """Return JSON with its backslashes doubled. It has no other character that COPY reads as a sign."""
    values = [value for value in column if value is not None]
    return _with_nulls(column, _JSON.encode_lines(values).decode().replace("\\", "\\\\").split("\n")[:-1])


def _booleans(column: Sequence[bool | None]) -> list[str]:
    return [_NULL if value is None else "t" if value else "f" for value in column]


def _numbers(column: Sequence[float | None]) -> list[str]:
    return [_NULL if number is None else repr(number) for number in column]


def _with_nulls(column: Sequence[Any], present: list[str]) -> list[str]:
    """Return the texts of the values that are not None, with NULL for each None between them."""
    if len(present) == len(column):
        return present
    texts = iter(present)
    return [_NULL if value is None else next(texts) for value in column]
