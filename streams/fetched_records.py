"""Reads one fetch of one partition. Readable records are yielded; unreadable data gets a stand-in at its offset.

aiokafka's own reader, in C, reads ordinary batches. Only where it raises does `streams.record_batches` continue.
Compressed batches are first decompressed in bounded memory (`streams.decompression`).
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Self

import structlog
from aiokafka.record.default_records import DefaultRecordBatch

from streams import legacy_messages, record_batches
from streams.batch_records import MAGIC, MAX_RECORD_BYTES, BatchRecords, broken_of
from streams.checksum import COVERS_FROM, crc32c
from streams.decompression import MAX_INFLATED_BYTES, CannotInflate, inflate
from streams.record_batches import (
    CODEC_MASK,
    CONTROL,
    HEADER,
    LOG_OVERHEAD,
    TRANSACTIONAL,
    BrokenRecord,
    Record,
)

_log = structlog.get_logger(__name__)

CONTROL_OR_TRANSACTIONAL: Final = CONTROL | TRANSACTIONAL
_READ_COMMITTED: Final = 1
NOT_ORDINARY: Final = CONTROL_OR_TRANSACTIONAL | CODEC_MASK
_MIN_BATCH_BYTES: Final = 14
"""The length field of the smallest message in the old format."""
_BASE: Final = struct.Struct(">q")
_SHAPE: Final = struct.Struct(">qi4xbIhi30xi")
"""Fields of a header: base offset, length, magic, checksum, attributes, last offset's delta, number of records."""
_CODEC_AT: Final = 22


class FetchedRecords:
    """The records of one fetch of one partition. It replaces aiokafka's `PartitionRecords`.

    Nothing it holds refers to it. So the fetched bytes are freed as soon as aiokafka drops it, which it does for a
    partition that is paused, sought or taken away. In a cycle, a megabyte of each partition would stay until Python
    searches all objects.
    """

    def __init__(self, *fetch: Any) -> None:
        self._batches = _Batches(*fetch)
        self._iterator: Iterator[Any] | None = self._batches.unpack()

    @property
    def next_fetch_offset(self) -> int:
        """Where the next fetch begins. It only grows."""
        return self._batches.next_fetch_offset

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        iterator = self._iterator
        if iterator is None:
            raise StopIteration
        try:
            return next(iterator)
        except StopIteration:
            self._iterator = None
            raise
        except Exception as error:
            self._iterator = None
            for stand_in in self._batches.given_up(error):
                return stand_in
            raise StopIteration from error

    def take(self, limit: int | None) -> list[Any]:
        """Return the next records, at most `limit` of them, as so many calls of `next` do."""
        taken: list[Any] = []
        if self._iterator is not None:
            try:
                taken.extend(islice(self._iterator, limit))
            except Exception as error:  # noqa: BLE001  # as above
                self._iterator = None
                taken.extend(self._batches.given_up(error))
            if limit is None or len(taken) < limit:
                self._iterator = None
        return taken


class _Batches(BatchRecords):
    """The batches of one fetch, made of what aiokafka gives to its `PartitionRecords`.

    `aborted`: pairs of a producer and the first offset of its transaction.
    """

    def __init__(
        self,
        tp: Any,
        records: Any,
        aborted: Any,
        fetch_offset: int,
        key_deserializer: Any,
        value_deserializer: Any,
        check_crcs: bool,
        isolation_level: int,
    ) -> None:
        super().__init__(tp, fetch_offset, key_deserializer, value_deserializer)
        self._data: bytes = records.data
        self._aborted = sorted(aborted or [], key=lambda pair: pair[1], reverse=True)
        self._aborted_producers: set[int] = set()
        self._check_crcs = check_crcs
        self._committed_only = isolation_level == _READ_COMMITTED
        self._inflated = 0

    def given_up(self, error: Exception) -> Iterator[Any]:
        """Skip the first offset of this fetch after a bug in our code, so that no reader loops; the rest is dropped."""
        _log.exception(
            "the fetched data could not be decompressed", topic=self._topic, partition=self._partition
        )
        return self._bad_batch(memoryview(b""), self.next_fetch_offset, repr(error))

    # -- batches ----------------------------------------------------------------------------------------------------

    def unpack(self) -> Iterator[Any]:  # noqa: PLR0915  # each further call would slow down small batches
        """Yield the records, or stand-ins for what cannot be read."""
        data, size, topic, partition = self._data, len(self._data), self._topic, self._partition
        view = memoryview(data)
        delivered_to, at = self.next_fetch_offset, 0
        shape_at, make = _SHAPE.unpack_from, self._message_of or self._record
        while at < size:
            fetched, remaining = self.next_fetch_offset, size - at
            base, length, magic, checksum, attributes, last_delta, count = (
                shape_at(data, at) if remaining >= HEADER.size else _shape(view[at:])
            )
            end = at + LOG_OVERHEAD + length
            if end > size or magic != MAGIC or end - at < HEADER.size:
                fault = _format_fault(length, magic, remaining)
                if fault:
                    if at == 0:  # a later one is fetched again, and is then the first
                        yield from self._bad_batch(view, fetched, fault)
                        delivered_to = self.next_fetch_offset
                    break
                following = _BASE.unpack_from(data, end)[0] if size - end >= LOG_OVERHEAD else base + 1
                yield from self._old_message(
                    view[at:end], min(base, following - 1) if following > fetched else base
                )
                at = end
                if self.next_fetch_offset != fetched:
                    delivered_to = self.next_fetch_offset
                continue
            begin, batch = at, view[at:end]
            at, last = end, base + last_delta
            following = _BASE.unpack_from(data, end)[0] if size - end >= LOG_OVERHEAD else None
            if following is not None and following <= fetched:
                following = None  # the next header is wrong, and gives no information about this batch
            reader, fault = DefaultRecordBatch(batch), ""
            if last_delta < 0 or last < fetched or (following is not None and last >= following):
                fault = f"says its offsets are {base} to {last}, which cannot be"
                last = fetched if following is None else following - 1
            elif self._check_crcs and crc32c(data, begin + COVERS_FROM, end) != checksum:
                fault = "its checksum is wrong"
                if following is None and not (base <= fetched and last_delta <= length):
                    last = fetched  # its offsets cannot be trusted either
            if fault:
                if attributes & CONTROL:
                    self._aborted_producers.discard(record_batches.header_of(batch).producer_id)
                yield from self._bad_batch(batch, last, fault)
                delivered_to = self.next_fetch_offset
                continue
            if attributes & NOT_ORDINARY:
                if attributes & CONTROL_OR_TRANSACTIONAL and self._is_passed(batch, attributes):
                    self.next_fetch_offset = last + 1
                    continue
                if attributes & CODEC_MASK:
                    if self._inflated > MAX_INFLATED_BYTES:
                        break  # the rest is fetched again, so that memory stays bounded
                    yield from self._compressed(batch, last)
                    reader = ()
            previous, dense = base - 1, count == last_delta + 1
            try:
                for record in reader:
                    offset = record.offset
                    if offset != previous + 1 and (dense or not previous < offset <= last):
                        raise ValueError(offset)  # noqa: TRY301  # the other reader, below, finds the fault
                    previous = offset
                    # A fetch returns whole batches, even if its offset is in the middle of one.
                    if offset >= fetched:
                        unpacked = make(topic, partition, record)
                        self.next_fetch_offset = offset + 1
                        yield unpacked
            except Exception:  # noqa: BLE001  # after any error the other reader continues
                yield from self._salvage(batch, previous, last)
            if self.next_fetch_offset != fetched:
                delivered_to = self.next_fetch_offset
            if last >= self.next_fetch_offset:
                self.next_fetch_offset = last + 1
        if self._stand_ins.stand_ins and delivered_to < self.next_fetch_offset:
            # Transaction markers and aborted records at the end. The committed offset must move past them.
            yield self._stand_ins.nothing(self.next_fetch_offset - 1)

    def _compressed(self, batch: memoryview, last: int) -> Iterator[Any]:
        """Yield the records of a compressed batch."""
        header, fetched = record_batches.header_of(batch), self.next_fetch_offset
        start = bytearray(batch[: HEADER.size])
        start[_CODEC_AT] &= ~CODEC_MASK
        try:
            # If compaction removed all records of a batch, only its header is left.
            inflated = memoryview(
                inflate(header.codec, batch[HEADER.size :], start) if header.records else start
            )
        except CannotInflate as error:
            yield from self._bad_batch(batch, last, str(error))
            return
        self._inflated += len(inflated)
        make = self._message_of or self._record
        make = make if len(inflated) <= MAX_RECORD_BYTES else self._bounded_record
        topic, partition, previous = self._topic, self._partition, header.base_offset - 1
        try:
            for record in DefaultRecordBatch(inflated):
                offset = record.offset
                if offset != previous + 1 and (header.dense or not previous < offset <= last):
                    raise ValueError(offset)  # noqa: TRY301  # as above
                previous = offset
                if offset >= fetched:
                    unpacked = make(topic, partition, record)
                    self.next_fetch_offset = offset + 1
                    if unpacked is not None:
                        yield unpacked
        except Exception:  # noqa: BLE001  # as above
            yield from self._salvage(inflated, previous, last)

    def _is_passed(self, batch: memoryview, attributes: int) -> bool:
        """Tell whether a batch is a transaction marker or part of an aborted transaction."""
        header = record_batches.header_of(batch)
        if self._committed_only:
            while self._aborted and self._aborted[-1][1] <= header.base_offset:
                self._aborted_producers.add(self._aborted.pop()[0])
        if attributes & CONTROL:
            # Both kinds of marker end the producer's transaction.
            self._aborted_producers.discard(header.producer_id)
            return True
        return header.producer_id in self._aborted_producers

    def _salvage(self, batch: memoryview, previous: int, last: int) -> Iterator[Any]:
        """Continue after `previous`, the last offset read, and yield what can be read."""
        header, fetched = record_batches.header_of(batch), self.next_fetch_offset
        misplaced: list[BrokenRecord] = []
        more_misplaced = 0
        is_reached = previous < header.base_offset
        for _, piece in record_batches.read(header, batch[HEADER.size :]):
            if not is_reached:
                is_reached = isinstance(piece, Record) and piece.offset == previous
                continue
            offset = piece.offset
            if offset is None or not previous < offset <= last:
                # Its offset is not known. Its stand-in takes the next free offset.
                more_misplaced += bool(misplaced)
                misplaced = misplaced or [broken_of(piece)]
                continue
            if misplaced and offset - previous > 1:
                yield from self._bad_record(misplaced.pop(), offset - 1, more_misplaced)
                more_misplaced = 0
            previous = offset
            if offset < fetched:
                continue
            if isinstance(piece, BrokenRecord):
                yield from self._bad_record(piece, offset)
            else:
                self.next_fetch_offset = offset + 1
                if (unpacked := self._bounded_record(self._topic, self._partition, piece)) is not None:
                    yield unpacked
        if misplaced:
            yield from self._bad_record(misplaced.pop(), last if last > previous else None, more_misplaced)

    def _old_message(self, message: memoryview, last: int) -> Iterator[Any]:
        """Yield the records of a message in an older format. `last` is its offset, the last of the records in it."""
        fetched = self.next_fetch_offset
        if last < fetched:
            yield from self._bad_batch(
                message, fetched, f"says its offset is {last}, and was sent for {fetched}"
            )
            return
        misplaced: list[BrokenRecord] = []
        try:
            for piece in legacy_messages.read(message, check_crc=self._check_crcs):
                offset = piece.offset
                if offset is not None and offset < fetched:
                    continue
                if offset is None or not self.next_fetch_offset <= offset <= last:
                    misplaced = misplaced or [broken_of(piece)]
                elif isinstance(piece, BrokenRecord):
                    yield from self._bad_record(piece, offset)
                else:
                    self.next_fetch_offset = offset + 1
                    if (unpacked := self._bounded_record(self._topic, self._partition, piece)) is not None:
                        yield unpacked
        except CannotInflate as error:
            yield from self._bad_batch(message, last, str(error))
        if misplaced or self.next_fetch_offset == fetched:
            broken = (
                misplaced.pop()
                if misplaced
                else BrokenRecord(None, "has no message of its own offset", bytes(message))
            )
            yield from self._bad_record(broken, last if last >= self.next_fetch_offset else None)


def _shape(head: memoryview) -> tuple[int, ...]:
    """Return `_SHAPE`'s fields of data shorter than a header, with zeros for the missing bytes."""
    shape: tuple[int, ...] = _SHAPE.unpack(bytes(head) + bytes(HEADER.size - len(head)))
    return shape


def _format_fault(length: int, magic: int, available: int) -> str:
    """Return why no batch can be read here, from length and format alone; "" for a message in the old format."""
    if available < LOG_OVERHEAD + _MIN_BATCH_BYTES:
        return f"{available} bytes came, which are no batch"
    if length < _MIN_BATCH_BYTES:
        return f"says it has {length} bytes"
    if length > available - LOG_OVERHEAD:
        return f"says it has {length} bytes, and {available - LOG_OVERHEAD} came"
    return "" if magic < MAGIC else f"is of format {magic}, with {length} bytes"
