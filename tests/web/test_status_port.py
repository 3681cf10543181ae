"""A collector on another machine reads the console's metrics on a port of their own, and on no other."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from runtime.process import free_port
from runtime.up import child
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def console(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Yield the port for people and the status port of a console without Kafka and Valkey, both on all addresses."""
    everywhere = "0.0.0.0"  # noqa: S104  # as in a container
    pages, status, dead = free_port(), free_port(), free_port()
    settings = Settings.read(
        state_dir=tmp_path,
        status_host=everywhere,
        kafka_bootstrap_servers=f"127.0.0.1:{dead}",
        redis_url=f"redis://127.0.0.1:{dead}/0",
    )
    (tmp_path / "log").mkdir()
    arguments = ["console", "--host", everywhere, "--status-port", str(status)]
    process = child("console-status", arguments, settings, pages)
    process.launch()
    yield pages, status
    process.stop()


def own_address() -> str:
    """Return this machine's address in its network; 127.0.0.1 where it has no network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


async def http_get(host: str, port: int, path: str) -> bytes:
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


async def test_the_metrics_are_on_the_status_port_and_pages_are_not(console: tuple[int, int]) -> None:
    pages, status = console
    host = own_address()
    await eventually(
        lambda: is_answering(host, pages, "/health"), "the console answers", seconds=PATIENCE_SECONDS
    )
    assert (await http_get(host, pages, "/metrics")).startswith(b"HTTP/1.1 403 ")
    metrics = await http_get(host, status, "/metrics")
    assert metrics.startswith(b"HTTP/1.1 200 ")
    assert b"\nfirstclaim_console_directory_end " in metrics
    health = await http_get(host, status, "/health")
    assert health.startswith(b"HTTP/1.1 200 ")
    assert health.endswith(b'{"ok": true}')
    ready = await http_get(host, status, "/ready")
    assert ready.startswith(b"HTTP/1.1 503 ")
    assert ready.endswith(b'{"ok": false, "not_ready": ["directory", "answers", "board"]}')
    assert (await http_get(host, status, "/sign-in")).startswith(b"HTTP/1.1 404 ")


async def is_answering(host: str, port: int, path: str) -> bool:
    """Return whether a port answers yet."""
    try:
        return (await http_get(host, port, path)).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
