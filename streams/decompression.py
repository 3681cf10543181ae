"""Decompresses record batches of any content in bounded memory.

aiokafka's codecs decompress a batch in one step, without a limit: a gzip batch of 300 KB can take 600 MB. Here the
output is bounded for all four codecs of Kafka, and every failure is one exception with a reason.
"""

import importlib.util
import struct
import zlib
from types import MappingProxyType
from typing import Any, Final

try:
    import cramjam
except ImportError:  # `missing_codecs` reports it, and batches that need it become dead letters
    cramjam: Any = None  # type: ignore[no-redef]

GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4
CODECS: Final = MappingProxyType({0: "none", GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"})

MAX_INFLATED_BYTES: Final = 24 * 1024 * 1024
"""The maximum size of a decompressed batch. Clients bound the size of a batch: librdkafka to 1 MB before compression
(`batch.size`, `message.max.bytes`), Java to 1 MB per record (`max.request.size`) and 16 KB per compressed batch. A Java
producer set to compressed batches of 1 MB (`max.message.bytes` of our topics), at the ratio of 20 that JSON reaches,
still fits. A decompressor may hold the same amount again in its window, so one batch costs at most 48 MiB."""

MAX_MEMBERS: Final = 1_000
"""Gzip members allowed in one batch; every known producer writes one."""

_SLICE: Final = 16 * 1024
_PIECE: Final = 256 * 1024
_FIRST_GUESS: Final = 64 * 1024
_RATIO: Final = 4
_FULL: Final = "whole buffer"
"""Part of cramjam's error message when the output does not fit."""

_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES: Final = 16
_SIZE: Final = struct.Struct(">i")


class CannotInflate(Exception):  # noqa: N818  # the name states what happened
    """The bytes are not valid for their codec, or decompress to too many. `str()` is the reason."""


def missing_codecs() -> list[str]:
    """Return the names of Kafka's codecs whose library is not installed, for `doctor` and for the start check."""
    if cramjam is None or importlib.util.find_spec("cramjam") is None:
        return [CODECS[codec] for codec in (SNAPPY, LZ4, ZSTD)]
    return []


def inflate(
    codec: int,
    data: bytes | memoryview,
    prefix: bytes | bytearray = b"",
    max_bytes: int = MAX_INFLATED_BYTES,
) -> bytearray:
    """Return `prefix` followed by the decompressed data, at most `max_bytes` bytes of it. Raises `CannotInflate`."""
    name = CODECS.get(codec)
    if name is None or not codec:
        raise CannotInflate(f"compression codec {codec} is unknown")
    if codec != GZIP and cramjam is None:
        raise CannotInflate(f"the library for {name} is not installed")
    try:
        if codec == GZIP:
            return _gzip(memoryview(data), prefix, max_bytes)
        if codec == SNAPPY:
            return _snappy(memoryview(data), prefix, max_bytes)
        return _framed(cramjam.lz4 if codec == LZ4 else cramjam.zstd, data, prefix, max_bytes)
    except CannotInflate as error:
        raise CannotInflate(f"{name}: {error}") from error
    except (zlib.error, struct.error, ValueError, MemoryError, OverflowError) as error:
        raise CannotInflate(f"{name}: {error or type(error).__name__}") from error


def _too_many(max_bytes: int) -> CannotInflate:
    return CannotInflate(f"inflates to more than {max_bytes} bytes")


def _gzip(data: memoryview, prefix: bytes | bytearray, max_bytes: int) -> bytearray:
    inflated = bytearray(prefix)
    limit = len(prefix) + max_bytes
    at = members = 0
    while at < len(data):
        if members and not any(data[at : at + _SLICE]):
            at += _SLICE  # zeros after a member are padding
            continue
        members += 1
        if members > MAX_MEMBERS:
            raise CannotInflate(f"has more than {MAX_MEMBERS} members")
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            if at >= len(data):
                raise CannotInflate("ends too early")
            piece = data[at : at + _SLICE]
            at += len(piece)
            undecoded: bytes | memoryview = piece
            while undecoded and not member.eof:
                inflated += member.decompress(undecoded, _PIECE)
                if len(inflated) > limit:
                    raise _too_many(max_bytes)
                undecoded = member.unconsumed_tail
        at -= len(member.unused_data)
    if not members:
        raise CannotInflate("ends too early")
    return inflated


def _snappy(data: memoryview, prefix: bytes | bytearray, max_bytes: int) -> bytearray:
    inflated = bytearray(prefix)
    if bytes(data[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC:
        _snappy_block(data, inflated, len(prefix) + max_bytes, max_bytes)
        return inflated
    at = _XERIAL_HEADER_BYTES
    while at < len(data):
        if bytes(data[at : at + len(_XERIAL_MAGIC)]) == _XERIAL_MAGIC:
            at += _XERIAL_HEADER_BYTES  # a header between concatenated streams
            continue
        (size,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        if size <= 0 or at + size > len(data):
            raise CannotInflate(f"a block of {size} bytes, and {len(data) - at} are left")
        _snappy_block(data[at : at + size], inflated, len(prefix) + max_bytes, max_bytes)
        at += size
    return inflated


def _snappy_block(block: memoryview, inflated: bytearray, limit: int, max_bytes: int) -> None:
    """Append one decompressed block. The block's first bytes give its decompressed size."""
    try:
        if cramjam.snappy.decompress_raw_len(block) > limit - len(inflated):
            raise _too_many(max_bytes)
        inflated += cramjam.snappy.decompress_raw(block)
    except cramjam.DecompressionError as error:
        raise CannotInflate(str(error)) from error


def _framed(library: Any, data: bytes | memoryview, prefix: bytes | bytearray, max_bytes: int) -> bytearray:
    """Decompress frames, which need not state their size, into a buffer that grows until they fit."""
    size = min(max_bytes, max(_FIRST_GUESS, _RATIO * len(data)))
    while True:
        inflated = bytearray(len(prefix) + size)
        inflated[: len(prefix)] = prefix
        try:
            with memoryview(inflated) as view, view[len(prefix) :] as free:
                written = library.decompress_into(data, free)
        except cramjam.DecompressionError as error:
            if size < max_bytes and _FULL in str(error):
                size = min(max_bytes, _RATIO * size)
                continue
            raise (_too_many(max_bytes) if _FULL in str(error) else CannotInflate(str(error))) from error
        del inflated[len(prefix) + written :]
        return inflated
