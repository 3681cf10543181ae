"""Keeps processes running until it is told to stop. It starts again what exits before, and reports each exit.

It never gives up: a worker that cannot go on exits on purpose, and the next one may go on. The pause between
two starts doubles up to a bound and falls back once a part has lived for a while. Where a part ended because our own
code fails (`Exit.BRAKE`) the pauses are longer: starting it again helps only once the code is mended.
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
from application.restart_pauses import Pauses
from models.errors import FirstclaimError, StartFailed
from runtime.last_exits import note_exit
from runtime.process import end_of, spawn, stop_process
from runtime.readiness import IDLE_SECONDS, LONGEST_SECONDS, ask, reasons_in, wait_for
from streams.file_permissions import private_folder
from streams.process_exit import EXIT_FILE, Exit

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

log = structlog.get_logger(__name__)

HOPELESS_RESTARTS: Final = 3  # while we wait for the first readiness, more than this is a failure to report
PASSING: Final = frozenset({Exit.SOFTWARE, Exit.LEASE_LOST})
"""How a process of ours ends that cannot go on and may come up the next time, for one on a machine that is too busy."""
PASSING_RESTARTS: Final = 12
"""Of such ends it takes more: with the pauses between, some two minutes of them."""


class Part(Protocol):
    """What can be supervised: a Child of this module, or a local server."""

    @property
    def name(self) -> str:
        """What it is called in sentences and states."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""

    def launch(self) -> None:
        """Start the program and return at once."""

    def ready(self) -> bool:
        """Tell whether it does its work now."""

    def wait_exit(self) -> int:
        """Wait until the process ends; its status."""

    def stop(self) -> None:
        """Stop it cleanly, by force if it does not."""

    @property
    def log_file(self) -> Path:
        """Where its output goes."""

    def why_not(self) -> str:
        """Return what it says itself it is waiting for, empty if it says nothing."""

    def log_tail(self) -> str:
        """Return the end of its log as a suffix for an error."""

    def note_exit(self, status: int, restarts: int) -> str:
        """Note how it ended; return why, in its own words, empty if it said nothing."""


@dataclass
class Child:
    """A program of ours: absolute path and arguments, its whole environment, where its output goes.

    `ready_url` is asked for readiness (200 is yes); without one it is ready while it runs. `exit_file`: where it
    writes why it ends (`streams.process_exit`), and where that is kept.
    """

    name: str
    argv: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] | None = None
    ready_url: str | None = None
    stop_seconds: float = 15.0
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
        """Tell whether it runs and its `ready_url` answers 200."""
        return self.pid is not None and (self.ready_url is None or ask(self.ready_url)[0] == http.client.OK)

    def why_not(self) -> str:
        """Return the reasons its `ready_url` gives."""
        if self.ready_url is None:
            return ""
        status, body = ask(self.ready_url)
        return reasons_in(body) if status else "does not answer yet"

    def wait_exit(self) -> int:
        """Wait until the process ends; its status, negative for a signal."""
        return 0 if self.process is None else self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after `stop_seconds`."""
        if self.process is not None and not stop_process(self.process, signal.SIGTERM, self.stop_seconds):
            log.warning("did not stop, killed it", part=self.name, after_seconds=self.stop_seconds)

    def log_tail(self) -> str:
        """Return the end of its log as a suffix for an error."""
        return end_of(self.log_file)

    def note_exit(self, status: int, restarts: int) -> str:
        """Note how it ended; return why, in its own words, empty if it said nothing."""
        if self.exit_file is None or self.process is None:
            return ""
        pid = self.process.pid
        return str(note_exit(self.exit_file, part=self.name, pid=pid, status=status, restarts=restarts))


class Phase(StrEnum):
    """Where a supervised part is in its life."""

    STARTING = "starting"
    READY = "ready"
    PAUSING = "pausing before a restart"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class State:
    """One look at a part; `last_status` is how it last exited unexpectedly (negative: by that signal).

    `last_reason`: why, in its own words, empty if it said nothing.
    """

    phase: Phase
    pid: int | None
    restarts: int
    last_status: int | None
    last_reason: str = ""


class _Watched:
    def __init__(self, part: Part) -> None:
        self.part = part
        self.lock = threading.Lock()  # held while it is launched or stopped: never both
        self.thread: threading.Thread | None = None
        self.restarts = 0
        self.last_status: int | None = None
        self.last_reason = ""

    def hopeless(self) -> Callable[[], None]:
        """Return how to look for too many exits: looking raises StartFailed once there were more from now on."""
        before = self.restarts

        def look() -> None:
            most = PASSING_RESTARTS if self.last_status in PASSING else HOPELESS_RESTARTS
            if self.restarts - before > most:
                why = f" ({self.last_reason})" if self.last_reason else ""
                reason = f"keeps exiting, last with status {self.last_status}{why}{self.part.log_tail()}"
                raise StartFailed(self.part.name, reason)

        return look


class Supervisor:
    """Starts parts in the order given, keeps them running, stops them in the reverse order.

    `say` is told every unexpected exit and restart in a sentence; by default it is logged. `records`: a folder for what
    other programs ask of the processes (`application.process_records`).
    """

    def __init__(
        self,
        parts: Sequence[Part] = (),
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

    def add(self, part: Part) -> None:
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
        """Return once all parts are ready; a part that gets on is waited for, `longest_seconds` for all at most.

        Raises StartFailed with the end of the log of the first that got nowhere for `idle_seconds`, or at once when it
        keeps exiting. `say` is told what is waited for.
        """
        deadline = time.monotonic() + longest_seconds
        for watched in self._watched.values():
            left = max(0.0, deadline - time.monotonic())
            wait_for(watched.part, idle_seconds, longest_seconds=left, say=say, look=watched.hopeless())

    def states(self) -> dict[str, State]:
        """Return how each part is now, in the order of their start."""
        return {name: self._state(watched) for name, watched in self._watched.items()}

    def stop(self) -> None:
        """Stop all in reverse order and watch them no longer."""
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

    def _state(self, watched: _Watched) -> State:
        pid = watched.part.pid
        if pid is None:
            phase = Phase.STOPPED if self._stopping.is_set() else Phase.PAUSING
        else:
            phase = Phase.READY if watched.part.ready() else Phase.STARTING
        return State(phase, pid, watched.restarts, watched.last_status, watched.last_reason)

    def _watch(self, watched: _Watched) -> None:
        pauses = Pauses()
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
