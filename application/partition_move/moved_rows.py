"""Rewrites the rows of the journals for logs that begin anew."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from models.codec import decode_org_record, decode_row, encode_org_record, encode_row
from models.lead import BEFORE_THE_LOG, DirectoryRow, LeadRow
from models.org_decisions import OrgRowKept, OrgStep
from models.org_rows import OrgPerson
from rules.org.org_partition import DO_NOT_CONTACT_SOURCE

OFFSETS_APART: Final = 1 << 40
"""Added to the `resend_offset` of a person's row, which is an offset of the old log and part of the row's key. So no
offset of the new log gives the same key."""

KeyAndValue = tuple[bytes, bytes]


class _RowHeader(msgspec.Struct, gc=False):
    off: int


_ROW_HEADERS: Final = msgspec.json.Decoder(_RowHeader)


class NewestLeads:
    """The newest row of each lead of one partition of `lead-journal`, and the directory's objects of all partitions."""

    def __init__(self) -> None:
        self.directory: dict[tuple[str, str, str], DirectoryRow] = {}
        self._rows: dict[bytes, tuple[int, bytes]] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Read the next record, as a worker does: an older row than the known one is a zombie's."""
        if value is None:
            self._rows.pop(key, None)
            return
        off = _ROW_HEADERS.decode(value).off
        if off >= self._rows.get(key, (off, b""))[0]:
            self._rows[key] = off, value

    def end(self) -> Iterable[KeyAndValue]:
        """Yield the leads' rows of the partition, ready for a new log, and begin the next partition."""
        for key, (_, value) in self._rows.items():
            row = decode_row(value)
            if isinstance(row, LeadRow):
                yield key, encode_row(_lead_anew(row))
                continue
            name = (row.org, row.kind, row.object_id)
            former = self.directory.get(name)
            if former is None or row.version >= former.version:
                self.directory[name] = replace(row, off=BEFORE_THE_LOG)
        self._rows = {}


def _lead_anew(row: LeadRow) -> LeadRow:
    lead = None if row.lead is None else replace(row.lead, org_log_offset=-1)
    return replace(row, off=BEFORE_THE_LOG, lead=lead, decisions=())


class NewestOrgs:
    """The newest record of each row of one partition of `org-journal`.

    Steps are left out, because they say how far the org has read the old logs. The step of the do-not-contact list
    stays: that topic keeps its offsets.
    """

    def __init__(self) -> None:
        self._highest = BEFORE_THE_LOG
        self._records: dict[bytes, Any] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Read the next record, as a worker does (`rules.org.org_partition.OrgPartition.apply`)."""
        if value is None:
            self._records.pop(key, None)
            return
        record = decode_org_record(value)
        if record.off < self._highest and not _is_person(record):
            return
        self._highest = max(self._highest, record.off)
        self._records.pop(
            key, None
        )  # its newest position in the journal is the one that counts, as after compaction
        self._records[key] = record

    def end(self) -> Iterable[KeyAndValue]:
        """Yield the records of the partition, ready for a new log. The directory's objects are left out."""
        for key, record in self._records.items():
            match record:
                case OrgStep() if record.source == DO_NOT_CONTACT_SOURCE:
                    yield key, encode_org_record(replace(record, off=BEFORE_THE_LOG, decisions=()))
                case OrgRowKept(value=OrgPerson(more=True) as person):
                    moved = replace(person, resend_offset=person.resend_offset + OFFSETS_APART)
                    new_key = f"{record.org}/person/{person.arrival_id}/{moved.resend_offset}".encode()
                    yield new_key, encode_org_record(replace(record, off=BEFORE_THE_LOG, value=moved))
                case OrgRowKept():
                    yield key, encode_org_record(replace(record, off=BEFORE_THE_LOG))
                case _:
                    continue

    def directory(self) -> Iterable[DirectoryRow]:
        """Yield the directory's objects that the orgs of the partition know."""
        for record in self._records.values():
            if isinstance(record, DirectoryRow):
                yield replace(record, off=BEFORE_THE_LOG)


def _is_person(record: Any) -> bool:
    return isinstance(record, OrgRowKept) and isinstance(record.value, OrgPerson)
