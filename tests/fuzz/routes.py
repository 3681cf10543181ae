"""Sends hostile requests to every route of the console. No answer may be 5xx, and the memory must stay within bounds.

`python -m tests.fuzz.routes --requests 10000` runs the whole system and sends this number of requests over its own
sockets. So it can send bytes that no HTTP library would write. The suite sends fewer. The same seed sends the same
requests.
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
from typing import Final

import httpx

from assurance.load import LoadClient
from runtime.up import RunningStack, everything
from sink.database_engine import connect
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.fuzz.hostile_requests import Requests
from web.auth import SCOPES
from web.settings import WebSettings
from web.store.account import Account
from web.store.accounts import Accounts
from web.store.sessions import Sessions
from web.store.tokens import Tokens

ORG: Final = "fuzzed"
AT_ONCE: Final = 8
ANSWER_SECONDS: Final = 60.0
"""A request without an answer after this time has hung, even on a busy machine."""
READ_BYTES: Final = 4_000
HOW_OFTEN_NEW_SESSION: Final = 200


@dataclass
class Outcome:
    """The outcome of the requests. `failures`: answers of 5xx, hangs and broken connections, each with its request."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    peak_before_kb: int = 0
    peak_after_kb: int = 0

    @property
    def grown_mb(self) -> float:
        """The growth of the console's peak memory."""
        return (self.peak_after_kb - self.peak_before_kb) / 1024


async def send(port: int, request: bytes) -> tuple[int, bytes]:
    """Return the status of the answer and its first bytes; status 0 if the connection closed without an answer."""
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


async def attack(stack: RunningStack, count: int, seed: int, say: Callable[[str], None]) -> Outcome:
    """Send `count` requests, `AT_ONCE` at a time, and return their outcome."""
    store = connect(WebSettings.read(state_dir=stack.settings.state_dir).console_database_url)
    accounts, sessions, tokens = Accounts(store), Sessions(store), Tokens(store)
    people = [("boss", "admin"), ("admin-1", "admin"), ("manager-1", "manager"), ("rep-1", "rep")]
    async with LoadClient(stack.settings) as client:
        client.org = ORG
        for rep_id, role in people:
            await client.publish("rep", rep_id, {"rep_id": rep_id, "role": role, "name": rep_id})
    issued = [tokens.issue(ORG, rep_id, "fuzz", SCOPES, by="fuzz")[0].encode() for rep_id, _ in people[1:]]
    boss = tokens.issue(ORG, "boss", "fuzz", SCOPES, by="fuzz")[0].encode()
    port, requests = stack.ports["console"], Requests(seed, [*issued, boss])
    async with (
        asyncio.timeout(ANSWER_SECONDS),
        httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=f"http://127.0.0.1:{port}") as console,
    ):
        for token in issued:
            while (
                await console.get("/api/v1/me", headers={"authorization": f"Bearer {token.decode()}"})
            ).is_error:
                await asyncio.sleep(0.05)
    pid = stack.children["console"].pid
    outcome = Outcome(peak_before_kb=_peak_kb(pid))

    async def send_request(request: bytes) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, body = await send(port, request)
        except (TimeoutError, OSError) as error:
            say(f"{error!r}: {request[:400]!r}")
            outcome.failures.append(f"{error!r}: {request[:400]!r}")
            return
        outcome.statuses[status] += 1
        if status >= 500 or status == 0:
            outcome.failures.append(f"{status}: {request[:600]!r} … {request[-100:]!r} -> {body[-400:]!r}")
        elif b"x-content-type-options: nosniff" not in body.lower():
            outcome.unsafe.append(f"{status}: {request[:200]!r} -> {body!r}")

    for number in _batches(count):
        if number % HOW_OFTEN_NEW_SESSION == 0:
            say(f"{number} of {count} sent, {len(outcome.failures)} failures")
            account = Account(email=f"boss@{ORG}.example", org=ORG, rep_id="boss", role="admin")
            accounts.put(account, None)
            secret, session = sessions.begin(account)
            requests.session = (secret.encode(), session.csrf.encode())
        batch = [requests.draw(index) for index in range(number, min(number + AT_ONCE, count))]
        await asyncio.gather(*map(send_request, batch))
    if stack.children["console"].pid != pid:
        outcome.failures.append("the console has ended and was started again")
    outcome.peak_after_kb = _peak_kb(stack.children["console"].pid)
    store.dispose()
    return outcome


def _batches(count: int) -> Iterator[int]:
    return iter(range(0, count, AT_ONCE))


def _peak_kb(pid: int | None) -> int:
    """Return the peak memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def main() -> int:
    """Run the system, attack its console, print the outcome, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-fuzz-") as folder,
        everything(workers=1, state_dir=Path(folder), say=say, console_port=0) as stack,
    ):
        outcome = asyncio.run(attack(stack, options.requests, options.seed, say))
        if outcome.failures:
            say((Path(folder) / "log" / "console.log").read_text(errors="replace")[-20_000:])
    for failure in outcome.failures[:40]:
        say(failure)
    for unsafe in outcome.unsafe[:10]:
        say(f"without headers of safety: {unsafe}")
    result = {
        "requests": options.requests,
        "seed": options.seed,
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
