"""Encodes events and rows as bytes.

The format is JSON, written by msgspec. Fields keep their declared order, and fields at their default are omitted.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from models.events import Event
from models.lead import DirectoryRow, LeadRow, Row
from models.org_decisions import OrgRowKept, OrgStep
from models.org_events import OrgEvent

_ENCODER: Final = msgspec.json.Encoder(order=None)
_EVENTS: Final = msgspec.json.Decoder(Event)
_ROWS: Final = msgspec.json.Decoder(Row)
_ORG_EVENTS: Final = msgspec.json.Decoder(OrgEvent)

OrgRecord = OrgStep | OrgRowKept | DirectoryRow
"""The types of record that `org-journal` holds."""
_ORG_RECORDS: Final = msgspec.json.Decoder(OrgRecord)


def encode_event(event: Event) -> bytes:
    """Return one `lead-log` record's value."""
    return _ENCODER.encode(event)


def decode_event(value: bytes) -> Event:
    """Read one `lead-log` record's value; raises `msgspec.MsgspecError` that names the path and the reason."""
    event: Event = _decoded(_EVENTS, value)
    return event


def encode_row(row: Row) -> bytes:
    """Return one `lead-journal` record's value."""
    return _ENCODER.encode(row)


def decode_row(value: bytes) -> LeadRow | DirectoryRow:
    """Read one `lead-journal` record's value; raises `msgspec.MsgspecError`."""
    row: LeadRow | DirectoryRow = _decoded(_ROWS, value)
    return row


def encode_org_event(event: OrgEvent) -> bytes:
    """Return one `org-log` record's value."""
    return _ENCODER.encode(event)


def decode_org_event(value: bytes) -> OrgEvent:
    """Read one `org-log` record's value; raises `msgspec.MsgspecError`."""
    event: OrgEvent = _decoded(_ORG_EVENTS, value)
    return event


def encode_org_record(record: OrgRecord) -> bytes:
    """Return one `org-journal` record's value."""
    return _ENCODER.encode(record)


def decode_org_record(value: bytes) -> OrgRecord:
    """Read one `org-journal` record's value; raises `msgspec.MsgspecError`."""
    record: OrgRecord = _decoded(_ORG_RECORDS, value)
    return record


def _decoded(decoder: msgspec.json.Decoder[Any], value: bytes) -> Any:
    try:
        return decoder.decode(value)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"text that is not UTF-8: {error}") from error
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def iso_text(at: datetime, separator: str = "T") -> str:
    """Return `at.isoformat(separator)`, for an aware time in UTC several times as fast."""
    text = _ENCODER.encode(at).decode()
    if not text.endswith('Z"'):
        return at.isoformat(separator)
    return f"{text[1:11]}{separator}{text[12:-2]}+00:00"


def iso_bytes(at: datetime) -> bytes:
    """Return `at.isoformat()` as bytes, for an aware time in UTC several times as fast."""
    text = _ENCODER.encode(at)
    return b"%b+00:00" % text[1:-2] if text.endswith(b'Z"') else at.isoformat().encode()


def sortable_text(at: datetime) -> str:
    """Return the instant in UTC with microseconds, in ISO 8601: texts of one width, in the order of the instants."""
    text = _ENCODER.encode(at).decode()
    if not text.endswith('Z"'):
        return at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{text[1:20]}{text[20:-2] or '.000000'}+00:00"


def directory_key(partition: int, org: str, kind: str, object_id: str) -> bytes:
    """Return a directory row's key. Each partition has its own row, so the key contains the partition."""
    return f"directory/{partition}/{org}/{kind}/{object_id}".encode()
