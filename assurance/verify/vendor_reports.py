"""Checks that topic `vendor-reports` has what the CRM database counted, hour by hour (V6).

The counts themselves cannot be checked against the journal, because compaction leaves only the newest record of each
lead there. Each count is written in the transaction of the rows that it counts.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from assurance.verify.findings import Findings
from models.public import VendorReport
from sink import database_engine as crm
from sink.tables import VendorHourTable
from sink.vendor_reports import report_key, reports_of
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import VENDOR_REPORTS

KEPT_DAYS: Final = 390
"""How old an hour may be. The topic keeps records for 400 days."""
AT_A_TIME: Final = 200
_REPORT: Final = msgspec.json.Decoder(VendorReport)


class CountedHour(NamedTuple):
    """An hour of a vendor in the database: its record as it would be published, and the version that was."""

    report: VendorReport
    published: int


async def check_vendor_reports(settings: Settings, findings: Findings) -> int:
    """Compare the topic with the database; return the number of hours. Reads only.

    The database is read first, so the topic is at least as new: the sink writes a record before it notes its version.
    Raises `RetryableError` where Kafka is unreachable.
    """
    try:
        counted = await asyncio.to_thread(_counted, settings.database_url)
    except (SQLAlchemyError, OSError) as error:
        findings.add("unreachable", "", f"a database: {str(error).splitlines()[0]}")
        return 0
    compare(counted, await _newest(settings, findings), findings)
    return len(counted)


def compare(
    counted: Mapping[bytes, CountedHour], newest: Mapping[bytes, VendorReport], findings: Findings
) -> None:
    """Report each published hour whose newest record is missing, older, or has other counts at the same version.

    An hour that changed since it was published is compared once it is published again.
    """
    for key, (report, published) in counted.items():
        record = newest.get(key)
        if record is None and published > 0:
            findings.add("vendor_report_differs", "", "it is missing", key=key.decode(errors="replace"))
        elif record is not None and (
            record.version < published or (record.version == published == report.version and record != report)
        ):
            findings.add(
                "vendor_report_differs",
                "",
                key=key.decode(errors="replace"),
                topic_version=record.version,
                database_version=published,
            )


async def _newest(settings: Settings, findings: Findings) -> dict[bytes, VendorReport]:
    reports: dict[bytes, VendorReport] = {}
    async with aclosing(read_topic(settings, VENDOR_REPORTS)) as records:
        async for record in records:
            if record.value is None:
                reports.pop(record.key, None)
                continue
            try:
                reports[record.key] = _REPORT.decode(record.value)
            except msgspec.MsgspecError as error:
                findings.add("record_unreadable", "", str(error), topic=VENDOR_REPORTS, offset=record.offset)
    return reports


def _counted(url: str) -> dict[bytes, CountedHour]:
    engine = crm.connect(url)
    try:
        return counted_hours(engine)
    finally:
        engine.dispose()


def counted_hours(engine: Engine) -> dict[bytes, CountedHour]:
    """Return the hours of the database by the key of their record."""
    hour = VendorHourTable
    since = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    query = select(hour.org, hour.vendor, hour.begins_at, hour.published).where(hour.begins_at > since)
    hours: dict[bytes, CountedHour] = {}
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")  # SQLite always reads so
    with engine.connect() as connection:  # one snapshot, so that an hour's counts belong to its version
        rows = connection.execute(query).all()
        for at in range(0, len(rows), AT_A_TIME):
            part = rows[at : at + AT_A_TIME]
            published = {(org, vendor, begins): version for org, vendor, begins, version in part}
            for report in reports_of(connection, [*published]):
                key = (report.org, report.vendor, report.begins_at)
                hours[report_key(report)] = CountedHour(report, published[key])
    return hours
