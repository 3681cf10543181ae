"""Sends encrypted messages to push services: RFC 8030, encrypted by RFC 8291, signed by RFC 8292 (N3)."""

import asyncio
import ssl
import time
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from py_vapid import Vapid02
from pywebpush import WebPusher, WebPushException

from couriers.push.push_messages import PushMessage
from couriers.push.settings import PushSettings
from models.errors import ConfigError
from models.push_subscription import PushSubscription

POST_SECONDS: Final = 8.0
"""How long a push service may take for one message."""
TOKEN_SECONDS: Final = 12 * 3_600
"""How long a signature is valid. RFC 8292 allows 24 hours."""
RENEWED_SECONDS: Final = TOKEN_SECONDS // 2
MAX_ORIGINS: Final = 100
MAX_WORDS: Final = 300
"""The most bytes of a push service's answer that are read."""
ENCODING: Final = "aes128gcm"


class PushResult(Enum):
    """What a push service did with a message: `GONE`: the browser takes no messages any more."""

    TAKEN = auto()
    GONE = auto()
    LATER = auto()
    REFUSED = auto()


class PushService:
    """Posts messages over a pool of connections. Use it in `async with`."""

    def __init__(self, settings: PushSettings, key: Vapid02) -> None:
        self._settings = settings
        self._key = key
        self._signatures: dict[str, tuple[dict[str, str], float]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool. Raises ConfigError if the authorities cannot be loaded."""
        try:
            context = ssl.create_default_context(cafile=self._settings.cafile)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError("FIRSTCLAIM_PUSH_CAFILE", f"cannot be loaded: {error}") from error
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=4 * self._settings.connections),
            timeout=aiohttp.ClientTimeout(total=POST_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def post(self, browser: PushSubscription, message: PushMessage) -> tuple[PushResult, str]:
        """Send a message to one browser. Return what became of it, and the push service's words."""
        if self._session is None:
            raise RuntimeError("the push service is not open")
        if not self._settings.trusts(browser.endpoint):
            return PushResult.REFUSED, "FIRSTCLAIM_PUSH_SERVICES does not name its push service"
        try:
            body = encrypt(browser, message.content)
        except (WebPushException, ValueError, TypeError, IndexError) as error:
            return PushResult.REFUSED, f"its keys are unusable: {error}"
        headers = {
            **self._signature(browser.endpoint),
            "TTL": str(message.ttl_seconds),
            "Urgency": message.urgency,
            "Topic": message.topic,
            "Content-Encoding": ENCODING,
            "Content-Type": "application/octet-stream",
        }
        try:
            async with self._session.post(
                browser.endpoint, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return _push_result(answer.status), f"{answer.status} {await _answer_text(answer)}".strip()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return PushResult.LATER, str(error) or repr(error)

    def _signature(self, endpoint: str) -> dict[str, str]:
        """Return the headers that show who sends, for the push service of an address."""
        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        now = time.time()
        signature = self._signatures.get(origin)
        if signature is None or signature[1] < now:
            if len(self._signatures) >= MAX_ORIGINS:
                self._signatures.clear()
            claims = {"aud": origin, "exp": int(now) + TOKEN_SECONDS, "sub": self._settings.contact}
            signature = (dict(self._key.sign(claims)), now + RENEWED_SECONDS)
            self._signatures[origin] = signature
        return signature[0]


def encrypt(browser: PushSubscription, content: bytes) -> bytes:
    """Return the content as only this browser can read it. Raises ValueError and others for unusable keys."""
    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    body: bytes = WebPusher({"endpoint": browser.endpoint, "keys": keys}).encode(content, ENCODING)["body"]
    return body


def host_of(browser: PushSubscription) -> str:
    """Return the push service of a browser."""
    return urlsplit(browser.endpoint).netloc


def _push_result(status: int) -> PushResult:
    if status in {200, 201, 202, 204}:
        return PushResult.TAKEN
    if status in {404, 410}:
        return PushResult.GONE
    if status in {408, 429} or status >= 500:  # noqa: PLR2004  # a fault of the service
        return PushResult.LATER
    return PushResult.REFUSED


async def _answer_text(answer: aiohttp.ClientResponse) -> str:
    read: Any = b""
    with suppress(aiohttp.ClientError, asyncio.TimeoutError):
        read = await answer.content.read(MAX_WORDS)
    return " ".join(read.decode(errors="replace").split()) or answer.reason or ""
