"""Reads the topic `audit` from its beginning, for an export. A record that is there twice is returned once."""

import csv
import io
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Final

import msgspec

from models.audit import AuditRecord
from streams.settings import Settings
from streams.topic_reader import Progress, read_topic
from streams.topics import AUDIT

REPEATS_REMEMBERED: Final = 100_000
"""How many of the last ids are compared. The console sends at most a few hundred records again after an outage."""
COLUMNS: Final = tuple(AuditRecord.__struct_fields__)
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


class AuditSelection(msgspec.Struct, frozen=True, kw_only=True):
    """Which records: of an org, actor and act, from `since` to before `until`. None: all."""

    org: str | None = None
    actor: str | None = None
    act: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def has(self, record: AuditRecord) -> bool:
        """Say whether a record is selected."""
        return (
            self.org in (None, record.org)
            and self.actor in (None, record.actor)
            and self.act in (None, record.act)
            and (self.since is None or record.at >= self.since)
            and (self.until is None or record.at < self.until)
        )


class AuditCount(msgspec.Struct):
    """How many records an export wrote, and how many of the topic cannot be read."""

    written: int = 0
    unreadable: int = 0


async def read_audit(
    settings: Settings, selection: AuditSelection, count: AuditCount, progress: Progress | None = None
) -> AsyncGenerator[AuditRecord, None]:
    """Yield the selected records in the topic's order. Raises `RetryableError` if Kafka is away."""
    audit_ids: OrderedDict[str, None] = OrderedDict()
    async with aclosing(read_topic(settings, AUDIT, progress=progress)) as records:
        async for stored in records:
            try:
                record = msgspec.json.decode(stored.value or b"", type=AuditRecord)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                count.unreadable += 1
                continue
            if record.audit_id in audit_ids or not selection.has(record):
                continue
            audit_ids[record.audit_id] = None
            if len(audit_ids) > REPEATS_REMEMBERED:
                audit_ids.popitem(last=False)
            count.written += 1
            yield record


def as_line(record: AuditRecord) -> str:
    """Return a record as one line of JSON."""
    return msgspec.json.encode(record).decode() + "\n"


def header() -> str:
    """Return the first line of the CSV file."""
    return _row(list(COLUMNS))


def as_row(record: AuditRecord) -> str:
    """Return a record as one line of CSV. A text that a spreadsheet would take for a formula gets an apostrophe."""
    fields = msgspec.to_builtins(record)
    cells = []
    for name in COLUMNS:
        value = fields[name]
        text = (
            "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
        )
        cells.append(f"'{text}" if text.startswith(_FORMULAS) else text)
    return _row(cells)


def _row(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
