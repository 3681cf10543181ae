"""Reads the record batches of every consumer of this process. No data from a broker stops it or makes it loop.

aiokafka unpacks fetched data while its reader iterates, and raises at the first batch it cannot read: an unknown codec,
a header name that is not UTF-8, a wrong checksum. The position stays before that batch, so every restart fails again.

Our reader counts unreadable data (`firstclaim_unreadable`), logs it and skips it. A consumer of
`streams.clients.consumer(stand_ins=True)` gets a stand-in for it, to bury it in order (`streams.unreadable`).
"""

from typing import Any, Final

import aiokafka.consumer.fetcher as aiokafka_fetcher

from streams.fetched_records import FetchedRecords

MAX_POLL_RECORDS: Final = 2_000
"""Records that a reader takes at a time. A batch may hold millions of empty ones."""


class FetchedBytes:
    """The bytes fetched for one partition. It replaces aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data or b""

    def has_next(self) -> bool:
        """Tell whether anything was fetched. Bytes that are not a batch count too: they get a stand-in."""
        return bool(self.data)

    def size_in_bytes(self) -> int:
        """Return the number of bytes fetched."""
        return len(self.data)


def install() -> None:
    """Replace aiokafka's reader with ours, for every consumer of this process. A second call changes nothing."""
    aiokafka_fetcher.MemoryRecords = FetchedBytes
    aiokafka_fetcher.PartitionRecords = FetchedRecords
    aiokafka_fetcher.FetchResult.getall = _getall


def _getall(self: Any, max_records: int | None = None) -> list[Any]:
    """Return the next records of a fetch, as aiokafka does, without a step of Python's for each."""
    if not self.check_assignment(self._topic_partition) or not self.has_more():
        return []
    records: list[Any] = self._partition_records.take(max_records)
    self._update_position()
    if max_records is None or len(records) < max_records:
        self._partition_records = None
    return records
