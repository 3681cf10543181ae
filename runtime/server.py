"""Runs a local server. It owns one folder. Its data, log, ports and pid file survive a crash of the server and of us.

Every server starts, shows that it answers, stops cleanly, and can be killed and restarted on the same data and ports.
A server left over from a dead process is found by its pid file and ended first.
"""

from __future__ import annotations

import atexit
import json
import signal
import sys
from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import structlog

from models.errors import ConfigError, StartFailed
from runtime.process import (
    FolderLock,
    end_of,
    end_stranger,
    free_port,
    is_process,
    spawn,
    stop_process,
    wait_until,
)
from runtime.start_wait import IDLE_SECONDS, wait_for
from streams.file_permissions import PASSABLE, private_folder, write_private
from streams.ports import is_free

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from types import TracebackType

log = structlog.get_logger(__name__)

STOPPED_SECONDS = 10.0  # how long to wait at most until a suspended server has stopped
_PORT_TRIES = 3  # another program may take a port between our check and the server's bind


class LocalServer(ABC):
    """One server process on 127.0.0.1 with its data in `folder`, which is created if it is missing.

    It is a context manager: entering starts it and waits until it answers, leaving stops it.
    """

    name: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]] = ("port",)
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    stop_seconds: float = 20.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.ports: dict[str, int] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.launcher: tuple[str, ...] = ()
        """A program, by its absolute path, and its arguments, which starts the server's program in its own place."""
        self.say: Callable[[str], None] | None = None
        """Gets messages about the wait while the server starts."""
        self._at_exit = False
        self._lock = FolderLock(self.folder, self.name)

    # What each kind of server defines.

    @abstractmethod
    def prepare(self) -> None:
        """Do the work before the program starts: fetch, format, write its configuration."""

    @property
    @abstractmethod
    def program(self) -> Path:
        """The absolute path of the program."""

    @abstractmethod
    def arguments(self) -> list[str]:
        """Return the program's arguments; one of them is a path inside `folder`."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether it does its work now. An OSError counts as no."""

    @property
    @abstractmethod
    def address(self) -> str:
        """The address to put into a client's settings."""

    def uid(self) -> int | None:
        """Return the user it must run as; None for our own user."""
        return None

    # What all servers have in common.

    @property
    def log_file(self) -> Path:
        """The file to which the program's output is appended."""
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """The file with the pid of the running program."""
        return self.folder / f"{self.name}.pid"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process is alive. It may not answer yet."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> Self:
        """Start it, and return once it answers. Raises StartFailed with the end of its log, and StateInUse."""
        for attempt in range(1, _PORT_TRIES + 1):
            self.launch()
            try:
                self.wait_ready()
            except StartFailed:
                is_taken = not all(map(is_free, self.ports.values()))
                self.kill9()
                if attempt == _PORT_TRIES or not is_taken:
                    self.stop()
                    raise
                log.warning(
                    "port taken by another program, trying others", server=self.name, ports=self.ports
                )
                self._ports_file.unlink()
                self.ports = {}
            except BaseException:
                self.stop()
                raise
            else:
                return self
        raise AssertionError  # the last attempt returned or raised

    def launch(self) -> None:
        """Start the program and return at once. It has no effect if the program runs."""
        if self.running:
            return
        private_folder(self.folder)
        if not self.folder.is_dir():
            reason = f"{self.folder} is a file, and {self.name} keeps its data in a folder of this name; move it away"
            raise ConfigError("FIRSTCLAIM_STATE_DIR", reason)
        if self.uid() is not None:
            self.folder.chmod(PASSABLE)
        self._lock.acquire()
        try:
            self._end_stale()
            self._choose_ports()
            self.prepare()
            self.process = spawn(
                [*self.launcher, str(self.program), *self.arguments()],
                self.log_file,
                death_signal=self.stop_signal,
                uid=self.uid(),
                directory=self.folder,
            )
        except BaseException:
            self._lock.release()
            raise
        write_private(self.pid_file, str(self.process.pid))
        if not self._at_exit:
            atexit.register(self.stop)
            self._at_exit = True

    def ready(self) -> bool:
        """Tell whether it runs and answers now."""
        if not self.running:
            return False
        try:
            return self.answers()
        except OSError:
            return False

    def why_not(self) -> str:
        """Return why it is not ready. A server gives no details."""
        return "does not answer yet"

    def wait_ready(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Return once it answers. The wait lasts as long as the server makes progress.

        Raises StartFailed with the end of its log if it exits, or makes no progress for `idle_seconds`.
        """

        def runs() -> None:
            if not self.running:
                status = None if self.process is None else self.process.returncode
                raise StartFailed(self.name, f"exited with status {status}{self.log_tail()}")

        wait_for(self, idle_seconds, look=runs, say=self.say)

    def wait_exit(self) -> int:
        """Wait until the process ends; return its status, negative for a signal, 0 if it was never started."""
        return 0 if self.process is None else self.process.wait()

    def stop(self) -> None:
        """Stop it cleanly, or kill it after `stop_seconds`, and release the folder. It has no effect if not running."""
        if self.process is not None:
            if not stop_process(self.process, self.stop_signal, self.stop_seconds):
                log.warning("did not stop, killed it", server=self.name, pid=self.process.pid)
            self.process = None
            self.pid_file.unlink(missing_ok=True)
        self._lock.release()

    def kill9(self) -> None:
        """Kill it, as a power cut would, and wait until it is gone. `start` restarts it on the same data."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def suspend(self) -> None:
        """Suspend it (SIGSTOP): connections stay open, nothing answers. On return each of its threads has stopped."""
        self._signal(signal.SIGSTOP)
        if self.pid is not None and sys.platform == "linux":
            wait_until(partial(_has_stopped, self.pid), STOPPED_SECONDS)

    def resume(self) -> None:
        """Resume a suspended server."""
        self._signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """Return the last lines of its log as a suffix for an error message; empty if there are none."""
        return end_of(self.log_file)

    def note_exit(self, status: int, restarts: int) -> str:  # noqa: ARG002  # the signature of a supervised part
        """Return an empty text: a server writes no exit file and has its own log."""
        return ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _signal(self, signal_number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal_number)

    @property
    def _ports_file(self) -> Path:
        return self.folder / "ports.json"

    def find_running(self) -> bool:
        """Tell whether another process runs this folder's server. If so, `address` is set to that server's address."""
        pid = self._pid_on_file()
        if pid is None or not is_process(pid, self._marks):
            return False
        self.ports = self._ports_on_file() or {}
        return bool(self.ports)

    def _choose_ports(self) -> None:
        """Keep this run's ports; else use those of an earlier run if they are free; else choose new ones."""
        if self.ports:
            return
        former_ports = self._ports_on_file()
        if former_ports is not None and all(map(is_free, former_ports.values())):
            self.ports = former_ports
            return
        self.ports = {name: free_port() for name in self.port_names}
        write_private(self._ports_file, json.dumps(self.ports))

    def _ports_on_file(self) -> dict[str, int] | None:
        try:
            ports = json.loads(self._ports_file.read_text())
        except (OSError, ValueError):
            return None
        return ports if ports.keys() == set(self.port_names) else None

    def _pid_on_file(self) -> int | None:
        try:
            return int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None

    @property
    def _marks(self) -> tuple[str, str]:
        """Texts that only the command line of this folder's server contains."""
        return self.program.name, f"{self.folder}/"

    def _end_stale(self) -> None:
        """End a server of this folder that outlived the process that started it."""
        pid = self._pid_on_file()
        if pid is None:
            return
        if end_stranger(pid, self._marks, self.stop_signal, self.stop_seconds):
            log.warning("ended a server left over from an earlier run", server=self.name, pid=pid)
        self.pid_file.unlink(missing_ok=True)


def _has_stopped(pid: int) -> bool:
    """Tell whether no thread of a process runs. A signal reaches a thread that computes a moment later."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            state = (thread / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:  # it has ended
            continue
        if state not in "tTZX":
            return False
    return True
