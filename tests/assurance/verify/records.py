"""Records as aiokafka returns them, and topics made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime


@dataclass(frozen=True)
class Record:
    """A record as aiokafka returns it."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


async def stream(records: Iterable[Record]) -> AsyncIterator[Record]:
    """Yield records as a reader of a topic does."""
    for record in records:
        yield record


def ms(instant: datetime) -> int:
    """Return an instant as a record's timestamp."""
    return round(instant.timestamp() * 1000)
