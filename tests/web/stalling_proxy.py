"""A TCP proxy between browser and console that can stop to pass anything on, as a network that hangs does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CHUNK = 1 << 16


class StallingProxy:
    """Passes connections to a port on.

    `port`: where it listens; `target`: where later connections go. `flows` is cleared to let them hang, open.
    `refuses`: each connection is closed at once.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.flows = asyncio.Event()
        self.flows.set()
        self.refuses = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[StallingProxy]:
        """Listen inside of this."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Close all connections, and refuse new ones until `refuses` is false again. Browsers connect again by then."""
        self.refuses = True
        for task in self._tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        for task in (
            asyncio.create_task(self._pass_on(reader, server_writer)),
            asyncio.create_task(self._pass_on(server_reader, writer)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await source.read(_CHUNK):
                    await self.flows.wait()
                    sink.write(data)
                    await sink.drain()
        finally:
            sink.close()
