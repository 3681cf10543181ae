"""Reads the responses of Kafka from the socket's chunks, with one copy of each byte.

aiokafka reads by asyncio's stream: that copies each chunk into a buffer that grows, wakes the reader for each chunk,
and copies the response out. Here the chunks wait as they came, and a response is joined when it is complete.
The end of a connection is noted with them, and no request is written to a connection that has ended.
"""

import asyncio
import struct
from collections import deque
from typing import Any, Final

import aiokafka.conn as aiokafka_conn
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, AIOKafkaProtocol, CloseReason

_SIZE: Final = struct.Struct(">i")

read_by_stream: Final = AIOKafkaConnection._read
"""How aiokafka reads."""
connect: Final = AIOKafkaClient._get_conn
"""How aiokafka finds or opens a connection."""


class ChunkProtocol(AIOKafkaProtocol):
    """Keeps what a broker sends until it is read: at most the responses to the requests that are under way.

    A response to no request ends the connection. `ended`: nothing follows.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._chunks: deque[bytes | memoryview] = deque()
        self._held = 0
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self.ended = False
        self._error: Exception | None = None

    def data_received(self, data: bytes) -> None:
        """Keep a chunk, and wake the reader if it has all that it waits for."""
        self._chunks.append(data)
        self._held += len(data)
        if self._held >= self._wanted:
            self._wake()

    def eof_received(self) -> Any:
        """Note that nothing follows."""
        self.ended = True
        self._wake()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing follows, and why."""
        self.ended, self._error = True, exc
        self._wake()
        super().connection_lost(exc)

    async def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes. It raises what asyncio's `readexactly` raises, and has one reader."""
        if size < 0:
            raise ValueError(f"a response says it has {size} bytes")
        self._wanted = size
        while self._held < size:
            if self._error is not None:
                raise self._error
            if self.ended:
                raise asyncio.IncompleteReadError(self._take(self._held), size)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._take(size)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _take(self, size: int) -> bytes:
        """Remove the first `size` of the bytes held, and return them."""
        self._held -= size
        parts: list[bytes | memoryview] = []
        while size:
            chunk = self._chunks.popleft()
            if len(chunk) > size:
                view = memoryview(chunk)
                self._chunks.appendleft(view[size:])
                chunk = view[:size]
            parts.append(chunk)
            size -= len(chunk)
        return b"".join(parts)


async def _read(self_ref: Any) -> None:
    """Read responses, as aiokafka's `_read` does: it keeps no connection alive, and its callback handles errors."""
    connection = self_ref()
    if connection is None:
        return
    protocol = connection._protocol
    del connection
    if not isinstance(protocol, ChunkProtocol):  # it connected while `install` was called
        await read_by_stream(self_ref)
        return
    while True:
        (size,) = _SIZE.unpack(await protocol.exactly(_SIZE.size))
        response = await protocol.exactly(size)
        connection = self_ref()
        if connection is None:
            return
        connection._handle_frame(response)
        del connection


async def _get_open_conn(
    self: Any, node_id: Any, *, group: Any = ConnectionGroup.DEFAULT, **options: Any
) -> Any:
    """Return the connection to a broker, as aiokafka does, but close one that has ended.

    aiokafka closes it some turns of the loop later. A request in between ends a producer for good on uvloop, which
    refuses to write to what is closed. Or the connection is replaced, and nobody ends the requests under way on it.
    """
    known = self._conns.get((node_id, group))
    if known is not None and getattr(known._protocol, "ended", False):
        await asyncio.sleep(0)  # the reader's turn comes first: responses may have come with the end
        known.close(reason=CloseReason.CONNECTION_BROKEN)
    return await connect(self, node_id, group=group, **options)


def install() -> None:
    """Let all connections of this process read so. A second call changes nothing."""
    AIOKafkaClient._get_conn = _get_open_conn
    aiokafka_conn.AIOKafkaProtocol = ChunkProtocol
    AIOKafkaConnection._read = staticmethod(_read)
