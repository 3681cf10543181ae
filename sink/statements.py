"""Builds the statements of one batch. Only a newer version replaces a current row; history rows are only added."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Insert, Table, Text, and_, any_, cast, func, literal, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import UserDefinedType

from models.lead import LOCKED_PHASES, Phase
from sink.rows import TableRows, Values
from sink.tables import (
    ActivityTable,
    AssignmentHistoryTable,
    AssignmentTable,
    DecisionTable,
    InquiryTable,
    LeadAliasTable,
    LeadExceptionTable,
    LeadTable,
    SinkOffsetTable,
)

RETAINED_COLUMNS: Final = ("reason", "explanation", "raised_at")
"""Columns of an exception that keep their value if a later version does not give one."""

ADDED_TO: Final = frozenset(
    table.__tablename__ for table in (AssignmentHistoryTable, DecisionTable, ActivityTable)
)
"""The names of the tables to which rows are only added."""


class Statements:
    """The upserts for one dialect, `sqlite` or `postgresql`, built once. Both dialects share the syntax used here.

    `insert` makes the insert that each of them begins with, if it is not one of values (`sink.staging`).
    """

    def __init__(self, dialect: str, *, insert: Callable[[Table], Any] | None = None) -> None:
        stock: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
        self._insert: Any = insert or stock
        self.lead = self._guarded(table_of(LeadTable), unfilled=_written_by_older_schema())
        self.assignment = self._guarded(table_of(AssignmentTable))
        self.exception = self._guarded(table_of(LeadExceptionTable), retained=RETAINED_COLUMNS)
        self.history = self.added(table_of(AssignmentHistoryTable))
        self.decision = self.added(table_of(DecisionTable))
        self.activity = self.added(table_of(ActivityTable))
        self.inquiry = self._newest_inquiry()
        self.alias = self._replaced_alias()
        self.first_offset = self.added(table_of(SinkOffsetTable))

    @property
    def by_table(self) -> dict[str, Insert]:
        """Return the statement of each table that `of` yields rows for."""
        guarded = (self.lead, self.assignment, self.history, self.exception, self.decision)
        return {
            statement.table.name: statement
            for statement in (*guarded, self.activity, self.inquiry, self.alias)
        }

    def added(self, table: Table) -> Insert:
        """Return an insert that leaves an existing row unchanged."""
        statement: Insert = self._insert(table).on_conflict_do_nothing()
        return statement

    def _newest_inquiry(self) -> Insert:
        """Return an upsert of inquiries: the newest addition of an inquiry counts, whichever lead it is added to."""
        table = table_of(InquiryTable)
        statement = self._insert(table)
        new = statement.excluded
        changed = {column.name: new[column.name] for column in table.columns if column.name != "inquiry_id"}
        upsert: Insert = statement.on_conflict_do_update(
            index_elements=["inquiry_id"], set_=changed, where=new["at"] >= table.c.at
        )
        return upsert

    def _replaced_alias(self) -> Insert:
        """Return an upsert of aliases. All records of an id are in one partition, so the last one counts."""
        statement = self._insert(table_of(LeadAliasTable))
        upsert: Insert = statement.on_conflict_do_update(
            index_elements=["alias_id"], set_={"lead_id": statement.excluded["lead_id"]}
        )
        return upsert

    def _guarded(self, table: Table, retained: tuple[str, ...] = (), unfilled: Any = None) -> Insert:
        """Return an upsert that only a newer version can apply.

        `unfilled` is the condition for rows of an older schema, which lack newer columns. For them the same version
        applies too, and fills those columns.
        """
        statement = self._insert(table)
        new = statement.excluded
        changed = {
            column.name: func.coalesce(new[column.name], column)
            if column.name in retained
            else new[column.name]
            for column in table.columns
            if column.name != "lead_id"
        }
        passes = new["version"] > table.c.version
        if unfilled is not None:
            passes |= and_(new["version"] == table.c.version, unfilled)
        upsert: Insert = statement.on_conflict_do_update(
            index_elements=["lead_id"], set_=changed, where=passes
        )
        return upsert

    def of(self, batch: Iterable[TableRows]) -> Iterator[tuple[Insert, list[Values]]]:
        """Yield (statement, rows) of each table for the records of one batch, in order, none without rows.

        The current tables get only the newest of several rows of one lead, because a statement may change a row only
        once.
        """
        leads: dict[str, Values] = {}
        assignments: dict[str, Values] = {}
        exceptions: dict[str, Values] = {}
        history: list[Values] = []
        decisions: list[Values] = []
        activities: list[Values] = []
        inquiries: dict[str, Values] = {}
        aliases: dict[str, Values] = {}
        for table_rows in batch:
            if table_rows.lead is not None:
                _newest(leads, table_rows.lead)
            if table_rows.assignment is not None:
                _newest(assignments, table_rows.assignment)
                history.append(table_rows.assignment)
            if table_rows.exception is not None:
                _newest(exceptions, table_rows.exception, RETAINED_COLUMNS)
            decisions.extend(table_rows.decisions)
            activities.extend(table_rows.activities)
            _follow_inquiries(inquiries, aliases, table_rows)
        for statement, rows in (
            (self.lead, [*leads.values()]),
            (self.assignment, [*assignments.values()]),
            (self.history, history),
            (self.exception, [*exceptions.values()]),
            (self.decision, decisions),
            (self.activity, activities),
            (self.inquiry, [*inquiries.values()]),
            (self.alias, [*aliases.values()]),
        ):
            if rows:
                yield statement, rows


def _follow_inquiries(
    inquiries: dict[str, Values], aliases: dict[str, Values], table_rows: TableRows
) -> None:
    """Add a record's inquiries and aliases to those of its batch, and leave out those that it takes out (K5)."""
    lead_id = table_rows.lead["lead_id"] if table_rows.lead is not None else None
    for inquiry_id in table_rows.split:
        if (former := inquiries.get(inquiry_id)) is not None and former["lead_id"] == lead_id:
            del inquiries[inquiry_id]
    if table_rows.is_split and lead_id is not None:
        aliases.pop(lead_id, None)
    for row in table_rows.inquiries:
        former = inquiries.get(row["inquiry_id"])
        if former is None or row["at"] >= former["at"]:
            inquiries[row["inquiry_id"]] = row
    aliases |= {row["alias_id"]: row for row in table_rows.aliases}


def _newest(rows: dict[str, Values], row: Values, retained: tuple[str, ...] = ()) -> None:
    lead_id = row["lead_id"]
    former = rows.get(lead_id)
    if former is None:
        rows[lead_id] = row
    elif row["version"] > former["version"]:
        rows[lead_id] = row | {name: former[name] for name in retained if row[name] is None}


def _written_by_older_schema() -> ColumnElement[bool]:
    """Return the condition that an older schema wrote the row and the journal has not filled it yet.

    It is also true for a lead that is distributed and not yet offered. Its version then writes the same row again.
    """
    lead = LeadTable
    # `in_` is not used, because SQLAlchemy does not support it in a statement for many rows.
    is_held = or_(*(lead.phase == phase for phase in (*sorted(LOCKED_PHASES), Phase.OFFERED)))
    return or_(
        lead.in_queue_since.is_(None), and_(is_held, lead.locked_by.is_(None), lead.offer_epoch.is_(None))
    )


def table_of(entity: Any) -> Table:
    """Return the table of a mapped class."""
    table: Table = entity.__table__
    return table


class _Untyped(UserDefinedType[str]):
    """A text without a type, which becomes an array before the query begins. A `text` is cast again for each row."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        """Return the name that nothing asks for."""
        return "UNKNOWN"


def any_of(values: Iterable[str]) -> Any:
    """Return `any` of an array of texts, for Postgres. The driver takes ten times as long to write a list of them."""
    quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    elements = '","'.join(quoted)
    written = literal(f'{{"{elements}"}}' if quoted else "{}", _Untyped())
    return any_(cast(written, postgresql.ARRAY(Text)))
