"""Sends hostile requests as bytes to every page and API route, drawn from a seed."""

from random import Random
from typing import Any, Final

from fastapi.routing import APIRoute

from tests.fuzz.hostile import NOBODY, TEXTS, body, escape
from tests.web.routes import routes
from web.app import build

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")
OTHER_PATHS: Final = (
    b"/health",
    b"/ready",
    b"/metrics",
    b"/static/css/console.css",
    b"/static/../../etc/passwd",
    b"/static/%00",
    b"/static/" + b"a" * 3_000,
    b"/%ff%fe",
    b"//host/",
    b"/api/v1/openapi.json",
    b"*",
)
KNOWN: Final = (
    NOBODY,
    b"rep-1",
    b"manager-1",
    b"rep",
    b"group",
    b"campaign",
    b"settings",
    b"queue",
    b"new",
    b"state",
)
"""Existing values for parts of a path, so that requests get further than the path."""
OFTEN_KNOWN: Final = 0.6
WORDS: Final = (
    "limit",
    "cursor",
    "sort",
    "search",
    "name",
    "next",
    "segment",
    "after",
    "watch",
    "queue",
    "dry_run",
)
HEADERS: Final = (
    b"If-Match",
    b"Idempotency-Key",
    b"Last-Event-ID",
    b"X-CSRF-Token",
    b"Origin",
    b"Sec-Fetch-Site",
    b"Accept",
    b"Host",
    b"X-Forwarded-For",
    b"X-Forwarded-Proto",
    b"HX-Request",
    b"Range",
    b"If-None-Match",
    b"If-Modified-Since",
    b"Expect",
    b"Content-Encoding",
)
CONTENT_TYPES: Final = (
    b"application/json",
    b"application/json; charset=utf-16",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=x",
    b"multipart/form-data",
    b"text/plain",
    b"\xff",
)


class Requests:
    """Draws requests to every route in turn."""

    def __init__(self, seed: int, tokens: list[bytes]) -> None:
        self._random = Random(seed)
        self._tokens = tokens
        self.session = (b"", b"")
        self._document = build(None).openapi()  # type: ignore[arg-type]  # nothing calls it
        self._components = self._document["components"]["schemas"]
        self._routes: list[tuple[str, APIRoute | None]] = [(method, route) for method, route, _ in routes()]
        self._routes += [("GET", None)] * 3

    def draw(self, number: int) -> bytes:
        """Return a request as bytes."""
        random = self._random
        method, route = self._routes[number % len(self._routes)]
        path = random.choice(OTHER_PATHS) if route is None else self._path(route)
        schema = self._schema(route, method)
        if random.random() < 0.1:
            method = random.choice(METHODS)
        query = self._query(route)
        sent = (
            body(random, schema, self._components)
            if method not in ("GET", "HEAD") or random.random() < 0.05
            else b""
        )
        lines = [
            method.encode() + b" " + path + query + b" HTTP/1.1",
            b"Host: 127.0.0.1",
            b"Connection: close",
        ]
        lines += self._credentials()
        if random.random() < 0.4:
            lines += [b"Accept: text/html" if random.random() < 0.5 else b"Accept: application/json"]
        if sent or method in ("POST", "PUT"):
            kind = b"application/json" if random.random() < 0.8 else random.choice(CONTENT_TYPES)
            lines += [b"Content-Type: " + kind, b"Content-Length: " + str(len(sent)).encode()]
        for _ in range(random.choice((0, 0, 1, 2))):
            value = random.choice(TEXTS).replace(b"\r", b"").replace(b"\n", b"")
            lines.append(random.choice(HEADERS) + b": " + value)
        return b"\r\n".join(lines) + b"\r\n\r\n" + sent

    def _credentials(self) -> list[bytes]:
        cookie, csrf = self.session
        match self._random.randrange(10):
            case 0:
                return []
            case 1:
                return [b"Authorization: Bearer " + self._random.choice(TEXTS).replace(b"\r\n", b"")]
            case 2 | 3:
                return [b"Cookie: firstclaim_session=" + cookie, b"X-CSRF-Token: " + csrf]
            case 4:
                bad_token = self._random.choice(TEXTS).replace(b"\r\n", b"")
                return [b"Cookie: firstclaim_session=" + cookie, b"X-CSRF-Token: " + bad_token]
            case _:
                return [b"Authorization: Bearer " + self._random.choice(self._tokens)]

    def _path(self, route: APIRoute) -> bytes:
        parts = []
        for part in route.path.split("/"):
            is_known = self._random.random() < OFTEN_KNOWN
            segment = self._random.choice(KNOWN) if is_known else escape(self._random.choice(TEXTS))
            parts.append(segment if part.startswith("{") else part.encode())
        return b"/".join(parts)

    def _query(self, route: APIRoute | None) -> bytes:
        names = [] if route is None else [parameter.alias for parameter in route.dependant.query_params]
        count = self._random.choice((0, 0, 1, 2, 3))
        chosen = [self._random.choice((*names, *names, *WORDS)) for _ in range(count)]
        pairs = (name.encode() + b"=" + escape(self._random.choice(TEXTS)) for name in chosen)
        query = b"&".join(pairs)
        return b"?" + query if query else b""

    def _schema(self, route: APIRoute | None, method: str) -> dict[str, Any]:
        if route is None:
            return {}
        path = route.path.replace(":path}", "}")
        request_body = self._document["paths"].get(path, {}).get(method.lower(), {}).get("requestBody", {})
        content: dict[str, Any] = next(iter(request_body.get("content", {}).values()), {})
        schema: dict[str, Any] = content.get("schema", {})
        return schema
