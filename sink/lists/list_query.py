"""What somebody asks of a list: filters, search, order and where the page begins; and the cursors that say so."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import datetime
from typing import Any, Final

import msgspec

from models.errors import InvalidInput, Problem
from sink.lists.columns import Column, Kind, Listing

LIMIT: Final = 50


class Contains(msgspec.Struct, frozen=True):
    """A text with this in it, whatever its case."""

    text: str


class OneOf(msgspec.Struct, frozen=True):
    """One of these values; None: it has none."""

    values: tuple[str | bool | None, ...]


class Between(msgspec.Struct, frozen=True):
    """A value from `low` on up to `high`; None: no bound. The end of a time does not belong to it."""

    low: float | datetime | None = None
    high: float | datetime | None = None


Filter = Contains | OneOf | Between


class PagePosition(msgspec.Struct, frozen=True):
    """A row's place in an order: its values of what is sorted by. `before`: the page ends before it instead."""

    values: tuple[Any, ...]
    before: bool = False


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One question. `filters`: by column. `sort`: a column. `at`: where the page begins, None at the beginning."""

    sort: str
    descending: bool = False
    filters: dict[str, Filter] = {}
    search: str = ""
    at: PagePosition | None = None
    limit: int = LIMIT

    @property
    def order(self) -> str:
        """The order as it is written: the column, `-` before it for the largest first."""
        return f"-{self.sort}" if self.descending else self.sort


def parse_order(listing: Listing, order: str | None) -> tuple[str, bool]:
    """Return the column and whether the largest comes first; raises `InvalidInput` for a column there is not."""
    order = order or listing.sort
    name = order.removeprefix("-")
    if name not in listing.by_name:
        reason = f"{name!r} is no column of this list; there are {', '.join(listing.by_name)}"
        raise InvalidInput((Problem(path="sort", reason=reason),))
    return name, order.startswith("-")


def encode_cursor(order: str, place: PagePosition) -> str:
    """Return a place as a cursor; it holds for this order only."""
    values = [one.isoformat() if isinstance(one, datetime) else one for one in place.values]
    return urlsafe_b64encode(msgspec.json.encode([order, place.before, values])).decode().rstrip("=")


def decode_cursor(cursor: str, order: str, kinds: tuple[type, ...]) -> PagePosition:
    """Return the place of a cursor; raises `InvalidInput` for one that is none of ours or of another order.

    `kinds`: of the values; each but the last may be None.
    """
    try:
        raw = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        of_order, before, values = msgspec.json.decode(raw, type=tuple[str, bool, list[Any]])
        if of_order == order and len(values) == len(kinds):
            found = tuple(
                None if value is None else msgspec.convert(value, kind)
                for value, kind in zip(values, kinds, strict=True)
            )
            if found[-1] is not None:
                return PagePosition(found, before)
    except (Error, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        pass
    reason = "is none of this list in this order; take it from `next` or `previous`"
    raise InvalidInput((Problem(path="cursor", reason=reason),))


_TYPES: Final = {Kind.AMOUNT: float, Kind.DATE: datetime, Kind.FLAG: bool}


def cursor_type(column: Column) -> type:
    """Return what a column's values are in a cursor."""
    return _TYPES.get(column.kind, str)
