"""Starts processes that end with us, chooses ports that stay usable, and signals only processes known to be ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from models.errors import StartFailed, StateInUse
from streams.file_permissions import private_opener
from streams.ports import is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from io import IOBase

# These are below every system's ephemeral range. Otherwise a client that keeps reconnecting to a stopped server could
# get the server's own port as its source port, connect to itself, and keep the server from binding.
PORTS: Final = range(15_000, 32_000)
POLL_SECONDS: Final = 0.02  # how often an awaited condition is checked
_RESERVED_AT_ONCE: Final = 256
"""How many ports a process reserves. The oldest reservation ends then; its server has long since listened or ended."""

_reserved_ports: deque[socket.socket] = deque()
_PARENT_WATCH: Final = Path(__file__).with_name("parent_watch.py")


def spawn(
    argv: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    uid: int | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process. Its output is appended to `log`.

    `argv[0]` is an absolute path. The program gets its own session, so that ^C reaches only us and we can stop the
    processes in order. It gets `death_signal` when we die.
    """
    user = -1 if uid is None else uid
    command = [
        sys.executable,
        "-I",
        "-S",
        str(_PARENT_WATCH),
        str(os.getpid()),
        str(int(death_signal)),
        str(user),
        *argv,
    ]

    def start() -> subprocess.Popen[bytes]:
        with open(log, "ab", opener=private_opener) as output:  # Path.open accepts no opener
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=directory,
                start_new_session=True,
            )

    return _spawner.run(start)


class _Spawner:
    """The single thread that starts processes. To the kernel, the thread is the parent, so it must not end."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._work: SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]]
        self._work = SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="spawner", daemon=True)
                self._thread.start()
        spawned: Future[subprocess.Popen[bytes]] = Future()
        self._work.put((start, spawned))
        return spawned.result()

    def _serve(self) -> None:
        while True:
            start, spawned = self._work.get()
            try:
                spawned.set_result(start())
            except BaseException as error:  # noqa: BLE001  # it is raised again in the caller's thread
                spawned.set_exception(error)


_spawner = _Spawner()


class FolderLock:
    """A lock that gives a folder one living owner. The kernel releases it when the owner dies."""

    def __init__(self, folder: Path, owner: str, advice: str = "") -> None:
        self._path = folder / "lock"
        self._owner = owner
        self._advice = advice
        self._file: IOBase | None = None

    def acquire(self) -> None:
        """Take the lock. Raises StateInUse with the folder and the process that holds it."""
        if self._file is not None:
            return
        file = open(self._path, "a+", opener=private_opener)  # noqa: SIM115  # it stays open while the lock is held
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            reason = f"{self._path.parent} is in use by process {holder}"
            reason += f"; {self._advice}" if self._advice else ""
            raise StateInUse(self._owner, reason) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Release the lock; has no effect if it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def command_line(pid: int) -> str:
    """Return the arguments of a living process, separated by spaces; empty if there is none or it is a zombie."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
    return listed.stdout.decode(errors="replace")


def is_process(pid: int, fragments: Sequence[str]) -> bool:
    """Tell whether this process is alive and its command line contains all these words."""
    line = command_line(pid)
    return bool(line) and all(word in line for word in fragments)


def end_stranger(
    pid: int, fragments: Sequence[str], stop_signal: signal.Signals, patience_seconds: float
) -> bool:
    """End a process that is not our child, if its command line contains all these words; return whether it did.

    The process gets `stop_signal`, and SIGKILL if it is still alive after `patience_seconds`.
    """
    if not is_process(pid, fragments):
        return False
    for step in (stop_signal, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, step)
        if wait_until(lambda: not is_process(pid, fragments), patience_seconds):
            break
    return True


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds or the time is over; return whether it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)  # the condition depends on another process, which sends no event
    return True


def wait_for_change(
    server: str,
    condition: Callable[[], bool],
    why_not: str,
    *,
    away: tuple[type[Exception], ...],
    seconds: float,
) -> None:
    """Poll until a server has changed its role. Raises StartFailed with `why_not` and the last error.

    `away`: the errors by which a server says that it does not answer now.
    """
    give_up = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except away as error:
            why_not = f"{why_not.partition(':')[0]}: {error}"
        if time.monotonic() > give_up:
            raise StartFailed(server, f"{why_not}, {seconds:g} s after a change")
        time.sleep(10 * POLL_SECONDS)  # each look connects, and a server sends no event when its role changes


def free_port() -> int:
    """Return a port from PORTS that nobody listens on. Raises OSError if a thousand tries find none.

    A server listens some time after its port was chosen. Meanwhile no other process is given the port.
    """
    for _ in range(1000):
        port = secrets.choice(PORTS)
        if (reserved := _reserve(port)) is None:
            continue
        if is_free(port):
            if len(_reserved_ports) == _RESERVED_AT_ONCE:
                _reserved_ports.popleft().close()
            _reserved_ports.append(reserved)
            return port
        reserved.close()
    raise OSError(f"no free port between {PORTS.start} and {PORTS.stop}")


def _reserve(port: int) -> socket.socket | None:
    """Reserve a port until the result is closed or this process ends. Return None if another process has it.

    On Linux a socket with an abstract name reserves it, which leaves no file. Elsewhere nothing is reserved.
    """
    reserved = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if sys.platform == "linux":
        try:
            reserved.bind(f"\0firstclaim-port-{port}")
        except OSError:
            reserved.close()
            return None
    return reserved


def end_of(log_file: Path, lines: int = 15) -> str:
    """Return a log's last lines as a suffix for an error message; empty if there are none."""
    with contextlib.suppress(FileNotFoundError):
        tail = log_file.read_text(errors="replace").splitlines()[-lines:]
        if tail:
            return f"; the end of {log_file}:\n" + "\n".join(tail)
    return ""


def stop_process(process: subprocess.Popen[bytes], stop_signal: signal.Signals, seconds: float) -> bool:
    """Ask a child to stop, and kill it after `seconds`; return whether it stopped by itself."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)  # a suspended process would not handle the next signal
        process.send_signal(stop_signal)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True
