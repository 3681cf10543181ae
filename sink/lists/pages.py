"""Reads pages, counts and choices of a list. A page begins after a row, not after a number of rows.

So no row is shown twice or left out when rows above it are added or removed. Rows without a value come last in both
directions, and the row's id breaks every tie. Each function takes an open connection and only reads.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, or_, select, true

from sink.lists.list_columns import FOLDED, Column, ColumnKind, Expression, ListDefinition
from sink.lists.list_query import (
    BetweenFilter,
    ContainsFilter,
    Filter,
    ListQuery,
    OneOf,
    PagePosition,
    cursor_type,
    decode_cursor,
    encode_cursor,
)
from sink.queries import STREAMED, Row

Condition = ColumnElement[bool]
CHOICES: Final = 200
"""How many values of a column are offered at once. A search finds the others."""
_DIGITS: Final = 3
_WRITTEN_IN_NUMBERS: Final = frozenset("+()-./ ")


class Page(NamedTuple):
    """A page of a list. `next` and `previous` are the cursors of the adjacent pages, None at either end."""

    rows: list[Row]
    next: str | None
    previous: str | None


class ValueCount(NamedTuple):
    """A value of a column, and how many rows have it."""

    value: str | bool | None
    rows: int


class _Key(NamedTuple):
    """One sort key."""

    by: Expression
    descending: bool
    nullable: bool
    type: type


def position_at(
    listing: ListDefinition, list_query: ListQuery, cursor: str | None, bands: Sequence[Expression] = ()
) -> PagePosition | None:
    """Return the position of a cursor of this list. Raises `InvalidInput`."""
    if not cursor:
        return None
    return decode_cursor(
        cursor, list_query.order, tuple(key.type for key in _keys(listing, list_query, bands))
    )


def page(
    connection: Connection,
    listing: ListDefinition,
    list_query: ListQuery,
    only: Sequence[Condition],
    bands: Sequence[Expression] = (),
) -> Page:
    """Return one page. `only`: what this user may see. `bands`: whole numbers to sort by before the order."""
    keys = _keys(listing, list_query, bands)
    is_backward = list_query.at is not None and list_query.at.before
    query = select(*_selected(listing), *(key.by.label(f"_{n}") for n, key in enumerate(keys))).where(
        *only, *conditions(listing, list_query)
    )
    query = _with_scan_hint(query, listing, list_query)
    if list_query.at is not None:
        query = query.where(_after_row(keys, list_query.at.values, back=is_backward))
    fetched = [
        dict(row)
        for row in connection.execute(
            query.order_by(*_order(keys, back=is_backward)).limit(list_query.limit + 1)
        ).mappings()
    ]
    has_more, rows = len(fetched) > list_query.limit, fetched[: list_query.limit]
    if is_backward:
        rows.reverse()
    positions = [tuple(row.pop(f"_{n}") for n in range(len(keys))) for row in rows]
    if not rows:
        return Page([], None, None)
    following = (
        encode_cursor(list_query.order, PagePosition(positions[-1])) if has_more or is_backward else None
    )
    earlier = encode_cursor(list_query.order, PagePosition(positions[0], before=True))
    return Page(
        rows, following, earlier if (has_more if is_backward else list_query.at is not None) else None
    )


def count(
    connection: Connection, listing: ListDefinition, list_query: ListQuery, only: Sequence[Condition]
) -> int:
    """Return how many rows meet the filters."""
    query: Any = select(func.count()).select_from(listing.row_id.table)
    query = _with_scan_hint(
        query.where(*only, *conditions(listing, list_query)), listing, list_query, sorts=False
    )
    return connection.scalar(query) or 0


def total(
    connection: Connection,
    listing: ListDefinition,
    list_query: ListQuery,
    only: Sequence[Condition],
    first_page: Page,
) -> int:
    """Return how many rows meet the filters. Nothing is counted if the page shows all of them."""
    if list_query.at is None and first_page.next is None:
        return len(first_page.rows)
    return count(connection, listing, list_query, only)


def choices(
    connection: Connection, listing: ListDefinition, name: str, only: Sequence[Condition], search: str = ""
) -> list[ValueCount]:
    """Return a column's values with their row counts, the most frequent first; at most `CHOICES`."""
    column = listing.by_name[name]
    counted: Any = select(column.read, func.count()).where(*only)
    query = _with_scan_hint(counted, listing, ListQuery(sort=name))
    if search and column.kind in FOLDED:
        query = query.where(contains(column.read, search))
    query = query.group_by(column.read).order_by(func.count().desc(), column.read).limit(CHOICES)
    return [ValueCount(*row) for row in connection.execute(query)]


def stream(
    connection: Connection,
    listing: ListDefinition,
    list_query: ListQuery,
    only: Sequence[Condition],
    names: Sequence[str],
    bands: Sequence[Expression] = (),
) -> Iterator[tuple[Any, ...]]:
    """Yield (row id, the named columns …) of every row that meets the filters, in order, in batches."""
    columns = [listing.by_name[name].read.label(name) for name in names]
    query: Select[Any] = select(listing.row_id, *columns).where(*only, *conditions(listing, list_query))
    query = query.order_by(*_order(_keys(listing, list_query, bands), back=False))
    for row in connection.execute(query, execution_options={"yield_per": STREAMED}):
        yield tuple(row)


def conditions(listing: ListDefinition, list_query: ListQuery) -> list[Condition]:
    """Return the conditions of the filters and the search."""
    clauses = [
        _condition(listing.by_name[name], list_filter) for name, list_filter in list_query.filters.items()
    ]
    if list_query.search.strip():
        clauses.append(_searched(listing, list_query.search.strip()))
    return clauses


def contains(read_as: Expression, text: str) -> Condition:
    """Return the condition that a text contains another, in any case.

    Databases differ in the letters beyond ASCII whose case they know. So a text with other letters is searched in
    four forms: as given, in lower case, in upper case, and capitalised.
    """
    spellings = {text} if text.isascii() else {text, text.lower(), text.upper(), text.lower().capitalize()}
    return or_(*(read_as.icontains(spelling, autoescape=True) for spelling in sorted(spellings)))


def _condition(column: Column, list_query: Filter) -> Condition:
    match list_query:
        case ContainsFilter(text):
            return contains(column.read, text)
        case OneOf(values):
            present = [value for value in values if value is not None]
            is_among = column.read.in_(present) if present else false()
            return or_(is_among, column.read.is_(None)) if None in values else is_among
        case BetweenFilter(low, high):
            begins = column.read >= low if low is not None else true()
            if high is None:
                return begins
            return and_(begins, column.read < high if column.kind is ColumnKind.DATE else column.read <= high)


def _searched(listing: ListDefinition, text: str) -> Condition:
    """Return the condition that each word is in a searched column, or the digits in the column of numbers."""
    digits = "".join(filter(str.isdecimal, text))
    if listing.digits and len(digits) >= _DIGITS and set(text) <= _WRITTEN_IN_NUMBERS | set(digits):
        number = contains(listing.by_name[listing.digits].read, digits)
        return or_(number, *(contains(listing.by_name[name].read, text) for name in listing.search))
    return and_(
        *(
            or_(*(contains(listing.by_name[name].read, word) for name in listing.search))
            for word in text.split()
        )
    )


def _with_scan_hint(
    query: Select[Any], listing: ListDefinition, list_query: ListQuery, *, sorts: bool = True
) -> Select[Any]:
    """Make SQLite scan an org's rows in stored order where no index helps. Its planner has no statistics."""
    is_filtered = bool(list_query.filters or list_query.search) or (
        sorts and list_query.sort not in listing.indexed
    )
    if not is_filtered or not listing.scan or listing.indexed & list_query.filters.keys():
        return query
    return query.with_hint(listing.row_id.table, f"INDEXED BY {listing.scan}", "sqlite")


def _selected(listing: ListDefinition) -> list[Any]:
    columns = [column.read.label(column.name) for column in listing.columns]
    return [listing.row_id, *(expression.label(name) for name, expression in listing.extra.items()), *columns]


def _keys(listing: ListDefinition, list_query: ListQuery, bands: Sequence[Expression]) -> list[_Key]:
    column = listing.by_name[list_query.sort]
    return [
        *(_Key(band, False, False, int) for band in bands),
        _Key(column.order, list_query.descending, column.nullable, cursor_type(column)),
        _Key(listing.row_id, list_query.descending, False, str),
    ]


def _order(keys: Sequence[_Key], *, back: bool) -> list[ColumnElement[Any]]:
    clauses: list[ColumnElement[Any]] = []
    for key in keys:
        if key.nullable:
            missing = key.by.is_(None)
            clauses.append(missing.desc() if back else missing)
        clauses.append(key.by.desc() if key.descending != back else key.by.asc())
    return clauses


def _after_row(keys: Sequence[_Key], values: Sequence[Any], *, back: bool) -> Condition:
    """Return the condition that a row comes after a position, or before it."""
    alternatives: list[Condition] = []
    same: list[Condition] = []
    for key, value in zip(keys, values, strict=True):
        alternatives.append(and_(*same, _after_position(key, value, back=back)))
        same.append(key.by.is_(None) if value is None else key.by == value)
    first = keys[0]
    if first.nullable:
        return or_(*alternatives)
    # Repeat the condition for the first key alone, so that an index can be used for the start.
    begins = first.by <= values[0] if first.descending != back else first.by >= values[0]
    return and_(begins, or_(*alternatives))


def _after_position(key: _Key, value: Any, *, back: bool) -> Condition:
    if value is None:
        return key.by.is_not(None) if back else false()
    past = key.by < value if key.descending != back else key.by > value
    return or_(past, key.by.is_(None)) if key.nullable and not back else past
