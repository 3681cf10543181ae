"""No request's body is longer than its route takes: known by its length before it is read, or while it is read."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.errors import Problem, answer

KIBIBYTE: Final = 1024
MOST_BYTES: Final = 1024 * KIBIBYTE
"""What any route takes; the largest of ours name some 10,000 leads."""
BEFORE_SIGN_IN_BYTES: Final = 16 * KIBIBYTE
BEFORE_SIGN_IN: Final = ("/sign-in", "/api/v1/session")
"""What everybody may send to."""
UPLOADS: Final = {"/api/v1/leads/lists": 21 * 1024 * KIBIBYTE}
"""Routes that take files: 20 MiB and the form around it."""


class BodyLimit:
    """Answers 413 to a body that is too long, without reading it where its length is given."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        known = "cookie" in headers or "authorization" in headers
        most = limit_of(scope["path"], known=known)
        length = headers.get("content-length", "")
        # Longer numerals than this are more than any limit; servers have refused what is no number.
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
    """Return how many bytes a request to a path may send. `known`: it says who it is, true or not."""
    if path in UPLOADS and known:
        return UPLOADS[path]
    return BEFORE_SIGN_IN_BYTES if path.startswith(BEFORE_SIGN_IN) else MOST_BYTES


def _said(most: int) -> str:
    return f"body: has more than {most // KIBIBYTE} KiB"
