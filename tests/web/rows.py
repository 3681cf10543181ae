"""Helpers for the browser tests of the call queue and the lead page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Route

    from tests.web.running_org import RunningOrg

WORK: Final[dict[str, Any]] = {
    "name": "Call these",
    "description": "Nobody has them yet",
    "columns": ["state", "loan_amount"],
    "sort": {"field": "loan_amount", "direction": "desc"},
    "outcomes": ["no_answer", "left_message", "closed_lost"],
}
"""A work queue of all leads, the largest loan first."""

READY: Final = "html[data-ready=yes]"


def row(page: Page, lead: str) -> Locator:
    """Return a lead's row."""
    return page.locator(f'tr[data-lead="{lead}"]')


async def open_lead(page: Page, lead: str) -> None:
    """Open a lead from the shown list, and wait for its page."""
    await row(page, lead).get_by_role("link", name="Open").click()
    await page.wait_for_selector("html[data-ready=yes] .lead")


async def until_row(page: Page, lead: str) -> None:
    """Wait until a lead is in the list."""
    await expect(row(page, lead)).to_be_visible()


async def opened_work_lead(running_org: RunningOrg, **facts: Any) -> tuple[Page, str]:
    """Publish a work queue, send a lead, and let rep-1 open it from there; return the page and the lead's id."""
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", **facts)
    page = await running_org.sign_in("rep-1", "/queues/work")
    await until_row(page, lead)
    await open_lead(page, lead)
    return page, lead


async def until_no_row(page: Page, lead: str) -> None:
    """Wait until a lead is not in the list."""
    await expect(row(page, lead)).to_have_count(0)


async def click_at_once(requests: str, *clicks: tuple[Page, Locator]) -> list[dict[str, Any]]:
    """Click in several pages at once; return the answers to what they send, in the order of the pages.

    `requests`: the pattern of its address. No request leaves before all pages have sent theirs. So no page learns of
    another one's click before its own.
    """
    all_sent = asyncio.Event()
    answers: dict[Page, dict[str, Any]] = {}

    async def answer_when_all_are_sent(route: Route) -> None:
        await all_sent.wait()
        answer = await route.fetch()
        answers[route.request.frame.page] = await answer.json()
        await route.fulfill(response=answer)

    for page, _ in clicks:
        await page.route(requests, answer_when_all_are_sent)
    for page, button in clicks:
        async with page.expect_request(requests):
            await button.click()
    all_sent.set()
    for page, _ in clicks:
        await page.unroute_all(behavior="wait")
    return [answers[page] for page, _ in clicks]
