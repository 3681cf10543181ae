"""Streams exports to their readers. Each has a connection of its own, and their number and time are bounded.

A reader who stops reading keeps its connection until the time limit. With connections of their own, exports never
take those that pages need.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from threading import Lock
from typing import Final

import structlog
from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import Connection, Engine
from starlette.types import Receive, Scope, Send

from sink.db_errors import translated_errors
from web.errors import HttpProblem, answer

log = structlog.get_logger(__name__)

MAX_RUNNING: Final = 4
"""The most exports that run at the same time in this process."""
MAX_PER_PERSON: Final = 2
PIECE_SECONDS: Final = 30.0
"""How long a reader may take for one piece."""
EXPORT_SECONDS: Final = 900.0
"""How long one export may take."""
RETRY_SECONDS: Final = 10

Who = tuple[str, str]
"""Org and rep id of whoever exports."""
Pieces = Callable[[Connection], Iterator[bytes]]


class Exports:
    """Counts the running exports. `engine`: the CRM database, without a pool."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._running: Counter[Who] = Counter()

    @property
    def running(self) -> int:
        """The number of running exports."""
        return self._running.total()

    def begin(self, exporter: Who) -> None:
        """Count an export. Raises 429 if too many run. Call `end` afterwards."""
        if self._running[exporter] >= MAX_PER_PERSON:
            raise _too_many(f"{MAX_PER_PERSON} of your exports are running; wait until one has ended")
        if self.running >= MAX_RUNNING:
            raise _too_many(f"{MAX_RUNNING} exports are running; try again when one has ended")
        self._running[exporter] += 1

    def end(self, exporter: Who) -> None:
        """Count an export as ended."""
        self._running[exporter] -= 1
        if not self._running[exporter]:
            del self._running[exporter]

    def close(self) -> None:
        """Close what is left of the connections."""
        self.engine.dispose()


class Export(Response):
    """One export. It is counted from its first byte to its last, or until its reader goes away."""

    def __init__(
        self, exports: Exports, exporter: Who, pieces: Pieces, *, media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self._exports, self._exporter, self._pieces = exports, exporter, pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the export, or 429 if too many run."""
        try:
            self._exports.begin(self._exporter)
        except HttpProblem as problem:
            await answer(Request(scope), problem)(scope, receive, send)
            return
        try:
            disconnect = asyncio.create_task(_until_gone(receive))
            sending = asyncio.create_task(self._send(send))
            done, _ = await asyncio.wait(
                {disconnect, sending}, timeout=EXPORT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            for task in (disconnect, sending):
                task.cancel()
            results = await asyncio.gather(disconnect, sending, return_exceptions=True)
            if sending in done and isinstance(results[1], BaseException):
                raise results[1]
            if sending not in done:
                log.warning("an export ended early", rep_id=self._exporter[1], org=self._exporter[0])
        finally:
            self._exports.end(self._exporter)

    async def _send(self, send: Send) -> None:
        """Send all pieces. An error before the first piece is answered as any other; after it, the file is cut."""
        reader = _Reader(self._exports.engine, self._pieces)
        try:
            piece = await asyncio.to_thread(reader.next)
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            while piece is not None:
                async with asyncio.timeout(PIECE_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await asyncio.to_thread(reader.next)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await asyncio.shield(asyncio.to_thread(reader.close))


class _Reader:
    """Reads an export piece by piece on a connection of its own, in any thread but in one at a time.

    If the reader of the export goes away, the thread that reads a piece goes on. The connection is closed only after
    that: a driver that reads from a closed connection ends the whole process.
    """

    def __init__(self, engine: Engine, pieces: Pieces) -> None:
        self._engine, self._make_pieces = engine, pieces
        self._lock = Lock()
        self._connection: Connection | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._closed = False

    def next(self) -> bytes | None:
        """Return the next piece; None after the last one, or once it is closed."""
        with self._lock, translated_errors("CRM database"):
            if self._closed:
                return None
            if self._connection is None:
                self._connection = self._engine.connect()
                self._pieces = self._make_pieces(self._connection)
            return next(self._pieces, None)

    def close(self) -> None:
        """Close the connection, after the piece that is being read."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _too_many(reason: str) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.TOO_MANY_REQUESTS, "too-many-exports", reason, headers={"Retry-After": str(RETRY_SECONDS)}
    )
