"""Adds the security headers to every response, including errors, static files and unparsable requests."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS_NAME: Final = "Strict-Transport-Security"
HSTS: Final = "max-age=31536000; includeSubDomains"
"""Makes browsers use only https for this host for a year. Sent only over https: browsers ignore it over http."""


def with_headers(scope: Scope, send: Send, *, https: bool) -> Send:
    """Return a `send` that adds missing security headers. `https`: browsers reach the console by https."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if https or scope.get("scheme") == "https":
                headers.setdefault(HSTS_NAME, HSTS)
            if not scope["path"].startswith("/static/") or message["status"] != HTTPStatus.OK:
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return guarded


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol. Its response to an unparsable request also has the security headers."""

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close the connection."""
        body = msg.encode("ascii", "replace")
        headers = {
            "content-type": "text/plain; charset=utf-8",
            "content-length": str(len(body)),
            "cache-control": "no-store",
            "connection": "close",
            **HEADERS,
        }
        lines = [
            b"HTTP/1.1 400 Bad Request",
            *(f"{name}: {value}".encode() for name, value in headers.items()),
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
