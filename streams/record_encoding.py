"""Encodes records and headers of Kafka's record batches (magic 2): the same bytes as aiokafka's builder writes.

That builder gives its bytes away only with a checksum that it computes by tables, which takes longer than all the rest
of a record (docs/faust.md 37).
"""

from collections.abc import Sequence
from typing import Final

from models.record_size import Header
from streams.tracing import TRACEPARENT, TRACEPARENT_BYTES, TRACESTATE

_ONE_BYTE: Final = 0x40
_TWO_BYTES: Final = 0x2000
_KNOWN: Final = 4_096
"""Sizes up to this one are encoded once. Most of our records are smaller."""
_NULL: Final = b"\x01"
"""The size of a key or value that is null: -1."""
_NO_ATTRIBUTES: Final = b"\x00"
_NO_HEADERS: Final = b"\x00"


def varint(number: int) -> bytes:
    """Return a number as Kafka's variable-length integer: zigzag, seven bits in each byte, the lowest first."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    encoded = bytearray()
    while rest > 0x7F:  # noqa: PLR2004  # seven bits
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


_VARINTS: Final = tuple(
    bytes((number << 1,)) if number < _ONE_BYTE else bytes((number << 1 & 0x7F | 0x80, number >> 6))
    for number in range(_KNOWN)
)
"""The encoded sizes from 0 on; `varint` encodes the larger ones."""


def _encoded_name(name: str) -> bytes:
    encoded = name.encode()
    return varint(len(encoded)) + encoded


_NAMES: Final = {name: _encoded_name(name) for name in (TRACEPARENT, TRACESTATE)}
_ONE_TRACEPARENT: Final = varint(1) + _NAMES[TRACEPARENT] + varint(TRACEPARENT_BYTES)


def encoded_record(
    delta_ms: int, number: int, key: bytes | None, value: bytes | None, headers: Sequence[Header]
) -> bytes:
    """Return a record. `delta_ms`: its time after the batch's first one; `number`: its number in the batch, from 0."""
    if key is None:
        key, key_size = b"", _NULL
    else:
        size = len(key)
        key_size = _VARINTS[size] if size < _KNOWN else varint(size)
    if value is None:
        value, value_size = b"", _NULL
    else:
        size = len(value)
        value_size = _VARINTS[size] if size < _KNOWN else varint(size)
    delta = _VARINTS[delta_ms] if 0 <= delta_ms < _KNOWN else varint(delta_ms)
    place = _VARINTS[number] if number < _KNOWN else varint(number)
    encoded = _encoded_headers(headers) if headers else _NO_HEADERS
    record = b"".join((_NO_ATTRIBUTES, delta, place, key_size, key, value_size, value, encoded))
    size = len(record)
    return (_VARINTS[size] if size < _KNOWN else varint(size)) + record


def _encoded_headers(headers: Sequence[Header]) -> bytes:
    """Return the headers of a record."""
    count = len(headers)
    if count == 1:  # nearly always: a trace that no other system has noted anything for
        ((name, value),) = headers
        if name == TRACEPARENT and value is not None and len(value) == TRACEPARENT_BYTES:
            return _ONE_TRACEPARENT + value
    parts = [_VARINTS[count] if count < _KNOWN else varint(count)]
    for name, value in headers:
        parts.append(_NAMES.get(name) or _encoded_name(name))
        if value is None:
            parts.append(_NULL)
        else:
            size = len(value)
            parts.append(_VARINTS[size] if size < _KNOWN else varint(size))
            parts.append(value)
    return b"".join(parts)
