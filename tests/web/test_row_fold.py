"""A long queue lays out its first rows, and the others as soon as somebody comes near them (Q7)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.web.running_org import NEW
from tests.web.test_fresh_assignments import until_in_queue

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

LEADS: Final = 40
NEAR_PX: Final = 300


async def open_queue(running_org: RunningOrg) -> Page:
    """Open a queue of `LEADS` leads, the largest loan first."""
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    leads = await asyncio.gather(
        *(
            running_org.arrive(
                f"A-{n}", first_name="Ana", last_name=f"Silva {n}", loan_amount=900_000 - n * 1_000
            )
            for n in range(LEADS)
        )
    )
    async with await running_org.program("rep-1") as program:
        await until_in_queue(program, "new", *leads)  # a list that is short at first lays out all of its rows
    page = await running_org.sign_in("rep-1", "/queues/new")
    await expect(page.locator("[data-rows] tr")).to_have_count(LEADS)
    # What is in the window is laid out, and little below it.
    await page.wait_for_function(
        """near => {
            const end = document.querySelector("[data-end]").getBoundingClientRect().top;
            return end > innerHeight && end <= innerHeight + near + 100;
        }""",
        arg=NEAR_PX,
    )
    assert await visible_rows(page).count() < LEADS
    return page


def visible_rows(page: Page) -> Locator:
    """Return the rows that are laid out."""
    return page.locator("[data-rows] tr").filter(visible=True)


async def test_q7_all_rows_are_there_as_soon_as_somebody_scrolls(running_org: RunningOrg) -> None:
    page = await open_queue(running_org)
    last = page.get_by_role("button", name=f"Claim this Lead: Ana Silva {LEADS - 1}", exact=True)
    await expect(last).to_be_hidden()
    await page.mouse.move(400, 400)
    await page.mouse.wheel(0, 10_000)
    await expect(visible_rows(page)).to_have_count(LEADS)
    await last.click()
    await expect(page.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()


async def test_q7_keys_walk_through_all_rows(running_org: RunningOrg) -> None:
    page = await open_queue(running_org)
    for _ in range(LEADS):
        await page.keyboard.press("j")
    await expect(visible_rows(page)).to_have_count(LEADS)
    last = page.get_by_role("button", name=f"Claim this Lead: Ana Silva {LEADS - 1}", exact=True)
    await expect(last).to_be_focused()


@pytest.mark.parametrize("key", ["Control+f", "F3"])
async def test_q7_the_browsers_search_finds_all_rows(running_org: RunningOrg, key: str) -> None:
    page = await open_queue(running_org)
    await page.keyboard.press(key)
    await expect(visible_rows(page)).to_have_count(LEADS)


async def test_q7_a_tall_window_shows_all_rows_at_once(running_org: RunningOrg) -> None:
    page = await open_queue(running_org)
    await page.set_viewport_size({"width": 1280, "height": 3000})
    await expect(visible_rows(page)).to_have_count(LEADS)
