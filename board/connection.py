"""Connects to Valkey, and to another server when the one that was connected is the primary no more.

An address may mean another server after a failover: sentinels name the promoted replica, or a host name points to it. A
connection does not notice that by itself, if the server before it lives on as a replica. So a connection ends when its
server refuses a write (READONLY), and each one is made anew after `LONGEST_SECONDS`.
"""

import asyncio
import math
from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection, parse_url
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionFailed
from redis.exceptions import NoPermissionError, ReadOnlyError
from redis.retry import Retry

from streams.valkey_url import SentinelAddress, sentinel_address

MAX_CONNECTIONS: Final = 1_000
"""A console holds one for each org whose pages are open, and one for each read that runs."""
LONGEST_SECONDS: Final = 30.0
"""How long a connection is used. A reader that still reaches a primary that was replaced leaves it after this."""
_SOCKET_SECONDS: Final = 5.0
"""The socket timeout. A Valkey on the same network answers in milliseconds; after this the connection is dead."""
_SENTINEL_SECONDS: Final = 1.0
"""The socket timeout for a sentinel. Then the next one is asked."""


class _EndsIfReadOnly:
    """A connection that ends when its server refuses to write."""

    async def read_response(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)  # type: ignore[misc]  # of the class beside this one
        except ReadOnlyError:
            await self.disconnect()  # the next use resolves the address anew
            raise


class _PlainConnection(_EndsIfReadOnly, Connection):
    pass


class _TlsConnection(_EndsIfReadOnly, SSLConnection):
    pass


class _AsksRole:
    """A connection to the server that the sentinels name, which must agree that it is the primary."""

    async def connect_to(self: Any, address: Any) -> None:
        await super().connect_to(address)  # type: ignore[misc]  # of the class beside this one
        try:
            await self.send_command("ROLE", check_health=False)
            role = (await self.read_response())[0]
        except NoPermissionError:
            return
        if role not in (b"master", "master"):
            await self.disconnect()
            raise ConnectionFailed(f"{address[0]}:{address[1]} is a replica, and the sentinels still name it")


class _SentinelConnection(_AsksRole, SentinelManagedConnection):
    pass


class _SentinelTlsConnection(_AsksRole, SentinelManagedSSLConnection):
    pass


class _RenewedPool:
    """A pool that hands out no connection older than `LONGEST_SECONDS`, or than the last `leave_server`."""

    left_at = -math.inf

    async def ensure_connection(self: Any, connection: Any) -> None:
        now = asyncio.get_running_loop().time()
        made_at = getattr(connection, "made_at", now)
        if connection.is_connected and (made_at <= self.left_at or now - made_at > LONGEST_SECONDS):
            await connection.disconnect()
        if not connection.is_connected:
            connection.made_at = now
        await super().ensure_connection(connection)  # type: ignore[misc]  # of the class beside this one


class _Pool(_RenewedPool, ConnectionPool):
    pass


class _SentinelPool(_RenewedPool, SentinelConnectionPool):
    """Also ends the connections to the sentinels when it ends its own."""

    async def disconnect(self, inuse_connections: bool = True) -> None:  # as it is called
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


def connect(url: str) -> redis.asyncio.Redis:
    """Return a client of Valkey. It connects when used, at most `MAX_CONNECTIONS` times at once.

    `url`: as in `Settings.redis_url`. Raises ConfigError.
    """
    address = sentinel_address(url)
    pool: Any = _pool(url) if address is None else _sentinel_pool(address)
    client: redis.asyncio.Redis = redis.asyncio.Redis.from_pool(pool)
    return client


def connect_blocking(url: str, seconds: float) -> redis.Redis:
    """Return a client that blocks, for a command. `seconds`: how long it waits for an answer. Raises ConfigError.

    It tries once. redis-py tries four times by default, and a server that does not run is named seconds later.
    """
    limits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    address = sentinel_address(url)
    if address is None:
        return redis.Redis.from_url(url, **limits, retry=_once())
    options, of_sentinels = _options(address.server), _options(address.sentinel)
    sentinel_limits = dict.fromkeys(limits, min(seconds, _SENTINEL_SECONDS))
    manager = redis.Sentinel(
        address.hosts, sentinel_kwargs={**sentinel_limits, **of_sentinels, "retry": _once()}
    )  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    client: redis.Redis = manager.master_for(address.primary, **{**limits, **options, "retry": _once()})  # type: ignore[no-untyped-call]  # likewise
    return client


def sentinel_clients(address: SentinelAddress) -> list[redis.Redis]:
    """Return a client of each sentinel that blocks and tries once, in the order of the address."""
    options = {**_options(address.sentinel), "socket_timeout": _SENTINEL_SECONDS, "decode_responses": True}
    return [redis.Redis(host=host, port=port, retry=_once(), **options) for host, port in address.hosts]


def _once() -> Retry:
    return Retry(NoBackoff(), 0)


def leave_server(client: Any) -> None:
    """Make each connection anew at its next use, because the address may mean another server since.

    Also one that is in use now: after that, it would read from the server before for up to `LONGEST_SECONDS`.
    """
    client.connection_pool.left_at = asyncio.get_running_loop().time()


def _pool(url: str) -> ConnectionPool:
    options: dict[str, Any] = {**parse_url(url)}
    if options.get("connection_class") is SSLConnection:
        options["connection_class"] = _TlsConnection
    return _Pool(**{"connection_class": _PlainConnection, **_limits(_SOCKET_SECONDS), **options})


def _sentinel_pool(address: SentinelAddress) -> ConnectionPool:
    options, of_sentinels = _options(address.server), _options(address.sentinel)
    tls = of_sentinels.pop("ssl")
    manager = Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        address.hosts,
        sentinel_kwargs={**_limits(_SENTINEL_SECONDS), **of_sentinels, **({"ssl": True} if tls else {})},
    )
    options.pop("ssl")
    connection = _SentinelTlsConnection if tls else _SentinelConnection
    return _SentinelPool(  # type: ignore[no-untyped-call]  # likewise
        address.primary, manager, **{"connection_class": connection, **_limits(_SOCKET_SECONDS), **options}
    )


def _limits(seconds: float) -> dict[str, Any]:
    return {
        "max_connections": MAX_CONNECTIONS,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "health_check_interval": 0,
    }


def _options(url: str) -> dict[str, Any]:
    """Return the options of a URL without host and port. `ssl`: whether it is one of TLS."""
    options: dict[str, Any] = {**parse_url(url)}
    return {**options, "ssl": options.pop("connection_class", None) is SSLConnection}
