"""Computes an upper bound of the size of a record in a Kafka batch.

A client reports the size only when it is too late.
"""

from collections.abc import Sequence
from typing import Final

from models.errors import PermanentError

Header = tuple[str, bytes | None]
"""A header as any sender may write it."""

MAX_RECORD_BYTES: Final = 1_000_000
"""Bytes of key, value and headers of a record: a little less than a broker accepts by default (`message.max.bytes`)."""
RECORD_OVERHEAD_BYTES: Final = 64
"""An upper bound of the bytes of lengths, offset and time of a record in its batch."""
HEADER_OVERHEAD_BYTES: Final = 10
"""The bytes of the lengths of a header's name and value."""
BATCH_OVERHEAD_BYTES: Final = 61
MAX_OVERHEAD_BYTES: Final = 1_000
"""More than a public message takes beside its key and value: `RECORD_OVERHEAD_BYTES`, and headers that are all ours."""


def record_size(key: bytes | None, value: bytes | None, headers: Sequence[Header] = ()) -> int:
    """Return the maximum size of a record in its batch, in bytes."""
    size = RECORD_OVERHEAD_BYTES + len(key or b"") + len(value or b"")
    for name, text in headers:
        size += header_size(name, text)
    return size


def header_size(name: str, value: bytes | None) -> int:
    """Return the maximum size of a header in its record, in bytes."""
    name_bytes = len(name) if name.isascii() else len(name.encode(errors="surrogatepass"))
    return HEADER_OVERHEAD_BYTES + name_bytes + len(value or b"")


def check_size(
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[Header] = (),
    limit: int = MAX_RECORD_BYTES,
) -> int:
    """Return the maximum size of a record in its batch, in bytes; raises `PermanentError` (`record_too_large`)."""
    if headers:
        size = record_size(key, value, headers)
    else:  # as `record_size`, without the cost of its call for each record of the journal
        size = RECORD_OVERHEAD_BYTES + (0 if key is None else len(key)) + (0 if value is None else len(value))
    if size > limit:
        raise PermanentError("record_too_large", f"{size} bytes; {limit} are allowed")
    return size
