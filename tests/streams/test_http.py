"""The three pages of a process answer each client within bounds, whatever it sends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from models.errors import ConfigError
from streams import http
from streams.http import serve
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEALTH: Final = b'{"ok": true, "loop_age_seconds": 0.1}'


@asynccontextmanager
async def pages(ready: Any = lambda: (True, {})) -> AsyncIterator[http.HttpServer]:
    """Serve pages of a process that is alive."""
    server = await serve(0, lambda: (True, {"loop_age_seconds": 0.1}), ready, lambda: b"a_metric 1.0\n")
    try:
        yield server
    finally:
        await server.stop()


async def answer_of(port: int, request: bytes) -> bytes:
    """Send bytes and return all that is answered until the server closes the connection."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            return await reader.read()
        except ConnectionResetError:
            return b""  # it was closed before it had read all
        finally:
            writer.close()


def get(target: str, method: str = "GET", headers: str = "Host: here\r\n") -> bytes:
    """Return a request."""
    return f"{method} {target} HTTP/1.1\r\n{headers}\r\n".encode()


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (get("/health"), b"200 OK", HEALTH),
        (get("/ready?verbose=1"), b"200 OK", b'{"ok": true}'),
        (get("/metrics"), b"200 OK", b"a_metric 1.0\n"),
        (get("/health", "HEAD"), b"200 OK", b""),
        (get("/"), b"404 Not Found", b"404: Not Found"),
        (get("/health", "POST"), b"405 Method Not Allowed", b"405: Method Not Allowed"),
        (b"hello\r\n\r\n", b"400 Bad Request", b"400: Bad Request"),
        (b"GET http:///x HTTP/1.1\r\n\r\n", b"400 Bad Request", b"400: Bad Request"),
        (get("/health", headers="Connection: Upgrade\r\nUpgrade: h2c\r\n"), b"200 OK", HEALTH),
        (get("/health") + get("/metrics", "HEAD"), b"200 OK", HEALTH),
        (get("http://here/health"), b"200 OK", HEALTH),
        (b"\x16\x03\x01\xff\r\n\r\n", b"400 Bad Request", b"400: Bad Request"),
    ],
)
async def test_each_request_has_one_answer(request_: bytes, status: bytes, body: bytes) -> None:
    async with pages() as server:
        head, _, received = (await answer_of(server.port, request_)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert received == body


async def test_what_is_not_ready_says_why_and_a_page_that_fails_is_a_500() -> None:
    async with pages(lambda: (False, {"not_ready": ["starting"]})) as server:
        answer = await answer_of(server.port, get("/ready"))
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert answer.endswith(b'\r\n\r\n{"ok": false, "not_ready": ["starting"]}')

    async def fails() -> Any:
        raise ValueError

    async with pages(fails) as server:
        assert (await answer_of(server.port, get("/ready"))).startswith(
            b"HTTP/1.1 500 Internal Server Error\r\n"
        )
        assert (await answer_of(server.port, get("/health"))).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_headers_without_end_are_refused() -> None:
    async with pages() as server:
        answer = await answer_of(server.port, b"GET /health HTTP/1.1\r\nX: " + b"x" * http.REQUEST_BYTES)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
        assert (await answer_of(server.port, get("/health"))).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_silent_client_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.01)
    async with pages() as server:
        assert await answer_of(server.port, b"GET /health") == b""


async def test_connections_are_bounded_and_a_stop_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 1)
    async with pages() as server, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await answer_of(server.port, get("/health")) == b"", "one connection is open"
        await server.stop()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_taken_port_is_named() -> None:
    async with pages() as server:
        with pytest.raises(ConfigError, match=f"--port: port {server.port} of 127.0.0.1 is in use"):
            await serve(server.port, lambda: (True, {}), lambda: (True, {}), bytes)
