"""An org of one test on the running system: its publications, its leads, and people with their browsers."""

from __future__ import annotations

import asyncio
import re
import ssl
import uuid
from collections import deque
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as WaitedTooLong

from board import keys as board_keys
from board.connection import connect as connect_valkey
from board.visibility import definition
from models.codec import decode_row, directory_key
from models.ids import lead_id
from models.lead import DirectoryRow, LeadRow
from sink import queries
from sink.database_engine import connect
from streams.clients import partition_of
from streams.topic_reader import read_topic
from streams.topics import LEAD_JOURNAL
from tests.fixtures.waiting import LOOK_SECONDS, PATIENCE_SECONDS
from tests.web.toasts import all_toasts, keep_toasts
from web.auth import SCOPES
from web.store.account import Account

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from playwright.async_api import Browser, Page, Response
    from sqlalchemy import Engine

    from assurance.load import LoadClient
    from assurance.load.client import RequestedAction
    from runtime.up import RunningStack
    from web.store.accounts import Accounts
    from web.store.tokens import Tokens

PASSWORD: Final = "correct horse battery"  # noqa: S105  # of accounts that exist only during a test
PLAIN: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of a console, which speaks HTTP here. By default each would read all authorities of the machine."""
PATIENCE_MS: Final = int(PATIENCE_SECONDS * 1000)
LEAD_PAGE: Final = "/leads/"
STREAM: Final = "/api/v1/live?"
DIRECTORY_END: Final = re.compile(r"^firstclaim_console_directory_end (\S+)$", re.MULTILINE)
BACK_SECONDS: Final = PATIENCE_SECONDS
"""The bound for a console that restarts and a browser that reconnects, on a busy machine."""


@dataclass
class RunningOrg:
    """One org. `client` uses Kafka as vendors, CRMs and admins do; `sign_in` opens a browser.

    `port`: the port of another console than the system's own. `versions`: kind and id -> the newest version that
    `publish` wrote. `read`: which console was seen to have read the directory, and up to which version. `listed`: the
    queues that the board was seen to have, with their versions. `arriving`: the leads that `arrive` sent and that the
    engine was not yet seen to have.
    """

    stack: RunningStack
    browser: Browser
    accounts: Accounts
    tokens: Tokens
    client: LoadClient
    org: str = field(default_factory=lambda: f"org-{uuid.uuid4().hex[:8]}")
    problems: list[str] = field(default_factory=list)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    port: int | None = None
    read: tuple[str, int] = ("", -1)
    listed: dict[str, int] = field(default_factory=dict)
    arriving: set[str] = field(default_factory=set)
    failed: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    """The last requests of pages that failed or were refused. A script that does not load says nothing in its page."""

    @property
    def url(self) -> str:
        """The address of the console."""
        return f"http://127.0.0.1:{self.port or self.stack.ports['console']}"

    async def publish(self, kind: str, object_id: str, **value: Any) -> None:
        """Publish one object of the org's directory."""
        own = {} if kind == "settings" else {f"{kind}_id": object_id}
        self.versions[kind, object_id] = await self.client.publish(kind, object_id, {**own, **value})

    async def rep(self, rep_id: str, role: str = "rep", **more: Any) -> None:
        """Publish a rep, and make an account for the rep."""
        await self.publish("rep", rep_id, **{"name": rep_id.replace("-", " ").title(), "role": role, **more})
        account = Account(email=self.email(rep_id), org=self.org, rep_id=rep_id, role=role)
        self.accounts.put(account, PASSWORD)

    def email(self, rep_id: str) -> str:
        """Return the address with which a person signs in."""
        return f"{rep_id}@{self.org}.example"

    async def arrive(self, external_id: str, **facts: Any) -> str:
        """Let a lead arrive; return its id."""
        lead = {"vendor": "acme", "external_id": external_id, "org": self.org, **facts}
        await self.client.arrive(lead)
        arrived = lead_id(self.org, "acme", external_id, lead)
        self.arriving.add(arrived)
        return arrived

    async def ask(self, action: str, lead: str, rep_id: str, **more: Any) -> RequestedAction:
        """Request an action as a CRM would, who knows a lead only after the engine has accepted it."""
        if lead in self.arriving:
            await self.until_arrived(lead)
        return await self.client.ask(action, lead, rep_id, **more)

    async def until_ready(self) -> None:
        """Wait until the console answers, after its first start and after each restart."""
        async with (
            asyncio.timeout(BACK_SECONDS),
            httpx.AsyncClient(timeout=PATIENCE_SECONDS, verify=PLAIN, base_url=self.url) as client,
        ):
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get("/ready")).status_code == HTTPStatus.OK:
                        return
                await asyncio.sleep(0.1)

    async def until_known(self, rep_id: str) -> None:
        """Wait until the console has read a person's publication in the directory."""
        token = self.tokens.issue(self.org, rep_id, "waits", {"queues:read"}, by="test")[0]
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        answer = None
        try:
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                httpx.AsyncClient(
                    timeout=PATIENCE_SECONDS, verify=PLAIN, base_url=self.url, headers=headers
                ) as client,
            ):
                while (answer := await client.get("/api/v1/me")).status_code != HTTPStatus.OK:
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            last = "nothing" if answer is None else f"{answer.status_code} {answer.text}"
            raise AssertionError(f"{self.url} does not know {rep_id}; it answered last: {last}") from error

    async def until_read(self) -> None:
        """Wait until the console has read all that `publish` wrote."""
        newest = max(self.versions.values(), default=-1)
        if self.read[0] == self.url and self.read[1] >= newest:
            return
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            httpx.AsyncClient(timeout=PATIENCE_SECONDS, verify=PLAIN, base_url=self.url) as client,
        ):
            while True:
                metric = DIRECTORY_END.search((await client.get("/metrics")).text)
                if metric is not None and float(metric[1]) > newest:
                    self.read = (self.url, newest)
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def until_listed(self) -> None:
        """Wait until the board has all queues that `publish` wrote. A page that was opened before loads again."""
        newest = {name: version for (kind, name), version in self.versions.items() if kind == "queue"}
        if newest == self.listed:
            return
        valkey: Any
        async with asyncio.timeout(PATIENCE_SECONDS), connect_valkey(self.stack.settings.redis_url) as valkey:
            while True:
                generation = (await valkey.get(board_keys.CURRENT)).decode()
                stored = await valkey.hmget(board_keys.queues(generation, self.org), [*newest])
                versions = [-1 if value is None else definition(value).version for value in stored]
                if all(has >= wanted for has, wanted in zip(versions, newest.values(), strict=True)):
                    self.listed = newest
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def until_published(self, kind: str, object_id: str, **wanted_value: Any) -> None:
        """Wait until every partition of the leads uses the newest version of an object that `publish` wrote.

        `wanted_value`: or the one with these values, which somebody published on a page.
        """
        partitions = range(self.stack.settings.partitions)
        keys_left = {directory_key(partition, self.org, kind, object_id) for partition in partitions}
        version = self.versions.get((kind, object_id), 0)
        async with asyncio.timeout(PATIENCE_SECONDS), self._journal() as records:
            async for record in records:
                row = decode_row(record.value) if record.key in keys_left else None
                if (
                    isinstance(row, DirectoryRow)
                    and row.version >= version
                    and _includes(row.value, wanted_value)
                ):
                    keys_left.discard(record.key)
                if not keys_left:
                    return

    async def until_arrived(self, lead: str) -> None:
        """Wait until the engine has accepted a lead, or added it to another one as a further inquiry.

        A later lead of the same person finds it then, and nobody who acts on it is told that there is no such lead: an
        arrival takes more steps to the lead's log than an action.
        """
        key = lead.encode()
        partition = partition_of(key, self.stack.settings.partitions)
        async with asyncio.timeout(PATIENCE_SECONDS), self._journal({partition}) as records:
            async for record in records:
                row = decode_row(record.value) if record.key == key else None
                if isinstance(row, LeadRow) and (row.lead is not None or row.merged_into is not None):
                    self.arriving.discard(lead)
                    return

    async def _until_leads_accepted(self, request: httpx.Request) -> None:
        if request.method == "POST":  # the path names one lead, the body of a bulk action many
            named = request.url.raw_path + await request.aread()
            for lead in [lead for lead in self.arriving if lead.encode() in named]:
                await self.until_arrived(lead)

    def _journal(self, partitions: set[int] | None = None) -> aclosing[AsyncGenerator[Any, None]]:
        """Return the records of the leads' journal from its beginning on, also those that come meanwhile."""
        return aclosing(read_topic(self.stack.settings, LEAD_JOURNAL, until_end=False, partitions=partitions))

    async def until_stored(self, lead: str, **values: Any) -> None:
        """Wait until the CRM database has a lead with these values. A page of a lead is read from it once."""
        engine = connect(self.stack.settings.database_url)
        try:
            async with asyncio.timeout(PATIENCE_MS / 1000):
                while not await asyncio.to_thread(_lead_has, engine, lead, values):
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            engine.dispose()

    async def stream_status(self, path: str, headers: dict[str, str]) -> int:
        """Return the status of a stream's answer, without reading the stream."""
        async with (
            httpx.AsyncClient(timeout=PATIENCE_SECONDS, verify=PLAIN, base_url=self.url) as client,
            client.stream("GET", path, headers=headers) as answer,
        ):
            return answer.status_code

    async def program(self, rep_id: str) -> httpx.AsyncClient:
        """Return a client that acts for a person, with every scope, on leads that the engine has accepted."""
        await self.until_known(rep_id)
        secret, _ = self.tokens.issue(self.org, rep_id, "test", SCOPES, by="test")
        headers = {"authorization": f"Bearer {secret}", "accept": "application/json"}
        return httpx.AsyncClient(
            timeout=PATIENCE_SECONDS,
            verify=PLAIN,
            base_url=self.url,
            headers=headers,
            event_hooks={"request": [self._until_leads_accepted]},
        )

    async def sign_in(self, rep_id: str, path: str = "/", *, script: str = "", **options: Any) -> Page:
        """Open a new browser window at a page, signed in as a person by the request that the form sends.

        `script` runs in each page of the window before the page's own.

        Before, this waits until the console has read all that `publish` wrote, until the board has its queues, and for
        the page of a lead until the CRM database has it: most of a page is rendered once.
        """
        await self.until_read()
        await self.until_listed()
        if path.startswith(LEAD_PAGE):
            await self.until_stored(path.removeprefix(LEAD_PAGE).partition("?")[0])
        page = await self.signed_in_window(rep_id, **options)
        if script:
            await page.add_init_script(script)
        await page.goto(path)
        try:
            await page.wait_for_selector("html[data-ready=yes]")
        except WaitedTooLong as error:
            shown = (await page.locator("body").inner_text())[:500]
            raise AssertionError(f"{page.url} is not ready: {shown!r}; failed: {[*self.failed]}") from error
        return page

    async def signed_in_window(self, rep_id: str, **options: Any) -> Page:
        """Open a new browser window in which a person is signed in. It shows no page yet."""
        page = await self.window(rep_id, **options)
        form: dict[str, str | float | bool] = {"email": self.email(rep_id), "password": PASSWORD}
        answer = await page.request.post("/sign-in", form=form, max_redirects=0)
        assert answer.status == HTTPStatus.SEE_OTHER, await answer.text()
        return page

    async def window(self, name: str = "a stranger", **options: Any) -> Page:
        """Open a new browser window in which nobody is signed in; errors in its console are recorded.

        It waits as long as the suite does, and keeps what its pages say, for `tests/web/toasts.py::until_toast`.
        """
        context = await self.browser.new_context(
            base_url=self.url, **{"viewport": {"width": 1280, "height": 800}, **options}
        )
        context.set_default_timeout(PATIENCE_MS)
        await keep_toasts(context)
        page = await context.new_page()
        page.on("requestfailed", lambda request: self.failed.append(f"{request.url}: {request.failure}"))
        page.on("response", self._note_refused)
        page.on("pageerror", lambda error: self.problems.append(f"{name}: {error}"))
        return page

    def _note_refused(self, response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST:
            self.failed.append(f"{response.url}: {response.status}")
        if response.status == HTTPStatus.UNPROCESSABLE_ENTITY and STREAM in response.url:
            self.problems.append(f"a page's stream is refused for good: {response.url}")

    async def pages(self) -> str:
        """Return what a failed test's report says of each open page, and of the requests that failed."""
        lines = [f"failed requests: {[*self.failed]}"]
        for page in [page for context in self.browser.contexts for page in context.pages]:
            try:
                shown = await page.locator("body").inner_text()
                lines += [f"{page.url} said {await all_toasts(page)} and shows:", shown]
            except PlaywrightError as error:
                lines.append(f"{page.url}: {error}")
        return "\n".join(lines)


def _includes(value: dict[str, Any] | None, expected: dict[str, Any]) -> bool:
    return all((value or {}).get(name) == expected_value for name, expected_value in expected.items())


def _lead_has(engine: Engine, lead: str, values: dict[str, Any]) -> bool:
    with engine.connect() as connection:
        row = queries.lead(connection, lead)
    return row is not None and all(row[name] == value for name, value in values.items())


NEW: Final[dict[str, Any]] = {
    "name": "New leads",
    "description": "Nobody has them yet",
    "claimable": True,
    "columns": ["state", "loan_amount"],
    "inclusion": {"combinator": "and", "rules": [{"field": "owned", "operator": "=", "value": False}]},
    "sort": {"field": "loan_amount", "direction": "desc"},
}
"""A claimable queue of all leads without an owner, with the largest loan first."""
