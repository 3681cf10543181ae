"""Counts what became of what each vendor sent, by the hour, in the transactions that store it (V6).

Each record of the journal is counted once: the position up to which a partition is counted is kept beside the counts.
A rebuild of the database keeps both, because the journal drops old decisions after a day.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sink.statements import Statements, any_of, table_of
from sink.tables import AssignmentHistoryTable, SinkOffsetTable, VendorCountTable, VendorHourTable
from sink.vendor_count_of_record import ASSIGNED, CLAIMED, Count, RowCounts
from streams.topics import VENDOR_REPORTS

if TYPE_CHECKING:
    from datetime import datetime

MAX_DETAILS: Final = 50
"""The most reasons of one vendor and hour. Further ones count as `others`."""
_AT_A_TIME: Final = 500
_OFFSETS: Final = SinkOffsetTable


class BatchCounts(NamedTuple):
    """What the records of a batch count if none of them was counted before. It depends on no database.

    `firsts`: the records that count something only the first time. `lowest`, `highest`: `LeadRow.off` by partition.
    """

    rows: Sequence[RowCounts]
    counts: Counter[Count]
    firsts: Sequence[RowCounts]
    lowest: dict[int, int]
    highest: dict[int, int]


def batch_counts(rows: Sequence[RowCounts]) -> BatchCounts:
    """Return what records of the journal count. This is pure."""
    lowest: dict[int, int] = {}
    highest: dict[int, int] = {}
    for row in rows:
        partition, off = row.partition, row.off
        lowest[partition] = min(off, lowest.get(partition, off))
        highest[partition] = max(off, highest.get(partition, off))
    counts = Counter(chain.from_iterable(row.counts for row in rows))
    return BatchCounts(rows, counts, [row for row in rows if row.firsts], lowest, highest)


class CountsToStore(NamedTuple):
    """What is to be stored: counts, and the highest `LeadRow.off` of each partition that is counted with them."""

    counts: Counter[Count]
    watermarks: dict[int, int]


class VendorCountWriter:
    """Adds counts within a caller's transaction. For one dialect."""

    def __init__(self, dialect: str) -> None:
        insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
        self._first_offset = Statements(dialect).first_offset
        count = insert(table_of(VendorCountTable))
        self._count = count.on_conflict_do_update(
            index_elements=["org", "vendor", "begins_at", "kind", "detail"],
            set_={"count": VendorCountTable.count + count.excluded["count"]},
        )
        hour = insert(table_of(VendorHourTable))
        self._hour = hour.on_conflict_do_update(
            index_elements=["org", "vendor", "begins_at"],
            set_={"version": VendorHourTable.version + hour.excluded["version"]},
        )

    def counted(self, connection: Connection, batch: BatchCounts) -> CountsToStore:
        """Return what records of the journal count that were not counted yet. Call it before their rows are stored.

        The caller holds the locks of the journal's positions of these partitions.
        """
        if not batch.rows:
            return CountsToStore(Counter(), {})
        watermarks = self._watermarks(connection, batch.lowest)
        if any(lowest <= watermarks[partition] for partition, lowest in batch.lowest.items()):
            batch = batch_counts([row for row in batch.rows if row.off > watermarks[row.partition]])
        earlier_counts = _had_before(connection, {row.lead_id for row in batch.firsts})
        counts = batch.counts.copy()
        for row in batch.firsts:
            for first in row.firsts:
                if (row.lead_id, first.kind) not in earlier_counts:
                    earlier_counts.add((row.lead_id, first.kind))
                    counts[first] += 1
        return CountsToStore(counts, batch.highest)

    def store(self, connection: Connection, counted: CountsToStore) -> None:
        """Store counts and the positions after them. Call it last: others wait for the rows until the commit."""
        self.add(connection, counted.counts)
        if counted.watermarks:
            connection.execute(
                update(_OFFSETS)
                .where(_OFFSETS.topic == VENDOR_REPORTS, _OFFSETS.partition == bindparam("at"))
                .values(mark=bindparam("highest")),
                [
                    {"at": partition, "highest": watermark}
                    for partition, watermark in sorted(counted.watermarks.items())
                ],
            )

    def add(self, connection: Connection, counts: Counter[Count]) -> None:
        """Add counts, in the order of their keys, so that two transactions never wait for each other."""
        if not counts:
            return
        ordered = sorted(counts.items())
        connection.execute(self._count, [{**count._asdict(), "count": number} for count, number in ordered])
        hours: Counter[tuple[str, str, datetime]] = Counter()
        for count, number in ordered:
            hours[count.org, count.vendor, count.begins_at] += number
        connection.execute(
            self._hour,
            [
                {"org": org, "vendor": vendor, "begins_at": begins_at, "version": number, "published": 0}
                for (org, vendor, begins_at), number in hours.items()
            ],
        )

    def _watermarks(self, connection: Connection, partitions: Iterable[int]) -> dict[int, int]:
        """Return partition -> the highest `LeadRow.off` that is counted."""
        ordered = sorted(partitions)
        query = select(_OFFSETS.partition, _OFFSETS.mark).where(
            _OFFSETS.topic == VENDOR_REPORTS, _OFFSETS.partition.in_(ordered)
        )
        watermarks: dict[int, int] = dict(connection.execute(query).all())
        new = [partition for partition in ordered if partition not in watermarks]
        if new:
            rows = [
                {"topic": VENDOR_REPORTS, "partition": partition, "next_offset": 0, "mark": -1}
                for partition in new
            ]
            connection.execute(self._first_offset, rows)
            watermarks |= dict.fromkeys(new, -1)
        return watermarks


def _had_before(connection: Connection, lead_ids: set[str]) -> set[tuple[str, str]]:
    """Return which of these leads were assigned before, and which were claimed: (lead id, kind of count)."""
    table = AssignmentHistoryTable
    first_counts: set[tuple[str, str]] = set()
    ordered = sorted(lead_ids)
    in_one_parameter = connection.dialect.name == "postgresql"
    at_a_time = max(len(ordered), 1) if in_one_parameter else _AT_A_TIME
    for start in range(0, len(ordered), at_a_time):
        ids = ordered[start : start + at_a_time]
        is_selected: ColumnElement[bool] = table.lead_id.in_(ids)
        if in_one_parameter:
            is_selected = table.lead_id == any_of(ids)
        query = select(table.lead_id, table.how).where(is_selected, table.rep_id.is_not(None)).distinct()
        for lead_id, how in connection.execute(query):
            first_counts.add((lead_id, ASSIGNED))
            if how == "claim":
                first_counts.add((lead_id, CLAIMED))
    return first_counts
