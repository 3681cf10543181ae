"""Holds a record batch that takes records until aiokafka's sender takes it for a write request.

The sender has one write request to a broker under way at a time, so under load a batch waits for the request before it.
Closed when it is handed over, it would wait with the records that it had then.
"""

from collections.abc import Callable, Sequence
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder

from models.record_size import Header


def _nothing() -> None:
    """Do nothing."""


class FillingBatch(BatchBuilder):
    """A batch of an idempotent producer without transactions. `on_close` is called when the sender takes it.

    The sender numbers a batch by the count of its records when it takes it, and encodes it in a later turn of the loop.
    A record that was added in between would have a number that the next batch has too. So it is closed there.
    """

    def __init__(self, most_bytes: int, on_close: Callable[[], None]) -> None:
        super().__init__(most_bytes, 0)
        self._on_close = on_close

    def add(self, key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> bool:
        """Add a record; False if the batch is full or taken. It is `append` without what our records do not need."""
        if self._closed:
            return False
        if self._builder.append(self._relative_offset, None, key, value, headers) is None:
            self.close()
            return False
        self._relative_offset += 1
        return True

    def _set_producer_state(self, *state: Any, **options: Any) -> None:
        """Close the batch. aiokafka calls this once, in the same turn in which it counts the records."""
        self._on_close()
        self._on_close = _nothing  # no reference cycle keeps the bytes
        self.close()
        super()._set_producer_state(*state, **options)
