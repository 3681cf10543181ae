"""Passwords are hashed in a few threads of their own: guesses hold up neither pages nor the rest of the console."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final, TypeVar

from web.errors import Problem

T = TypeVar("T")

THREADS: Final = 2
"""A hash takes 64 MiB and some 50 ms of a core."""
MOST: Final = 64
MOST_OF_A_HOST: Final = 32
"""Hashes that wait or run, in all and for one host: who has many does not take the others' place."""


class HashPool:
    """The threads, and who waits for them. Use it from one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hash")
        self._waiting: Counter[str] = Counter()

    async def run(self, host: str, work: Callable[[], T]) -> T:
        """Run work that hashes, for somebody at a host; raises 503 with Retry-After where too many wait."""
        if self._waiting.total() >= MOST or self._waiting[host] >= MOST_OF_A_HOST:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "busy",
                "too many people sign in at this moment; try again in 2 s",
                headers={"Retry-After": "2"},
            )
        self._waiting[host] += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(lambda _: self._done(host))
        return await future

    def _done(self, host: str) -> None:
        # When the work is over, not when its asker is gone: a client that hangs up still holds its place.
        self._waiting[host] -= 1
        if not self._waiting[host]:
            del self._waiting[host]

    def close(self) -> None:
        """End the threads; what waits is not done any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
