"""Hashes passwords in a few separate threads, so that sign-in attempts do not slow down the rest of the console."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final, TypeVar

from web.errors import HttpProblem

T = TypeVar("T")

THREADS: Final = 2
"""The number of threads. A hash takes 64 MiB and about 50 ms of a core."""
MAX_WAITING: Final = 64
MAX_OF_A_HOST: Final = 32
"""The most hashes that wait or run: in total, and for one host. One host cannot use all places."""


class HashPool:
    """The threads and their waiting work. Use it from one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hash")
        self._waiting: Counter[str] = Counter()

    async def run(self, host: str, work: Callable[[], T]) -> T:
        """Run hashing work on behalf of a host. Raises 503 with Retry-After if too many are waiting."""
        if self._waiting.total() >= MAX_WAITING or self._waiting[host] >= MAX_OF_A_HOST:
            raise HttpProblem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "busy",
                "too many people sign in at this moment; try again in 2 s",
                headers={"Retry-After": "2"},
            )
        self._waiting[host] += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(lambda _: self._release(host))
        return await future

    def _release(self, host: str) -> None:
        # The place is freed when the work ends, not when the client disconnects.
        self._waiting[host] -= 1
        if not self._waiting[host]:
            del self._waiting[host]

    def close(self) -> None:
        """Stop the threads and cancel waiting work."""
        self._threads.shutdown(wait=False, cancel_futures=True)
