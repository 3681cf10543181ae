"""Reads dead letters. It never raises, whatever bytes are on `dead-letters`.

A letter is the original message plus our headers (docs/contracts). The original may have headers of the same names. The
writer prefixes those with `original-`, and the reader removes the prefix, so that the two cannot be confused.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

ERROR_CLASS: Final = "error-class"
REASON: Final = "reason"
SOURCE_TOPIC: Final = "source-topic"
SOURCE_PARTITION: Final = "source-partition"
SOURCE_OFFSET: Final = "source-offset"
FAILED_AT: Final = "failed-at"
SOURCE_TIMESTAMP: Final = "source-timestamp"
FAILED_STAGE: Final = "failed-stage"
KEY_CUT_FROM: Final = "key-cut-from"
VALUE_CUT_FROM: Final = "value-cut-from"
HEADERS_DROPPED: Final = "headers-dropped"
HEADERS_CHANGED: Final = "headers-changed"
UNREADABLE_OFFSETS: Final = "unreadable-offsets"
UNREADABLE_CODEC: Final = "unreadable-codec"
OWN_HEADERS: Final = frozenset(
    {
        ERROR_CLASS,
        REASON,
        SOURCE_TOPIC,
        SOURCE_PARTITION,
        SOURCE_OFFSET,
        FAILED_AT,
        SOURCE_TIMESTAMP,
        FAILED_STAGE,
        KEY_CUT_FROM,
        VALUE_CUT_FROM,
        HEADERS_DROPPED,
        HEADERS_CHANGED,
        UNREADABLE_OFFSETS,
        UNREADABLE_CODEC,
    }
)
"""The headers that the writer of a letter adds, each once."""
ORIGINAL: Final = "original-"
"""The prefix for an original header that has one of these names."""
REPLAY_OF: Final = "replay-of"
"""The header of a message that was replayed from a dead letter: its former `topic:partition:offset`."""

FATAL_ERROR: Final = "fatal_error"
"""The error class of records on which our own code failed."""

_NUMBER: Final = re.compile(rb"[0-9]{1,19}\Z")
_HIGHEST: Final = 2**63 - 1

ReadHeader = tuple[str, bytes | None]


class SourcePosition(msgspec.Struct, frozen=True):
    """The position of the original message."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class StoredDeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter. A field that is missing or cannot be parsed is empty, None or 0.

    `partition`, `offset`: its position in `dead-letters`; `at`: when it was written there. `source`: None unless topic,
    partition and offset are all given. `headers`: the original's own. `value_cut_from`, `key_cut_from`: the original's
    size in bytes if the letter has only the beginning.
    """

    partition: int
    offset: int
    at: datetime
    error_class: str
    reason: str
    source_topic: str
    source_partition: str
    source_offset: str
    source: SourcePosition | None
    failed_at: str
    stage: str
    key: bytes | None
    value: bytes | None
    headers: tuple[ReadHeader, ...]
    source_timestamp: int | None = None
    key_cut_from: int | None = None
    value_cut_from: int | None = None
    headers_dropped: int = 0
    headers_changed: int = 0

    @property
    def position(self) -> str:
        """The letter's position, in the form that commands use."""
        return f"{self.partition}:{self.offset}"

    @property
    def is_fatal(self) -> bool:
        """Whether our own code failed on the message."""
        return self.error_class == FATAL_ERROR


def read_letter(record: Any) -> StoredDeadLetter:
    """Parse a record of `dead-letters` (aiokafka's). Never raises, whatever the record contains."""
    headers = tuple(read_headers(record.headers))
    # The last header of a name counts. Our writer adds each of its names once.
    own_headers = {name: value for name, value in headers if name in OWN_HEADERS}
    topic, partition, offset = (
        text(own_headers.get(name)) for name in (SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
    )
    numbers = number(own_headers.get(SOURCE_PARTITION)), number(own_headers.get(SOURCE_OFFSET))
    return StoredDeadLetter(
        partition=record.partition,
        offset=record.offset,
        at=instant_of(record.timestamp),
        error_class=text(own_headers.get(ERROR_CLASS)),
        reason=text(own_headers.get(REASON)),
        source_topic=topic,
        source_partition=partition,
        source_offset=offset,
        source=None if not topic or None in numbers else SourcePosition(topic, *numbers),  # type: ignore[arg-type]
        failed_at=text(own_headers.get(FAILED_AT)),
        stage=text(own_headers.get(FAILED_STAGE)),
        key=record.key,
        value=record.value,
        headers=tuple(
            (original_header_name(name), value) for name, value in headers if name not in OWN_HEADERS
        ),
        source_timestamp=number(own_headers.get(SOURCE_TIMESTAMP)),
        key_cut_from=number(own_headers.get(KEY_CUT_FROM)),
        value_cut_from=number(own_headers.get(VALUE_CUT_FROM)),
        headers_dropped=number(own_headers.get(HEADERS_DROPPED)) or 0,
        headers_changed=number(own_headers.get(HEADERS_CHANGED)) or 0,
    )


def read_headers(headers: Iterable[Sequence[Any]] | None) -> Iterable[ReadHeader]:
    """Yield the headers of any record as (text, bytes or None)."""
    for name, value in headers or ():
        yield str(name), value if value is None else bytes(value)


def text(value: bytes | None) -> str:
    """Return a header's value as text; bytes that are not UTF-8 become backslash escapes."""
    return (value or b"").decode(errors="backslashreplace")


def number(value: bytes | None) -> int | None:
    """Return a header's value as a whole number of up to 64 bits; None if it is not one."""
    if value is None or not _NUMBER.match(value):
        return None
    parsed = int(value)
    return parsed if parsed <= _HIGHEST else None


def instant_of(milliseconds: Any) -> datetime:
    """Return a record's time; the start of 1970 if the time cannot be represented."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def is_sent_again(message: Any) -> bool:
    """Tell whether a message was replayed from the dead letters, that is, it was skipped when it first came."""
    for name, _ in message.headers or ():  # noqa: SIM110  # asked of each event; a generator takes twice as long
        if name == REPLAY_OF:
            return True
    return False


def set_apart(name: str) -> str:
    """Return the name under which a letter keeps an original header."""
    return ORIGINAL + name if _without_prefix(name) in OWN_HEADERS else name


def original_header_name(name: str) -> str:
    """Return the original name of a header."""
    return name.removeprefix(ORIGINAL) if _without_prefix(name) in OWN_HEADERS else name


def _without_prefix(name: str) -> str:
    while name.startswith(ORIGINAL):
        name = name.removeprefix(ORIGINAL)
    return name
