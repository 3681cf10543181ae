"""Sends a message to a chat by apprise, and returns the chat's words (N3)."""

import asyncio
import logging
import threading
from typing import Final

import apprise

APPRISE: Final = "apprise"
MOST_WORDS: Final = 300
logging.getLogger(APPRISE).propagate = False


class _Words(logging.Handler):
    """Collects what apprise says in one thread. It returns no reason of a failure in any other way."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record of this thread."""
        if record.thread == self._thread:
            self.said.append(record.getMessage())


def is_address(url: str) -> bool:
    """Return whether apprise knows the kind of an address."""
    return apprise.Apprise.instantiate(url) is not None


async def post(url: str, title: str, body: str) -> tuple[bool, str]:
    """Send a message. Return whether the chat took it, and the chat's words."""
    return await asyncio.to_thread(_post, url, title, body)


def _post(url: str, title: str, body: str) -> tuple[bool, str]:
    words = _Words()
    logger = logging.getLogger(APPRISE)
    logger.addHandler(words)
    try:
        chat = apprise.Apprise.instantiate(url)
        if chat is None:
            return False, "its address is of no kind that apprise knows"
        taken = chat.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    finally:
        logger.removeHandler(words)
    return bool(taken), " ".join(" ".join(words.said).split())[:MOST_WORDS]
