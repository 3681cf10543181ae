"""The reader of record batches that every consumer of this process uses. Nothing that a broker sends ends it or loops.

aiokafka unpacks what was fetched while its reader iterates, and raises at the first batch it cannot read: an unknown
codec, a header name that is not UTF-8, a wrong checksum. The position stays before it, so every restart meets it again.

What cannot be read is counted (`firstclaim_unreadable`), logged and passed. A consumer of
`streams.clients.consumer(stand_ins=True)` gets a stand-in in its place, to bury it in order (`streams.unreadable`).
"""

from typing import Final

import aiokafka.consumer.fetcher as aiokafka_fetcher

from streams.fetched_records import FetchedRecords

MAX_POLL_RECORDS: Final = 2_000
"""Records that a reader takes at a time: a batch may hold millions of empty ones."""


class FetchedBytes:
    """The bytes fetched for one partition, in the place of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data or b""

    def has_next(self) -> bool:
        """Say whether anything was fetched. What can be no batch counts too: it gets its stand-in."""
        return bool(self.data)

    def size_in_bytes(self) -> int:
        """Return how many bytes were fetched."""
        return len(self.data)


def install() -> None:
    """Put our reader in the place of aiokafka's, for every consumer of this process. Again changes nothing."""
    aiokafka_fetcher.MemoryRecords = FetchedBytes
    aiokafka_fetcher.PartitionRecords = FetchedRecords
