"""Erases persons from the console: an org erases one person at a time, and sees its newest receipts."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from application.erasure.receipts import read_receipts
from models.public import ErasureReceipt
from streams.settings import Settings
from web.errors import HttpProblem

MAX_RUNNING: Final = 4
"""The most erasures that run at a time in a process. Each reads the org's journal and the dead letters."""
RETRY_SECONDS: Final = 5
NEWEST: Final = 500
"""How many receipts are listed."""


class RunningErasures:
    """The orgs for which an erasure runs in this process. Use it from one event loop."""

    def __init__(self) -> None:
        self._orgs: set[str] = set()

    @contextmanager
    def one(self, org: str) -> Iterator[None]:
        """Erase a person of an org inside of this. Raises 429 if one is being erased, or too many in other orgs."""
        if org in self._orgs or len(self._orgs) >= MAX_RUNNING:
            detail = "a person is being erased: try again when that is done"
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise HttpProblem(HTTPStatus.TOO_MANY_REQUESTS, "erasing", detail, headers=headers)
        self._orgs.add(org)
        try:
            yield
        finally:
            self._orgs.discard(org)


async def newest_receipts(settings: Settings, org: str) -> list[ErasureReceipt]:
    """Return an org's newest receipts, newest first. Raises `RetryableError`."""
    receipts = await read_receipts(settings, org)
    return receipts[: -NEWEST - 1 : -1]
