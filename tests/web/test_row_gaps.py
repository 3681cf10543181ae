"""Rows that others claim leave gaps for a moment, and the list moves once for all of them (Q9).

The page's clock stands still in these tests, so nothing closes but by what the test does. `test_still_page` has the
check for screen readers of a list with a gap: axe itself waits by the page's clock.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.web.rows import until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.test_fresh_assignments import until_in_queue

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

LEADS: Final = 14
CALM_MS: Final = 1_000
MAX_MS: Final = 3_000
MAX_GAPS: Final = 5
"""The bounds in web/static/js/row-hold.js."""

_TOPS: Final = """rows => Object.fromEntries(
  rows.filter((one) => one.dataset.lead).map((one) => [one.dataset.lead, one.getBoundingClientRect().top]))"""
_COUNT_MOVES: Final = """() => {
  window.moves = 0;
  new MutationObserver((changes) => {
    if (changes.some((one) => one.removedNodes.length)) window.moves += 1;
  }).observe(document.querySelector("[data-rows]"), { childList: true });
}"""


async def open_queue_page(running_org: RunningOrg) -> tuple[Page, list[str]]:
    """Return a page with a queue, and the leads of its rows. Its clock stands still, and the pointer is elsewhere."""
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
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
        await until_in_queue(program, "new", *leads)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await expect(lines(page)).to_have_count(LEADS)
    await expect(page.locator("[data-size]").first).to_have_text(f"{LEADS} leads")
    await page.mouse.move(5, 5)
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    await page.evaluate(_COUNT_MOVES)
    return page, leads


def lines(page: Page) -> Locator:
    """Return the rows of the list, also those that have gone."""
    return page.locator("[data-rows] tr")


def gaps_of(page: Page) -> Locator:
    """Return the gaps of rows that have gone."""
    return page.locator("[data-rows] tr.gone")


async def tops(page: Page) -> dict[str, float]:
    """Return each row's distance from the top of the window, by lead."""
    top_by_lead: dict[str, float] = await lines(page).evaluate_all(_TOPS)
    return top_by_lead


async def claim_elsewhere(running_org: RunningOrg, page: Page, lead: str) -> None:
    """Let rep-2 claim a lead, and wait until its row is gone from the page."""
    answer = (await running_org.ask("claim", lead, "rep-2", queue_id="new")).answer
    assert answer is not None
    assert answer.result == "won"
    await until_no_row(page, lead)


async def test_q9_what_others_claim_is_gone_at_once_and_the_rows_below_move_once(
    running_org: RunningOrg,
) -> None:
    page, leads = await open_queue_page(running_org)
    before = await tops(page)
    claimed = [leads[1], leads[3]]
    await claim_elsewhere(running_org, page, claimed[0])
    # There is nothing to see, to click, to read out, or to walk to; the count is right at once.
    await expect(page.get_by_role("button", name="Claim this Lead: Ana Silva 1", exact=True)).to_have_count(0)
    await expect(gaps_of(page).get_by_text("Ana Silva 1", exact=True)).to_be_hidden()
    hit_test = (
        "top => document.elementFromPoint(innerWidth - 120, top + 20)?.closest('button, a, [data-lead]')"
    )
    assert await page.evaluate(hit_test, before[claimed[0]]) is None
    read_out = await page.locator(".list > .scroll").aria_snapshot()
    assert 'Ana Silva 0"' in read_out
    assert 'Ana Silva 1"' not in read_out
    await expect(page.locator("[data-size]").first).to_have_text(f"{LEADS - 1} leads")
    await claim_elsewhere(running_org, page, claimed[1])
    await expect(gaps_of(page)).to_have_count(2)
    assert await tops(page) == {lead: top for lead, top in before.items() if lead not in claimed}
    # After a calm moment the gaps close together.
    await page.clock.run_for(CALM_MS)
    await expect(gaps_of(page)).to_have_count(0)
    remaining = [lead for lead in leads if lead not in claimed]
    after = await tops(page)
    assert list(after) == remaining
    assert after[remaining[1]] == before[claimed[0]]
    assert await page.evaluate("moves") == 1


async def test_q9_gaps_are_few_and_last_a_moment(running_org: RunningOrg) -> None:
    page, leads = await open_queue_page(running_org)
    for lead in leads[:MAX_GAPS]:
        await claim_elsewhere(running_org, page, lead)
    await expect(gaps_of(page)).to_have_count(MAX_GAPS)
    await claim_elsewhere(running_org, page, leads[MAX_GAPS])
    await expect(gaps_of(page)).to_have_count(0)
    # While rows go on going, the first gap's age decides.
    early = CALM_MS - 100
    remaining = leads[MAX_GAPS + 1 :]
    for lead in remaining[:3]:
        await claim_elsewhere(running_org, page, lead)
        await page.clock.run_for(early)
    await expect(gaps_of(page)).to_have_count(3)
    await claim_elsewhere(running_org, page, remaining[3])
    await page.clock.run_for(MAX_MS - 3 * early)
    await expect(gaps_of(page)).to_have_count(0)
    assert list(await tops(page)) == remaining[4:]


async def test_q9_gaps_close_at_once_for_a_key_and_a_row_that_comes(running_org: RunningOrg) -> None:
    page, leads = await open_queue_page(running_org)
    await claim_elsewhere(running_org, page, leads[0])
    await expect(gaps_of(page)).to_have_count(1)
    await page.keyboard.press("j")
    await expect(gaps_of(page)).to_have_count(0)
    await expect(page.get_by_role("button", name="Claim this Lead: Ana Silva 1", exact=True)).to_be_focused()
    await page.evaluate("document.activeElement.blur()")
    await claim_elsewhere(running_org, page, leads[2])
    await expect(gaps_of(page)).to_have_count(1)
    larger = await running_org.arrive("A-99", first_name="Bo", last_name="Reed", loan_amount=950_000)
    await expect(lines(page).first).to_have_attribute("data-lead", larger)
    await expect(gaps_of(page)).to_have_count(0)
    # Under the pointer a gap stays for as long as the pointer does.
    await page.locator(f'tr[data-lead="{leads[5]}"]').hover()
    await claim_elsewhere(running_org, page, leads[3])
    await page.clock.run_for(MAX_MS)
    await expect(gaps_of(page)).to_have_count(1)
    await page.mouse.move(5, 5)
    await expect(gaps_of(page)).to_have_count(0)


async def test_s6_a_row_that_comes_last_is_shown(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.until_published("rep", "rep-1")
    first_lead = await running_org.arrive("A-1", last_name="Adams", assigned_to="rep-1")
    page = await running_org.sign_in("rep-1", "/my-leads?sort=last_name")
    await until_row(page, first_lead)
    last_lead = await running_org.arrive("A-2", last_name="Zimmer", assigned_to="rep-1")
    await until_row(page, last_lead)
    await expect(lines(page)).to_have_count(2)


async def test_q9_a_list_that_scrolls_has_no_gaps(running_org: RunningOrg) -> None:
    page, leads = await open_queue_page(running_org)
    await page.set_viewport_size({"width": 1280, "height": 420})
    await claim_elsewhere(running_org, page, leads[0])
    await expect(gaps_of(page)).to_have_count(1)
    await page.evaluate("scrollBy(0, 60)")
    await expect(gaps_of(page)).to_have_count(0)
