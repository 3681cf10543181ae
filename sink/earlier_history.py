"""Separates the history of an earlier Kafka, when the system moved to one whose logs begin anew.

Decisions and activities are known by their position in `lead-log`. Those that are there get negative offsets, in the
same order, so that they stay before what comes and are never taken for it.
"""

from typing import Final

from sqlalchemy import Connection, Engine, delete, func, select, update

from models.errors import RuntimeFailure
from models.lead import BEFORE_THE_LOG
from sink.db_errors import translated_errors
from sink.schema import schema_of
from sink.tables import ActivityTable, DecisionTable, RefusedArrivalTable, SinkOffsetTable, VendorHourTable
from sink.writer import DATABASE

ARRIVED: Final = (DecisionTable, ActivityTable)


def set_apart(engine: Engine, database_url: str) -> int | None:
    """Set the history apart and forget all positions, in one transaction; return the number of its rows.

    None: the database has no tables yet. It may be repeated. Raises RetryableError, and RuntimeFailure for a database
    of another version.
    """
    schema = schema_of(database_url)
    if not schema.is_made:
        return None
    if schema.problem is not None:
        raise RuntimeFailure(DATABASE, schema.problem)
    with translated_errors(DATABASE), engine.execution_options(writes=True).begin() as connection:
        # Lock the positions first, as the sink does.
        connection.execute(select(SinkOffsetTable.partition).with_for_update()).all()
        moved = sum(_move_back(connection, table) for table in ARRIVED)
        connection.execute(delete(SinkOffsetTable))
        connection.execute(delete(RefusedArrivalTable))  # their positions are in topics that begin anew
        connection.execute(update(VendorHourTable).values(published=0))  # the new topic has no report yet
    return moved


def _move_back(connection: Connection, table: type[DecisionTable | ActivityTable]) -> int:
    """Subtract from every offset so much that all are below the lowest one, and below `BEFORE_THE_LOG`."""
    lowest, highest = connection.execute(
        select(func.min(table.source_offset), func.max(table.source_offset))
    ).one()
    if highest is None:
        return 0
    by = highest - min(lowest, BEFORE_THE_LOG) + 1
    return connection.execute(update(table).values(source_offset=table.source_offset - by)).rowcount
