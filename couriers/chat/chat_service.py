"""Sends a message to a chat by apprise, and returns the chat's words (N3)."""

import asyncio
import logging
import re
import threading
from typing import Final
from urllib.parse import unquote

import apprise

APPRISE: Final = "apprise"
MAX_WORDS: Final = 300
SHORTEST_SECRET: Final = 3
"""A shorter part of an address is no secret, and may be a part of any word."""
logging.getLogger(APPRISE).propagate = False


class _Words(logging.Handler):
    """Collects what apprise says in one thread. It returns no reason of a failure in any other way."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record of this thread."""
        if record.thread == self._thread:
            self.messages.append(record.getMessage())


def is_address(url: str) -> bool:
    """Return whether apprise knows the kind of an address."""
    return apprise.Apprise.instantiate(url) is not None


async def post(url: str, title: str, body: str) -> tuple[bool, str]:
    """Send a message. Return whether the chat took it, and the chat's words."""
    return await asyncio.to_thread(_post, url, title, body)


def _post(url: str, title: str, body: str) -> tuple[bool, str]:
    logged = _Words()
    logger = logging.getLogger(APPRISE)
    logger.addHandler(logged)
    try:
        chat = apprise.Apprise.instantiate(url)
        if chat is None:
            return False, "its address is of no kind that apprise knows"
        is_taken = chat.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    finally:
        logger.removeHandler(logged)
    return bool(is_taken), " ".join(_masked(url, " ".join(logged.messages)).split())[:MAX_WORDS]


def _masked(url: str, text: str) -> str:
    """Return a chat's words without the parts of its address, any of which may be its secret. The host stays."""
    _, _, after_scheme = url.partition("://")
    account, _, host_and_path = after_scheme.rpartition("@")
    _, _, path = host_and_path.partition("/")
    parts = {
        part for part in re.split(r"[/?&=:@,]", unquote(f"{account}/{path}")) if len(part) >= SHORTEST_SECRET
    }
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "…")
    return text
