"""Holds a record batch that takes records until aiokafka's sender takes it for a write request.

The sender has one write request to a broker under way at a time, so under load a batch waits for the request before it.
Closed when it is handed over, it would wait with the records that it had then.
"""

import struct
from collections.abc import Callable, Sequence
from threading import Lock, get_ident
from typing import Any, Final

import aiokafka.record._crecords.default_records as records_in_c
from aiokafka.producer.message_accumulator import BatchBuilder

from models.record_size import Header
from streams.checksum import COVERS_FROM, crc32c
from streams.record_batches import LOG_OVERHEAD

_GZIP: Final = 1
_LENGTH_AT: Final = 8
_LENGTH: Final = struct.Struct(">i")
_CHECKSUM_AT: Final = 17
_CHECKSUM_AND_ATTRIBUTES: Final = struct.Struct(">Ih")
_NO_ATTRIBUTES: Final = 0
_replacing: Final = Lock()


def _nothing() -> None:
    """Do nothing."""


class FillingBatch(BatchBuilder):
    """A batch of an idempotent producer without transactions. `on_close` is called when the sender takes it.

    The sender numbers a batch by the count of its records when it takes it, and encodes it in a later turn of the loop.
    A record that was added in between would have a number that the next batch has too. So it is closed there.

    aiokafka's builder gives its bytes away only with a checksum that it computes by tables. That takes twice as long as
    all the rest of a record. So it is told to compress them: what it would compress is taken, and it is left with none.
    """

    def __init__(self, most_bytes: int, on_close: Callable[[], None]) -> None:
        super().__init__(most_bytes, _GZIP)
        self._closed = False
        self._buffer: bytearray | None = None
        self._on_close = on_close

    def add(self, key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> bool:
        """Add a record; False if the batch is full or taken. It is `append` without what our records do not need."""
        if self._closed:
            return False
        if self._builder.append(self._relative_offset, None, key, value, headers) is None:
            self._closed = True
            return False
        self._relative_offset += 1
        return True

    def append(self, **_: Any) -> Any:
        """Refuse a record that aiokafka adds by itself: it would be in no receipt. It then opens a batch of its own."""
        return None

    def _set_producer_state(self, *state: Any, **options: Any) -> None:
        """Close the batch. aiokafka calls this once, in the same turn in which it counts the records."""
        self._on_close()
        self._on_close = _nothing  # no reference cycle keeps the bytes
        self.close()
        super()._set_producer_state(*state, **options)

    def _build(self) -> Any:
        """Return the bytes of the batch, uncompressed. aiokafka calls this for each attempt to send it."""
        self._closed = True
        if self._buffer is None:
            batch, records = _header_and_records(self._builder)
            batch += records
            _LENGTH.pack_into(batch, _LENGTH_AT, len(batch) - LOG_OVERHEAD)
            _CHECKSUM_AND_ATTRIBUTES.pack_into(batch, _CHECKSUM_AT, 0, _NO_ATTRIBUTES)
            checksum = crc32c(batch, COVERS_FROM, len(batch))
            _CHECKSUM_AND_ATTRIBUTES.pack_into(batch, _CHECKSUM_AT, checksum, _NO_ATTRIBUTES)
            self._buffer = batch
            del self._builder  # as in aiokafka: it builds once
        return self._buffer


def _header_and_records(builder: Any) -> tuple[bytearray, bytes]:
    """Return the header that a builder makes for no records, and its records."""
    taken: list[bytes] = []
    thread = get_ident()

    def take(records: bytes) -> Any:
        if get_ident() != thread:  # another producer's
            return compress(records)
        taken.append(records)
        return b""

    with _replacing:
        compress = records_in_c.gzip_encode
        records_in_c.gzip_encode = take
        try:
            return builder.build(), taken[0]
        finally:
            records_in_c.gzip_encode = compress
