"""Publishes the counts of vendors to `vendor-reports`: one whole record for each hour of a vendor that changed (V6).

A record is written before the database notes its version as published. A sink that is killed between the two writes
the same record again. Only one sink publishes at a time, so that no older record follows a newer one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import structlog
from aiokafka.errors import KafkaError
from sqlalchemy import Connection, Engine, bindparam, select, tuple_, update

from models.errors import RetryableError
from models.public import VendorReport
from sink.db_errors import translated_errors
from sink.statements import Statements
from sink.tables import SinkOffsetTable, VendorCountTable, VendorHourTable
from sink.vendor_count_of_record import OTHERS
from sink.vendor_count_writer import MAX_DETAILS
from streams import metrics
from streams.clients import Producer
from streams.readiness import Readiness
from streams.retries import WRITE_CRM
from streams.topics import VENDOR_REPORTS

_log = structlog.get_logger(__name__)

DATABASE: Final = "CRM database"
PUBLISHED_EVERY_S: Final = 5.0
"""How often changed hours are published."""
AT_A_TIME: Final = 200
"""The most records of one transaction."""
DEADLINE_S: Final = 10.0
"""How long Kafka may take to acknowledge them. After that they are tried again later."""
_LOCK: Final = -1
"""The partition of the row that a publishing sink holds. No topic has this partition."""
_NAMES: Final = {
    "accepted": "accepted",
    "resend": "resends",
    "inquiry": "inquiries",
    "reused_id": "reused_ids",
    "assigned": "assigned",
    "claimed": "claimed",
}
"""Kind of count -> field of the record."""
_Hour = tuple[str, str, Any]


class ReportPublisher:
    """Publishes changed hours. It blocks, and is for one thread at a time. Its producer runs on the event loop."""

    def __init__(self, engine: Engine, producer: Producer, loop: asyncio.AbstractEventLoop) -> None:
        self._reads = engine
        self._engine = engine.execution_options(writes=True)
        self._first_offset = Statements(engine.dialect.name).first_offset
        self._producer = producer
        self._loop = loop

    def publish(self) -> int:
        """Publish changed hours, `AT_A_TIME` at most, and return how many. Raises RetryableError."""
        with translated_errors(DATABASE), self._reads.connect() as connection:
            if not changed_hours(connection, 1):
                return 0
        with translated_errors(DATABASE), self._engine.begin() as connection:
            self._lock(connection)
            changed = changed_hours(connection, AT_A_TIME)
            reports = reports_of(connection, changed)
            self._write(reports)
            _note_published(connection, reports)
        return len(reports)

    def _lock(self, connection: Connection) -> None:
        """Wait until no other sink publishes. The lock ends with the transaction."""
        row = {"topic": VENDOR_REPORTS, "partition": _LOCK, "next_offset": 0, "mark": -1}
        connection.execute(self._first_offset, [row])
        of_lock = (SinkOffsetTable.topic == VENDOR_REPORTS, SinkOffsetTable.partition == _LOCK)
        connection.execute(select(SinkOffsetTable.mark).where(*of_lock).with_for_update()).all()

    def _write(self, reports: Sequence[VendorReport]) -> None:
        """Return when the records are durable. Raises RetryableError."""
        sent = asyncio.run_coroutine_threadsafe(self._send(reports), self._loop)
        try:
            sent.result(DEADLINE_S)
        except (KafkaError, TimeoutError) as error:
            sent.cancel()
            raise RetryableError(VENDOR_REPORTS, f"reports could not be written: {error!r}") from error

    async def _send(self, reports: Sequence[VendorReport]) -> None:
        futures = [
            await self._producer.send(VENDOR_REPORTS, msgspec.json.encode(report), key=report_key(report))
            for report in reports
        ]
        for future in futures:
            await future


def _note_published(connection: Connection, reports: Sequence[VendorReport]) -> None:
    hour = VendorHourTable
    of_hour = (
        hour.org == bindparam("of_org"),
        hour.vendor == bindparam("of_vendor"),
        hour.begins_at == bindparam("of_hour"),
    )
    published = [
        {
            "of_org": report.org,
            "of_vendor": report.vendor,
            "of_hour": report.begins_at,
            "version_reached": report.version,
        }
        for report in reports
    ]
    if published:
        statement = update(hour).where(*of_hour).values(published=bindparam("version_reached"))
        connection.execute(statement, published)


def report_key(report: VendorReport) -> bytes:
    """Return the key of a record: org, vendor and hour."""
    return f"{report.org}/{report.vendor}/{report.begins_at:%Y-%m-%dT%HZ}".encode()


def changed_hours(connection: Connection, limit: int) -> list[_Hour]:
    """Return hours whose counts changed since they were published, the oldest first."""
    hour = VendorHourTable
    query = select(hour.org, hour.vendor, hour.begins_at).where(hour.version > hour.published)
    rows = connection.execute(query.order_by(hour.begins_at, hour.org, hour.vendor).limit(limit))
    return [(org, vendor, begins_at) for org, vendor, begins_at in rows]


def reports_of(connection: Connection, hours: Sequence[_Hour]) -> list[VendorReport]:
    """Return the records of these hours, with all that is counted in them."""
    if not hours:
        return []
    counts_table, hour = VendorCountTable, VendorHourTable
    is_candidate = hour.org.in_({org for org, _, _ in hours}) & hour.begins_at.in_({at for _, _, at in hours})
    versions: dict[_Hour, int] = {
        (org, vendor, at): version
        for org, vendor, at, version in connection.execute(
            select(hour.org, hour.vendor, hour.begins_at, hour.version).where(is_candidate)
        )
    }
    counts: defaultdict[_Hour, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    query = select(
        counts_table.org,
        counts_table.vendor,
        counts_table.begins_at,
        counts_table.kind,
        counts_table.detail,
        counts_table.count,
    ).where(
        tuple_(counts_table.org, counts_table.vendor).in_({(org, vendor) for org, vendor, _ in hours}),
        counts_table.begins_at.in_({at for _, _, at in hours}),
    )
    for org, vendor, at, kind, detail, count in connection.execute(query):
        counts[org, vendor, at][kind][detail] = count
    return [_report(hour_key, counts[hour_key], versions[hour_key]) for hour_key in hours]


def _report(hour: _Hour, counts: dict[str, dict[str, int]], version: int) -> VendorReport:
    org, vendor, begins_at = hour
    numbers = {name: counts.get(kind, {}).get("", 0) for kind, name in _NAMES.items()}
    return VendorReport(
        org=org,
        vendor=vendor,
        begins_at=begins_at,
        refused=most_frequent(counts.get("refused", {})),
        remarks=most_frequent(counts.get("remark", {})),
        version=version,
        **numbers,
    )


def most_frequent(counts: dict[str, int], limit: int = MAX_DETAILS) -> dict[str, int]:
    """Return the most frequent details; further ones are counted as `others`."""
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    frequent = dict(ordered[:limit])
    other_count = sum(count for _, count in ordered[limit:])
    return {**frequent, OTHERS: frequent.get(OTHERS, 0) + other_count} if other_count else frequent


async def publish_reports(publisher: ReportPublisher, readiness: Readiness) -> None:
    """Publish changed hours until cancelled, through outages of Kafka and the database."""
    pauses = WRITE_CRM.pauses()
    while True:
        try:
            count = await asyncio.to_thread(publisher.publish)
        except RetryableError as later:
            pause = next(pauses)
            _log.warning(
                "tried again later", what=VENDOR_REPORTS, reason=later.reason, seconds=round(pause, 1)
            )
            metrics.SINK_RETRIES.labels(later.what).inc()
            readiness.blocked(VENDOR_REPORTS, later.reason)
            await asyncio.sleep(pause)
            continue
        readiness.cleared(VENDOR_REPORTS)
        pauses = WRITE_CRM.pauses()
        if count < AT_A_TIME:
            await asyncio.sleep(PUBLISHED_EVERY_S)
