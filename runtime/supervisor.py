"""Keeps processes running until it is stopped. It restarts a process that exits earlier, and reports each exit.

It never gives up: a worker that cannot continue exits on purpose, and the next one may succeed. The pause between two
starts doubles up to a limit and is reset once a part has run for a while. After an exit because our own code fails
(`ExitCode.BRAKE`) the pauses are longer, because a restart helps only after a fix.
"""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from application.process_records import ProcessRecords, how_it_ended
from application.restart_pauses import RestartPauses
from models.errors import FirstclaimError, StartFailed
from runtime.last_exits import note_exit
from runtime.process import end_of, spawn, stop_process
from runtime.start_wait import IDLE_SECONDS, LONGEST_SECONDS, ask, reasons_in, wait_for
from streams.file_permissions import private_folder
from streams.process_exit import EXIT_FILE, ExitCode

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

log = structlog.get_logger(__name__)

HOPELESS_RESTARTS: Final = 3  # more restarts than this before the first readiness are a failure
PASSING: Final = frozenset({ExitCode.SOFTWARE, ExitCode.LEASE_LOST})
"""Exits after which the next start may succeed, for example on a machine that is too busy."""
PASSING_RESTARTS: Final = 12
"""The limit of restarts after such exits. With the pauses between them it takes about two minutes."""


class SupervisedPart(Protocol):
    """A part that can be supervised: a Child of this module, or a local server."""

    @property
    def name(self) -> str:
        """Its name in messages and states."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""

    def launch(self) -> None:
        """Start the program and return at once."""

    def ready(self) -> bool:
        """Tell whether it does its work now."""

    def wait_exit(self) -> int:
        """Wait until the process ends; return its status."""

    def stop(self) -> None:
        """Stop it cleanly; kill it if it does not stop."""

    @property
    def log_file(self) -> Path:
        """The file for its output."""

    def why_not(self) -> str:
        """Return what it reports to be waiting for; empty if it reports nothing."""

    def log_tail(self) -> str:
        """Return the end of its log as a suffix for an error message."""

    def note_exit(self, status: int, restarts: int) -> str:
        """Store how it ended; return the reason it gave, empty if it gave none."""


@dataclass
class ChildProcess:
    """A program of ours: its absolute path and arguments, its whole environment, and its log file.

    `ready_url` is requested for readiness (200 means ready); without it, a running child is ready. `exit_file`: the
    file to which it writes why it ends (`streams.process_exit`), and in which that is kept.
    """

    name: str
    argv: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] | None = None
    ready_url: str | None = None
    stop_seconds: float = 30.0
    exit_file: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def launch(self) -> None:
        """Start the program and return at once."""
        private_folder(self.log_file.parent)
        environment = self.environment
        if self.exit_file is not None:
            private_folder(self.exit_file.parent)
            environment = {
                **(os.environ if environment is None else environment),
                EXIT_FILE: str(self.exit_file),
            }
        self.process = spawn(self.argv, self.log_file, environment=environment)

    def ready(self) -> bool:
        """Tell whether it runs and its `ready_url` returns 200."""
        return self.pid is not None and (self.ready_url is None or ask(self.ready_url)[0] == http.client.OK)

    def why_not(self) -> str:
        """Return the reasons its `ready_url` gives."""
        if self.ready_url is None:
            return ""
        status, body = ask(self.ready_url)
        return reasons_in(body) if status else "does not answer yet"

    def wait_exit(self) -> int:
        """Wait until the process ends; return its status, negative for a signal."""
        return 0 if self.process is None else self.process.wait()

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL after `stop_seconds`."""
        if self.process is not None and not stop_process(self.process, signal.SIGTERM, self.stop_seconds):
            log.warning("did not stop, killed it", part=self.name, after_seconds=self.stop_seconds)

    def log_tail(self) -> str:
        """Return the end of its log as a suffix for an error message."""
        return end_of(self.log_file)

    def note_exit(self, status: int, restarts: int) -> str:
        """Store how it ended; return the reason it gave, empty if it gave none."""
        if self.exit_file is None or self.process is None:
            return ""
        pid = self.process.pid
        return str(note_exit(self.exit_file, part=self.name, pid=pid, status=status, restarts=restarts))


class PartPhase(StrEnum):
    """The phase of a supervised part."""

    STARTING = "starting"
    READY = "ready"
    PAUSING = "pausing before a restart"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PartState:
    """The state of a part. `last_status`: the status of its last unexpected exit (negative: ended by that signal).

    `last_reason`: the reason it gave, empty if it gave none.
    """

    phase: PartPhase
    pid: int | None
    restarts: int
    last_status: int | None
    last_reason: str = ""


class _Watched:
    def __init__(self, part: SupervisedPart) -> None:
        self.part = part
        self.lock = threading.Lock()  # held during a launch and a stop, so that they never overlap
        self.thread: threading.Thread | None = None
        self.restarts = 0
        self.last_status: int | None = None
        self.last_reason = ""

    def exit_limit_check(self) -> Callable[[], None]:
        """Return a check for too many exits. It raises StartFailed if there were too many since this call."""
        before = self.restarts

        def look() -> None:
            limit = PASSING_RESTARTS if self.last_status in PASSING else HOPELESS_RESTARTS
            if self.restarts - before > limit:
                why = f" ({self.last_reason})" if self.last_reason else ""
                reason = f"keeps exiting, last with status {self.last_status}{why}{self.part.log_tail()}"
                raise StartFailed(self.part.name, reason)

        return look


class Supervisor:
    """Starts parts in the given order, keeps them running, and stops them in reverse order.

    `say` gets a sentence on every unexpected exit and restart; by default it is logged. `records`: a folder with
    information on the processes for other programs (`application.process_records`).
    """

    def __init__(
        self,
        parts: Sequence[SupervisedPart] = (),
        *,
        say: Callable[[str], None] | None = None,
        records: Path | None = None,
    ) -> None:
        self._records = ProcessRecords(records)
        self._watched: dict[str, _Watched] = {}
        self._stopping = threading.Event()
        self._say = say or log.warning
        for part in parts:
            self.add(part)

    def add(self, part: SupervisedPart) -> None:
        """Start a part and watch it from now on; a server that already runs is only watched."""
        if part.name in self._watched:
            raise ValueError(f"there is a part named {part.name} already")
        watched = self._watched[part.name] = _Watched(part)
        if part.pid is None:
            part.launch()
        self._records.started(part.name, part.pid, getattr(part, "ready_url", None))
        thread = threading.Thread(target=self._watch, args=(watched,), name=f"watch-{part.name}", daemon=True)
        watched.thread = thread
        thread.start()

    def wait_ready(
        self,
        idle_seconds: float = IDLE_SECONDS,
        *,
        longest_seconds: float = LONGEST_SECONDS,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Return once all parts are ready. A part with progress is waited for, at most `longest_seconds` for all.

        Raises StartFailed with the end of the log of the first part without progress for `idle_seconds`, or at once for
        a part that keeps exiting. `say` gets messages about the wait.
        """
        deadline = time.monotonic() + longest_seconds
        for watched in self._watched.values():
            remaining = max(0.0, deadline - time.monotonic())
            wait_for(
                watched.part,
                idle_seconds,
                longest_seconds=remaining,
                say=say,
                look=watched.exit_limit_check(),
            )

    def states(self) -> dict[str, PartState]:
        """Return the current state of each part, in start order."""
        return {name: self._state(watched) for name, watched in self._watched.items()}

    def stop(self) -> None:
        """Stop all parts in reverse order, and end the watching."""
        self._stopping.set()
        for watched in reversed(self._watched.values()):
            with watched.lock:
                watched.part.stop()
        for watched in self._watched.values():
            if watched.thread is not None:
                watched.thread.join()
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _state(self, watched: _Watched) -> PartState:
        pid = watched.part.pid
        if pid is None:
            phase = PartPhase.STOPPED if self._stopping.is_set() else PartPhase.PAUSING
        else:
            phase = PartPhase.READY if watched.part.ready() else PartPhase.STARTING
        return PartState(phase, pid, watched.restarts, watched.last_status, watched.last_reason)

    def _watch(self, watched: _Watched) -> None:
        pauses = RestartPauses()
        while True:
            began = time.monotonic()
            status = watched.part.wait_exit()
            if self._stopping.is_set():
                return
            pause = pauses.after(status, time.monotonic() - began)
            watched.last_status = status
            watched.last_reason = watched.part.note_exit(status, watched.restarts)
            self._records.ended(
                watched.part.name, status, watched.last_reason, getattr(watched.part, "log_file", None)
            )
            why = f" ({watched.last_reason})" if watched.last_reason else ""
            self._say(f"{watched.part.name} {how_it_ended(status)}{why}; starting it again in {pause:g} s")
            if self._stopping.wait(pause):
                return
            self._launch_again(watched)

    def _launch_again(self, watched: _Watched) -> None:
        with watched.lock:
            if self._stopping.is_set():
                return
            watched.restarts += 1
            try:
                watched.part.launch()
                self._records.started(
                    watched.part.name, watched.part.pid, getattr(watched.part, "ready_url", None)
                )
            except (OSError, FirstclaimError) as error:
                self._say(f"{watched.part.name} could not be started: {error}")
