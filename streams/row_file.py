"""Keeps rows that are not in use in a local file, so that a worker's memory holds only their addresses.

It is no state: after a start the rows come from the journal again. The file has no name, so nothing is left when the
process ends, however it ends. If the disk refuses a row, for example because it is full, the row stays in memory.
"""

import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final

import structlog

_log = structlog.get_logger(__name__)

SLOT_BYTES: Final = 256
"""A row takes a whole number of slots. A row that is dropped leaves them to the next row of the same number."""
BUFFER_BYTES: Final = 256 * 1024
"""New rows are written together once they are this many bytes."""
_SIZE_BITS: Final = 20
"""The bits of an address that say how long a row is: less than a megabyte, like any record (`models.record_size`)."""


def _slots(size: int) -> int:
    return size // SLOT_BYTES + 1


class RowFile:
    """The rows of one process. `put` returns a number that says where in the file a row is, and how long it is."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # as long as the process
        self._number = self._file.fileno()
        self._written = 0
        self._buffer = bytearray()
        self._free: defaultdict[int, list[int]] = defaultdict(list)
        self._refused = False

    @property
    def size(self) -> int:
        """The bytes of the file, with those that are not written yet."""
        return self._written + len(self._buffer)

    def put(self, value: bytes) -> int | bytes:
        """Keep a row; return its address. If the disk refuses it, return the row itself."""
        size = len(value)
        if size >> _SIZE_BITS:
            return value
        slots = _slots(size)
        try:
            if free_slots := self._free.get(slots):
                at = free_slots[-1]
                self._overwrite(at, value)
                free_slots.pop()
            else:
                if len(self._buffer) >= BUFFER_BYTES:
                    self._flush()
                at = self.size
                self._buffer += value.ljust(slots * SLOT_BYTES, b"\0")
        except OSError as error:
            if not self._refused:
                self._refused = True
                _log.warning("rows stay in memory, because their file cannot be written", reason=str(error))
            return value
        return at << _SIZE_BITS | size

    def get(self, address: int) -> bytes:
        """Return the row at an address. Raises OSError if the disk cannot be read."""
        at, size = address >> _SIZE_BITS, address & (1 << _SIZE_BITS) - 1
        if at >= self._written:
            at -= self._written
            return bytes(self._buffer[at : at + size])
        value = os.pread(self._number, size, at)
        if len(value) != size:
            raise OSError(f"the file of rows gave {len(value)} of {size} bytes at {at}")
        return value

    def drop(self, address: int) -> None:
        """Forget the row at an address."""
        size = address & (1 << _SIZE_BITS) - 1
        self._free[_slots(size)].append(address >> _SIZE_BITS)

    def _overwrite(self, at: int, value: bytes) -> None:
        if at >= self._written:
            at -= self._written
            self._buffer[at : at + len(value)] = value
        else:
            self._write(at, value)

    def _flush(self) -> None:
        self._write(self._written, self._buffer)
        self._written += len(self._buffer)
        self._buffer = bytearray()

    def _write(self, at: int, value: bytes | bytearray) -> None:
        unwritten = memoryview(value)
        while unwritten:
            count = os.pwrite(self._number, unwritten, at)
            unwritten, at = unwritten[count:], at + count
