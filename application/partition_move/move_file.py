"""Reads and writes the file of a move: a head, a line of JSON per record, and an end with their number, compressed."""

import gzip
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from models.errors import ConfigError

FORMAT: Final = 1
LEVEL: Final = 3
MODE: Final = 0o600

Headers = tuple[tuple[str, bytes | None], ...]


class FileHeader(msgspec.Struct, frozen=True, kw_only=True, tag="head"):
    """The first line. `partitions`: of the Kafka it comes from. `ends`: the end of each topic whose offsets count."""

    format: int
    at: datetime
    partitions: int
    ends: dict[str, int]


class MovedRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="record", gc=False):
    """One record to write. `offset`: where it must be, in a topic whose offsets count; -1 elsewhere."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    offset: int = -1
    timestamp_ms: int = 0


class FileTrailer(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """The last line, so that a file that was cut off is recognised."""

    records: int


_LINE: Final = msgspec.json.Decoder(FileHeader | MovedRecord | FileTrailer)
_ENCODER: Final = msgspec.json.Encoder()


class MoveFileWriter:
    """Writes a file of a move. `counts`: the records so far, by topic."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self.counts: Counter[str] = Counter()

    def head(self, head: FileHeader) -> None:
        """Write the first line."""
        self._line(head)

    def add(self, record: MovedRecord) -> None:
        """Write one record."""
        self._line(record)
        self.counts[record.topic] += 1

    def end(self) -> None:
        """Write the last line."""
        self._line(FileTrailer(records=self.counts.total()))

    def _line(self, line: Any) -> None:
        self._stream.write(_ENCODER.encode(line) + b"\n")


def check_new(path: Path) -> None:
    """Raise ConfigError if the file exists already."""
    if path.exists():
        raise ConfigError("FILE", f"{path} cannot be made: there is such a file")


@contextmanager
def new_move_file(path: Path) -> Iterator[MoveFileWriter]:
    """Yield the writer of a new file that only its owner may read; it has leads. Raises ConfigError if it exists.

    The file is removed if the work inside of this fails.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    except OSError as error:
        raise ConfigError("FILE", f"{path} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as raw_file, gzip.GzipFile("", "wb", LEVEL, raw_file) as stream:
            yield MoveFileWriter(stream)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read_head(path: Path) -> FileHeader:
    """Return the first line. Raises ConfigError."""
    for line in _lines(path):
        if isinstance(line, FileHeader) and line.format == FORMAT:
            return line
        break
    raise ConfigError(
        "FILE", f"{path} is not a file of `firstclaim partitions export` that this version reads"
    )


def check_whole(path: Path) -> int:
    """Return the number of records. Raises ConfigError for a file that is cut off or damaged."""
    count = 0
    end: FileTrailer | None = None
    for line in _lines(path):
        count += isinstance(line, MovedRecord)
        end = line if isinstance(line, FileTrailer) else None
    if end is None or end.records != count:
        raise ConfigError("FILE", f"{path} is incomplete: export it again")
    return count


def records(path: Path) -> Iterator[MovedRecord]:
    """Yield the records in the file's order. Raises ConfigError."""
    return (line for line in _lines(path) if isinstance(line, MovedRecord))


def _lines(path: Path) -> Iterator[FileHeader | MovedRecord | FileTrailer]:
    try:
        with gzip.open(path, "rb") as stream:
            for line in stream:
                yield _LINE.decode(line)
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise ConfigError("FILE", f"{path} cannot be read: {error}") from error
