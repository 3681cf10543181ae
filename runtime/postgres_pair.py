"""Runs a Postgres that fails over: a primary and a streaming standby, which takes over the primary's address.

What a host name does elsewhere, a port does here: after a failover the standby's data is served at the same port.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Final, Self

import psycopg

from models.errors import StartFailed
from runtime.postgres import PostgresServer
from runtime.process import free_port, spawn, wait_for_change
from streams.file_permissions import PASSABLE, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COPY_SECONDS: Final = 300.0
"""How long a copy of the primary may take."""
CHANGE_SECONDS: Final = 90.0
"""How long a server may take until it is in its new role."""
START_TRIES: Final = 3
"""A killed Postgres may leave processes that hold its memory for a moment."""
_PROBE_SECONDS: Final = 5
_STANDBY: Final = {"wal_retrieve_retry_interval": "200ms"}
"""How often a standby looks for its primary again. By default this is five seconds."""


class PostgresPair:
    """Both servers in one folder. As a context manager it starts and stops them.

    The standby copies the primary asynchronously. A failover may lose the last transactions, as many managed ones do.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.primary = PostgresServer(folder / "postgres-1", node_id=1)
        self.standby = PostgresServer(folder / "postgres-2", node_id=2)

    @property
    def url(self) -> str:
        """`postgresql+psycopg://…` for SQLAlchemy and our settings. It stays the same."""
        return self.primary.url

    def start(self) -> Self:
        """Start the primary, and a standby with a new copy of it. Raises StartFailed."""
        private_folder(self._folder)
        if self.primary.uid() is not None:
            self._folder.chmod(PASSABLE)
        try:
            self.primary.start()
            self._copy()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop both, the standby first."""
        self.standby.stop()
        self.primary.stop()

    def restart(self) -> None:
        """Start a primary that was killed or stopped. Raises StartFailed."""
        self._start_primary()
        self.until_streaming()

    def stop_immediately(self) -> None:
        """Stop the primary without a checkpoint, in Postgres's mode "immediate": its clients get 57P01 or 57P02."""
        process = self.primary.process
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait()

    def move(self) -> None:
        """Kill the primary, and serve the standby at the primary's address. It is read-only until `promote`."""
        address = dict(self.primary.ports)
        self.primary.kill9()
        self.primary.stop()
        self.standby.stop()
        self.primary, self.standby = self.standby, self.primary
        self.standby.ports, self.primary.ports = {}, address
        # It has nobody to copy now: its own address is its primary's.
        self.primary.more_options = {"primary_conninfo": ""}
        self._start_primary()

    def _start_primary(self) -> None:
        for attempt in range(START_TRIES):
            try:
                self.primary.start()
            except StartFailed:
                if attempt + 1 == START_TRIES:
                    raise
            else:
                return

    def promote(self) -> None:
        """Make the server at the address writable, and start a standby with a new copy of it. Raises StartFailed."""
        with self._connected(self.primary) as connection:
            connection.execute("SELECT pg_promote(true, %s)", (int(CHANGE_SECONDS),))
        self._until(lambda: not self._in_recovery(), "was not promoted")
        self.primary.more_options = {}
        self._copy()

    def until_streaming(self) -> None:
        """Wait until the standby copies what the primary writes. Raises StartFailed."""
        self._until(self._streams, "has no standby that copies it")

    def _copy(self) -> None:
        """Make the standby a new copy of the primary, and start it."""
        standby, primary = self.standby, self.primary
        shutil.rmtree(standby.folder, ignore_errors=True)
        standby.ports = {"port": free_port()}
        standby.more_options = dict(_STANDBY)
        standby.make_folder()
        place = f"host=127.0.0.1 port={primary.ports['port']} user=postgres"
        options = ["-D", str(standby.data), "-R", "-X", "stream", "-c", "fast", "-d", place]
        running = spawn(
            [str(primary.program.with_name("pg_basebackup")), *options],
            standby.log_file,
            environment={"PGPASSWORD": primary.password},  # -R writes it into the standby's configuration
            uid=standby.uid(),
            directory=standby.folder,
        )
        try:
            status = running.wait(COPY_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            status = running.wait()
        if status:
            raise StartFailed("postgres", f"the copy ended with status {status}{standby.log_tail()}")
        standby.keep_password(primary.password)
        standby.start()
        self.until_streaming()

    def _streams(self) -> bool:
        with self._connected(self.primary) as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
            return row.fetchone() == (1,)

    def _in_recovery(self) -> bool:
        with self._connected(self.primary) as connection:
            return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)

    def _connected(self, server: PostgresServer) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(server.connection_text, connect_timeout=_PROBE_SECONDS, autocommit=True)

    def _until(self, condition: Callable[[], bool], why_not: str) -> None:
        wait_for_change(
            "postgres", condition, why_not, away=(psycopg.OperationalError,), seconds=CHANGE_SECONDS
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
