"""Exports are bounded in number and time, and take no connection that pages need."""

from __future__ import annotations

import asyncio
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text

from sink.database_engine import connect
from web.services import exports as exports_module
from web.services.exports import MAX_PER_PERSON, MAX_RUNNING, Export, Exports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/api/v1/leads.csv",
    "headers": [],
    "query_string": b"",
}


class Reader:
    """A client that stops reading after the head, until `reads` is set, or goes away when `disconnected` is set."""

    def __init__(self) -> None:
        self.reads, self.disconnected, self.began = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.status = 0
        self.body = b""

    async def send(self, message: Any) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.began.set()
        if self.status == HTTPStatus.OK:
            await self.reads.wait()
        self.body += message.get("body", b"")

    async def receive(self) -> Any:
        """Wait until the client goes away."""
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def asks(self, exports: Exports, rep_id: str) -> None:
        """Ask for an export."""
        export = Export(exports, ("default", rep_id), pieces, media_type="text/csv", headers={})
        await export(SCOPE, self.receive, self.send)


def pieces(connection: Connection) -> Iterator[bytes]:
    """Yield three pieces that the database gives."""
    for n in range(3):
        yield str(connection.scalar(text(f"SELECT {n}"))).encode()


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    """Yield exports of an empty database."""
    running_exports = Exports(connect(f"sqlite:///{tmp_path / 'crm.sqlite'}", pooled=False))
    yield running_exports
    running_exports.close()


async def test_readers_who_stop_reading_leave_exports_and_pages_to_others(exports: Exports) -> None:
    """Fifteen of them took all connections of the console, and no page could read the database."""
    slow = [Reader() for _ in range(MAX_RUNNING)]
    running = [
        asyncio.create_task(reader.asks(exports, f"rep-{n // MAX_PER_PERSON}"))
        for n, reader in enumerate(slow)
    ]
    for reader in slow:
        await reader.began.wait()
    for rep_id, reason in (("rep-0", "of your exports are running"), ("rep-9", "exports are running")):
        further = Reader()
        await further.asks(exports, rep_id)
        assert further.status == HTTPStatus.TOO_MANY_REQUESTS
        assert reason in further.body.decode()
    assert exports.running == MAX_RUNNING
    slow[0].disconnected.set()
    await running[0]
    last = Reader()
    last.reads.set()
    await last.asks(exports, "rep-9")
    assert (last.status, last.body) == (HTTPStatus.OK, b"012")
    for reader in slow:
        reader.reads.set()
    await asyncio.gather(*running)
    assert exports.running == 0
    assert all(reader.body == b"012" for reader in slow[1:])


async def test_a_reader_who_never_reads_on_is_cut_off(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_module, "PIECE_SECONDS", 0.05)
    reader = Reader()
    with pytest.raises(TimeoutError):
        await reader.asks(exports, "rep-1")
    assert exports.running == 0


async def test_who_goes_away_while_a_piece_is_read_does_not_end_the_process(exports: Exports) -> None:
    """The fuzzer ended the console by SIGSEGV: the connection was closed while a thread read from it."""
    order: list[str] = []
    reads, goes_on = threading.Event(), threading.Event()

    def slow_pieces(connection: Connection) -> Iterator[bytes]:
        reads.set()
        goes_on.wait()
        order.append(f"read {connection.scalar(text('SELECT 1'))}")
        yield b"1"

    event.listen(exports.engine, "close", lambda *_: order.append("closed"))
    reader = Reader()
    export = Export(exports, ("default", "rep-1"), slow_pieces, media_type="text/csv", headers={})
    running = asyncio.create_task(export(SCOPE, reader.receive, reader.send))
    await asyncio.to_thread(reads.wait)
    reader.disconnected.set()
    await asyncio.wait({running}, timeout=0.5)  # it would return now if it did not wait for the thread
    before = list(order)
    goes_on.set()
    await running
    assert before == []
    assert order == ["read 1", "closed"]
    assert exports.running == 0
