"""Reads messages in Kafka's formats before 0.11 (magic 0 and 1), which old logs hold. It is slow and always ends."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final

from streams.decompression import CODECS, LZ4, CannotInflate, inflate
from streams.record_batches import APPEND_TIME, CODEC_MASK, LOG_OVERHEAD, BrokenRecord, Record

_START: Final = struct.Struct(">qiIbb")
_TIMESTAMP: Final = struct.Struct(">q")
_SIZE: Final = struct.Struct(">i")
_CRC_COVERS_FROM: Final = 16


class _MalformedMessageError(Exception):  # used only inside this file
    """A message is malformed."""


def read(message: Any, *, check_crc: bool) -> Iterator[Record | BrokenRecord]:
    """Yield the records of one message by offset: the message itself, or the messages compressed in it.

    Raises `CannotInflate`. Each broken inner message yields one `BrokenRecord`. Bytes left at the end yield one more.
    """
    try:
        outer, attributes = _read_message(message, check_crc=check_crc)
    except (_MalformedMessageError, struct.error) as malformed:
        yield BrokenRecord(_START.unpack_from(message)[0], str(malformed), bytes(message))
        return
    codec = attributes & CODEC_MASK
    if not codec:
        yield outer
        return
    magic = message[_CRC_COVERS_FROM]
    if outer.value is None or (magic == 0 and codec == LZ4):
        raise CannotInflate(f"{CODECS.get(codec, codec)}: is not in a message of format {magic}")
    inner = memoryview(inflate(codec, outer.value))
    bounds = list(_bounds_of_messages(inner))
    if not bounds:
        yield BrokenRecord(outer.offset, "has no whole message in it", outer.value)
        return
    # In format 1 the offsets are relative to the wrapper's offset, which is the last message's.
    shift = outer.offset - _START.unpack_from(inner, bounds[-1][0])[0] if magic else 0
    for begin, end in bounds:
        try:
            record, nested = _read_message(inner[begin:end], check_crc=False)
            if nested & CODEC_MASK:
                raise _MalformedMessageError("is compressed twice")  # noqa: TRY301  # all faults take the same path
        except (_MalformedMessageError, struct.error) as malformed:
            yield BrokenRecord(
                _START.unpack_from(inner, begin)[0] + shift, str(malformed), bytes(inner[begin:end])
            )
            continue
        timestamp = outer.timestamp if attributes & APPEND_TIME else record.timestamp
        yield record._replace(
            offset=record.offset + shift, timestamp=timestamp, timestamp_type=outer.timestamp_type
        )
    if bounds[-1][1] < len(inner):
        yield BrokenRecord(
            None, f"{len(inner) - bounds[-1][1]} bytes are left", bytes(inner[bounds[-1][1] :])
        )


def _bounds_of_messages(inside: memoryview) -> Iterator[tuple[int, int]]:
    at = 0
    while len(inside) - at >= _START.size:
        end = at + LOG_OVERHEAD + _START.unpack_from(inside, at)[1]
        if not at + _START.size <= end <= len(inside):
            return
        yield at, end
        at = end


def _read_message(message: Any, *, check_crc: bool) -> tuple[Record, int]:
    """Return one message, not decompressed, and its attributes."""
    offset, _, crc, magic, attributes = _START.unpack_from(message)
    if check_crc and zlib.crc32(message[_CRC_COVERS_FROM:]) != crc:
        raise _MalformedMessageError("its checksum is wrong")
    at, timestamp = _START.size, -1
    if magic:
        (timestamp,) = _TIMESTAMP.unpack_from(message, at)
        at += _TIMESTAMP.size
    key, at = _bytes(message, at)
    value, at = _bytes(message, at)
    kind = int(bool(attributes & APPEND_TIME))
    return Record(offset, timestamp, kind, key, value, (), crc), attributes


def _bytes(message: Any, at: int) -> tuple[bytes | None, int]:
    (size,) = _SIZE.unpack_from(message, at)
    at += _SIZE.size
    if size < 0:
        return None, at
    if size > len(message) - at:
        raise _MalformedMessageError(f"says {size} bytes follow, and {len(message) - at} do")
    return bytes(message[at : at + size]), at + size
