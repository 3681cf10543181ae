"""Runs a Valkey that fails over: a primary, a replica, and three sentinels, which promote the replica."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar, Final, Self

import redis

from models.errors import RuntimeFailure
from runtime.process import wait_for_change
from runtime.server import LocalServer
from runtime.valkey import ValkeyServer, valkey_program
from streams.file_permissions import private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRIMARY: Final = "mymaster"
"""The name by which the sentinels know the primary."""
SENTINELS: Final = 3
QUORUM: Final = 2
DOWN_MS: Final = 1_500
"""How long a primary may be silent until a sentinel takes it for down."""
FAILOVER_MS: Final = 6_000
"""How long a sentinel waits for a failover before it begins another one."""
LOOK_MS: Final = 1_000
"""How often a sentinel asks a server for its role. By default this is ten seconds."""
PUBLISH_MS: Final = 500
"""How often the sentinels tell each other the primary. A former primary that comes back is made a replica after four
times as long; by default after eight seconds."""
CHANGE_SECONDS: Final = 90.0
"""How long the group may take until it is whole again after a change."""
_PROBE_SECONDS: Final = 2.0


class ValkeySentinel(LocalServer):
    """One sentinel. `watched` returns the port of the primary at the sentinel's first start."""

    name: ClassVar[str] = "sentinel"

    def __init__(self, folder: Path, watched: Callable[[], int], *, node_id: int) -> None:
        super().__init__(folder)
        self.node_id = node_id
        self._watched = watched

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.ports['port']}"

    def prepare(self) -> None:
        """Write its configuration the first time. The sentinel keeps what it learns in the same file."""
        private_folder(self.folder)
        if self._configuration.exists():
            return
        lines = (
            "bind 127.0.0.1",
            f"port {self.ports['port']}",
            f"dir {self.folder}",
            f"sentinel monitor {PRIMARY} 127.0.0.1 {self._watched()} {QUORUM}",
            f"sentinel down-after-milliseconds {PRIMARY} {DOWN_MS}",
            f"sentinel failover-timeout {PRIMARY} {FAILOVER_MS}",
        )
        write_private(self._configuration, "\n".join(lines) + "\n")

    @property
    def program(self) -> Path:
        """The server program of the wheel, which is also the sentinel."""
        return valkey_program()

    def arguments(self) -> list[str]:
        """Return the sentinel's options."""
        return [str(self._configuration), "--sentinel", "--set-proc-title", "no"]

    def answers(self) -> bool:
        """Tell whether it answers PING with PONG."""
        with socket.create_connection(("127.0.0.1", self.ports["port"]), _PROBE_SECONDS) as connection:
            connection.settimeout(_PROBE_SECONDS)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")

    def look_often(self) -> None:
        """Set how often it looks and publishes, which no line of its configuration does. It answers."""
        with _client(self) as client:
            client.execute_command(
                *("SENTINEL", "DEBUG", "info-period", LOOK_MS, "publish-period", PUBLISH_MS)
            )

    def forget(self) -> None:
        """Remove what it learned, so that its next start begins anew."""
        self._configuration.unlink(missing_ok=True)

    @property
    def _configuration(self) -> Path:
        return self.folder / "sentinel.conf"


class ValkeyGroup:
    """The servers and the sentinels in one folder, on 127.0.0.1. The first server is the primary at each start.

    As a context manager it starts and stops them.
    """

    def __init__(self, folder: Path) -> None:
        first = ValkeyServer(folder / "valkey-1", node_id=1)
        second = ValkeyServer(folder / "valkey-2", node_id=2, replica_of=lambda: first.ports["port"])
        self.servers: list[ValkeyServer] = [first, second]
        self.sentinels = [
            ValkeySentinel(folder / f"sentinel-{number}", lambda: first.ports["port"], node_id=number)
            for number in range(1, SENTINELS + 1)
        ]

    @property
    def url(self) -> str:
        """`redis+sentinel://…` for clients."""
        return f"redis+sentinel://{','.join(sentinel.address for sentinel in self.sentinels)}/{PRIMARY}/0"

    def start(self) -> Self:
        """Start all, and return when the sentinels know the replica and each other. Raises StartFailed."""
        try:
            for server in self.servers:
                server.start()
            for sentinel in self.sentinels:
                sentinel.forget()
            with ThreadPoolExecutor(SENTINELS) as pool:
                list(pool.map(lambda sentinel: sentinel.start().look_often(), self.sentinels))
            self.until_whole()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all, the sentinels first."""
        for servers in (self.sentinels, self.servers):
            with ThreadPoolExecutor(SENTINELS) as pool:
                list(pool.map(lambda server: server.stop(), servers))

    def primary(self) -> ValkeyServer:
        """Return the server that a majority of the sentinels name. Raises RuntimeFailure if there is none."""
        ports: list[int] = []
        for sentinel in self.sentinels:
            try:
                with _client(sentinel) as client:
                    address = client.sentinel_get_master_addr_by_name(PRIMARY)
            except redis.RedisError:
                continue
            if address is not None:
                ports.append(int(address[1]))
        for server in self.servers:
            if ports.count(server.ports["port"]) >= QUORUM:
                return server
        raise RuntimeFailure("valkey", "a majority of the sentinels names no primary")

    def until_promoted(self, former: ValkeyServer) -> ValkeyServer:
        """Wait until another server than this one is the primary, and return it. Raises RuntimeFailure."""

        def promoted() -> bool:
            primary = self.primary()
            return primary is not former and _role(primary)["role"] == "master"

        _until(promoted, "the replica was not promoted")
        return self.primary()

    def until_whole(self) -> None:
        """Wait until the other server is a replica in sync, and all sentinels know both. Raises RuntimeFailure."""
        _until(self._is_whole, "the replica is not in sync, or a sentinel does not know it")

    def _is_whole(self) -> bool:
        primary = self.primary()
        (replica,) = (server for server in self.servers if server is not primary)
        of_primary, of_replica = _role(primary), _role(replica)
        if of_primary["role"] != "master" or of_replica["role"] != "slave":
            return False
        if of_replica["master_port"] != primary.ports["port"] or of_replica["master_link_status"] != "up":
            return False
        for sentinel in self.sentinels:
            with _client(sentinel) as client:
                state = client.sentinel_master(PRIMARY)
                flags = client.sentinel_slaves(PRIMARY)
            if state["num-slaves"] != 1 or state["num-other-sentinels"] != SENTINELS - 1:
                return False
            if state["port"] != primary.ports["port"] or "master" not in state["flags"].split(","):
                return False
            if state["is_sdown"] or any(flag["is_sdown"] or flag["is_disconnected"] for flag in flags):
                return False
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _client(server: LocalServer) -> redis.Redis:
    return redis.Redis(
        host="127.0.0.1",
        port=server.ports["port"],
        socket_timeout=_PROBE_SECONDS,
        socket_connect_timeout=_PROBE_SECONDS,
        decode_responses=True,
    )


def _role(server: ValkeyServer) -> dict[str, str | int]:
    with _client(server) as client:
        replication: dict[str, str | int] = client.info("replication")
    return replication


def _until(condition: Callable[[], bool], why_not: str) -> None:
    away = (redis.RedisError, RuntimeFailure, OSError)
    wait_for_change("valkey", condition, why_not, away=away, seconds=CHANGE_SECONDS)
