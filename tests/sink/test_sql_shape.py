"""No statement reads a table that nobody meant: each nested query is about the row around it, and tables are joined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import func, or_, select
from sqlalchemy.exc import SAWarning

from sink import day_reports, measures, queries, vendor_reports
from sink.lists import pages
from sink.lists.list_query import ContainsFilter, ListQuery
from sink.lists.listings import ASSIGNMENTS, EXCEPTIONS, IGNORED_LAST, LEADS, UNASSIGNED
from sink.open_locks import open_locks
from sink.tables import DecisionTable, LeadTable
from tests.fixtures.sql_shape import ReadAnewError
from web.services import moved_notices, queue_preview

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

AT: Final = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
BEFORE: Final = AT - timedelta(days=1)
TAKEN_LOCKS: Final = DecisionTable.__table__.alias("taken")
ENDED_LOCKS: Final = DecisionTable.__table__.alias("ended")


def locks(*, correlated: bool) -> Any:
    """Return when each open lock began; without `correlated` as `sink.open_locks` once asked."""
    released = select(func.max(ENDED_LOCKS.c.source_offset)).where(ENDED_LOCKS.c.lead_id == LeadTable.lead_id)
    if correlated:
        released = released.correlate(LeadTable.__table__)
    since = select(func.min(TAKEN_LOCKS.c.decided_at)).where(
        TAKEN_LOCKS.c.lead_id == LeadTable.lead_id,
        or_(released.scalar_subquery().is_(None), TAKEN_LOCKS.c.source_offset > released.scalar_subquery()),
    )
    return select(LeadTable.lead_id, since.scalar_subquery())


def test_a_nested_query_that_reads_a_table_around_it_anew_is_noticed(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(locks(correlated=True)).all()
        with pytest.raises(ReadAnewError, match="reads lead anew"):
            connection.execute(locks(correlated=False))


def test_tables_without_a_condition_between_them_are_noticed(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(SAWarning, match="cartesian product"):
        connection.execute(select(LeadTable.lead_id, TAKEN_LOCKS.c.n))


STATEMENTS: Final[dict[str, Callable[[Connection], object]]] = {
    "open locks": lambda connection: open_locks(connection, "acme", AT, limit=10),
    "arrivals": lambda connection: measures.arrivals(connection, "acme", BEFORE),
    "claims": lambda connection: measures.claims(connection, "acme", BEFORE),
    "first owners": lambda connection: measures.first_owners(connection, "acme", BEFORE),
    "offers": lambda connection: measures.offers(connection, "acme", BEFORE),
    "exceptions raised": lambda connection: measures.exceptions_raised(connection, "acme", BEFORE),
    "fairness": lambda connection: measures.fairness(connection, "acme", BEFORE),
    "arrivals with owners": lambda connection: day_reports.arrivals_with_first_owners(
        connection, "acme", BEFORE, AT
    ),
    "offers by rep": lambda connection: day_reports.offers_by_rep(connection, "acme", AT),
    "calls due": lambda connection: day_reports.calls_due(connection, "acme", AT, "rep-1"),
    "changed hours": lambda connection: vendor_reports.changed_hours(connection, 10),
    "deliveries": lambda connection: queries.deliveries(connection, "a", 10),
    "moves": lambda connection: moved_notices._moves(connection, "acme", "rep-1", BEFORE),
    "freed": lambda connection: moved_notices._freed(connection, "acme", "rep-1", BEFORE),
    "found lead": lambda connection: queue_preview.find(connection, "acme", "Ann"),
    **{
        f"{name} of {listing.row_id.table.name}, {column.name}": ask
        for listing in (EXCEPTIONS, UNASSIGNED, LEADS, ASSIGNMENTS)
        for column in listing.columns
        for name, ask in {
            "page": lambda connection, source=listing, by=column.name: pages.page(
                connection, source, ListQuery(sort=by), (), IGNORED_LAST if source is EXCEPTIONS else ()
            ),
            "choices": lambda connection, source=listing, by=column.name: pages.choices(
                connection, source, by, (), "a"
            ),
        }.items()
    },
    "unassigned by name": lambda connection: pages.count(
        connection,
        UNASSIGNED,
        ListQuery(sort="raised_at", search="ann", filters={"prospect_name": ContainsFilter("lee")}),
        (),
    ),
}


def test_each_statement_reads_only_what_it_names(engine: Engine) -> None:
    """Each statement with a nested query, a join or a group runs on both databases; the hook looks at it."""
    for name, ask in STATEMENTS.items():
        with engine.connect() as connection:
            try:
                ask(connection)
            except (ReadAnewError, SAWarning) as wrong:
                pytest.fail(f"{name}: {wrong}")
