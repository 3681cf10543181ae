"""Hostile requests to every route of the console: none is answered 5xx, and its memory stays within bounds.

`python -m tests.fuzz.routes --requests 10000` runs the whole system and sends so many over sockets of its own, so that
also what no HTTP library would write is sent; the suite sends fewer. The same seed sends the same requests.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
from fastapi.routing import APIRoute

from assurance.load import EngineClient
from runtime.up import Everything, everything
from sink.engine import connect
from tests.fuzz.hostile import TEXTS, body, escaped
from tests.web.routes import routes
from web.app import build
from web.auth import SCOPES
from web.settings import WebSettings
from web.store.accounts import Account, Accounts
from web.store.sessions import Sessions
from web.store.tokens import Tokens

ORG: Final = "fuzzed"
AT_ONCE: Final = 8
ANSWER_SECONDS: Final = 60.0
"""A request that is not answered for so long on a busy machine has hung."""
READ_BYTES: Final = 4_000
HOW_OFTEN_NEW_SESSION: Final = 200
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


@dataclass
class Outcome:
    """What became of the requests. `failures`: answers of 5xx, hangs and connections that broke, with the request."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    peak_before_kb: int = 0
    peak_after_kb: int = 0

    @property
    def grown_mb(self) -> float:
        """By how much the console's largest memory has grown."""
        return (self.peak_after_kb - self.peak_before_kb) / 1024


class Requests:
    """Draws requests to every route in turn."""

    def __init__(self, seed: int, tokens: list[bytes]) -> None:
        self._random = Random(seed)
        self._tokens = tokens
        self.session = (b"", b"")
        self._document = build(None).openapi()  # type: ignore[arg-type]  # nothing is asked of it
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
        lines += self._who()
        if random.random() < 0.4:
            lines += [b"Accept: text/html" if random.random() < 0.5 else b"Accept: application/json"]
        if sent or method in ("POST", "PUT"):
            kind = b"application/json" if random.random() < 0.8 else random.choice(CONTENT_TYPES)
            lines += [b"Content-Type: " + kind, b"Content-Length: " + str(len(sent)).encode()]
        for _ in range(random.choice((0, 0, 1, 2))):
            value = random.choice(TEXTS).replace(b"\r", b"").replace(b"\n", b"")
            lines.append(random.choice(HEADERS) + b": " + value)
        return b"\r\n".join(lines) + b"\r\n\r\n" + sent

    def _who(self) -> list[bytes]:
        cookie, csrf = self.session
        match self._random.randrange(10):
            case 0:
                return []
            case 1:
                return [b"Authorization: Bearer " + self._random.choice(TEXTS).replace(b"\r\n", b"")]
            case 2 | 3:
                return [b"Cookie: firstclaim_session=" + cookie, b"X-CSRF-Token: " + csrf]
            case 4:
                wrong = self._random.choice(TEXTS).replace(b"\r\n", b"")
                return [b"Cookie: firstclaim_session=" + cookie, b"X-CSRF-Token: " + wrong]
            case _:
                return [b"Authorization: Bearer " + self._random.choice(self._tokens)]

    def _path(self, route: APIRoute) -> bytes:
        parts = []
        for part in route.path.split("/"):
            hostile = escaped(self._random.choice(TEXTS))
            parts.append(hostile if part.startswith("{") else part.encode())
        return b"/".join(parts)

    def _query(self, route: APIRoute | None) -> bytes:
        names = [] if route is None else [one.alias for one in route.dependant.query_params]
        count = self._random.choice((0, 0, 1, 2, 3))
        chosen = [self._random.choice((*names, *names, *WORDS)) for _ in range(count)]
        pairs = (name.encode() + b"=" + escaped(self._random.choice(TEXTS)) for name in chosen)
        found = b"&".join(pairs)
        return b"?" + found if found else b""

    def _schema(self, route: APIRoute | None, method: str) -> dict[str, Any]:
        if route is None:
            return {}
        path = route.path.replace(":path}", "}")
        asked = self._document["paths"].get(path, {}).get(method.lower(), {}).get("requestBody", {})
        content: dict[str, Any] = next(iter(asked.get("content", {}).values()), {})
        schema: dict[str, Any] = content.get("schema", {})
        return schema


async def send(port: int, request: bytes) -> tuple[int, bytes]:
    """Return the status of the answer and its first bytes; status 0 for a connection that was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        head = b""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        more = b""
        if status and status[0].startswith(b"5"):
            with contextlib.suppress(ConnectionError):
                more = await reader.read(READ_BYTES)
        return (int(status[0]) if status else 0), head + more
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def attack(stack: Everything, count: int, seed: int, say: Callable[[str], None]) -> Outcome:
    """Send `count` requests, `AT_ONCE` at a time, and return what became of them."""
    store = connect(WebSettings.read(state_dir=stack.settings.state_dir).console_database_url)
    accounts, sessions, tokens = Accounts(store), Sessions(store), Tokens(store)
    who = [("boss", "admin"), ("admin-1", "admin"), ("manager-1", "manager"), ("rep-1", "rep")]
    async with EngineClient(stack.settings) as client:
        client.org = ORG
        for rep_id, role in who:
            await client.publish("rep", rep_id, {"rep_id": rep_id, "role": role, "name": rep_id})
    issued = [tokens.issue(ORG, rep_id, "fuzz", SCOPES, by="fuzz")[0].encode() for rep_id, _ in who[1:]]
    boss = tokens.issue(ORG, "boss", "fuzz", SCOPES, by="fuzz")[0].encode()
    port, requests = stack.ports["console"], Requests(seed, [*issued, boss])
    async with (
        asyncio.timeout(ANSWER_SECONDS),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as asked,
    ):
        for token in issued:
            while (
                await asked.get("/api/v1/me", headers={"authorization": f"Bearer {token.decode()}"})
            ).is_error:
                await asyncio.sleep(0.05)
    pid = stack.children["console"].pid
    outcome = Outcome(peak_before_kb=_peak_kb(pid))

    async def one(request: bytes) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, said = await send(port, request)
        except (TimeoutError, OSError) as error:
            say(f"{error!r}: {request[:400]!r}")
            outcome.failures.append(f"{error!r}: {request[:400]!r}")
            return
        outcome.statuses[status] += 1
        if status >= 500 or status == 0:
            outcome.failures.append(f"{status}: {request[:600]!r} … {request[-100:]!r} -> {said[-400:]!r}")
        elif b"x-content-type-options: nosniff" not in said.lower():
            outcome.unsafe.append(f"{status}: {request[:200]!r} -> {said!r}")

    for number in _batches(count):
        if number % HOW_OFTEN_NEW_SESSION == 0:
            say(f"{number} of {count} sent, {len(outcome.failures)} failures")
            account = Account(email=f"boss@{ORG}.example", org=ORG, rep_id="boss", role="admin")
            accounts.put(account, None)
            secret, session = sessions.begin(account)
            requests.session = (secret.encode(), session.csrf.encode())
        batch = [requests.draw(each) for each in range(number, min(number + AT_ONCE, count))]
        await asyncio.gather(*map(one, batch))
    if stack.children["console"].pid != pid:
        outcome.failures.append("the console has ended and was started again")
    outcome.peak_after_kb = _peak_kb(stack.children["console"].pid)
    store.dispose()
    return outcome


def _batches(count: int) -> Iterator[int]:
    return iter(range(0, count, AT_ONCE))


def _peak_kb(pid: int | None) -> int:
    """Return the largest memory that a process has ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def main() -> int:
    """Run the system, attack its console, print what became of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-fuzz-") as folder,
        everything(workers=1, state_dir=Path(folder), say=say, console_port=0) as stack,
    ):
        outcome = asyncio.run(attack(stack, given.requests, given.seed, say))
        if outcome.failures:
            say((Path(folder) / "log" / "console.log").read_text(errors="replace")[-20_000:])
    for failure in outcome.failures[:40]:
        say(failure)
    for unsafe in outcome.unsafe[:10]:
        say(f"without headers of safety: {unsafe}")
    result = {
        "requests": given.requests,
        "seed": given.seed,
        "statuses": dict(sorted(outcome.statuses.items())),
        "failures": len(outcome.failures),
        "without_safety_headers": len(outcome.unsafe),
        "console_peak_mb": round(outcome.peak_after_kb / 1024, 1),
        "console_grown_mb": round(outcome.grown_mb, 1),
    }
    sys.stdout.write(f"{json.dumps(result)}\n")
    return 1 if outcome.failures or outcome.unsafe else 0


if __name__ == "__main__":
    sys.exit(main())
