"""Stores many rows at once on Postgres: COPY into a staging table, then one upsert from it for each table.

Rows that are not there yet are copied straight into their table. Of tables to which rows are only added, all rows are
tried like this at first; of others, those whose key the table does not have.
A staging table lives until the end of its transaction and belongs to its connection, so nobody else sees it. Few rows
are cheaper without one, and SQLite has no COPY: there every row is a statement of the driver.
"""

from collections.abc import Callable, Sequence
from datetime import UTC
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    Insert,
    Table,
    TableClause,
    Text,
    any_,
    bindparam,
    column,
    exc,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from sink.column_types import UtcDateTime
from sink.database_engine import to_json
from sink.rows import Values
from sink.statements import ADDED_TO, Statements

MANY: Final = 200
"""From so many rows of one table on, COPY is cheaper than a statement for each row."""
_ENCODE: Final = msgspec.json.Encoder().encode
_MAY_STAGE: Final = text("SELECT has_database_privilege(current_database(), 'TEMP')")

Process = Callable[[Any], Any]


class BatchWriter:
    """Executes the statements of `Statements` for the rows of a batch. For one dialect.

    On Postgres it needs the right to make temporary tables (everybody has it, unless it was revoked). Without it, rows
    that are there already are stored one by one.
    """

    def __init__(self, dialect: str) -> None:
        self._many = dialect == "postgresql"
        self._may_stage: bool | None = None
        self._upserts = Statements(dialect, insert=_insert_staged).by_table if self._many else {}

    def store(self, connection: Connection, statement: Insert, rows: Sequence[Values]) -> None:
        """Store the rows of one table. Raises SQLAlchemy's errors."""
        target: Any = statement.table
        if not self._many or len(rows) < MANY:
            connection.execute(statement, rows)
            return
        there = [] if target.name in ADDED_TO else _rows_there(connection, target, rows)
        new = rows if not there else _without(rows, there)
        if len(new) >= MANY and self._added(connection, target, new):
            rows = there
        if not rows:
            return
        if len(rows) < MANY or not self._stages(connection):
            connection.execute(statement, rows)
            return
        staging = staging_name(target)
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT * FROM {target.name} WITH NO DATA"  # noqa: S608
        )
        self._copy(connection, target, rows, into=staging)
        connection.execute(self._upserts[target.name])
        connection.exec_driver_sql(f"DROP TABLE {staging}")

    def _added(self, connection: Connection, target: Table, rows: Sequence[Values]) -> bool:
        """Copy rows into their table. Returns False, and adds none, if one of them is there already."""
        try:
            with connection.begin_nested():
                self._copy(connection, target, rows, into=target.name)
        except exc.IntegrityError:
            return False
        return True

    def _stages(self, connection: Connection) -> bool:
        if self._may_stage is None:
            self._may_stage = bool(connection.execute(_MAY_STAGE).scalar_one())
        return self._may_stage

    def _copy(self, connection: Connection, target: Table, rows: Sequence[Values], *, into: str) -> None:
        """Send rows of a table to it or to its staging table.

        A value that Postgres or the driver refuses raises what an insert of it would raise.

        All rows of a table have the same columns. A staging table has NULL in the others.
        """
        columns = [column for column in target.columns if column.name in rows[0]]
        names = ", ".join(f'"{column.name}"' for column in columns)
        command = f"COPY {into} ({names}) FROM STDIN"
        by_column: list[Sequence[Any]] = [
            *zip(*map(itemgetter(*(column.name for column in columns)), rows), strict=True)
        ]
        for n, one in enumerate(columns):
            if (process := _process(one.type, connection.dialect)) is not None:
                by_column[n] = [None if value is None else process(value) for value in by_column[n]]
        import psycopg  # noqa: PLC0415  # it takes a fifth of a second, and few users need Postgres

        driver: Any = connection.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(command) as copy:
                for row in zip(*by_column, strict=True):
                    copy.write_row(row)
        except psycopg.Error as error:
            raise exc.DBAPIError.instance(
                command, None, error, psycopg.Error, dialect=connection.dialect
            ) from error


def _process(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    """Return what converts a column's values for the driver, or None if it takes them as they are."""
    if isinstance(kind, JSON):
        return to_json
    process: Process | None = kind.dialect_impl(dialect).bind_processor(dialect)
    if isinstance(kind, UtcDateTime) and process is not None:
        # The driver takes a text four times as fast as an instant. JSON has the text that Postgres reads.
        return lambda value: _ENCODE(value if value.tzinfo is UTC else process(value))[1:-1].decode()
    return process


def _rows_there(connection: Connection, target: Table, rows: Sequence[Values]) -> list[Values]:
    """Return those of the rows whose key is in the table. The key has one column."""
    (key,) = target.primary_key.columns
    keys = bindparam("keys", [row[key.name] for row in rows], postgresql.ARRAY(Text))
    there = set(connection.scalars(select(key).where(key == any_(keys))))
    return [row for row in rows if row[key.name] in there]


def _without(rows: Sequence[Values], others: Sequence[Values]) -> list[Values]:
    left_out = set(map(id, others))
    return [row for row in rows if id(row) not in left_out]


def staging_name(target: Table) -> str:
    """Return the name of a table's staging table."""
    return f"staging_{target.name}"


def _insert_staged(target: Table) -> Any:
    """Return an insert of all rows of a table's staging table."""
    names = [one.name for one in target.columns]
    staging: TableClause = table(staging_name(target), *map(column, names))
    return postgresql.insert(target).from_select(names, select(staging))
