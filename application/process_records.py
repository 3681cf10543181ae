"""Keeps what the supervisor knows of its processes in files, for `firstclaim status` in another terminal.

One small file for each process in one folder. It says who supervises the process, where its `/ready` is, and how its
last runs ended. A supervisor that ends takes its files along; one that was killed leaves them, and its pid tells.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = structlog.get_logger(__name__)

FOLDER: Final = "processes"
"""The folder's name within the state folder."""
ENDS_KEPT: Final = 20
REASON_CHARACTERS: Final = 300
TAIL_BYTES: Final = 8_192
"""How much of the end of a log is read for the reason of an end."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One unexpected end. `at`: seconds since the epoch; `status`: negative for a signal; `reason`: from its log."""

    at: float
    status: int
    reason: str


class ProcessRecord(msgspec.Struct, kw_only=True):
    """What is known of one process. `started_at`: of its present run; `ends`: the newest `ENDS_KEPT`, newest last."""

    name: str
    supervisor_pid: int
    pid: int | None = None
    started_at: float = 0.0
    ready_url: str | None = None
    ends: list[End] = []


class ProcessRecords:
    """Writes the files. Without a folder it writes nothing; a folder that cannot be written is logged once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._records: dict[str, ProcessRecord] = {}

    def started(self, name: str, pid: int | None, ready_url: str | None = None) -> None:
        """Record a start."""
        record = self._records.setdefault(name, ProcessRecord(name=name, supervisor_pid=os.getpid()))
        record.pid, record.started_at, record.ready_url = pid, time.time(), ready_url
        self._write(record)

    def ended(self, name: str, status: int, reason: str, log_file: Path | None = None) -> None:
        """Record an unexpected end. Without a reason, the last line of the process's log is the reason."""
        record = self._records.setdefault(name, ProcessRecord(name=name, supervisor_pid=os.getpid()))
        record.pid = None
        reason = (reason or (last_line(log_file) if log_file else ""))[:REASON_CHARACTERS]
        record.ends = [*record.ends, End(at=time.time(), status=status, reason=reason)][-ENDS_KEPT:]
        self._write(record)

    def close(self) -> None:
        """Remove the files of all processes."""
        if self._folder is not None:
            for name in self._records:
                with suppress(OSError):
                    _file(self._folder, name).unlink()
        self._records.clear()

    def _write(self, record: ProcessRecord) -> None:
        if self._folder is None:
            return
        file = _file(self._folder, record.name)
        temporary = file.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_bytes(msgspec.json.encode(record))
            temporary.replace(file)
        except OSError as error:
            log.warning(
                "what is known of the processes cannot be kept", folder=str(self._folder), reason=str(error)
            )
            self._folder = None


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def read_records(state_dir: Path) -> list[ProcessRecord]:
    """Return the records of living supervisors by process name; unreadable files are left out."""
    return sorted(_living(state_dir / FOLDER), key=lambda record: record.name)


def _living(folder: Path) -> Iterator[ProcessRecord]:
    for file in folder.glob("*.json"):
        with suppress(OSError, msgspec.MsgspecError):
            record = msgspec.json.decode(file.read_bytes(), type=ProcessRecord)
            if _lives(record.supervisor_pid):
                yield record


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True


def last_line(log_file: Path) -> str:
    """Return the last line of a log that is not blank, empty if there is none."""
    try:
        with log_file.open("rb") as file:
            file.seek(max(0, log_file.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def how_it_ended(status: int) -> str:
    """Return how a process ended, as the end of a sentence about it; negative is by that signal."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"exited with status {status}"
