"""Defines a query of a list: filters, search, order and the page's start; and encodes cursors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import datetime
from typing import Any, Final

import msgspec

from models.errors import InvalidInput, Problem
from sink.lists.list_columns import Column, ColumnKind, ListDefinition

LIMIT: Final = 50


class ContainsFilter(msgspec.Struct, frozen=True):
    """Matches a text that contains this one, in any case."""

    text: str


class OneOf(msgspec.Struct, frozen=True):
    """Matches one of these values. None means that the row has no value."""

    values: tuple[str | bool | None, ...]


class BetweenFilter(msgspec.Struct, frozen=True):
    """Matches values from `low` to `high`; None means no bound. A range of time excludes its end."""

    low: float | datetime | None = None
    high: float | datetime | None = None


Filter = ContainsFilter | OneOf | BetweenFilter


class PagePosition(msgspec.Struct, frozen=True):
    """A row's position in an order: its values of the sort columns. `before`: the page ends before this row."""

    values: tuple[Any, ...]
    before: bool = False


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One query. `filters`: by column. `sort`: a column. `at`: where the page begins; None for the first page."""

    sort: str
    descending: bool = False
    filters: dict[str, Filter] = {}
    search: str = ""
    at: PagePosition | None = None
    limit: int = LIMIT

    @property
    def order(self) -> str:
        """The order in its text form: the column, with a leading `-` for descending."""
        return f"-{self.sort}" if self.descending else self.sort


def parse_order(listing: ListDefinition, order: str | None) -> tuple[str, bool]:
    """Return the column and whether the order is descending. Raises `InvalidInput` for an unknown column."""
    order = order or listing.sort
    name = order.removeprefix("-")
    if name not in listing.by_name:
        reason = f"{name!r} is no column of this list; there are {', '.join(listing.by_name)}"
        raise InvalidInput((Problem(path="sort", reason=reason),))
    return name, order.startswith("-")


def encode_cursor(order: str, position: PagePosition) -> str:
    """Return a position as a cursor. The cursor is valid for this order only."""
    values = [value.isoformat() if isinstance(value, datetime) else value for value in position.values]
    return urlsafe_b64encode(msgspec.json.encode([order, position.before, values])).decode().rstrip("=")


def decode_cursor(cursor: str, order: str, kinds: tuple[type, ...]) -> PagePosition:
    """Return the position of a cursor. Raises `InvalidInput` for an invalid cursor or one of another order.

    `kinds` are the types of the values. Each value but the last may be None.
    """
    try:
        raw = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        of_order, before, values = msgspec.json.decode(raw, type=tuple[str, bool, list[Any]])
        if of_order == order and len(values) == len(kinds):
            position = tuple(
                None if value is None else msgspec.convert(value, kind)
                for value, kind in zip(values, kinds, strict=True)
            )
            if position[-1] is not None:
                return PagePosition(position, before)
    except (Error, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        pass
    reason = "does not belong to this list in this order; take it from `next` or `previous`"
    raise InvalidInput((Problem(path="cursor", reason=reason),))


_TYPES: Final = {ColumnKind.AMOUNT: float, ColumnKind.DATE: datetime, ColumnKind.FLAG: bool}


def cursor_type(column: Column) -> type:
    """Return the type that a column's values have in a cursor."""
    return _TYPES.get(column.kind, str)
