"""Serves the three pages of every process: `/health`, `/ready`, `/metrics`.

Each connection gets one answer and is closed. httptools, which also reads the console's requests, parses them. A web
framework would take a fifth of a worker's imports.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from inspect import isawaitable
from typing import Any, Final, NamedTuple

import structlog
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from prometheus_client import CONTENT_TYPE_LATEST

from models.errors import ConfigError
from streams.ports import check_port

_log = structlog.get_logger(__name__)

REQUEST_BYTES: Final = 16 * 1024
"""The longest request, with its headers and its body."""
REQUEST_SECONDS: Final = 20.0
"""How long a client may take to send a request, and to take the answer."""
MAX_CONNECTIONS: Final = 100
"""More than these are closed without an answer. A collector and a supervisor need two."""
_METHODS: Final = ("GET", "HEAD")
_JSON: Final = "application/json; charset=utf-8"

Status = tuple[bool, dict[str, Any]]
Ask = Callable[[], Status | Awaitable[Status]]


class _Answer(NamedTuple):
    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


_Page = Callable[[], Awaitable[_Answer]]


class _Request:
    """The first request of a connection. `complete`: all of it was fed. httptools calls the methods `on_`."""

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self._target = b""
        self.method, self.path = "", ""
        self.complete = False

    def feed(self, received: bytes) -> None:
        """Parse the next bytes. Raises HttpParserError for what is no request of HTTP/1."""
        with suppress(HttpParserUpgrade):  # another protocol is offered, which we do not take
            self._parser.feed_data(received)

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_message_complete(self) -> None:
        if not self.complete:
            self.method = self._parser.get_method().decode("ascii")
            self.path = parse_url(self._target).path.decode("latin-1")
            self.complete = True


class HttpServer:
    """A running server; `port` is the one it listens on."""

    def __init__(self, pages: Mapping[str, _Page]) -> None:
        self._pages = pages
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def listen(self, host: str, port: int) -> None:
        """Begin to serve. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=REQUEST_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and close the connections."""
        if self._server is not None:
            self._server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) >= MAX_CONNECTIONS:
            writer.close()
            return
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request. A client that is gone, or too slow, gets no answer."""
        try:
            with suppress(OSError, TimeoutError, EOFError):
                async with asyncio.timeout(REQUEST_SECONDS):
                    method, answer = await self._answer(reader)
                    writer.write(_head(answer) + (b"" if method == "HEAD" else answer.body))
                    await writer.drain()
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, _Answer]:
        """Read a request; return its method and the answer."""
        request, size = _Request(), 0
        while not request.complete:
            received = await reader.read(REQUEST_BYTES)
            size += len(received)
            if not received:
                raise EOFError
            if size > REQUEST_BYTES:
                return "", _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            try:
                request.feed(received)
            except HttpParserError:
                return "", _plain(HTTPStatus.BAD_REQUEST)
        method = request.method
        page = self._pages.get(request.path)
        if page is None:
            return method, _plain(HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return method, _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return method, await page()
        except Exception:  # noqa: BLE001  # it is logged, and the client is told
            _log.exception("a status page failed", page=request.path)
            return method, _plain(HTTPStatus.INTERNAL_SERVER_ERROR)


async def serve(
    port: int,
    health: Callable[[], Status],
    ready: Ask,
    metrics: Callable[[], bytes],
    *,
    host: str = "127.0.0.1",
    option: str = "--port",
) -> HttpServer:
    """Serve on `host` and `port` (0: any free one). `health` and `ready` return (ok, details): 200 or 503 with JSON.

    Raises ConfigError with `option`, which names the port, if the port is taken.
    """

    def page(ask: Ask) -> _Page:
        async def status_page() -> _Answer:
            answer = ask()
            ok, details = await answer if isawaitable(answer) else answer
            status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
            return _Answer(status, json.dumps({"ok": ok, **details}).encode(), _JSON)

        return status_page

    async def exposition() -> _Answer:
        return _Answer(HTTPStatus.OK, metrics(), CONTENT_TYPE_LATEST)

    server = HttpServer({"/health": page(health), "/ready": page(ready), "/metrics": exposition})
    try:
        await server.listen(host, port)
    except OSError as error:
        check_port(port, option)  # its error names the port
        raise ConfigError(option, f"port {port} of {host} cannot be listened on: {error}") from error
    return server


def _plain(status: HTTPStatus) -> _Answer:
    return _Answer(status, f"{status.value}: {status.phrase}".encode())


def _head(answer: _Answer) -> bytes:
    lines = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        *([f"Allow: {', '.join(_METHODS)}"] if answer.status is HTTPStatus.METHOD_NOT_ALLOWED else ()),
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()
