"""Reads the CRM database for status, verify, why and the console.

Each takes an open connection (`engine.connect()`). On SQLite all queries of one connection see one snapshot. The
driver's errors pass through; callers translate them with `sink.db_errors.translated_errors`.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, Select, case, func, select

from sink.tables import (
    CallTable,
    DecisionTable,
    DeliveryTable,
    InquiryTable,
    LeadAliasTable,
    LeadExceptionTable,
    LeadTable,
    SinkOffsetTable,
)
from sink.writer import AppliedPosition
from streams.topics import VENDOR_REPORTS

Row = dict[str, Any]
"""One table row: column name -> value. Instants are aware and in UTC."""
PAGE: Final = 100
STREAMED: Final = 2_000
"""How many rows are held at a time while a whole table is read."""


def leads_by_phase(connection: Connection, org: str | None = None) -> dict[str, int]:
    """Return phase -> number of leads, of one org or of all. Phases without leads are missing (X7)."""
    query = select(LeadTable.phase, func.count()).group_by(LeadTable.phase)
    if org is not None:
        query = query.where(LeadTable.org == org)
    return dict(connection.execute(query).all())


def lead(connection: Connection, lead_id: str) -> Row | None:
    """Return one lead's whole row, or None if there is none."""
    row = connection.execute(_select_all(LeadTable).where(LeadTable.lead_id == lead_id)).mappings().first()
    return None if row is None else dict(row)


def newest_decisions(
    connection: Connection,
    lead_id: str,
    *,
    types: Collection[str] | None = None,
    before: tuple[int, int] | None = None,
    limit: int = PAGE,
) -> list[Row]:
    """Return a lead's newest decisions, newest first, limited to `types` and to those before (source_offset, n)."""
    table = DecisionTable
    query = _select_all(table).where(table.lead_id == lead_id)
    if types is not None:
        query = query.where(table.type.in_(types))
    if before is not None:
        offset, n = before
        earlier = (table.source_offset == offset) & (table.n < n)
        query = query.where((table.source_offset < offset) | earlier)
    return _rows(connection, query.order_by(table.source_offset.desc(), table.n.desc()).limit(limit))


def inquiries(connection: Connection, lead_id: str, *, limit: int = PAGE) -> list[Row]:
    """Return the newest other inquiries of a lead, newest first (K4)."""
    table = InquiryTable
    query = _select_all(table).where(table.lead_id == lead_id).order_by(table.at.desc(), table.inquiry_id)
    return _rows(connection, query.limit(limit))


def merged_ids(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return which of these ids belong to other leads (K5)."""
    table = LeadAliasTable
    return set(connection.scalars(select(table.alias_id).where(table.alias_id.in_(ids))))


def exceptions(
    connection: Connection,
    org: str | None = None,
    *,
    show_ignored: bool = False,
    limit: int = PAGE,
    offset: int = 0,
) -> list[Row]:
    """Return a page of the exceptions desk, oldest lead first. Ignored ones, if shown, come last (E4)."""
    table = LeadExceptionTable
    statuses = ("open", "ignored") if show_ignored else ("open",)
    query = _select_all(table).where(table.status.in_(statuses))
    if org is not None:
        query = query.where(table.org == org)
    order = (case((table.status == "ignored", 1), else_=0), table.created_at, table.lead_id)
    return _rows(connection, query.order_by(*order).limit(limit).offset(offset))


def exceptions_by_status(connection: Connection, org: str) -> dict[str, int]:
    """Return status -> number of an org's exceptions. A status without any is missing."""
    table = LeadExceptionTable
    query = select(table.status, func.count()).where(table.org == org).group_by(table.status)
    return dict(connection.execute(query).all())


def open_exceptions_by_reason(connection: Connection) -> dict[str, int]:
    """Return reason -> number of open exceptions of all orgs, the most frequent first (E1)."""
    table, number = LeadExceptionTable, func.count()
    query = select(table.reason, number).where(table.status == "open").group_by(table.reason)
    rows = connection.execute(query.order_by(number.desc(), table.reason))
    return {reason or "": count for reason, count in rows}


def deliveries(connection: Connection, lead_id: str, limit: int) -> list[Row]:
    """Return the newest fates of a lead's requests for mail, push and calls, newest first (N1)."""
    table = DeliveryTable
    query = _select_all(table).where(table.lead_id == lead_id)
    return _rows(connection, query.order_by(table.at.desc(), table.notification_id).limit(limit))


def calls(connection: Connection, lead_id: str, limit: int) -> list[Row]:
    """Return the newest records of a lead's calls, newest first (N4)."""
    table = CallTable
    query = _select_all(table).where(table.lead_id == lead_id)
    order = (table.at.desc(), table.call_id, table.leg, table.event)
    return _rows(connection, query.order_by(*order).limit(limit))


def offsets(connection: Connection) -> dict[tuple[str, int], AppliedPosition]:
    """Return (topic, partition) -> the position up to which it is applied."""
    table = SinkOffsetTable
    query = select(table.topic, table.partition, table.next_offset, table.mark).where(
        table.topic != VENDOR_REPORTS  # the sink writes it
    )
    return {
        (topic, partition): AppliedPosition(to, watermark)
        for topic, partition, to, watermark in connection.execute(query)
    }


def _select_all(entity: Any) -> Select[Any]:
    return select(*entity.__table__.columns)


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]
