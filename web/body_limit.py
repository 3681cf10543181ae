"""Limits the length of request bodies by route, by the declared length or while the body is read."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.errors import HttpProblem, answer

KIBIBYTE: Final = 1024
MAX_BYTES: Final = 1024 * KIBIBYTE
"""The limit of ordinary routes. The largest requests name about 10,000 leads."""
BEFORE_SIGN_IN_BYTES: Final = 16 * KIBIBYTE
BEFORE_SIGN_IN: Final = ("/sign-in", "/api/v1/session")
"""Path prefixes that are open to everybody."""
_UPLOAD_BYTES: Final = 21 * 1024 * KIBIBYTE
UPLOADS: Final = dict.fromkeys(
    ("/api/v1/leads/lists", "/api/v1/uploads", "/api/v1/uploads/trial"), _UPLOAD_BYTES
) | dict.fromkeys(("/api/v1/directory/file", "/api/v1/directory/file/trial"), 3 * 1024 * KIBIBYTE)
"""Routes that take files: 20 MiB of leads or 2 MiB of a directory, and the form around the file."""
_ASKS_FIRST: Final = "100-continue"
"""The header Expect of a sender that sends no body before it is asked for it, such as curl from 1 MB on."""
MAX_DISCARDED: Final = 2 * MAX_BYTES
"""Bytes of a body that is too long which are read and thrown away, so that its sender can read the answer."""
DISCARD_SECONDS: Final = 5.0
"""The time limit of reading them."""


class BodyLimit:
    """Answers 413 to a body that is too long, without keeping any of it if its length is declared.

    A server that closes a connection with unread bytes resets it, and the reset can overtake the answer. The
    limiter therefore reads and discards the next bytes, at most `MAX_DISCARDED` in `DISCARD_SECONDS`. A sender that
    asks first whether it may send is told at once, and sends nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        has_credentials = "cookie" in headers or "authorization" in headers
        most = limit_of(scope["path"], has_credentials=has_credentials)
        length = headers.get("content-length", "")
        # A number with more digits than the limit is over the limit. The server rejects a length that is not a number.
        if length.isdecimal() and (len(length.lstrip("0")) > len(str(most)) or int(length) > most):
            if headers.get("expect", "").strip().lower() != _ASKS_FIRST:
                await _discard(receive)
            problem = HttpProblem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too-large",
                _limit_text(most),
                headers={"Connection": "close"},
            )
            await answer(Request(scope), problem)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                if message.get("more_body"):
                    await _discard(receive)
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _limit_text(most), {"Connection": "close"}
                )
            return message

        await self._app(scope, counted, send)


def limit_of(path: str, *, has_credentials: bool) -> int:
    """Return the most bytes of a request to a path. `has_credentials`: the request has credentials, valid or not."""
    if path in UPLOADS and has_credentials:
        return UPLOADS[path]
    return BEFORE_SIGN_IN_BYTES if path.startswith(BEFORE_SIGN_IN) else MAX_BYTES


async def _discard(receive: Receive) -> None:
    """Read the rest of a body and throw it away, until its end, `MAX_DISCARDED` bytes or `DISCARD_SECONDS`."""
    discarded = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while discarded < MAX_DISCARDED:
                message = await receive()
                if not message.get("more_body"):
                    return
                discarded += len(message.get("body", b""))
    except TimeoutError:
        return


def _limit_text(most: int) -> str:
    return f"body: has more than {most // KIBIBYTE} KiB"
