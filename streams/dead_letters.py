"""Writes dead letters: records that cannot be accepted, with position and reason (docs/contracts, `dead-letters`).

`make_letter` turns any record into a record that fits the topic and that any client can read. It does not raise,
because a stage must always be able to move on from a record that it cannot accept.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import structlog

from models.errors import PermanentError, Refused
from models.record_size import BATCH_OVERHEAD_BYTES, Header, header_size, record_size
from streams import dead_letter_reading as letters
from streams.dead_letter_reading import FATAL_ERROR
from streams.journal import JournalWriter
from streams.metrics import DEAD_LETTERS_TOTAL
from streams.receipts import Receipt
from streams.topics import DEAD_LETTERS, MAX_DEAD_LETTER_BYTES
from streams.trace_export import ids_of
from streams.unreadable import Unreadable

_log = structlog.get_logger(__name__)

MAX_REASON: Final = 10_000
"""Characters kept of a reason. An error may quote the data it could not read."""
MAX_WORD: Final = 249
"""Characters kept of an error class, a stage and a topic's name; 249 is Kafka's limit for a topic's name."""
CUT_BYTES: Final = 64 * 1024
"""Bytes kept of a key or a value that does not fit."""
MAX_HEADER_BYTES: Final = 64 * 1024
"""Bytes kept of the original's own headers if they do not fit with its key and value."""
MAX_LINES_A_MINUTE: Final = 100
"""The dead letters of each minute that a process writes to its log. All are in the topic and in the metrics."""
MAX_LOGGED_REASON: Final = 300
"""Characters of a reason in the log."""
MAX_LABELS: Final = 500
"""Pairs of topic and error class that have their own metric label; further pairs count as `other`."""

_ROOM: Final = MAX_DEAD_LETTER_BYTES - BATCH_OVERHEAD_BYTES
_MAX_EXAMINED: Final = 100_000
"""Headers of one record that are examined; the rest are dropped."""
_labels: set[tuple[str, str]] = set()


class DeadLetter(NamedTuple):
    """A record for `dead-letters`. It takes at most `MAX_DEAD_LETTER_BYTES`, headers included."""

    key: bytes | None
    value: bytes | None
    headers: list[Header]


def classify_failure(error: Exception) -> tuple[str, str]:
    """Return the error class and the reason of a record that failed; log an unexpected error as well.

    A single record must never stop the records behind it.
    """
    if isinstance(error, Refused):
        return error.error_class, f"{error.field}: {error.reason}" if error.field else error.reason
    if isinstance(error, PermanentError):
        return error.error_class, error.reason
    _log.error("a record could not be handled", exc_info=error)
    return FATAL_ERROR, _printed(error)


def make_letter(
    message: Any, error_class: Any, reason: Any, *, stage: str = "", timestamp_ms: Any = None
) -> DeadLetter:
    """Return the dead letter of any record that has topic, partition, offset, key, value and headers.

    Data that fits is kept byte for byte. A key or value that does not fit is cut to `CUT_BYTES`, and a header gives its
    original size. Headers that do not fit are dropped from the end, and a header gives their number. Header content
    that Kafka cannot store is replaced. `timestamp_ms`: the record's time in Kafka's milliseconds, if known.
    """
    key, value = as_bytes(getattr(message, "key", None)), as_bytes(getattr(message, "value", None))
    if key is None and value is None:
        value = b""  # a record needs a key or a value
    original_headers, changed, unexamined = _original_headers(getattr(message, "headers", None))
    own_headers = _own_headers(message, error_class, reason, stage, timestamp_ms)
    if isinstance(unreadable := getattr(message, "value", None), Unreadable):
        own_headers += unreadable.about
    if changed:
        own_headers.append((letters.HEADERS_CHANGED, b"%d" % changed))
    letter = DeadLetter(key, value, [*original_headers, *own_headers])
    if not unexamined and record_size(*letter) <= _ROOM:
        return letter
    bounded = _first_within(original_headers, MAX_HEADER_BYTES)
    own_names = {name for name, _ in own_headers}
    if (
        dropped := len(original_headers) - len(bounded) + unexamined
    ) and letters.HEADERS_DROPPED not in own_names:
        own_headers.append((letters.HEADERS_DROPPED, b"%d" % dropped))
    if record_size(key, value, [*bounded, *own_headers]) > _ROOM and value and len(value) > CUT_BYTES:
        if letters.VALUE_CUT_FROM not in own_names:
            own_headers.append((letters.VALUE_CUT_FROM, b"%d" % len(value)))
        value = value[:CUT_BYTES]
    if record_size(key, value, [*bounded, *own_headers]) > _ROOM and key and len(key) > CUT_BYTES:
        if letters.KEY_CUT_FROM not in own_names:
            own_headers.append((letters.KEY_CUT_FROM, b"%d" % len(key)))
        key = key[:CUT_BYTES]
    return DeadLetter(key, value, [*bounded, *own_headers])


def write_dead_letter(
    writer: JournalWriter,
    message: Any,
    error_class: str,
    reason: str,
    partitions: int,
    receipt: Receipt | None,
    *,
    stage: str = "",
) -> None:
    """Write a refused message (Faust's) to `dead-letters`. Its receipt is settled when the letter is durable there."""
    letter = make_letter(
        message,
        error_class,
        reason,
        stage=stage,
        timestamp_ms=_milliseconds(getattr(message, "timestamp", None)),
    )
    partition = message.partition % partitions if isinstance(message.partition, int) else 0
    # The letter keeps the header of the message as it was, so that a replay continues the same trace.
    writer.add(
        DEAD_LETTERS,
        partition,
        **letter._asdict(),
        receipt=receipt,
        most=MAX_DEAD_LETTER_BYTES,
        traced=False,
    )
    count(message.topic, error_class)
    if _lines.may_be_written(time.monotonic()):
        about = {"error_class": error_class, "reason": str(reason)[:MAX_LOGGED_REASON], "stage": stage}
        position = f"{message.topic}:{message.partition}:{message.offset}"
        _log.warning("dead letter", record=position, **about, **ids_of(message))


class LineBudget:
    """Bounds the lines of a log: `limit` in each minute, so that a flood of poison does not fill a disk."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._minute = -1
        self._written = 0

    def may_be_written(self, now: float) -> bool:
        """Tell whether one more line may be written at `now`, in seconds; count it."""
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._written = minute, 0
        self._written += 1
        return self._written <= self._limit


_lines = LineBudget(MAX_LINES_A_MINUTE)


def count(topic: Any, error_class: Any) -> None:
    """Count a dead letter by topic and class; the number of label values is bounded."""
    pair = _error_word(topic), _error_word(error_class)
    if pair not in _labels:
        if len(_labels) >= MAX_LABELS:
            pair = ("other", "other")
        else:
            _labels.add(pair)
    DEAD_LETTERS_TOTAL.labels(topic=pair[0], error_class=pair[1]).inc()


def as_bytes(value: Any) -> bytes | None:
    """Return a key, a value or a header's value as bytes that Kafka can store."""
    if value is None or type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return _encoded(value if isinstance(value, str) else _printed(value))


def _original_headers(headers: Any) -> tuple[list[Header], int, int]:
    """Return the original's headers in storable form, the number changed, and the number not examined."""
    storable: list[Header] = []
    changed = unexamined = 0
    for n, pair in enumerate(_pairs(headers)):
        if n >= _MAX_EXAMINED:
            unexamined += 1
            continue
        name, value = pair
        carried = _header_name(name), as_bytes(value)
        changed += carried != (name, value)
        storable.append((letters.set_apart(carried[0]), carried[1]))
    return storable, changed, unexamined


def _pairs(headers: Any) -> Iterable[tuple[Any, Any]]:
    try:
        pairs = headers.items() if hasattr(headers, "items") else headers or ()
        for pair in pairs:
            name, value = pair
            yield name, value
    except (TypeError, ValueError):
        return  # not headers of the form that clients give


def _header_name(name: Any) -> str:
    """Return a header's name in valid UTF-8; other characters become backslash escapes."""
    if isinstance(name, bytes | bytearray | memoryview):
        return bytes(name).decode(errors="backslashreplace")
    return _encoded(name if isinstance(name, str) else _printed(name)).decode()


def _first_within(headers: list[Header], max_bytes: int) -> list[Header]:
    """Return the first headers that take at most `max_bytes` bytes together."""
    size = 0
    for n, (name, value) in enumerate(headers):
        size += header_size(name, value)
        if size > max_bytes:
            return headers[:n]
    return headers


def _own_headers(message: Any, error_class: Any, reason: Any, stage: str, timestamp_ms: Any) -> list[Header]:
    values: dict[str, Any] = {
        letters.ERROR_CLASS: _error_word(error_class),
        letters.REASON: _text(reason)[:MAX_REASON],
        letters.SOURCE_TOPIC: _error_word(getattr(message, "topic", "")),
        letters.SOURCE_PARTITION: _error_word(getattr(message, "partition", "")),
        letters.SOURCE_OFFSET: _error_word(getattr(message, "offset", "")),
        letters.FAILED_AT: datetime.now(UTC).isoformat(),
    }
    if isinstance(timestamp_ms, int):
        values[letters.SOURCE_TIMESTAMP] = _error_word(timestamp_ms)
    if stage:
        values[letters.FAILED_STAGE] = _error_word(stage)
    return [(name, _encoded(text)) for name, text in values.items()]


def _milliseconds(seconds: Any) -> int | None:
    """Convert a Faust message's time from seconds to Kafka's milliseconds; None if it is not a number."""
    try:
        return int(round(seconds * 1000))  # noqa: RUF046  # `seconds` may be any type
    except (TypeError, ValueError, OverflowError):
        return None


def _error_word(value: Any) -> str:
    return _text(value)[:MAX_WORD]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _printed(value)


def _printed(value: Any) -> str:
    """Return the `repr` of a value. It runs foreign code, which may raise."""
    try:
        return str(repr(value))
    except Exception as error:  # noqa: BLE001  # any exception still yields a text
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
