"""Waits for a process that starts, as long as it makes progress. A busy machine makes it slow, not broken.

It gets on while its log grows, while the reasons it gives at its `/ready` change, or while it computes: a process that
shares two cores with seventeen others needs minutes for what takes seconds. One that waits for something that does not
come writes nothing, says the same, and computes next to nothing.
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
"""So long without getting on, and it is not coming up."""
LONGEST_SECONDS: Final = 900.0
"""And so long at most, however much it does: something goes round in circles."""
CPU_SHARE: Final = 0.02
"""A process that only waits for others computes less of its time than this; one that starts is given more, even where
fifty others want a core."""
SAY_SECONDS: Final = 15.0
"""How often what is waited for is said."""
PROBE_SECONDS: Final = 5.0
"""How long a process may take to answer: on a busy machine several seconds."""
_LOOK_SECONDS: Final = 0.5
"""How often log, reasons and computing time are looked at."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.2
"""Between two questions whether it is ready: few enough that answering them is no work."""
_ANSWER_BYTES: Final = 64 * 1024
_REASONS: Final = ("not_ready", "trouble")
"""The fields of a `/ready` that say why not; its other fields are ages and counts that change all the time."""


class Starting(Protocol):
    """What is waited for: a child or a local server."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""

    @property
    def log_file(self) -> Path:
        """Where its output goes."""

    def ready(self) -> bool:
        """Tell whether it does its work now."""

    def why_not(self) -> str:
        """Return what it says itself it is waiting for, empty if it says nothing."""

    def log_tail(self) -> str:
        """Return the end of its log as a suffix for an error."""


class _Progress:
    """How far a process has got, looked at every so often; `idle`: seconds since it last got on."""

    def __init__(self, part: Starting) -> None:
        self._part = part
        self._seen: tuple[object, ...] = ()
        self._cpu: tuple[int | None, float] = (None, 0.0)
        self._since = time.monotonic()
        self.why = ""

    @property
    def idle(self) -> float:
        return time.monotonic() - self._since

    def look(self) -> None:
        """Note whether it has got on since it last had."""
        part, pid = self._part, self._part.pid
        self.why = part.why_not() if pid is not None else "is being started again"
        seen = (pid, self.why, _size(part.log_file))
        cpu = cpu_seconds(pid) if pid is not None else 0.0
        computed = self._cpu[0] == pid and cpu - self._cpu[1] > CPU_SHARE * max(1.0, self.idle)
        if seen != self._seen or computed:
            self._seen, self._cpu, self._since = seen, (pid, cpu), time.monotonic()


def wait_for(
    part: Starting,
    idle_seconds: float = IDLE_SECONDS,
    *,
    longest_seconds: float = LONGEST_SECONDS,
    say: Say | None = None,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Return once a part is ready.

    Raises StartFailed with its reason and the end of its log when it did not get on for `idle_seconds`, or is not
    ready after `longest_seconds`. `look` is called between two looks and may raise. `say` is told what is waited for.
    """
    began, progress, looked, told = time.monotonic(), _Progress(part), 0.0, 0.0
    while not part.ready():
        look()
        now = time.monotonic()
        waited = now - began
        if now - looked > _LOOK_SECONDS:
            progress.look()
            looked = time.monotonic()
        why = f" ({progress.why})" if progress.why else ""
        if progress.idle > idle_seconds:
            reason = (
                f"is not ready after {waited:.3g} s{why}, and got nowhere for the last {idle_seconds:g} s"
            )
            raise StartFailed(part.name, f"{reason}{part.log_tail()}")
        if waited > longest_seconds:
            reason = f"is not ready after {waited:.3g} s{why}, though it gets on"
            raise StartFailed(part.name, f"{reason}{part.log_tail()}")
        if say is not None and waited - told > SAY_SECONDS:
            told = waited
            say(f"waiting for {part.name}{why}: {waited:.0f} s, at most {longest_seconds:.0f} s")
        # The condition is another process's: nothing tells us when it holds.
        time.sleep(min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS + waited / 50))


def cpu_seconds(pid: int) -> float:
    """Return how long a process has computed so far, 0 if there is none."""
    if sys.platform == "linux":
        try:
            # What follows the program's name, which may hold anything; times of user and system are 14th and 15th.
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
    """Ask a process for a page; return status and body, 0 where nothing answers."""
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
    """Return why a process is not ready, out of the JSON of its `/ready`; empty where it says nothing of it."""
    try:
        said: Any = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    found = (said[name] for name in _REASONS if said.get(name))
    return "; ".join(", ".join(map(str, one)) if isinstance(one, list | dict) else str(one) for one in found)


def _size(log_file: Path) -> int:
    try:
        return log_file.stat().st_size
    except OSError:
        return 0
