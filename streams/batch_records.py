"""Produces the records of one fetch by offset: the record, or a stand-in for data that cannot be read."""

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.structs import ConsumerRecord

from streams import record_batches
from streams.record_batches import HEADER, BrokenRecord, Record
from streams.unreadable import TOO_LARGE, UNREADABLE_BATCH, UNREADABLE_RECORD, StandIns, give_stand_ins

MAX_RECORD_BYTES: Final = 1024 * 1024
"""The largest record accepted from a compressed batch; of a larger one only the beginning is kept. Our topics accept no
uncompressed record of that size (`max.message.bytes`). Without a bound, five hundred of them could be in memory at
once."""

MAGIC_AT: Final = 16
MAGIC: Final = 2
"""The format of batches since Kafka 0.11."""


class BatchRecords:
    """The base of `FetchedRecords`. `next_fetch_offset` is where the next fetch begins; it only grows."""

    def __init__(self, tp: Any, fetch_offset: int, key_deserializer: Any, value_deserializer: Any) -> None:
        # Faust's consumer gets messages (`streams.patches.fetched_messages`), every other one consumer records.
        messages_of = getattr(value_deserializer, "messages_of", None)
        stand_ins = value_deserializer is give_stand_ins or messages_of is not None
        self._topic, self._partition = tp.topic, tp.partition
        self._key_of = key_deserializer
        self._value_of = None if stand_ins else value_deserializer
        self._message_of = None if messages_of is None else messages_of(tp).message_of
        self._stand_ins = StandIns(tp.topic, tp.partition, stand_ins=stand_ins, message_of=self._message_of)
        self.next_fetch_offset = fetch_offset

    def _record(self, topic: str, partition: int, record: Any) -> Any:
        key, value = record.key, record.value
        return ConsumerRecord(
            topic,
            partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            key if self._key_of is None else self._key_of(key),
            value if self._value_of is None else self._value_of(value),
            record.checksum,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            tuple(record.headers),
        )

    def _bounded_record(self, topic: str, partition: int, record: Any) -> Any:
        """Return a record from a compressed batch. If it is too large, return a stand-in, or None if none is wanted."""
        size = len(record.key or b"") + len(record.value or b"")
        size += sum(len(name) + len(value or b"") for name, value in record.headers)
        if size <= MAX_RECORD_BYTES:
            return (self._message_of or self._record)(topic, partition, record)
        reason = f"the record has {size} bytes uncompressed, at most {MAX_RECORD_BYTES} are taken"
        return self._stand_ins.unreadable(
            record.offset,
            record.offset,
            record.value or b"",
            TOO_LARGE,
            reason,
            key=record.key,
            headers=tuple(record.headers),
            timestamp=record.timestamp,
        )

    def _bad_batch(self, batch: memoryview, last: int, fault: str) -> Iterator[Any]:
        """Skip a batch up to offset `last`, and yield its stand-in."""
        first = self.next_fetch_offset
        last = max(first, last)
        self.next_fetch_offset = last + 1
        timestamp, codec = 0, None
        if len(batch) >= HEADER.size and batch[MAGIC_AT] == MAGIC:
            header = record_batches.header_of(batch)
            timestamp, codec = header.max_timestamp, header.codec
        reason = f"offsets {first} to {last}: {fault}"
        stand_in = self._stand_ins.unreadable(
            first, last, batch, UNREADABLE_BATCH, reason, timestamp=timestamp, codec=codec
        )
        if stand_in is not None:
            yield stand_in

    def _bad_record(self, broken: BrokenRecord, offset: int | None, more: int = 0) -> Iterator[Any]:
        """Skip a record and yield its stand-in. If it has no offset, only count and log it."""
        first = self.next_fetch_offset
        if offset is not None and offset < first:
            return  # the fetch began behind this record
        reason = f"{broken.reason}; {more} more of its batch cannot be read" if more else broken.reason
        if offset is None:
            self._stand_ins.count(first, first, UNREADABLE_RECORD, f"no offset is left for it: {reason}")
            return
        self.next_fetch_offset = offset + 1
        stand_in = self._stand_ins.unreadable(
            first if more or broken.offset is None else offset,
            offset,
            broken.raw,
            UNREADABLE_RECORD,
            reason,
            key=broken.key,
            headers=broken.headers,
        )
        if stand_in is not None:
            yield stand_in


def broken_of(piece: Record | BrokenRecord) -> BrokenRecord:
    """Return a record with an impossible offset as a `BrokenRecord`."""
    if isinstance(piece, BrokenRecord):
        return piece
    return BrokenRecord(
        None,
        f"says its offset is {piece.offset}, which cannot be",
        piece.value or b"",
        piece.key,
        piece.headers,
    )
