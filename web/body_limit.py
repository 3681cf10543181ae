"""Limits the length of request bodies by route, by the declared length or while the body is read."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.errors import Problem, answer

KIBIBYTE: Final = 1024
MOST_BYTES: Final = 1024 * KIBIBYTE
"""The limit of ordinary routes. The largest requests name about 10,000 leads."""
BEFORE_SIGN_IN_BYTES: Final = 16 * KIBIBYTE
BEFORE_SIGN_IN: Final = ("/sign-in", "/api/v1/session")
"""Path prefixes that are open to everybody."""
UPLOADS: Final = {"/api/v1/leads/lists": 21 * 1024 * KIBIBYTE}
"""Routes that take files: 20 MiB and the form around the file."""


class BodyLimit:
    """Answers 413 to a body that is too long. It does not read the body if its length is declared."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        known = "cookie" in headers or "authorization" in headers
        most = limit_of(scope["path"], known=known)
        length = headers.get("content-length", "")
        # A number with more digits than the limit is over the limit. The server rejects a length that is not a number.
        if length.isdecimal() and (len(length.lstrip("0")) > len(str(most)) or int(length) > most):
            problem = Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", _said(most), headers={"Connection": "close"}
            )
            await answer(Request(scope), problem)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _said(most), {"Connection": "close"})
            return message

        await self._app(scope, counted, send)


def limit_of(path: str, *, known: bool) -> int:
    """Return the most bytes of a request to a path. `known`: the request has credentials, valid or not."""
    if path in UPLOADS and known:
        return UPLOADS[path]
    return BEFORE_SIGN_IN_BYTES if path.startswith(BEFORE_SIGN_IN) else MOST_BYTES


def _said(most: int) -> str:
    return f"body: has more than {most // KIBIBYTE} KiB"
