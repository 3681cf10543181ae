"""Empties the database for a rebuild, and adds from the public topics what journal compaction has removed.

This is safe beside a running sink: a sink that has read further than the database reads again (`CrmWriter`).
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, Table, delete, func, inspect, select, text

from models.public import Assignment, LeadException
from sink.db_errors import translated_errors
from sink.rows import Values, replace_nul
from sink.statements import Statements
from sink.tables import (
    ActivityTable,
    AssignmentHistoryTable,
    AssignmentTable,
    Base,
    CallTable,
    DecisionTable,
    DeliveryTable,
    InquiryTable,
    LeadAliasTable,
    LeadExceptionTable,
    LeadTable,
    RefusedArrivalTable,
    SinkOffsetTable,
    VendorCountTable,
    VendorHourTable,
)
from sink.writer import DATABASE, JournalRecord, rows_of
from streams.topics import VENDOR_REPORTS

CURRENT: Final[tuple[Any, ...]] = (LeadTable, AssignmentTable, LeadExceptionTable)
"""The tables of the current state. They are emptied, because rows of another Kafka or of a later time may have higher
versions, and would then never be replaced."""
HISTORY: Final[tuple[Any, ...]] = (
    AssignmentHistoryTable,
    DecisionTable,
    ActivityTable,
    InquiryTable,
    LeadAliasTable,
    DeliveryTable,
    CallTable,
    VendorCountTable,
    VendorHourTable,
    RefusedArrivalTable,
)
"""The tables of the history. Rows are only added to them, because the journal drops old records after a day."""
NO_REASON: Final = "known from the topic assignments; the journal has its reason no more"


def row_counts(engine: Engine) -> dict[str, int]:
    """Return table -> number of rows, for the tables that exist. Raises RetryableError."""
    with translated_errors(DATABASE), engine.connect() as connection:
        present = set(inspect(connection).get_table_names())
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in map(_table, (*CURRENT, *HISTORY))
            if table.name in present
        }


def empty_tables(engine: Engine, *, history: bool) -> None:
    """Create missing tables and empty those to be filled again, in one transaction. Raises RetryableError.

    `history`: empty the history too. Use it only where the history belongs to another Kafka.
    """
    entities = [*CURRENT, *(HISTORY if history else ())]
    with translated_errors(DATABASE), engine.execution_options(writes=True).begin() as connection:
        Base.metadata.create_all(connection)
        # Lock the positions first, as the sink does: it then waits for this transaction, or this one waits for its
        # batch.
        connection.execute(select(SinkOffsetTable.partition).with_for_update()).all()
        for entity in entities:
            _empty(connection, _table(entity))
        positions = delete(_table(SinkOffsetTable))
        if not history:
            # The counts of vendors stay, and so does the position up to which the journal is counted.
            positions = positions.where(SinkOffsetTable.topic != VENDOR_REPORTS)
        connection.execute(positions)


def _empty(connection: Connection, table: Table) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f'TRUNCATE TABLE "{table.name}"'))  # deleting a million rows takes minutes
    else:
        connection.execute(delete(table))


NEVER: Final = (-1, None)
"""Version and creation time of a lead that the journal has not delivered yet."""


class PublicRows:
    """Writes records of `assignments` and `lead-exceptions` to the tables, where the journal's rows lack them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(writes=True)
        self._statements = Statements(engine.dialect.name)

    def assignments(self, values: Sequence[bytes | None]) -> int:
        """Store the owner of each lead and since when. Return how many owners were added to the history.

        Raises RetryableError.
        """
        rows = _newest(_assignment(value) for value in values)
        with translated_errors(DATABASE), self._engine.begin() as connection:
            leads, rows = _leads(connection, rows), _since_assigned(connection, rows)
            stored_rows = [row for row in rows if row["version"] <= leads.get(row["lead_id"], NEVER)[0]]
            reasons = _reasons(connection, stored_rows)
            stored = [
                {**row, "why": reasons.get((row["lead_id"], row["version"]), NO_REASON)}
                for row in stored_rows
            ]
            if stored:
                connection.execute(self._statements.history, stored)
                connection.execute(self._statements.assignment, stored)
        return len(stored_rows) - len(reasons)

    def exceptions(self, values: Sequence[bytes | None]) -> int:
        """Store the exceptions of leads. Return how many rows were added. Raises RetryableError."""
        rows = _newest(_exception(value) for value in values)
        with translated_errors(DATABASE), self._engine.begin() as connection:
            leads, versions = _leads(connection, rows), _versions(connection, rows)
            new_rows = []
            for row in rows:
                version, created_at = leads.get(row["lead_id"], NEVER)
                if versions.get(row["lead_id"], -1) < row["version"] <= version:
                    new_rows.append({**row, "created_at": row["created_at"] or created_at})
            if new_rows:
                connection.execute(self._statements.exception, new_rows)
        return len(new_rows)


def _leads(connection: Connection, rows: list[Values]) -> dict[str, tuple[int, Any]]:
    """Return lead id -> (version, created at). The sink itself brings newer versions, with their reasons."""
    query = select(LeadTable.lead_id, LeadTable.version, LeadTable.created_at).where(
        LeadTable.lead_id.in_([row["lead_id"] for row in rows])
    )
    return {lead_id: (version, created_at) for lead_id, version, created_at in connection.execute(query)}


def _since_assigned(connection: Connection, rows: list[Values]) -> list[Values]:
    """Return the rows, those of a correction (M2) as of the version in which the owner got the lead, if it is known.

    A correction publishes the assignment anew, with the owner as the previous one.
    """
    same = {row["lead_id"]: row["rep_id"] for row in rows if row["rep_id"] == row["previous_rep_id"]}
    table = AssignmentHistoryTable
    query = select(
        table.lead_id,
        table.version,
        table.rep_id,
        table.previous_rep_id,
        table.cause,
        table.assigned_at,
    )
    since: dict[str, Values] = {}
    selected = query.where(table.lead_id.in_(list(same))).order_by(table.version)
    for assignment in connection.execute(selected).mappings():
        if assignment["rep_id"] == same[assignment["lead_id"]]:
            since[assignment["lead_id"]] = dict(assignment)
    return [{**row, **since.get(row["lead_id"], {})} for row in rows]


def _reasons(connection: Connection, rows: list[Values]) -> dict[tuple[str, int], str]:
    """Return (lead id, version) -> why, for the owners that the history has already."""
    table, positions = AssignmentHistoryTable, {(row["lead_id"], row["version"]) for row in rows}
    query = select(table.lead_id, table.version, table.why).where(
        table.lead_id.in_([row["lead_id"] for row in rows])
    )
    reasons = {(lead_id, version): why for lead_id, version, why in connection.execute(query)}
    return {position: why for position, why in reasons.items() if position in positions}


def _versions(connection: Connection, rows: list[Values]) -> dict[str, int]:
    table = LeadExceptionTable
    query = select(table.lead_id, table.version).where(table.lead_id.in_([row["lead_id"] for row in rows]))
    return dict(connection.execute(query).all())


def _newest(rows: Any) -> list[Values]:
    """Leave out unreadable rows, and keep only the newest row of each lead."""
    newest: dict[str, Values] = {}
    for row in rows:
        if row is not None and row["version"] >= newest.get(row["lead_id"], row)["version"]:
            newest[row["lead_id"]] = row
    return list(newest.values())


def _read(value: bytes | None, kind: type[Any]) -> Any:
    """Return a message, or None for a tombstone and for a record that is not of this kind."""
    try:
        return None if value is None else msgspec.convert(replace_nul(msgspec.json.decode(value)), kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _assignment(value: bytes | None) -> Values | None:
    assignment: Assignment | None = _read(value, Assignment)
    if assignment is None:
        return None
    return {
        "lead_id": assignment.lead_id,
        "org": assignment.org,
        "rep_id": assignment.rep_id,
        "previous_rep_id": assignment.previous_rep_id,
        "how": assignment.how,
        "via": assignment.via,
        "cause": assignment.cause,
        "assigned_at": assignment.assigned_at.astimezone(UTC),
        "version": assignment.version,
    }


def _exception(value: bytes | None) -> Values | None:
    exception: LeadException | None = _read(value, LeadException)
    if exception is None:
        return None
    values: Values = msgspec.structs.asdict(exception)
    return {
        **values,
        "explanation": list(exception.explanation) or None,
        "created_at": exception.created_at and exception.created_at.astimezone(UTC),
        "raised_at": exception.raised_at and exception.raised_at.astimezone(UTC),
    }


def decisions_belong(engine: Engine, records: Sequence[JournalRecord]) -> bool:
    """Tell whether the stored decisions belong to these records and not to another Kafka.

    Raises RetryableError.
    """
    table = DecisionTable
    expected: dict[tuple[int, int, int], tuple[str, str]] = {}
    for record in records:
        with suppress(Exception):  # a record that gives no rows is among the dead letters
            public_messages = rows_of(record)
            for row in public_messages.decisions if public_messages else ():
                position = (row["source_partition"], row["source_offset"], row["n"])
                expected[position] = (row["lead_id"], row["cause"])
    query = select(table.source_partition, table.source_offset, table.n, table.lead_id, table.cause).where(
        table.source_offset.in_({offset for _, offset, _ in expected})
    )
    with translated_errors(DATABASE), engine.connect() as connection:
        return all(
            expected.get((partition, offset, n), key) == key
            for partition, offset, n, *identity in connection.execute(query)
            if (key := (identity[0], identity[1]))
        )


def _table(entity: Any) -> Table:
    table: Table = entity.__table__
    return table
