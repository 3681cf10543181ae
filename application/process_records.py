"""Stores the supervisor's knowledge of its processes in files, for `firstclaim status` in another terminal.

There is one small file for each process, all in one folder. It says who supervises the process, where its `/ready`
is, and how its last runs ended. A supervisor that ends removes its files. One that was killed leaves them; its pid
shows that it is dead.
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
"""How many bytes of a log's end are read to find the reason of an exit."""


class UnexpectedExit(msgspec.Struct, frozen=True, kw_only=True):
    """One unexpected exit. `at`: seconds since the epoch. `status`: negative for a signal. `reason`: from its log."""

    at: float
    status: int
    reason: str


class ProcessRecord(msgspec.Struct, kw_only=True):
    """The record of one process. `started_at`: of its current run. `ends`: the newest `ENDS_KEPT`, newest last."""

    name: str
    supervisor_pid: int
    pid: int | None = None
    started_at: float = 0.0
    ready_url: str | None = None
    ends: list[UnexpectedExit] = []


class ProcessRecords:
    """Writes the files. Without a folder it writes nothing. A folder that cannot be written is logged once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._records: dict[str, ProcessRecord] = {}

    def started(self, name: str, pid: int | None, ready_url: str | None = None) -> None:
        """Record a start."""
        record = self._records.setdefault(name, ProcessRecord(name=name, supervisor_pid=os.getpid()))
        record.pid, record.started_at, record.ready_url = pid, time.time(), ready_url
        self._write(record)

    def ended(self, name: str, status: int, reason: str, log_file: Path | None = None) -> None:
        """Record an unexpected exit. Without a reason, the last line of the process's log is the reason."""
        record = self._records.setdefault(name, ProcessRecord(name=name, supervisor_pid=os.getpid()))
        record.pid = None
        reason = (reason or (last_line(log_file) if log_file else ""))[:REASON_CHARACTERS]
        record.ends = [*record.ends, UnexpectedExit(at=time.time(), status=status, reason=reason)][
            -ENDS_KEPT:
        ]
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
                "the records of the processes cannot be written", folder=str(self._folder), reason=str(error)
            )
            self._folder = None


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def read_records(state_dir: Path) -> list[ProcessRecord]:
    """Return the records of living supervisors by process name. Unreadable files are left out."""
    return sorted(_running_processes(state_dir / FOLDER), key=lambda record: record.name)


def _running_processes(folder: Path) -> Iterator[ProcessRecord]:
    for file in folder.glob("*.json"):
        with suppress(OSError, msgspec.MsgspecError):
            record = msgspec.json.decode(file.read_bytes(), type=ProcessRecord)
            if _is_running(record.supervisor_pid):
                yield record


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # the process belongs to another user
    return True


def last_line(log_file: Path) -> str:
    """Return the last line of a log that is not blank, or an empty text."""
    try:
        with log_file.open("rb") as file:
            file.seek(max(0, log_file.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def how_it_ended(status: int) -> str:
    """Return how a process ended, as the end of a sentence about it. A negative status is a signal."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"exited with status {status}"
