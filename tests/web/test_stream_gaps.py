"""A page shows what happened while it had no stream: before the stream began, and while the network was away (Q4, Q8).

What is told to pages is not kept for those that do not listen. So a page reads again when its stream begins.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.fixtures.stalling_proxy import StallingProxy
from tests.web.rows import row
from tests.web.running_org import NEW
from tests.web.test_fresh_assignments import until_in_queue
from tests.web.test_my_leads import until_shown

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

STREAM: Final = "**/api/v1/live*"


async def test_q8_pages_show_what_came_while_the_network_was_away(running_org: RunningOrg) -> None:
    """The browser connects again by itself and says what it has of the lists, so the lists are not read again."""
    await running_org.rep("mia", "manager")
    await running_org.rep("rep-1")
    lead = await running_org.arrive("A-1", first_name="Ann", last_name="Lee", state="RI")
    await running_org.until_stored(lead)
    beside = await running_org.sign_in("mia", "/my-leads")
    async with StallingProxy(running_org.stack.ports["console"]).running() as proxy:
        running_org.port = proxy.port
        mine = await running_org.sign_in("rep-1", "/my-leads")
        desk = await running_org.sign_in("mia", "/exceptions")
        shown = await running_org.sign_in("mia", f"/leads/{lead}")
        await expect(desk.locator("tbody tr")).to_have_count(1)
        await expect(shown.locator("#lead .lead")).to_be_visible()
        await until_shown(mine)
        proxy.cut()
        for page in (mine, desk, shown):
            await expect(page.locator("#connection")).to_be_visible()
        await running_org.ask("assign", lead, "mia", to_rep_id="rep-1", why="she knows him")
        # This page has its stream, so the others would have been told as well.
        await expect(beside.locator("tbody tr").filter(has_text="Rep 1")).to_have_count(1)
        proxy.refuses = False
        await until_shown(mine, "Ann Lee")
        await expect(desk.locator("tbody tr")).to_have_count(0)
        await expect(shown.locator("#lead")).to_contain_text("Rep 1")


async def test_q4_pages_show_what_is_published_before_their_stream_begins(running_org: RunningOrg) -> None:
    await running_org.rep("ada", "admin")
    await running_org.rep("rep-1", teams=["east"])
    await running_org.publish("queue", "new", **NEW)
    await running_org.publish("queue", "west", **{**NEW, "name": "Western leads", "teams": ["west"]})
    await running_org.until_published("queue", "west")
    pages = {
        path: await running_org.sign_in(who, "/account")
        for who, path in (("rep-1", "/queues/new"), ("ada", "/directory/reps"))
    }
    held_events = {path: await hold_stream(page) for path, page in pages.items()}
    for path, page in pages.items():
        await page.goto(path)
        await page.wait_for_selector("html[data-ready=yes]")
        await asyncio.wait_for(held_events[path].wait(), None)
    queues, reps = pages.values()
    await expect(queues.get_by_role("link", name="Western leads")).to_have_count(0)
    await running_org.rep("rep-1", teams=["west", "east"], name="Rosa Newname")
    await running_org.until_read()
    for page in pages.values():
        await page.unroute(STREAM)
    await expect(queues.get_by_role("link", name="Western leads")).to_be_visible()
    await expect(reps.locator("tbody").get_by_text("Rosa Newname")).to_be_visible()


async def test_q4_a_page_opened_before_the_board_has_its_queue_becomes_the_queue(
    running_org: RunningOrg,
) -> None:
    """The directory has the queue already. The page's stream begins after the board has told of the queue."""
    await running_org.rep("rep-1")
    page = await running_org.signed_in_window("rep-1")
    asked, board_has_it = asyncio.Event(), asyncio.Event()

    async def begin_later(route: Route) -> None:
        asked.set()
        await board_has_it.wait()
        await route.continue_()

    await page.route(STREAM, begin_later)
    board = running_org.stack.children["board"].pid
    assert board is not None
    os.kill(board, signal.SIGSTOP)
    try:
        await running_org.publish("queue", "new", **NEW)
        await running_org.until_read()
        await page.goto("/queues/new")
        await asyncio.wait_for(asked.wait(), None)
        assert await page.title() == "New leads · firstclaim"
        await expect(page.get_by_role("heading", name="New leads")).to_be_visible()
        await expect(page.locator("#list header")).to_contain_text("is being prepared")
        await expect(page.locator("thead th").first).to_have_text("Name")
        await expect(page.locator("thead th", has_text="Loan amount")).to_have_count(0)
    finally:
        os.kill(board, signal.SIGCONT)
    lead = await running_org.arrive("A-1", first_name="Ann", last_name="Lee", state="RI")
    async with await running_org.program("rep-1") as program:
        await until_in_queue(program, "new", lead)
    board_has_it.set()
    await expect(page.locator("#list header")).not_to_contain_text("is being prepared")
    await expect(row(page, lead).get_by_role("button")).to_have_text("Claim this Lead")


async def test_x1_a_lead_page_read_before_the_database_has_an_act_shows_it_afterwards(
    running_org: RunningOrg,
) -> None:
    """A closing changes no owner, so nothing else tells a page of it that was opened after the act."""
    await running_org.rep("mia", "manager")
    await running_org.rep("rep-1")
    lead = await running_org.arrive("A-1", first_name="Ann", last_name="Lee", state="RI")
    await assign(running_org, lead)
    sink = running_org.stack.children["sink"].pid
    assert sink is not None
    async with await running_org.program("rep-1") as program:
        os.kill(sink, signal.SIGSTOP)
        try:
            closing = {"type": "outcome", "outcome": "closed_lost"}
            answer = await program.post(f"/api/v1/leads/{lead}/actions", json=closing)
            assert answer.json()["result"] == "done", answer.text
            shown = await running_org.sign_in("mia", f"/leads/{lead}")
            await expect(shown.locator(".standing")).to_contain_text("Owned")
        finally:
            os.kill(sink, signal.SIGCONT)
    await expect(shown.locator(".standing")).to_contain_text("Closed")


async def test_x1_what_somebody_types_stays_when_the_network_comes_back(running_org: RunningOrg) -> None:
    """The page reads its lead again. If nothing happened to it, nothing is drawn anew."""
    await running_org.rep("rep-1")
    lead = await running_org.arrive("A-1", first_name="Ann", last_name="Lee", state="RI")
    await running_org.rep("mia", "manager")
    await assign(running_org, lead)
    async with StallingProxy(running_org.stack.ports["console"]).running() as proxy:
        running_org.port = proxy.port
        page = await running_org.sign_in("rep-1", f"/leads/{lead}")
        date = page.locator("#date")
        await date.fill("2030-01-02")
        proxy.cut()
        await expect(page.locator("#connection")).to_be_visible()
        async with page.expect_response(f"**/leads/{lead}/shown*"):
            proxy.refuses = False
        await expect(page.locator("#connection")).to_be_hidden()
        await expect(date).to_have_value("2030-01-02")


async def assign(running_org: RunningOrg, lead: str) -> None:
    """Let mia assign a lead to rep-1, once the engine knows all three."""
    await running_org.until_stored(lead)
    for rep_id in ("mia", "rep-1"):
        await running_org.until_published("rep", rep_id)
    answer = (await running_org.ask("assign", lead, "mia", to_rep_id="rep-1", why="she knows him")).answer
    assert answer is not None
    assert answer.result == "done", answer
    await running_org.until_stored(lead, owner="rep-1")


async def hold_stream(page: Page) -> asyncio.Event:
    """Let the streams of a page fail, until this is unrouted; return what is set when one was tried."""
    tried = asyncio.Event()

    async def fail(route: Route) -> None:
        tried.set()
        await route.abort()

    await page.route(STREAM, fail)
    return tried
