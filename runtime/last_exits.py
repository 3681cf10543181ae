"""Stores how and why each supervised process last ended, in one file per process."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "exits"


class LastExit(msgspec.Struct, frozen=True, kw_only=True):
    """The last unexpected end of a process. `status`: its exit status, negative for a signal.

    `what` and `reason`: what the process itself wrote, empty if it wrote nothing. `restarts`: how often its supervisor
    had restarted it before.
    """

    part: str
    status: int
    restarts: int
    at: datetime
    what: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}" if self.what else self.reason


class _ExitNote(msgspec.Struct):
    """What a process wrote as it ended (`streams.process_exit`)."""

    pid: int
    what: str = ""
    reason: str = ""


def exit_file(state_dir: Path, part: str) -> Path:
    """Return the file to which a process of this name writes the reason for its end."""
    return state_dir / FOLDER / f"{part}.json"


def note_exit(file: Path, *, part: str, pid: int | None, status: int, restarts: int) -> LastExit:
    """Store how a process ended, with the reason from its file, in the same file; return it."""
    note = None
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        note = msgspec.json.decode(file.read_bytes(), type=_ExitNote)
    if note is None or note.pid != pid:
        note = _ExitNote(pid=0)  # it wrote nothing; the file is from an earlier run
    ended = LastExit(
        part=part,
        status=status,
        restarts=restarts,
        at=datetime.now(UTC),
        what=note.what,
        reason=note.reason,
    )
    with contextlib.suppress(OSError):
        file.write_bytes(msgspec.json.encode(ended))
    return ended


def read_exits(state_dir: Path) -> list[LastExit]:
    """Return the last unexpected end of each process that a supervisor ran in this state folder, newest first."""
    exits = []
    for file in sorted((state_dir / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            exits.append(msgspec.json.decode(file.read_bytes(), type=LastExit))
    return sorted(exits, key=lambda ended: ended.at, reverse=True)
