"""Reads the query parameters of a list: one for each filter, and `sort`, `search`, `cursor`, `limit`.

Text: `prospect_name=jon`. Choice, several values: `state=RI&state=MA`; an empty value means "has none". Range:
`loan_amount.from=`, `loan_amount.to=`, `created_at.from=`, `created_at.to=`. Ranges take amounts, and instants with an
offset or UTC days. The last day of a range belongs to it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from fastapi import Request
from fastapi.datastructures import QueryParams

from models.errors import InvalidInput, Problem
from models.spelling import cleaned
from rules.queues.rule_book import OrgRules
from sink.lists.list_columns import RANGES, Column, ColumnKind, Expression, ListDefinition
from sink.lists.list_query import LIMIT, BetweenFilter, ContainsFilter, Filter, ListQuery, OneOf, parse_order
from sink.lists.pages import position_at

MAX_PAGE: Final = 500
LONGEST: Final = 200
NO_GROUP: Final = "No group"
_WORDS: Final = frozenset({"sort", "search", "cursor", "limit"})
_ENDS: Final = ("from", "to")
_DAY: Final = len("2026-11-20")


def from_request(
    request: Request, listing: ListDefinition, more: Iterable[str] = (), bands: Sequence[Expression] = ()
) -> ListQuery:
    """Return the query of a request. Raises `InvalidInput` with every problem. `more`: the route's own parameters."""
    return from_query(request.query_params, listing, more, bands)


def from_query(
    query: QueryParams, listing: ListDefinition, more: Iterable[str] = (), bands: Sequence[Expression] = ()
) -> ListQuery:
    """Return the query of an address. Raises `InvalidInput`."""
    problems: list[Problem] = []
    filters: dict[str, Filter] = {}
    reserved = _WORDS | frozenset(more)
    for key in dict.fromkeys(query.keys()):
        if key in reserved:
            continue
        name, _, end = key.partition(".")
        column = listing.by_name.get(name)
        if column is None or (end != "" and (end not in _ENDS or column.kind not in RANGES)):
            problems.append(Problem(path=key, reason="is not a parameter of this list"))
        elif column.kind in RANGES and not end:
            problems.append(Problem(path=key, reason=f"is a range: use {name}.from and {name}.to"))
        elif name not in filters:
            try:
                if (column_filter := _filter(column, query)) is not None:
                    filters[name] = column_filter
            except ValueError as error:
                problems.append(Problem(path=key, reason=str(error)))
    search, limit = query.get("search", ""), _limit(query.get("limit"), problems)
    if len(search) > LONGEST:
        problems.append(Problem(path="search", reason=f"has more than {LONGEST} characters"))
    if problems:
        raise InvalidInput(tuple(problems))
    sort, descending = parse_order(listing, query.get("sort"))
    list_query = ListQuery(
        sort=sort, descending=descending, filters=filters, search=cleaned(search), limit=limit
    )
    at = position_at(listing, list_query, query.get("cursor"), bands)
    return msgspec.structs.replace(list_query, at=at)


def _limit(text: str | None, problems: list[Problem]) -> int:
    if not text:
        return LIMIT
    digits = text.lstrip("0")
    if (
        text.isascii()
        and text.isdecimal()
        and len(digits) <= len(str(MAX_PAGE))
        and 1 <= int(digits or 0) <= MAX_PAGE
    ):
        return int(digits)
    problems.append(Problem(path="limit", reason=f"is not a number from 1 to {MAX_PAGE}"))
    return LIMIT


def _filter(column: Column, query: QueryParams) -> Filter | None:
    if column.kind in RANGES:
        low, high = (query.get(f"{column.name}.{end}") or None for end in _ENDS)
        if low is None and high is None:
            return None
        if column.kind is ColumnKind.DATE:
            return BetweenFilter(low and _instant(low), high and _instant(high, end=True))
        return BetweenFilter(low and _amount(low), high and _amount(high))
    values = query.getlist(column.name)
    if any(len(value) > LONGEST or "\0" in value for value in values):
        raise ValueError(f"has more than {LONGEST} characters, or a character that is not allowed")
    if column.kind is ColumnKind.TEXT:
        text = cleaned(values[-1])
        return ContainsFilter(text) if text else None
    if column.kind is ColumnKind.FLAG:
        return OneOf(tuple(_flag(value) for value in values))
    return OneOf(tuple(value or None for value in values))


def _amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("is not a number")
    return number


def _flag(text: str) -> bool | None:
    if text not in ("true", "false", ""):
        raise ValueError("must be true, false or empty")
    return None if text == "" else text == "true"


def _instant(text: str, *, end: bool = False) -> datetime:
    """Read a day or an instant. The end of a range of days is the end of its last day."""
    try:
        if len(text) == _DAY:
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return day + timedelta(days=1) if end else day
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("is neither a day like 2026-11-20 nor an instant with an offset")


def parameters(listing: ListDefinition, *own: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of a list in OpenAPI form. `own`: the route's own parameters."""
    entries: list[dict[str, Any]] = [
        _parameter("sort", "A column; - before it: the largest first", {"type": "string"}),
        _parameter("limit", "Rows", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": LIMIT}),
        _parameter("cursor", "`next` or `previous` of the page one has", {"type": "string"}),
        *own,
    ]
    if listing.search:
        entries.append(
            _parameter("search", "Words of a name, or a number", {"type": "string", "maxLength": LONGEST})
        )
    for column in listing.columns:
        if column.kind in RANGES:
            kind = {"type": "string"} if column.kind is ColumnKind.DATE else {"type": "number"}
            entries += [_parameter(f"{column.name}.{end}", column.label, kind) for end in _ENDS]
        elif column.kind is ColumnKind.TEXT:
            text = {"type": "string", "maxLength": LONGEST}
            entries.append(_parameter(column.name, f"{column.label} contains", text))
        else:
            values = {"type": "array", "items": {"type": "string", "maxLength": LONGEST}}
            entries.append(_parameter(column.name, f"{column.label} is one of; empty: none", values))
    return entries


def _parameter(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": about, "schema": schema}


def described_columns(listing: ListDefinition) -> list[dict[str, Any]]:
    """Return a list's columns in the form that pages use."""
    return [
        {
            "name": column.name,
            "label": column.label,
            "type": "number" if column.kind is ColumnKind.AMOUNT else str(column.kind),
            "unit": "USD" if column.unit == "currency" else None,
            "names": column.names,
        }
        for column in listing.columns
    ]


def names_in(
    rules: OrgRules, listing: ListDefinition, rows: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Return column -> id -> name for the ids of reps and campaigns in these rows, if the org has named them."""
    names: dict[str, dict[str, str]] = {}
    columns = [column for column in listing.columns if column.names]
    for row in rows:
        for column in columns:
            value = row.get(column.name)
            if value and (name := name_of(rules, column, value)) != value:
                names.setdefault(column.name, {})[value] = name
    return names


def group_name(rules: OrgRules, group_id: str | None) -> str | None:
    """Return the name of a group, or its id if it has no name; None without a group."""
    published = rules.objects.get(("group", group_id or ""))
    if group_id is None or published is None or published.value is None:
        return group_id
    return str(published.value.get("name") or group_id)


def name_of(rules: OrgRules, column: Column, value: str) -> str:
    """Return the name of an id, or the id itself if it has no name."""
    if column.names == "rep":
        rep = rules.reps.get(value)
        return (rep.name if rep else None) or value
    campaign = rules.campaigns.get(value)
    if column.names == "group":
        return group_name(rules, campaign.group_id if campaign else None) or NO_GROUP
    return (campaign.name if campaign else None) or value
