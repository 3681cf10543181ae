"""What somebody types on a lead's page stays when the lead changes meanwhile (D1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.web.rows import READY, opened_work_lead

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

SHOWN: Final = "**/leads/*/shown?*"
# Counts how often the page asked for its lead and has used an answer, and what its stream told it: to read again as it
# begins, and the version after the newest act. An answer is used before the browser's next task.
COUNTS: Final = """
  window.counts = {asked: 0, used: 0, begun: 0, acted: 0};
  const ask = window.fetch;
  window.fetch = (address, ...more) => {
    window.counts.asked += String(address).includes("/shown?");
    return ask(address, ...more);
  };
  const read = Response.prototype.text;
  Response.prototype.text = async function () {
    const text = await read.call(this);
    setTimeout(() => { window.counts.used += this.url.includes("/shown?"); });
    return text;
  };
  document.addEventListener("live:list", ({ detail }) => { window.counts.begun += detail.data.change === "rebuilt"; });
  document.addEventListener("live:acted", ({ detail }) => { window.counts.acted = detail.data.version; });
"""


async def two_tabs_of_an_own_lead(running_org: RunningOrg) -> tuple[Page, Page]:
    """Let rep-1 claim a lead; return two pages that show it, the first one with `COUNTS`, when it asks no more."""
    await running_org.rep("rep-1")
    page, lead = await opened_work_lead(running_org, first_name="Jeremy", last_name="Jones", state="RI")
    await page.get_by_role("button", name="Claim now").click()
    await expect(page.locator(".standing")).to_contain_text("Rep 1 claimed it while it was open")
    await page.add_init_script(COUNTS)
    other_tab = await page.context.new_page()
    for tab in (page, other_tab):
        await tab.goto(f"/leads/{lead}")  # outside of a queue, an outcome is typed
        await tab.wait_for_selector(f"{READY} .lead")
    await page.wait_for_function("() => counts.begun && counts.used === counts.asked")
    return page, other_tab


async def comment(page: Page, text: str) -> int:
    """Save a comment; return the lead's version after it."""
    await page.get_by_label("Comment").fill(text)
    async with page.expect_response("**/actions") as response:
        await page.get_by_role("button", name="Save the comment").click()
    version: int = (await (await response.value).json())["version"]
    return version


async def test_d1_what_somebody_types_stays_when_the_lead_changes(running_org: RunningOrg) -> None:
    """The page shows the lead anew after each change of it. An outcome that was typed meanwhile was lost."""
    page, other_tab = await two_tabs_of_an_own_lead(running_org)
    await page.get_by_label("Comment").fill("Rang twice")
    await page.locator("#date").fill("2030-01-02")
    outcome = page.locator("#outcome")
    await outcome.fill("wants_offer")
    await outcome.press("Home")
    await comment(other_tab, "Mails instead")
    await expect(page.locator(".lead-history")).to_contain_text("Mails instead")
    await expect(page.get_by_label("Comment")).to_have_value("Rang twice")
    await expect(page.locator("#date")).to_have_value("2030-01-02")
    await expect(outcome).to_have_value("wants_offer")
    await expect(outcome).to_be_focused()
    assert await outcome.evaluate("field => field.selectionStart") == 0
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator(".lead-history")).to_contain_text("Rep 1: wants offer")
    # What was sent is not left behind for the next act, and what was not sent is.
    await expect(outcome).to_have_value("")
    await expect(page.get_by_label("Comment")).to_have_value("")
    await expect(page.locator("#date")).to_have_value("2030-01-02")


async def test_d1_a_page_is_not_drawn_anew_while_a_date_is_half_typed(running_org: RunningOrg) -> None:
    """A date has no value before it is whole, so what was typed of it would be lost."""
    page, other_tab = await two_tabs_of_an_own_lead(running_org)
    asked, is_begun = asyncio.Event(), asyncio.Event()

    async def answer_when_begun(route: Route) -> None:
        asked.set()
        await is_begun.wait()
        await route.continue_()

    await page.route(SHOWN, answer_when_begun)
    history, date = page.locator(".lead-history"), page.locator("#date")
    await comment(other_tab, "Mails instead")
    await asyncio.wait_for(asked.wait(), None)
    await date.focus()
    await page.keyboard.type("01")
    # The answer to what was asked before the date was begun.
    is_begun.set()
    await page.wait_for_function("() => counts.used === counts.asked")
    await expect(history).not_to_contain_text("Mails instead")
    # A change that comes while the date is half typed.
    asked_before = await page.evaluate("counts.asked")
    version = await comment(other_tab, "Call after five")
    await page.wait_for_function("(version) => counts.acted === version", arg=version)
    assert await page.evaluate("counts.asked") == asked_before
    await page.keyboard.type("012030")
    await expect(date).to_have_value("2030-01-01")
    for text in ("Mails instead", "Call after five"):
        await expect(history).to_contain_text(text)
    await expect(date).to_have_value("2030-01-01")
    await expect(date).to_be_focused()
