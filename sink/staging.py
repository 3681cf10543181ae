"""Stores many rows at once on Postgres: COPY into a staging table, then one upsert from it for each table.

A staging table lives until the end of its transaction and belongs to its connection, so nobody else sees it. Few rows
are cheaper without one, and SQLite has no COPY: there every row is a statement of the driver.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Insert, Table, TableClause, column, exc, select, table, text
from sqlalchemy.dialects import postgresql

from sink.rows import Values
from sink.statements import Statements

MANY: Final = 200
"""From so many rows of one table on, COPY is cheaper than a statement for each row."""
_MAY_STAGE: Final = text("SELECT has_database_privilege(current_database(), 'TEMP')")

Process = Callable[[Any], Any]


class BatchWriter:
    """Executes the statements of `Statements` for the rows of a batch. For one dialect.

    On Postgres it needs the right to make temporary tables (everybody has it, unless it was revoked). Without it, the
    rows are stored one by one.
    """

    def __init__(self, dialect: str) -> None:
        self._many = dialect == "postgresql"
        self._may_stage: bool | None = None
        self._upserts = Statements(dialect, insert=_insert_staged).by_table if self._many else {}
        self._processors: dict[str, list[tuple[str, Process | None]]] = {}

    def store(self, connection: Connection, statement: Insert, rows: Sequence[Values]) -> None:
        """Store the rows of one table. Raises SQLAlchemy's errors."""
        target: Any = statement.table
        if not self._many or len(rows) < MANY or not self._stages(connection):
            connection.execute(statement, rows)
            return
        columns = ", ".join(f'"{one.name}"' for one in target.columns)
        staging = staging_name(target)
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT {columns} FROM {target.name} WITH NO DATA"  # noqa: S608
        )
        self._copy(connection, target, f"COPY {staging} ({columns}) FROM STDIN", rows)
        connection.execute(self._upserts[target.name])
        connection.exec_driver_sql(f"DROP TABLE {staging}")

    def _stages(self, connection: Connection) -> bool:
        if self._may_stage is None:
            self._may_stage = bool(connection.execute(_MAY_STAGE).scalar_one())
        return self._may_stage

    def _copy(self, connection: Connection, target: Table, command: str, rows: Sequence[Values]) -> None:
        """Send the rows. A value that Postgres or the driver refuses raises what an insert of it would raise."""
        processors = self._processors_of(connection, target)
        driver: Any = connection.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(command) as copy:
                for row in rows:
                    copy.write_row(
                        [
                            value if value is None or process is None else process(value)
                            for value, process in ((row.get(name), process) for name, process in processors)
                        ]
                    )
        except psycopg.Error as error:
            raise exc.DBAPIError.instance(
                command, None, error, psycopg.Error, dialect=connection.dialect
            ) from error

    def _processors_of(self, connection: Connection, target: Table) -> list[tuple[str, Process | None]]:
        found = self._processors.get(target.name)
        if found is None:
            dialect = connection.dialect
            found = self._processors[target.name] = [
                (one.name, one.type.dialect_impl(dialect).bind_processor(dialect)) for one in target.columns
            ]
        return found


def staging_name(target: Table) -> str:
    """Return the name of a table's staging table."""
    return f"staging_{target.name}"


def _insert_staged(target: Table) -> Any:
    """Return an insert of all rows of a table's staging table."""
    names = [one.name for one in target.columns]
    staging: TableClause = table(staging_name(target), *map(column, names))
    return postgresql.insert(target).from_select(names, select(staging))
