"""A collector on another machine reads the console's metrics on a port of their own, and on no other."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from runtime.process import free_port
from runtime.up import child
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.running_org import RunningOrg


@pytest.fixture
def status_port(office: RunningOrg) -> Iterator[int]:
    """Yield the status port of a second console, whose people's port is `office.port`; both on all addresses."""
    everywhere = "0.0.0.0"  # noqa: S104  # as in a container
    status, office.port = free_port(), free_port()
    settings = office.stack.settings.model_copy(update={"status_host": everywhere})
    arguments = ["console", "--host", everywhere, "--status-port", str(status)]
    console = child("console-status", arguments, settings, office.port)
    console.launch()
    yield status
    console.stop()


def own_address() -> str:
    """Return this machine's address in its network; 127.0.0.1 where it has no network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


async def ask(host: str, port: int, path: str) -> bytes:
    """Return the bytes that a port answers to a request that came through a proxy."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 10.9.9.9\r\nConnection: close\r\n\r\n"
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(request.encode())
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


async def test_the_metrics_are_on_the_status_port_and_pages_are_not(
    office: RunningOrg, status_port: int
) -> None:
    await office.until_ready()
    assert office.port is not None
    host = own_address()
    assert (await ask(host, office.port, "/metrics")).startswith(b"HTTP/1.1 403 ")
    metrics = await ask(host, status_port, "/metrics")
    assert metrics.startswith(b"HTTP/1.1 200 ")
    assert b"\nfirstclaim_console_directory_end " in metrics
    for path in ("/health", "/ready"):
        answer = await ask(host, status_port, path)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert b'"ok": true' in answer
    assert (await ask(host, status_port, "/sign-in")).startswith(b"HTTP/1.1 404 ")
