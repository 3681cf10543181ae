"""Holds a record batch that takes records until aiokafka's sender takes it for a write request.

The sender has one write request to a broker under way at a time, so under load a batch waits for the request before it.
Closed when it is handed over, it would wait with the records that it had then.
"""

from collections.abc import Callable, Sequence
from time import time_ns
from typing import Any, Final

from aiokafka.producer.message_accumulator import BatchBuilder

from models.record_size import Header
from streams.batch_records import MAGIC
from streams.checksum import COVERS_FROM, CRC, CRC_AT, crc32c
from streams.record_batches import HEADER, LOG_OVERHEAD
from streams.record_encoding import encoded_record

_NS_IN_MS: Final = 1_000_000
_NO_EPOCH: Final = -1


def _nothing() -> None:
    """Do nothing."""


class FillingBatch(BatchBuilder):
    """A batch of an idempotent producer without transactions. `on_close` is called when the sender takes it.

    The sender numbers a batch by the count of its records when it takes it, and encodes it in a later turn of the loop.
    A record that was added in between would have a number that the next batch has too. So it is closed there.

    It has the bytes itself, where aiokafka's has a builder in C, which computes its checksum by tables.
    """

    def __init__(self, most_bytes: int, on_close: Callable[[], None]) -> None:
        self._most_bytes = most_bytes
        self._on_close = on_close
        self._bytes = bytearray(HEADER.size)
        self._relative_offset = 0
        self._first_ms = self._last_ms = -1
        self._producer = -1, -1, 0
        self._built = self._closed = False

    def add(self, key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> bool:
        """Add a record; False if the batch is full or taken."""
        if self._closed:
            return False
        now, number = time_ns() // _NS_IN_MS, self._relative_offset
        first = now if number == 0 else self._first_ms
        record = encoded_record(now - first, number, key, value, headers)
        if number and len(self._bytes) + len(record) >= self._most_bytes:
            self._closed = True
            return False
        self._bytes += record
        self._first_ms = first
        self._last_ms = max(self._last_ms, now)
        self._relative_offset = number + 1
        return True

    def append(self, **_: Any) -> Any:
        """Refuse a record that aiokafka adds by itself: it would be in no receipt. It then opens a batch of its own."""
        return None

    def size(self) -> int:
        """Return the size of the batch in bytes."""
        return len(self._bytes)

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """Close the batch. aiokafka calls this once, in the same turn in which it counts the records."""
        self._on_close()
        self._on_close = _nothing  # no reference cycle keeps the bytes
        self._closed = True
        self._producer = producer_id, producer_epoch, base_sequence

    def _build(self) -> bytearray:
        """Return the bytes of the batch. aiokafka calls this for each attempt to send it."""
        self._closed = True
        batch = self._bytes
        if not self._built:
            self._built = True
            count = self._relative_offset
            HEADER.pack_into(
                batch,
                0,
                *(0, len(batch) - LOG_OVERHEAD, _NO_EPOCH, MAGIC, 0),  # the broker sets offset and epoch
                *(0, count - 1, self._first_ms, self._last_ms, *self._producer, count),
            )
            CRC.pack_into(batch, CRC_AT, crc32c(batch, COVERS_FROM, len(batch)))
        return batch
