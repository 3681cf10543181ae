"""Keeps what was read a moment ago, so that more pages cause no more database load."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

KEPT: Final = 100
"""The most answers that are kept. The ones read longest ago are forgotten first."""


class ShortCache:
    """Answers by org and name. Requests for an answer that is being read wait for it."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[str, str], tuple[float, Any]] = OrderedDict()
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def get(self, org: str, name: str, seconds: float, read: Callable[[], Awaitable[Any]]) -> Any:
        """Return what was read in the last `seconds`, or read it again."""
        key = (org, name)
        async with self._locks.setdefault(key, asyncio.Lock()):
            at, recent = self._cache.get(key, (0.0, None))
            if recent is not None and monotonic() - at < seconds:
                return recent
            value = await read()
            self._cache[key] = (monotonic(), value)
            self._cache.move_to_end(key)
            while len(self._cache) > KEPT:
                forgotten, _ = self._cache.popitem(last=False)
                self._locks.pop(forgotten, None)
            return value
