"""Waits for a starting process as long as it makes progress. A busy machine makes it slow, but that is not a failure.

A process makes progress while its log grows, while the reasons at its `/ready` change, or while it uses processor time.
If it shares two cores with seventeen others, it needs minutes instead of seconds. A process that waits in vain writes
nothing, gives the same reasons, and uses almost no processor time.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from models.errors import StartFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]

IDLE_SECONDS: Final = 60.0
"""A process without progress for this long has failed to start."""
LONGEST_SECONDS: Final = 900.0
"""The maximum start time, whatever the progress: such a process probably loops."""
CPU_SHARE: Final = 0.02
"""A process that only waits uses a smaller share of a core than this. One that starts gets more, even if fifty others
want a core."""
SAY_SECONDS: Final = 15.0
"""How often a message reports what is being waited for."""
PROBE_SECONDS: Final = 5.0
"""How long a process may take to answer. On a busy machine it takes several seconds."""
_LOOK_SECONDS: Final = 0.5
"""How often the log, the reasons and the processor time are checked."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.2
"""The pause between two readiness requests. It is long enough that answering them costs little."""
_ANSWER_BYTES: Final = 64 * 1024
_REASONS: Final = ("not_ready", "trouble")
"""The fields of a `/ready` that give reasons. Its other fields are ages and counts, which change all the time."""


class StartingPart(Protocol):
    """A starting part: a child or a local server."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""

    @property
    def log_file(self) -> Path:
        """The file for its output."""

    def ready(self) -> bool:
        """Tell whether it does its work now."""

    def why_not(self) -> str:
        """Return what it reports to be waiting for; empty if it reports nothing."""

    def log_tail(self) -> str:
        """Return the end of its log as a suffix for an error message."""


class _Progress:
    """Tracks the progress of a process by sampling. `idle`: seconds since its last progress."""

    def __init__(self, part: StartingPart) -> None:
        self._part = part
        self._sample: tuple[object, ...] = ()
        self._cpu: tuple[int | None, float] = (None, 0.0)
        self._since = time.monotonic()
        self.why = ""

    @property
    def idle(self) -> float:
        return time.monotonic() - self._since

    def look(self) -> None:
        """Sample the process and record whether it made progress since the last sample."""
        part, pid = self._part, self._part.pid
        self.why = part.why_not() if pid is not None else "is being started again"
        sample = (pid, self.why, _size(part.log_file))
        cpu = cpu_seconds(pid) if pid is not None else 0.0
        computed = self._cpu[0] == pid and cpu - self._cpu[1] > CPU_SHARE * max(1.0, self.idle)
        if sample != self._sample or computed:
            self._sample, self._cpu, self._since = sample, (pid, cpu), time.monotonic()


def wait_for(
    part: StartingPart,
    idle_seconds: float = IDLE_SECONDS,
    *,
    longest_seconds: float = LONGEST_SECONDS,
    say: Say | None = None,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Return once a part is ready.

    Raises StartFailed with the reason and the end of its log if it made no progress for `idle_seconds`, or is not ready
    after `longest_seconds`. `look` is called between two samples and may raise. `say` gets messages about the wait.
    """
    began, progress, looked, reported_at = time.monotonic(), _Progress(part), 0.0, 0.0
    while not part.ready():
        look()
        now = time.monotonic()
        elapsed = now - began
        if now - looked > _LOOK_SECONDS:
            progress.look()
            looked = time.monotonic()
        why = f" ({progress.why})" if progress.why else ""
        if progress.idle > idle_seconds:
            reason = (
                f"is not ready after {elapsed:.3g} s{why}, and got nowhere for the last {idle_seconds:g} s"
            )
            raise StartFailed(part.name, f"{reason}{part.log_tail()}")
        if elapsed > longest_seconds:
            reason = f"is not ready after {elapsed:.3g} s{why}, though it gets on"
            raise StartFailed(part.name, f"{reason}{part.log_tail()}")
        if say is not None and elapsed - reported_at > SAY_SECONDS:
            reported_at = elapsed
            say(f"waiting for {part.name}{why}: {elapsed:.0f} s, at most {longest_seconds:.0f} s")
        # The condition depends on another process, which sends no event.
        time.sleep(min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS + elapsed / 50))


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far; 0 if there is no such process."""
    if sys.platform == "linux":
        try:
            # Split after the program's name, which may hold any text. User and system time are fields 14 and 15.
            after = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(after[11]) + int(after[12])) / os.sysconf("SC_CLK_TCK")
    listed = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, check=False)
    seconds = 0.0
    for part in listed.stdout.decode(errors="replace").strip().replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part or 0)
    return seconds


def ask(url: str, seconds: float = PROBE_SECONDS) -> tuple[int, bytes]:
    """Request a page from a process; return status and body, or status 0 if nothing answers."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=seconds)
    try:
        connection.request("GET", address.path or "/")
        answer = connection.getresponse()
        return answer.status, answer.read(_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def reasons_in(body: bytes) -> str:
    """Return why a process is not ready, from the JSON of its `/ready`; empty if it gives no reason."""
    try:
        decoded: Any = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(decoded, dict):
        return ""
    reasons = (decoded[name] for name in _REASONS if decoded.get(name))
    return "; ".join(
        ", ".join(map(str, reason)) if isinstance(reason, list | dict) else str(reason) for reason in reasons
    )


def _size(log_file: Path) -> int:
    try:
        return log_file.stat().st_size
    except OSError:
        return 0
