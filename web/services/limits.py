"""Limits rates, so that no client can block the console for others."""

from collections import OrderedDict
from http import HTTPStatus
from time import monotonic
from typing import Final

import msgspec

from web.errors import HttpProblem

KEPT: Final = 10_000


class TokenBucket(msgspec.Struct):
    """The tokens that one name has left, and when that was so."""

    left: float
    at: float


class RateLimit:
    """Allows each name `burst` requests at once and `per_second` on average. It keeps the most recently used names."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._rate, self._burst = per_second, burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one token. Return 0, or the seconds to wait."""
        now = monotonic()
        bucket = self._buckets.pop(name, None) or TokenBucket(self._burst, now)
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        self._buckets[name] = bucket
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return (1 - bucket.left) / self._rate
        bucket.left -= 1
        return 0.0


def check(limit: RateLimit, name: str) -> None:
    """Raise 429 with the time to wait if the limit is reached."""
    wait = limit.take(name)
    if wait:
        raise too_often(wait)


def too_often(wait_seconds: float) -> HttpProblem:
    """Return the 429 error with the time to wait."""
    seconds = str(int(wait_seconds) + 1)
    return HttpProblem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too-many-requests",
        f"too often; try again in {seconds} s",
        headers={"Retry-After": seconds},
    )
