"""Creates stand-ins: records at the offsets of unreadable data, so that these offsets are acked like any other.

Stages and the sink get the stand-ins and write a dead letter for each. Every other reader skips
them (`streams.patches.record_reader`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Self

import structlog
from aiokafka.structs import ConsumerRecord

from streams.dead_letter_reading import (
    HEADERS_DROPPED,
    KEY_CUT_FROM,
    UNREADABLE_CODEC,
    UNREADABLE_OFFSETS,
    VALUE_CUT_FROM,
)
from streams.decompression import CODECS
from streams.metrics import UNREADABLE

_log = structlog.get_logger(__name__)

UNREADABLE_BATCH: Final = "unreadable_batch"
UNREADABLE_RECORD: Final = "unreadable_record"
TOO_LARGE: Final = "too_large"

LOGGED_CHARACTERS: Final = 500
KEPT_BYTES: Final = 256 * 1024
"""Bytes kept of unreadable data; `value-cut-from` gives the original size."""
_LATEST_MS: Final = 253_402_300_799_000
"""The end of the year 9999. A time after it, or before 1970, is not usable."""

RecordHeaders = tuple[tuple[str, bytes | None], ...]


class StandIn(bytes):
    """The value of a record at offsets that have no record for us: transaction markers, aborted records.

    A reader only skips it.
    """


class Unreadable(StandIn):
    """The value of a stand-in for an unreadable record or batch. It holds the bytes that are kept.

    `reason` gives the fault and its offsets; a batch's stand-in is at the batch's last offset. `about`: headers for its
    dead letter with what is known of it (offsets, codec) and what was cut.
    """

    error_class: str
    reason: str
    about: tuple[tuple[str, bytes], ...]

    def __new__(
        cls, content: bytes, error_class: str, reason: str, about: Iterable[tuple[str, bytes]] = ()
    ) -> Self:
        """Return the value: the kept bytes, the error class of its dead letter, the reason, and the known facts."""
        unreadable = super().__new__(cls, content)
        unreadable.error_class, unreadable.reason, unreadable.about = error_class, reason, tuple(about)
        return unreadable


class StandIns:
    """Creates the stand-ins of one partition, for readers that want them, and counts unreadable data.

    `message_of` makes a message of a record, for readers that want messages.
    """

    def __init__(
        self,
        topic: str,
        partition: int,
        *,
        stand_ins: bool,
        message_of: Callable[[str, int, Any], Any] | None = None,
    ) -> None:
        self.topic, self.partition, self.stand_ins = topic, partition, stand_ins
        self._message_of = message_of

    def nothing(self, offset: int) -> Any:
        """Return the stand-in for offsets, up to this one, that have no record for us."""
        return self._at(offset, StandIn(), None, (), 0)

    def unreadable(
        self,
        first: int,
        last: int,
        raw: bytes | memoryview,
        error_class: str,
        reason: str,
        *,
        key: bytes | None = None,
        headers: RecordHeaders = (),
        timestamp: int = 0,
        codec: int | None = None,
    ) -> Any:
        """Count unreadable data. Return its stand-in, at offset `last`, or None if this reader wants none."""
        self.count(first, last, error_class, reason)
        if not self.stand_ins:
            return None
        about = [(UNREADABLE_OFFSETS, f"{first}-{last}".encode())]
        if codec is not None:
            about.append((UNREADABLE_CODEC, CODECS.get(codec, str(codec)).encode()))
        if len(raw) > KEPT_BYTES:
            about.append((VALUE_CUT_FROM, str(len(raw)).encode()))
        if key is not None and len(key) > KEPT_BYTES:
            about.append((KEY_CUT_FROM, str(len(key)).encode()))
            key = key[:KEPT_BYTES]
        if sum(len(name) + len(value or b"") for name, value in headers) > KEPT_BYTES:
            about.append((HEADERS_DROPPED, str(len(headers)).encode()))
            headers = ()
        value = Unreadable(bytes(raw[:KEPT_BYTES]), error_class, reason, about)
        return self._at(last, value, key, headers, timestamp)

    def count(self, first: int, last: int, error_class: str, reason: str) -> None:
        """Count and log unreadable data."""
        UNREADABLE.labels(topic=self.topic, error_class=error_class).inc()
        _log.warning(
            "records cannot be read",
            topic=self.topic,
            partition=self.partition,
            offsets=f"{first}-{last}",
            error_class=error_class,
            reason=reason[:LOGGED_CHARACTERS],
        )

    def _at(
        self, offset: int, value: StandIn, key: bytes | None, headers: RecordHeaders, timestamp: int
    ) -> Any:
        stand_in: Any = ConsumerRecord(
            self.topic,
            self.partition,
            offset,
            timestamp if 0 <= timestamp <= _LATEST_MS else 0,
            0,
            key,
            value,
            None,
            -1 if key is None else len(key),
            len(value),
            headers,
        )
        if self._message_of is not None:
            return self._message_of(self.topic, self.partition, stand_in)
        return stand_in


def give_stand_ins(value: Any) -> Any:
    """Mark a consumer that wants stand-ins. It is passed as `value_deserializer` and is never called."""
    return value


def records_of(records: Iterable[Any]) -> Iterator[Any]:
    """Yield the records that are not stand-ins."""
    return (record for record in records if not isinstance(record.value, StandIn))
