"""Reads records as the worker does, and formats their positions."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from models.codec import OrgRecord, decode_event, decode_org_event, decode_org_record, decode_row
from models.events import DirectoryPublished
from models.lead import DirectoryRow, LeadRow
from streams.clients import partition_of

COMPACTABLE: Final = timedelta(hours=23)
"""Records older than this may be compacted away. The journal keeps them for a day, by the brokers' clocks."""

Row = LeadRow | DirectoryRow


def read_event(record: Any, partitions: int) -> Any:
    """Return the event of a `lead-log` record. None where it is not of this partition: it is then a dead letter."""
    try:
        event = decode_event(record.value or b"")
    except msgspec.MsgspecError:
        return None
    if isinstance(event, DirectoryPublished):
        return event
    key = record.key or b""
    here = partition_of(key, partitions) == record.partition
    return event if here and key == event.lead_id.encode() else None


def read_row(record: Any) -> Row | None:
    """Return the row of a `lead-journal` record, or None where it cannot be read."""
    try:
        return decode_row(record.value or b"")
    except msgspec.MsgspecError:
        return None


def read_org_event(record: Any, partitions: int) -> Any:
    """Return the event of an `org-log` record. None where it is not of this partition: it is then a dead letter."""
    try:
        event = decode_org_event(record.value or b"")
    except msgspec.MsgspecError:
        return None
    key = record.key or b""
    here = partition_of(key, partitions) == record.partition
    return event if here and key == event.org.encode() else None


def read_org_record(record: Any) -> OrgRecord | None:
    """Return the content of an `org-journal` record, or None where it cannot be read."""
    try:
        return decode_org_record(record.value or b"")
    except msgspec.MsgspecError:
        return None


def time_of(record: Any) -> datetime:
    """Return a record's time exactly as the worker reads it."""
    return datetime.fromtimestamp(record.timestamp / 1000.0, UTC)


def position_of(record: Any) -> str:
    """Return a record's position as text: `lead-journal-3@17`."""
    return f"{record.topic}-{record.partition}@{record.offset}"


def source_of(record: Any) -> str:
    """Return who wrote a record, as its header `ce_source` says."""
    return next(
        (value.decode(errors="replace") for name, value in record.headers if name == "ce_source" and value),
        "",
    )


def key_text(key: bytes | None) -> str:
    """Return a key as text."""
    return (key or b"").decode(errors="replace")


def differences(theirs: Any, ours: Any, path: str = "", most: int = 6) -> dict[str, Any]:
    """Return path -> [theirs, ours] for the first differences of two rows, given as builtins."""
    by_path: dict[str, Any] = {}
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for field in [*theirs, *(field for field in ours if field not in theirs)]:
            inner = f"{path}.{field}" if path else str(field)
            by_path |= differences(theirs.get(field), ours.get(field), inner, most)
    elif isinstance(theirs, list | tuple) and isinstance(ours, list | tuple) and len(theirs) == len(ours):
        for n, (item, other) in enumerate(zip(theirs, ours, strict=True)):
            by_path |= differences(item, other, f"{path}[{n}]", most)
    elif theirs != ours:
        by_path[path] = [theirs, ours]
    return dict(list(by_path.items())[:most])
