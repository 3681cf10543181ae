"""Holds all requests of a channel while its provider is down, so that an outage costs one attempt at a time (N1)."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from streams.retries import PROVIDER_DOWN


class ProviderGate:
    """Open while the provider answers. While it is down, one request at a time tries it, after growing pauses.

    `news` is called with the reason when the provider goes down, and with None when it answers again.
    """

    def __init__(self, news: Callable[[str | None], None] = lambda _: None) -> None:
        self._news = news
        self._pauses = PROVIDER_DOWN.pauses()
        self._closed_until = 0.0
        self._down = False
        self._probe = asyncio.Lock()

    @property
    def down(self) -> bool:
        """Whether the last attempt found the provider down."""
        return self._down

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the provider may be tried. While it is down, one caller at a time is let in."""
        if not self._down:
            yield
            return
        async with self._probe:
            if self._down:
                await asyncio.sleep(self._closed_until - asyncio.get_running_loop().time())
            yield

    def failed(self, reason: str) -> None:
        """Close the gate for the next pause, with up to half of it added at random."""
        now = asyncio.get_running_loop().time()
        if self._down and now < self._closed_until:
            return  # attempts that began before the gate closed
        if not self._down:
            self._pauses = PROVIDER_DOWN.pauses()
        pause = next(self._pauses)
        self._closed_until = now + pause * random.uniform(1.0, 1.5)  # noqa: S311  # jitter
        self._down = True
        self._news(reason)

    def answered(self) -> None:
        """Open the gate."""
        if self._down:
            self._down = False
            self._news(None)
