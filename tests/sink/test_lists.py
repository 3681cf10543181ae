"""Lists are filtered, sorted and paged as in plain Python, on both databases, while rows come and go (E2)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import delete, insert

from models.errors import InvalidInput
from models.ids import lead_id
from sink.lists import pages
from sink.lists.list_query import BetweenFilter, ContainsFilter, ListQuery, OneOf, parse_order
from sink.lists.listings import ASSIGNMENTS, EXCEPTIONS, IGNORED_LAST, LEADS, UNASSIGNED
from sink.tables import LeadExceptionTable
from tests.sink.seeded_journal import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

    from sink.lists.list_columns import ListDefinition
    from sink.writer import CrmWriter

START: Final = datetime(2026, 11, 1, tzinfo=UTC)
TABLE: Final = LeadExceptionTable
OF_OUR_ORG: Final = [TABLE.org == "ours"]


def exceptions(count: int, seed: int = 7, org: str = "ours") -> list[dict[str, Any]]:
    """Return rows of the desk. Many share a value, some have none, and names have every kind of letter."""
    chance = random.Random(seed)
    names = (
        "Jeremy Jones",
        "jeremy jones",
        "Ana Silva",
        "Özil 50%",
        "ÖZIL",
        "Zoë_Lee",
        "Straße",
        "Bo O'Neil",
    )
    return [
        {
            "lead_id": lead_id(org, "acme", f"{seed}-{n}", {}),
            "org": org,
            "status": chance.choice(("open", "open", "ignored")),
            "reason": chance.choice(("orphaned", "no_available_agents", None)),
            "explanation": None,
            "prospect_name": chance.choice(names),
            "campaign": chance.choice(("west", "East", None)),
            "description": None,
            "distribution": None,
            "vendor": chance.choice(("acme", "zen")),
            "loan_purpose": None,
            "loan_amount": chance.choice((None, 0.0, 100000.0, 310000.5, 2.0**53)),
            "state": chance.choice(("RI", "MA", None)),
            "created_at": START + timedelta(hours=chance.randrange(40)),
            "raised_at": chance.choice((None, START + timedelta(hours=chance.randrange(5)))),
            "version": 1,
        }
        for n in range(count)
    ]


def insert_rows(engine: Engine, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows."""
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(TABLE), rows)


@pytest.fixture
def rows(engine: Engine) -> list[dict[str, Any]]:
    """Return the desk's rows of the org. Another org's rows lie between them."""
    our_rows = exceptions(60)
    insert_rows(engine, [*our_rows, *exceptions(20, seed=8, org="theirs")])
    return our_rows


def ids_by_page(
    engine: Engine, query: ListQuery, *, bands: Sequence[Any] = (), listing: ListDefinition = EXCEPTIONS
) -> list[list[str]]:
    """Return the ids of every page, read from the first to the last."""
    pages_forward: list[list[str]] = []
    cursor: str | None = None
    with engine.connect() as connection:
        while True:
            at = pages.position_at(listing, query, cursor, bands)
            page = pages.page(connection, listing, _query_at(query, at), OF_OUR_ORG, bands)
            pages_forward.append([row["lead_id"] for row in page.rows])
            if page.next is None:
                break
            cursor = page.next
        # Backwards, the pages are the same.
        pages_back = [pages_forward[-1]]
        while page.previous is not None:
            at = pages.position_at(listing, query, page.previous, bands)
            page = pages.page(connection, listing, _query_at(query, at), OF_OUR_ORG, bands)
            pages_back.insert(0, [row["lead_id"] for row in page.rows])
        assert pages_back == pages_forward
    return pages_forward


def _query_at(query: ListQuery, at: Any) -> ListQuery:
    return ListQuery(
        sort=query.sort,
        descending=query.descending,
        filters=query.filters,
        search=query.search,
        limit=query.limit,
        at=at,
    )


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["created_at", "loan_amount"])
def test_e2_pages_are_the_rows_in_order_and_those_without_a_value_come_last(
    engine: Engine, rows: list[dict[str, Any]], sort: str, *, descending: bool
) -> None:
    query = ListQuery(sort=sort, descending=descending, limit=7)
    row_ids = [row_id for page in ids_by_page(engine, query) for row_id in page]
    with_value = [row for row in rows if row[sort] is not None]
    without = [row for row in rows if row[sort] is None]
    expected = sorted(with_value, key=lambda row: (row[sort], row["lead_id"]), reverse=descending)
    expected += sorted(without, key=lambda row: str(row["lead_id"]), reverse=descending)
    assert row_ids == [row["lead_id"] for row in expected]


@pytest.mark.parametrize("order", [f"{sign}{name}" for name in EXCEPTIONS.by_name for sign in ("", "-")])
def test_e2_any_column_sorts_and_no_row_is_twice_or_missing(
    engine: Engine, rows: list[dict[str, Any]], order: str
) -> None:
    sort, descending = parse_order(EXCEPTIONS, order)
    query = ListQuery(sort=sort, descending=descending, limit=9)
    row_ids = [row_id for page in ids_by_page(engine, query) for row_id in page]
    assert sorted(row_ids) == sorted(row["lead_id"] for row in rows)
    values = {row["lead_id"]: row[sort] for row in rows}
    missing = [values[row_id] is None for row_id in row_ids]
    assert missing == sorted(missing)


def test_e4_ignored_rows_are_at_the_end_of_any_order(engine: Engine, rows: list[dict[str, Any]]) -> None:
    status = {row["lead_id"]: row["status"] for row in rows}
    query = ListQuery(sort="prospect_name", descending=True, limit=7)
    statuses = [status[row_id] for page in ids_by_page(engine, query, bands=IGNORED_LAST) for row_id in page]
    assert statuses == sorted(statuses, reverse=True)  # open before ignored
    assert len(statuses) == len(rows)


def test_a_page_goes_on_where_it_was_while_rows_come_and_go(
    engine: Engine, rows: list[dict[str, Any]]
) -> None:
    query = ListQuery(sort="created_at", limit=10)
    with engine.connect() as connection:
        first_page = pages.page(connection, EXCEPTIONS, query, OF_OUR_ORG)
    removed = [row["lead_id"] for row in first_page.rows[:5]]
    early = {**exceptions(1, seed=9)[0], "created_at": START - timedelta(days=1)}
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(delete(TABLE).where(TABLE.lead_id.in_(removed)))
    insert_rows(engine, [early])
    with engine.connect() as connection:
        at = pages.position_at(EXCEPTIONS, query, first_page.next)
        second_page = pages.page(connection, EXCEPTIONS, _query_at(query, at), OF_OUR_ORG)
    everything = sorted(rows, key=lambda row: (row["created_at"], row["lead_id"]))
    assert [row["lead_id"] for row in second_page.rows] == [row["lead_id"] for row in everything[10:20]]


def none_of(*names: str) -> Callable[[dict[str, Any]], bool]:
    """Return whether a row lacks all of these."""
    return lambda row: all(row[name] is None for name in names)


FILTERS: Final[dict[str, tuple[dict[str, Any], str, Callable[[dict[str, Any]], bool]]]] = {
    "contains": (
        {"prospect_name": ContainsFilter("JONES")},
        "",
        lambda row: "jones" in row["prospect_name"].lower(),
    ),
    "beyond ASCII": (
        {"prospect_name": ContainsFilter("özil")},
        "",
        lambda row: "özil" in row["prospect_name"].lower(),
    ),
    "a percent sign is one": (
        {"prospect_name": ContainsFilter("0%")},
        "",
        lambda row: "0%" in row["prospect_name"],
    ),
    "an underscore is one": (
        {"prospect_name": ContainsFilter("ë_l")},
        "",
        lambda row: row["prospect_name"] == "Zoë_Lee",
    ),
    "several": ({"state": OneOf(("RI", "MA"))}, "", lambda row: row["state"] in ("RI", "MA")),
    "none": ({"state": OneOf((None,))}, "", none_of("state")),
    "none or one": (
        {"campaign": OneOf(("west", None))},
        "",
        lambda row: row["campaign"] in ("west", None),
    ),
    "amounts, both ends": (
        {"loan_amount": BetweenFilter(0, 100000)},
        "",
        lambda row: row["loan_amount"] in (0.0, 100000.0),
    ),
    "at least": (
        {"loan_amount": BetweenFilter(310000.5, None)},
        "",
        lambda row: (row["loan_amount"] or 0) >= 310000.5,
    ),
    "a day": (
        {"created_at": BetweenFilter(START, START + timedelta(days=1))},
        "",
        lambda row: row["created_at"] < START + timedelta(days=1),
    ),
    "all of them": (
        {"state": OneOf(("RI",)), "vendor": OneOf(("acme",))},
        "jer",
        lambda row: (
            row["state"] == "RI" and row["vendor"] == "acme" and "jer" in row["prospect_name"].lower()
        ),
    ),
    "each word": ({}, "neil bo", lambda row: row["prospect_name"] == "Bo O'Neil"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_e2_a_filter_finds_what_it_says_counts_it_and_offers_its_choices(
    engine: Engine, rows: list[dict[str, Any]], name: str
) -> None:
    filters, search, meets = FILTERS[name]
    query = ListQuery(sort="created_at", filters=filters, search=search, limit=500)
    expected = sorted(row["lead_id"] for row in rows if meets(row))
    assert expected, "the table of cases has no row for this one"
    with engine.connect() as connection:
        page = pages.page(connection, EXCEPTIONS, query, OF_OUR_ORG)
        assert sorted(row["lead_id"] for row in page.rows) == expected
        assert pages.count(connection, EXCEPTIONS, query, OF_OUR_ORG) == len(expected)
        assert pages.total(connection, EXCEPTIONS, query, OF_OUR_ORG, page) == len(expected)
        streamed = [
            row_id for row_id, _ in pages.stream(connection, EXCEPTIONS, query, OF_OUR_ORG, ["state"])
        ]
    assert streamed == [row["lead_id"] for row in page.rows]


def test_choices_are_the_values_there_are_with_how_many_have_each(
    engine: Engine, rows: list[dict[str, Any]]
) -> None:
    with engine.connect() as connection:
        choices = pages.choices(connection, EXCEPTIONS, "campaign", OF_OUR_ORG)
        searched = pages.choices(connection, EXCEPTIONS, "campaign", OF_OUR_ORG, "EAS")
    assert {choice.value: choice.rows for choice in choices} == {
        value: sum(row["campaign"] == value for row in rows) for value in ("west", "East", None)
    }
    assert [choice.value for choice in searched] == ["East"]


def test_a_cursor_of_another_order_or_of_nobody_is_refused(
    engine: Engine, rows: list[dict[str, Any]]
) -> None:
    query = ListQuery(sort="created_at", limit=len(rows) - 1)
    with engine.connect() as connection:
        page = pages.page(connection, EXCEPTIONS, query, OF_OUR_ORG)
    assert page.next is not None
    for cursor in (page.next[:-3], "x", "ÿ", "W10", page.next + "?"):
        with pytest.raises(InvalidInput, match="cursor"):
            pages.position_at(EXCEPTIONS, query, cursor)
    with pytest.raises(InvalidInput, match="cursor"):
        pages.position_at(EXCEPTIONS, ListQuery(sort="state"), page.next)
    with pytest.raises(InvalidInput, match="sort"):
        parse_order(EXCEPTIONS, "-explanation")


@pytest.mark.parametrize("listing", [LEADS, EXCEPTIONS, UNASSIGNED, ASSIGNMENTS])
def test_every_list_answers_for_every_column(
    writer: CrmWriter, engine: Engine, listing: ListDefinition
) -> None:
    writer.apply(Scenario(2, seed=20).tell(200).records)
    in_org = [listing.row_id.table.c.org == "default"]
    with engine.connect() as connection:
        for name in listing.by_name:
            page = pages.page(connection, listing, ListQuery(sort=name, limit=500), in_org)
            assert len(page.rows) == pages.count(connection, listing, ListQuery(sort=name), in_org)
            query = ListQuery(sort=name, filters={listing.columns[0].name: OneOf((None, "x"))})
            pages.page(connection, listing, query, in_org)


def test_a_search_for_a_number_looks_at_its_digits(writer: CrmWriter, engine: Engine) -> None:
    writer.apply(Scenario(2, seed=20).tell(50).records)
    with engine.connect() as connection:
        for text, is_found in (
            ("(401) 419-4247", True),
            ("419 42", True),
            ("999-9999", False),
            ("jones jer", True),
        ):
            page = pages.page(connection, LEADS, ListQuery(sort="created_at", search=text), [])
            assert bool(page.rows) is is_found, text
