"""Reads Kafka's record batches (magic 2) record by record, where aiokafka's reader raises at a bad record.

It is for batches that are damaged or that a faulty client made. It is slow and never raises. For an undamaged batch it
returns the same records as aiokafka (`tests/streams/test_fetched_records.py`).
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

HEADER: Final = struct.Struct(">qiibIhiqqqhii")
LOG_OVERHEAD: Final = 12
"""The bytes of a batch that its length field does not count: base offset and length."""

CODEC_MASK: Final = 0x07
APPEND_TIME: Final = 0x08
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20

_VARINT_BYTES: Final = 10
_MIN_RECORD_BYTES: Final = 7
"""Length, attributes, two deltas, two lengths and the number of headers, a byte each."""

RecordHeaders = tuple[tuple[str, bytes | None], ...]


class Header(NamedTuple):
    """The fields of a batch's header, as they are stored."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int

    @property
    def codec(self) -> int:
        """The compression codec's number."""
        return self.attributes & CODEC_MASK

    @property
    def dense(self) -> bool:
        """Whether compaction removed no record. Then a record's position in the batch gives its offset."""
        return self.records == self.last_offset_delta + 1


class Record(NamedTuple):
    """One record, with aiokafka's field names."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders
    checksum: int | None = None


class BrokenRecord(NamedTuple):
    """One record, or the rest of a batch, that cannot be read. `offset`: None if it is not known.

    `raw`: the record's value if its fields could be parsed, otherwise its bytes.
    """

    offset: int | None
    reason: str
    raw: bytes
    key: bytes | None = None
    headers: RecordHeaders = ()


class _InvalidRecordError(Exception):  # used only inside this file
    """The fields of a record are invalid."""


class _Fields(NamedTuple):
    delta: int
    timestamp_delta: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[bytes, bytes | None]]
    length: int
    """The length that the record states, from `begin`."""
    begin: int
    end: int
    """The end of its fields."""


def header_of(batch: bytes | memoryview) -> Header:
    """Return the header of a batch of at least `HEADER.size` bytes."""
    return Header(*HEADER.unpack_from(batch))


def read(header: Header, data: bytes | memoryview) -> Iterator[tuple[int, Record | BrokenRecord]]:
    """Yield the records of a batch, each with its index, in the order of their bytes. Never raises.

    `data`: the records, decompressed. All records missing at the end are reported as one `BrokenRecord`.
    """
    at, size = 0, len(data)
    index = 0
    while index < header.records and at < size:
        expected = header.base_offset + index if header.dense else None
        begin, fields = at, None
        try:
            fields = _fields(data, at)
            at = _end(header, data, fields, index)
            yield index, _record(header, fields, at, expected)
        except _InvalidRecordError as invalid:
            after = _framed_end(data, begin) if fields is None else at
            raw = bytes(data[begin:after])
            if fields is not None:
                offset = header.base_offset + fields.delta if expected is None else expected
                yield index, _broken_record(fields, offset, str(invalid))
            else:
                yield index, BrokenRecord(expected, str(invalid), raw)
            at = after
        index += 1
    if index < header.records:
        reason = f"ends after {index} of {header.records} records"
        yield index, BrokenRecord(None, reason, b"")
    elif at < size:
        yield (
            index,
            BrokenRecord(
                None, f"{size - at} bytes are left after its {header.records} records", bytes(data[at:])
            ),
        )


def _record(header: Header, fields: _Fields, end: int, expected: int | None) -> Record:
    """Return a record. Raises `_InvalidRecordError` with the reason if its fields are inconsistent."""
    if fields.end - fields.begin != fields.length or end != fields.end:
        raise _InvalidRecordError(f"says it has {fields.length} bytes and has {fields.end - fields.begin}")
    offset = header.base_offset + fields.delta
    if expected is not None and offset != expected:
        raise _InvalidRecordError(f"says its offset is {offset} where {expected} comes")
    try:
        headers = tuple((name.decode(), value) for name, value in fields.headers)
    except UnicodeDecodeError as error:
        raise _InvalidRecordError(f"the header name {error.object!r} is not UTF-8") from error
    appended = bool(header.attributes & APPEND_TIME)
    timestamp = header.max_timestamp if appended else header.first_timestamp + fields.timestamp_delta
    return Record(offset, timestamp, int(appended), fields.key, fields.value, headers)


def _broken_record(fields: _Fields, offset: int, reason: str) -> BrokenRecord:
    """Return a `BrokenRecord` with the known fields of a record whose fields could be parsed."""
    headers = tuple((name.decode(errors="backslashreplace"), value) for name, value in fields.headers)
    return BrokenRecord(offset, reason, fields.value or b"", fields.key, headers)


def _end(header: Header, data: Any, fields: _Fields, index: int) -> int:
    """Return where the next record begins: after the fields, or where the length says if the next record fits there."""
    end = fields.begin + fields.length
    if end == fields.end:
        return end
    fits = [
        at
        for at in (fields.end, end)
        if fields.begin < at <= len(data) and _fits(header, data, at, index + 1)
    ]
    return fits[0] if fits else fields.end


def _fits(header: Header, data: Any, at: int, index: int) -> bool:
    """Tell whether the batch ends here as it should, or a readable record begins here."""
    if index >= header.records or at == len(data):
        return index >= header.records and at == len(data)
    try:
        fields = _fields(data, at)
    except _InvalidRecordError:
        return False
    return fields.end - fields.begin == fields.length and (not header.dense or fields.delta == index)


def _framed_end(data: Any, at: int) -> int:
    """Return where a record ends by its stated length; the batch's end if that length is impossible."""
    try:
        length, begin = _varint(data, at)
    except _InvalidRecordError:
        return len(data)
    return begin + length if 0 < length <= len(data) - begin else len(data)


def _fields(data: Any, at: int) -> _Fields:
    """Parse the fields of a record. Raises `_InvalidRecordError` if there are too few bytes."""
    length, begin = _varint(data, at)
    at = begin
    if length < _MIN_RECORD_BYTES - 1:
        raise _InvalidRecordError(f"says it has {length} bytes")
    if at >= len(data):
        raise _InvalidRecordError("ends too early")
    timestamp_delta, at = _varint(data, at + 1)  # skips the attributes, an unused byte
    delta, at = _varint(data, at)
    key, at = _bytes(data, at, "key")
    value, at = _bytes(data, at, "value")
    count, at = _varint(data, at)
    if not 0 <= count <= (len(data) - at) // 2:
        raise _InvalidRecordError(f"says it has {count} headers")
    headers = []
    for _ in range(count):
        name, at = _bytes(data, at, "header name")
        if name is None:
            raise _InvalidRecordError("has a header without a name")
        content, at = _bytes(data, at, "header value")
        headers.append((name, content))
    return _Fields(delta, timestamp_delta, key, value, headers, length, begin, at)


def _bytes(data: Any, at: int, part: str) -> tuple[bytes | None, int]:
    length, at = _varint(data, at)
    if length < 0:
        return None, at
    if length > len(data) - at:
        raise _InvalidRecordError(f"the {part} says it has {length} bytes, and {len(data) - at} are left")
    return bytes(data[at : at + length]), at + length


def _varint(data: Any, at: int) -> tuple[int, int]:
    value = shift = 0
    for _ in range(_VARINT_BYTES):
        if at >= len(data):
            raise _InvalidRecordError("ends too early")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    raise _InvalidRecordError(f"a number has more than {_VARINT_BYTES} bytes")
