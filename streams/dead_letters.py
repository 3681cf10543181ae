"""What cannot be accepted is kept, byte for byte, with where it was and why (CONTRACTS.md, `dead-letters`)."""

from datetime import UTC, datetime
from typing import Any, Final

import structlog

from models.errors import Never, Refused
from streams.journal import Headers, JournalWriter, Receipt
from streams.metrics import DEAD_LETTERS_TOTAL
from streams.topics import DEAD_LETTERS, MAX_DEAD_LETTER_BYTES

_log = structlog.get_logger(__name__)

MOST_REASON: Final = 10_000
"""Characters of a reason that are kept: an error may quote what it could not read."""


def verdict(error: Exception) -> tuple[str, str]:
    """Return error class and reason of a record that could not be handled; an unforeseen error is logged, too.

    To be called where the error is handled: one record must never stop those behind it.
    """
    if isinstance(error, Refused):
        return error.error_class, f"{error.field}: {error.reason}" if error.field else error.reason
    if isinstance(error, Never):
        return error.error_class, error.reason
    _log.exception("a record could not be handled")
    return "fatal_error", repr(error)


def headers_of(message: Any, error_class: str, reason: str) -> Headers:
    """Return the headers of a dead letter: the original's own, then ours."""
    ours = {
        "error-class": error_class,
        "reason": reason,
        "source-topic": message.topic,
        "source-partition": str(message.partition),
        "source-offset": str(message.offset),
        "failed-at": datetime.now(UTC).isoformat(),
    }
    original = [(name, value) for name, value in (message.headers or []) if name not in ours]
    return [*original, *((name, text.encode(errors="replace")) for name, text in ours.items())]


def bury(
    writer: JournalWriter,
    message: Any,
    error_class: str,
    reason: str,
    partitions: int,
    receipt: Receipt | None,
) -> None:
    """Write a message that was refused to `dead-letters`; its receipt is settled when it is durable there."""
    value = message.value
    if value is None and message.key is None:
        value = b""  # a record needs one of the two
    writer.add(
        DEAD_LETTERS,
        message.partition % partitions,
        key=message.key,
        value=value,
        headers=headers_of(message, error_class, reason[:MOST_REASON]),
        receipt=receipt,
        most=MAX_DEAD_LETTER_BYTES,
    )
    DEAD_LETTERS_TOTAL.labels(topic=message.topic, error_class=error_class).inc()
