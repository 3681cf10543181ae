"""Valkey and the CRM database fail over while people work: pages say so, and come back by themselves (Q9)."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import expect

from assurance.load import LoadClient
from runtime.postgres_pair import PostgresPair
from runtime.up import everything
from runtime.valkey_group import ValkeyGroup
from sink.database_engine import connect
from tests.fixtures.servers import unique
from tests.web.conftest import say
from tests.web.rows import WORK, until_row
from tests.web.running_org import RunningOrg
from web.settings import WebSettings
from web.store.accounts import Accounts
from web.store.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser

    from runtime.up import RunningStack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def group(server_folder: Path) -> Iterator[ValkeyGroup]:
    with ValkeyGroup(server_folder / "web-valkey") as running:
        yield running


@pytest.fixture(scope="module")
def pair(server_folder: Path) -> Iterator[PostgresPair]:
    with PostgresPair(server_folder / unique("web-pair")) as running:
        yield running


@pytest.fixture(scope="module")
def own_stack(group: ValkeyGroup, pair: PostgresPair) -> Iterator[RunningStack]:
    """Yield a system whose Valkey and CRM database fail over."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REDIS_URL", group.url)
        environment.setenv("DATABASE_URL", pair.url)
        with (
            tempfile.TemporaryDirectory(prefix="firstclaim-web-") as folder,
            everything(workers=1, state_dir=Path(folder), say=say, console_port=0) as running,
        ):
            yield running


@pytest_asyncio.fixture(loop_scope="session")
async def branch(
    own_stack: RunningStack,
    browser: Browser,
    quick_hashes: None,  # noqa: ARG001  # only what it changes is needed
) -> AsyncIterator[RunningOrg]:
    """Yield a new org of that system."""
    store = connect(WebSettings.read(state_dir=own_stack.settings.state_dir).console_database_url)
    new = RunningOrg(own_stack, browser, Accounts(store), Tokens(store), LoadClient(own_stack.settings))
    new.client.org = new.org
    async with new.client:
        yield new
    for context in browser.contexts:
        await context.close()
    store.dispose()
    assert new.problems == []


async def test_q9_an_open_list_goes_on_when_a_replica_of_valkey_is_promoted(
    branch: RunningOrg, group: ValkeyGroup
) -> None:
    await branch.rep("ann")
    await branch.publish("queue", "work", **WORK)
    await branch.until_published("queue", "work")
    lead = await branch.arrive("A-1", last_name="Jones", first_name="Jeremy", phone="+14014194247")
    page = await branch.sign_in("ann", "/queues/work")
    await until_row(page, lead)
    await page.evaluate("window.isTheSamePage = true")
    former = group.primary()
    await asyncio.to_thread(former.kill9)
    late_lead = await branch.arrive("A-2", last_name="Smith", first_name="Mary", phone="+14014194248")
    await asyncio.to_thread(group.until_promoted, former)
    await until_row(page, late_lead)
    await until_row(page, lead)
    await asyncio.to_thread(former.start)
    await asyncio.to_thread(group.until_whole)
    third = await branch.arrive("A-3", last_name="Brown", first_name="Zoe", phone="+14014194249")
    await until_row(page, third)
    assert await page.evaluate("window.isTheSamePage") is True


async def test_q9_a_crm_database_that_is_away_is_said_in_words_and_the_page_opens_by_itself(
    branch: RunningOrg, pair: PostgresPair
) -> None:
    await branch.rep("ann")
    lead = await branch.arrive(
        "A-1", last_name="Jones", first_name="Jeremy", phone="+14014194247", assigned_to="ann"
    )
    page = await branch.sign_in("ann", f"/leads/{lead}")
    await expect(page.get_by_role("heading", name="Jeremy Jones")).to_be_visible()
    await asyncio.to_thread(pair.primary.kill9)
    await page.reload()
    await expect(page.get_by_text("The CRM database is away.")).to_be_visible()
    await expect(page.get_by_text("This page opens by itself as soon as it can.")).to_be_visible()
    # What needs only the engine goes on.
    request = await branch.ask("note", lead, "ann", note="called")
    assert request.result == "done"
    await asyncio.to_thread(pair.restart)
    await expect(page.get_by_role("heading", name="Jeremy Jones")).to_be_visible()
    await expect(page.get_by_text("called").first).to_be_visible()
    # A standby that is read-only for a while shows what it has, and gets the rest after its promotion.
    await asyncio.to_thread(pair.move)
    await page.reload()
    await expect(page.get_by_role("heading", name="Jeremy Jones")).to_be_visible()
    await branch.ask("note", lead, "ann", note="called again")
    await asyncio.to_thread(pair.promote)
    await expect(page.get_by_text("called again").first).to_be_visible()
