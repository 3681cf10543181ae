"""Computes the most bytes that a record takes in a batch, before it is sent."""

from collections.abc import Sequence
from typing import Final

Header = tuple[str, bytes | None]
"""A header as anybody may send it."""

RECORD_OVERHEAD_BYTES: Final = 64
"""More than lengths, offset and time of a record take in its batch."""
HEADER_OVERHEAD_BYTES: Final = 10
"""The lengths of a header's name and value."""
BATCH_OVERHEAD_BYTES: Final = 61


def record_size(key: bytes | None, value: bytes | None, headers: Sequence[Header] = ()) -> int:
    """Return what a record takes in its batch, in bytes, at most."""
    size = RECORD_OVERHEAD_BYTES + len(key or b"") + len(value or b"")
    for name, text in headers:
        size += header_size(name, text)
    return size


def header_size(name: str, value: bytes | None) -> int:
    """Return what a header takes in its record, in bytes, at most."""
    named = len(name) if name.isascii() else len(name.encode(errors="surrogatepass"))
    return HEADER_OVERHEAD_BYTES + named + len(value or b"")
