"""Bounds how many files of leads are read at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from web.errors import HttpProblem

MAX_TRANSFERS: Final = 2
"""The most files that are read or sent at a time in a process. Each takes a thread and a connection."""
RETRY_SECONDS: Final = 5


class Uploading:
    """Who is uploading in this process. Use it from one event loop."""

    def __init__(self) -> None:
        self._running: set[tuple[str, str]] = set()

    def begin(self, uploader: tuple[str, str]) -> None:
        """Count a file of a person (org and rep id). Raises 429 if the person has one already, or too many are read."""
        if uploader in self._running or len(self._running) >= MAX_TRANSFERS:
            own = "a file of yours is" if uploader in self._running else f"{MAX_TRANSFERS} files are"
            detail = f"{own} being read; try again when that is done"
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise HttpProblem(HTTPStatus.TOO_MANY_REQUESTS, "uploading", detail, headers=headers)
        self._running.add(uploader)

    def end(self, uploader: tuple[str, str]) -> None:
        """Count it as ended."""
        self._running.discard(uploader)

    @contextmanager
    def one(self, uploader: tuple[str, str]) -> Iterator[None]:
        """Read one file inside of this. Raises as `begin` does."""
        self.begin(uploader)
        try:
            yield
        finally:
            self.end(uploader)
