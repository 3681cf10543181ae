"""Runs the system for measurements of the console: a whole stack in a temporary folder, and a separate org."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from assurance.load import LoadClient
from bench.testbed import Say, ends_in_order
from models.errors import StartFailed
from models.ids import lead_id
from runtime.own_folder import own_folder
from runtime.up import RunningStack, everything
from sink.database_engine import connect
from streams.topics import LEAD_ARRIVALS
from web.settings import WebSettings
from web.store.account import Account
from web.store.accounts import Accounts
from web.store.sessions import Sessions
from web.store.tokens import Tokens

QUEUE_ID: Final = "new"
MANAGER: Final = "mia"
RARE: Final = "Quixote"
"""The last name of one lead in a thousand, and of at least one."""
COMMON: Final = "Jones"
_ONE_IN: Final = 1_000
_FIRSTS: Final = ("Ana", "Bo", "Cy", "Dina", "Ed", "Fatima", "Gus", "Hal", "Ivy", "Jeremy", "Wei")
_LASTS: Final = (COMMON, "Silva", "Li", "Moswell", "Newman", "Rowe", "Snow")
_STATES: Final = ("RI", "MA", "CA", "NY", "TX", "FL")
_QUEUE: Final[Mapping[str, Any]] = {
    "queue_id": QUEUE_ID,
    "name": "New leads",
    "description": "Nobody has them yet",
    "claimable": True,
    "columns": ["state", "loan_amount"],
    "inclusion": {"combinator": "and", "rules": [{"field": "owned", "operator": "=", "value": False}]},
    "sort": {"field": "loan_amount", "direction": "desc"},
}
_AT_ONCE: Final = 1_000
"""The maximum of leads being sent to the broker."""
_LOOK_SECONDS: Final = 0.1
STALL_SECONDS: Final = 60.0
"""If nothing changes for this long, the measurement has failed."""


class ConsoleTestbed:
    """The running stack and one org on it. `http` requests the console's API by path."""

    def __init__(self, stack: RunningStack, client: LoadClient, http: aiohttp.ClientSession) -> None:
        self.stack, self.client, self.http = stack, client, http
        self.org = client.org
        web = WebSettings.read(state_dir=stack.settings.state_dir)
        store = connect(web.console_database_url)
        self.accounts, self.sessions, self.tokens = Accounts(store), Sessions(store), Tokens(store)
        self.sent = 0

    @property
    def url(self) -> str:
        """The address of the console."""
        return address(self.stack)

    def token(self, rep_id: str) -> dict[str, str]:
        """Return the headers of a program that acts as a rep."""
        scopes = {"queues:read", "leads:read", "leads:act", "exceptions:read"}
        secret, _ = self.tokens.issue(self.org, rep_id, "bench", scopes, by="bench")
        return {"authorization": f"Bearer {secret}"}

    def signed_in(self, rep_id: str) -> str:
        """Return the cookie of a signed-in rep. The account's address is unique."""
        role = "manager" if rep_id == MANAGER else "rep"
        account = Account(email=f"{rep_id}@{self.org}.example", org=self.org, rep_id=rep_id, role=role)
        self.accounts.put(account, None)
        return self.sessions.begin(account)[0]

    async def publish(self, reps: Sequence[str]) -> None:
        """Publish these reps, a manager, and a claimable queue of all leads without owner, the largest loan first."""
        people = dict.fromkeys(reps, "rep") | {MANAGER: "manager"}
        async with asyncio.TaskGroup() as group:
            group.create_task(self.client.publish("queue", QUEUE_ID, _QUEUE))
            for rep_id, role in people.items():
                value = {"rep_id": rep_id, "name": rep_id.title(), "role": role}
                group.create_task(self.client.publish("rep", rep_id, value))
        manager = self.token(MANAGER)
        await self.until(f"/api/v1/queues/{QUEUE_ID}/leads?limit=1", manager, lambda _: True)
        for rep_id in reps:
            await self.until("/api/v1/me", self.token(rep_id), lambda _: True)

    async def send(self, count: int) -> list[str]:
        """Send `count` more leads as fast as Kafka accepts them; return their ids once they are durable."""
        ids, waiting = list[str](), list[asyncio.Future[Any]]()
        first, self.sent = self.sent, self.sent + count
        for n in range(first, first + count):
            lead = self._lead(n)
            ids.append(lead_id(self.org, lead["vendor"], lead["external_id"], lead))
            waiting.append(await self.client.put(LEAD_ARRIVALS, msgspec.json.encode(lead)))
            if len(waiting) == _AT_ONCE:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
        return ids

    def _lead(self, n: int) -> dict[str, Any]:
        last = RARE if n % _ONE_IN == 0 else _LASTS[n % len(_LASTS)]
        return {
            "vendor": "acme",
            "external_id": f"B-{n}",
            "org": self.org,
            "first_name": _FIRSTS[n % len(_FIRSTS)],
            "last_name": last,
            "email": f"lead-{n}@example.org",
            "state": _STATES[n % len(_STATES)],
            "loan_purpose": "refinance",
            "loan_amount": 50_000 + n * 7_919 % 900_001,
        }

    async def until_listed(self, count: int) -> None:
        """Wait until the queue shows `count` leads."""
        path = f"/api/v1/queues/{QUEUE_ID}/leads?limit=1"
        await self.until(path, self.token(MANAGER), lambda page: page["size"] == count)

    async def until(self, path: str, headers: Mapping[str, str], holds: Any) -> Any:
        """Repeat a request until the answer is as expected, and return it.

        Raises StartFailed with the last answer if nothing changes for `STALL_SECONDS`.
        """
        last: Any = None
        since = time.monotonic()
        while True:
            async with self.http.get(path, headers=headers) as answer:
                document = await answer.json()
                if answer.status == HTTPStatus.OK and holds(document):
                    return document
            if document != last:
                last, since = document, time.monotonic()
            if time.monotonic() - since > STALL_SECONDS:
                raise StartFailed("console", f"stays at {str(last)[:300]} for {path}")
            await asyncio.sleep(_LOOK_SECONDS)


@contextmanager
def stack(say: Say) -> Iterator[RunningStack]:
    """Yield a whole stack with a console, in a temporary folder and on free ports; everything is removed at the end."""
    with (
        ends_in_order(),
        own_folder("bench") as folder,
        everything(workers=1, state_dir=Path(folder), say=say, console_port=0) as running,
    ):
        yield running


@asynccontextmanager
async def make_console_testbed(running: RunningStack) -> AsyncIterator[ConsoleTestbed]:
    """Yield a separate org on the stack."""
    client = LoadClient(running.settings, org=f"bench-{uuid.uuid4().hex[:8]}")
    connector = aiohttp.TCPConnector(limit=0)
    patience = aiohttp.ClientTimeout(total=None, sock_connect=STALL_SECONDS, sock_read=STALL_SECONDS)
    async with (
        client,
        aiohttp.ClientSession(address(running), connector=connector, timeout=patience) as http,
    ):
        yield ConsoleTestbed(running, client, http)


def address(running: RunningStack) -> str:
    """Return the address of a stack's console."""
    return f"http://127.0.0.1:{running.ports['console']}"


def percentiles(name: str, times: Sequence[float], percents: Sequence[int] = (50, 95)) -> dict[str, float]:
    """Return {NAME_p50_ms, NAME_p95_ms} of times in milliseconds."""
    ordered = sorted(times)
    return {f"{name}_p{percent}_ms": round(ordered[len(ordered) * percent // 100], 1) for percent in percents}
