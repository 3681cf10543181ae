"""Stores many rows at once on Postgres: COPY into a staging table, then one upsert from it for each table.

Rows that are not there yet are copied straight into their tables. Of tables to which rows are only added, all rows are
tried like this at first, and so are leads in their first version; of others, those whose key the table does not have.
A staging table lives until the end of its transaction and belongs to its connection, so nobody else sees it. Few rows
are cheaper without one, and SQLite has no COPY: there every row is a statement of the driver.
"""

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Insert, Table, TableClause, column, exc, select, table, text
from sqlalchemy.dialects import postgresql

from sink.copy_lines import copy_columns, copy_lines
from sink.rows import TableRows, Values
from sink.statements import ADDED_TO, Statements, any_of
from sink.tables import LeadTable

MANY: Final = 200
"""From so many rows of one table on, COPY is cheaper than a statement for each row."""
FIRST_VERSION: Final = 1
"""The version of a lead that has just arrived."""
_MAY_STAGE: Final = text("SELECT has_database_privilege(current_database(), 'TEMP')")


class RowsToStore(NamedTuple):
    """The rows of one table in a batch, and the statement that stores them. `lines`: each row as COPY reads it.

    There are no lines if the rows are few, or if one cannot be written. Then the statement stores them, or fails.
    `data`: all lines as they are sent, if they were joined before. `keys`: those of rows that may be there already.
    """

    statement: Insert
    rows: Sequence[Values]
    lines: Sequence[str] = ()
    data: bytes = b""
    keys: Sequence[str] = ()

    @property
    def table(self) -> Any:
        """The table."""
        return self.statement.table

    def split(self, selection: Sequence[bool]) -> "tuple[RowsToStore, RowsToStore]":
        """Return the wanted rows, and the others."""
        others = [not is_wanted for is_wanted in selection]
        return self._only(selection), self._only(others)

    def _only(self, selection: Sequence[bool]) -> "RowsToStore":
        if all(selection):
            return self
        rows, lines = [*compress(self.rows, selection)], [*compress(self.lines, selection)]
        return self._replace(rows=rows, lines=lines, data=b"")


class BatchWriter:
    """Executes the statements of `Statements` for the rows of a batch. For one dialect.

    On Postgres it needs the right to make temporary tables (everybody has it, unless it was revoked). Without it, rows
    that are there already are stored one by one.
    """

    def __init__(self, dialect: str) -> None:
        self._many = dialect == "postgresql"
        self._may_stage: bool | None = None
        self._statements = Statements(dialect)
        self._upserts = Statements(dialect, insert=_insert_staged).by_table if self._many else {}

    def to_store(self, batch: Iterable[TableRows]) -> list[RowsToStore]:
        """Return what is to be stored for the records of a batch. This is pure."""
        return [self._with_lines(RowsToStore(*fields)) for fields in self._statements.of(batch)]

    def _with_lines(self, table_rows: RowsToStore) -> RowsToStore:
        if not self._many or len(table_rows.rows) < MANY:
            return table_rows
        try:
            lines = copy_lines(table_rows.table, table_rows.rows)
        except ValueError:
            return table_rows
        return table_rows._replace(lines=lines, data="".join(lines).encode(), keys=_keys_to_ask(table_rows))

    def store(self, connection: Connection, batch: Sequence[RowsToStore]) -> None:
        """Store the rows of a batch. Raises SQLAlchemy's errors."""
        new, others = list[RowsToStore](), list[RowsToStore]()
        for table_rows in batch:
            added, remaining = _by_presence(connection, table_rows)
            if len(added.lines) < MANY:
                remaining = table_rows
            else:
                new.append(added)
            if remaining.rows:
                others.append(remaining)
        if new and not self._added(connection, new):
            others += [table_rows for table_rows in new if not self._added(connection, [table_rows])]
        for table_rows in others:
            self._upsert(connection, table_rows)

    def _added(self, connection: Connection, batch: Sequence[RowsToStore]) -> bool:
        """Copy rows into their tables. Returns False, and adds none, if one of them is there already."""
        try:
            with connection.begin_nested():
                for table_rows in batch:
                    _copy(connection, table_rows, into=table_rows.table.name)
        except exc.IntegrityError:
            return False
        return True

    def _upsert(self, connection: Connection, table_rows: RowsToStore) -> None:
        if len(table_rows.lines) < MANY or not self._stages(connection):
            connection.execute(table_rows.statement, table_rows.rows)
            return
        target = table_rows.table
        staging = staging_name(target)
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT * FROM {target.name} WITH NO DATA"  # noqa: S608
        )
        _copy(connection, table_rows, into=staging)
        connection.execute(self._upserts[target.name])
        connection.exec_driver_sql(f"DROP TABLE {staging}")

    def _stages(self, connection: Connection) -> bool:
        if self._may_stage is None:
            self._may_stage = bool(connection.execute(_MAY_STAGE).scalar_one())
        return self._may_stage


def _copy(connection: Connection, table_rows: RowsToStore, *, into: str) -> None:
    """Send rows of a table to it or to its staging table, which has NULL in columns that they do not give.

    A value that Postgres refuses raises what an insert of it would raise.
    """
    names = ", ".join(
        f'"{copied_column.name}"' for copied_column in copy_columns(table_rows.table, table_rows.rows)
    )
    command = f"COPY {into} ({names}) FROM STDIN"
    data = table_rows.data or "".join(table_rows.lines).encode()
    import psycopg  # noqa: PLC0415  # it takes a fifth of a second, and few users need Postgres

    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(command) as copy:
            copy.write(data)
    except psycopg.Error as error:
        raise exc.DBAPIError.instance(
            command, None, error, psycopg.Error, dialect=connection.dialect
        ) from error


def _by_presence(connection: Connection, table_rows: RowsToStore) -> tuple[RowsToStore, RowsToStore]:
    """Return the rows that are probably new, and those whose key is in the table."""
    present_keys = set[str]()
    if table_rows.keys:
        (key,) = table_rows.table.primary_key.columns
        present_keys = set(connection.scalars(select(key).where(key == any_of(table_rows.keys))))
    if not present_keys:
        return table_rows, table_rows._replace(rows=(), lines=(), data=b"")
    return table_rows.split([row[key.name] not in present_keys for row in table_rows.rows])


def _keys_to_ask(table_rows: RowsToStore) -> list[str]:
    """Return the keys of rows that may be in the table already. Most leads in their first version are not."""
    if table_rows.table.name in ADDED_TO:
        return []
    (key,) = table_rows.table.primary_key.columns
    arrives = table_rows.table.name == LeadTable.__tablename__
    return [row[key.name] for row in table_rows.rows if not (arrives and row["version"] == FIRST_VERSION)]


def staging_name(target: Table) -> str:
    """Return the name of a table's staging table."""
    return f"staging_{target.name}"


def _insert_staged(target: Table) -> Any:
    """Return an insert of all rows of a table's staging table."""
    names = [target_column.name for target_column in target.columns]
    staging: TableClause = table(staging_name(target), *map(column, names))
    return postgresql.insert(target).from_select(names, select(staging))
