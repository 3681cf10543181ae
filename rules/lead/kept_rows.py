"""Keeps the rows of one partition. Rows in use are decoded; the others stay encoded until they are read.

Most leads of a lender lie still for months. As objects they would take several kilobytes each, so a worker keeps their
bytes, and where it has a file for them, in memory only their address in it.
"""

from collections import deque
from collections.abc import Iterator, MutableMapping
from typing import Any, Final, Protocol

from msgspec.structs import replace

from models.codec import decode_row, encode_row
from models.lead import DirectoryRow, LeadRow, Row

MAX_DECODED: Final = 4_096
"""How many leads of a partition are kept decoded: about 14 MB. The lead that came first goes first."""

RowAddress = int | bytes
"""Where the bytes of a row are: an address in a store, or the bytes themselves."""


class ByteStore(Protocol):
    """Keeps the bytes of rows outside of a partition."""

    def put(self, value: bytes) -> RowAddress:
        """Keep bytes; return where they are."""

    def get(self, address: int) -> bytes:
        """Return the bytes that were put there."""

    def drop(self, address: int) -> None:
        """Forget the bytes that were put there."""


def without_decisions(row: Row) -> Row:
    """Return a row as a partition keeps it. The decisions of its last event are the journal's alone."""
    return replace(row, decisions=()) if isinstance(row, LeadRow) and row.decisions else row


class KeptRows(MutableMapping[bytes, Row]):
    """Journal key -> row. A row that was not asked for lately is decoded anew, and equals the one that was put.

    Published objects stay decoded. `store`: where the bytes are kept; without it they are in this object.
    """

    __slots__ = ("_decoded", "_store", "_stored")

    def __init__(self, store: ByteStore | None = None) -> None:
        self._store = store
        self._stored: dict[bytes, Row | RowAddress] = {}
        self._decoded: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._stored)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stored)

    def __contains__(self, key: object) -> bool:
        return key in self._stored

    def __getitem__(self, key: bytes) -> Row:
        stored = self._stored[key]
        if isinstance(stored, (LeadRow, DirectoryRow)):
            return stored
        row = self._read(stored)
        self[key] = row
        return row

    def get(self, key: bytes, default: Any = None) -> Any:
        """Return a row, or `default`."""
        stored = self._stored.get(key)
        if isinstance(stored, (LeadRow, DirectoryRow)):
            return stored
        return default if stored is None else self[key]

    def look(self, key: bytes) -> Row | None:
        """Return a row, None if there is none, without keeping it decoded. It is for looking at many rows in turn."""
        stored = self._stored.get(key)
        if stored is None or isinstance(stored, (LeadRow, DirectoryRow)):
            return stored
        return self._read(stored)

    def __setitem__(self, key: bytes, row: Row) -> None:
        before = self._stored.get(key)
        self._stored[key] = row
        if isinstance(before, LeadRow):
            return
        if isinstance(before, int) and self._store is not None:
            self._store.drop(before)
        if isinstance(row, DirectoryRow):
            return
        self._decoded.append(key)
        if len(self._decoded) > MAX_DECODED:
            oldest = self._decoded.popleft()
            if isinstance(oldest_row := self._stored.get(oldest), LeadRow):
                self._stored[oldest] = self._put(encode_row(oldest_row))

    def put_encoded(self, key: bytes, value: bytes) -> None:
        """Keep a lead's row as the bytes that the journal has of it. Its decisions are left out when it is read."""
        before = self._stored.get(key)
        if isinstance(before, int) and self._store is not None:
            self._store.drop(before)
        self._stored[key] = self._put(value)

    def __delitem__(self, key: bytes) -> None:
        before = self._stored.pop(key)
        if isinstance(before, int) and self._store is not None:
            self._store.drop(before)

    def items(self) -> Iterator[tuple[bytes, Row]]:  # type: ignore[override]  # an iterator: the rows are made in turn
        """Yield each key with its row. No further row is kept decoded for it."""
        for key, stored in self._stored.items():
            yield key, stored if isinstance(stored, (LeadRow, DirectoryRow)) else self._read(stored)

    def values(self) -> Iterator[Row]:  # type: ignore[override]  # as `items`
        """Yield each row, as `items` does."""
        return (row for _, row in self.items())

    def published(self) -> list[DirectoryRow]:
        """Return the published objects, without reading the leads."""
        return [row for row in self._stored.values() if isinstance(row, DirectoryRow)]

    def _put(self, value: bytes) -> RowAddress:
        return value if self._store is None else self._store.put(value)

    def _read(self, address: RowAddress) -> Row:
        if isinstance(address, bytes):
            return without_decisions(decode_row(address))
        assert self._store is not None  # noqa: S101  # only a store gives numbers
        return without_decisions(decode_row(self._store.get(address)))
