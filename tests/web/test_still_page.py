"""Nothing moves under the pointer: rows wait or leave a gap, offers have a reserved place (Q9, R3, Q8).

A browser that is offline says so at once. `test_console_killed` has the claim that is on its way meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from rules.language.catalogue import FIELDS
from rules.language.value_labels import HYPHENATED, value_label
from tests.web.axe import serious_problems
from tests.web.rows import READY, row, until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.test_fresh_assignments import until_in_queue
from tests.web.toasts import until_toast
from web.links import phone_text

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

JONES: Final = {"first_name": "Jeremy", "last_name": "Jones", "state": "RI", "loan_amount": 310000}
SILVA: Final = {"first_name": "Ana", "last_name": "Silva", "state": "MA", "loan_amount": 250000}
MAX_SHIFT: Final = 0.01
_WATCH_SHIFTS: Final = """() => {
  window.shift = 0;
  window.moved = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      window.shift += entry.value;
      for (const { node, previousRect, currentRect } of entry.sources)
        window.moved.push(`${node?.nodeName} ${node?.id} ${node?.className}: ${previousRect.y} to ${currentRect.y}`);
    }
  }).observe({ type: "layout-shift", buffered: true });
}"""

_NOTE_COVERED: Final = """() => {
  window.covered = [];
  const look = () => {
    for (const button of document.querySelectorAll("[data-rows] button")) {
      const { x, y, width, height } = button.getBoundingClientRect();
      const seen = document.elementFromPoint(x + width / 2, y + height / 2);
      if (seen && !button.contains(seen)) window.covered.push(`${button.ariaLabel} by ${seen.outerHTML}`);
    }
  };
  new MutationObserver(look).observe(document.querySelector("#said"), { childList: true });
  new MutationObserver(look).observe(document.querySelector("#offers"), { childList: true, subtree: true });
}"""
"""Notes which buttons of the list something stands over, whenever a message or an offer comes or goes."""


async def check_still(page: Page) -> None:
    """Check that the layout shifts since the page's load, also those right after a click, are next to nothing."""
    shift, moved = await page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done([shift, moved]))))"
    )
    assert shift < MAX_SHIFT, moved


async def point_at(page: Page, lead: str) -> float:
    """Put the pointer on a row, and return the row's place from the top."""
    await row(page, lead).hover()
    return await top(page, lead)


async def top(page: Page, lead: str) -> float:
    """Return a row's distance from the top of the window."""
    pixels: float = await row(page, lead).evaluate("one => one.getBoundingClientRect().top")
    return pixels


async def test_q9_nothing_moves_while_the_pointer_is_over_the_list(running_org: RunningOrg) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    members = [{"rep_id": "rep-1"}]
    await running_org.publish(
        "group", "west", name="West", method="round_robin", members=members, claim_window_seconds=900
    )
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    await running_org.publish("queue", "new", **NEW)
    jones, silva = await running_org.arrive("A-1", **JONES), await running_org.arrive("A-2", **SILVA)
    async with await running_org.program("rep-1") as program:
        await until_in_queue(program, "new", jones, silva)  # before, the page is that of My queue
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, jones)
    await until_row(page, silva)
    before = await point_at(page, silva)
    # The page loads with the pointer over the list.
    await page.add_init_script(f"({_WATCH_SHIFTS})()")
    await page.reload()
    await page.wait_for_selector(READY)
    await until_row(page, silva)
    await page.mouse.move(641, before + 12)  # as a hand does that rests on the mouse
    assert await top(page, silva) == before
    # A row comes above the pointer and waits; another one goes and leaves its place; an offer has a place of its own.
    larger = await running_org.arrive(
        "A-3", first_name="Bo", last_name="Reed", state="TX", loan_amount=900000
    )
    await expect(page.locator("[data-new]")).to_have_text("1 new")
    await expect(row(page, larger)).to_have_count(0)
    claimed = (await running_org.ask("claim", jones, "rep-2", queue_id="new")).answer
    assert claimed is not None
    assert claimed.result == "won"
    await until_no_row(page, jones)
    await running_org.arrive("A-4", campaign="west", first_name="Di", last_name="Fox", state="RI")
    await expect(page.locator("#offers")).to_contain_text("Offered to you: Di Fox")
    assert await top(page, silva) == before
    await check_still(page)
    assert await serious_problems(page) == []
    # The click meets the row that it was meant for, and the answer moves nothing.
    await row(page, silva).get_by_role("button", name="Claim this Lead: Ana Silva").click()
    await expect(page.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
    await until_no_row(page, silva)
    await expect(page.get_by_role("button", name="Accept Di Fox")).to_be_visible()
    await check_still(page)
    # When the pointer leaves the list, the rows that waited are there.
    await page.mouse.move(5, 5)
    await expect(row(page, larger)).to_be_visible()
    await expect(page.locator("[data-new]")).to_have_text("")
    await expect(page.locator("tr.gone")).to_have_count(0)


async def test_q9_r3_an_offer_that_ends_and_its_message_move_and_cover_no_row(
    running_org: RunningOrg,
) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    for rep_id, role in (("rep-1", "rep"), ("rep-2", "rep"), ("mia", "manager")):
        await running_org.rep(rep_id, role)
    members = [{"rep_id": "rep-1"}]
    await running_org.publish(
        "group", "west", name="West", method="round_robin", members=members, claim_window_seconds=900
    )
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    await running_org.publish("queue", "new", **NEW)
    await running_org.until_published("campaign", "west")
    jones, silva = await running_org.arrive("A-1", **JONES), await running_org.arrive("A-2", **SILVA)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, jones)
    await until_row(page, silva)
    before = await point_at(page, silva)
    offered = await running_org.arrive("A-4", campaign="west", first_name="Di", last_name="Fox", state="RI")
    await expect(page.locator("#offers")).to_contain_text("Offered to you: Di Fox")
    # What moves from here on is the work of the offer's end and of the message.
    await page.evaluate(_WATCH_SHIFTS)
    await page.evaluate("shift = 0, moved = []")
    await page.evaluate(_NOTE_COVERED)
    assigned = (await running_org.ask("assign", offered, "mia", to_rep_id="rep-2")).answer
    assert assigned is not None
    assert assigned.result == "done"
    await until_toast(page, "The offer of Di Fox is over.")
    await expect(page.locator("#offers")).not_to_contain_text("Di Fox")
    assert await top(page, silva) == before
    assert await page.evaluate("covered") == []
    await check_still(page)


async def test_s6_rows_of_my_leads_keep_their_places_too(running_org: RunningOrg) -> None:
    for rep_id, role in (("rep-1", "rep"), ("rep-2", "rep"), ("mia", "manager")):
        await running_org.rep(rep_id, role)
    await running_org.until_published("rep", "rep-2")
    jones = await running_org.arrive("A-1", assigned_to="rep-1", **JONES)
    silva = await running_org.arrive("A-2", assigned_to="rep-1", **SILVA)
    page = await running_org.sign_in("rep-1", "/my-leads")
    await until_row(page, jones)
    await until_row(page, silva)
    is_first = await top(page, jones) < await top(page, silva)
    upper, lower = (jones, silva) if is_first else (silva, jones)
    before = await point_at(page, lower)
    moved = (await running_org.ask("reassign", upper, "mia", to_rep_id="rep-2", why="away")).answer
    assert moved is not None
    assert moved.result == "done"
    await until_no_row(page, upper)
    assert await top(page, lower) == before
    await expect(page.locator("#moves")).to_be_hidden()  # the notice of the move waits, too
    await page.mouse.move(5, 5)
    await expect(page.locator("tr.gone")).to_have_count(0)
    await expect(page.locator("#moves")).to_be_visible()


async def test_q9_rows_wait_for_the_keyboard_too(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    silva = await running_org.arrive("A-1", **SILVA)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, silva)
    await page.keyboard.press("j")
    await expect(row(page, silva).get_by_role("button")).to_be_focused()
    jones = await running_org.arrive("A-2", **JONES)
    await expect(page.locator("[data-new]")).to_have_text("1 new")
    await page.keyboard.press("Enter")
    await expect(page.locator("#answer")).to_contain_text("Ana Silva has been added to your lead list.")
    await until_row(page, jones)  # the row that had the focus has gone
    await expect(page.locator("#queues")).to_be_visible()


async def test_q8_offline_is_said_and_taken_back(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    page = await running_org.sign_in("rep-1", "/queues/new")
    connection = page.locator("#connection")
    await expect(connection).to_be_hidden()
    await page.context.set_offline(True)
    await expect(connection).to_be_visible()
    await page.context.set_offline(False)
    await expect(connection).to_be_hidden()


async def test_labels_are_the_same_in_the_browser_and_on_the_server(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    page = await running_org.sign_in("rep-1", "/my-leads")
    values = sorted({option for field in FIELDS.values() for option in field.options} | set(HYPHENATED))
    shown = await page.evaluate(
        """async (values) => {
          const { valueLabel, valueText } = await import("/static/js/format.js");
          const phones = ["+14014194247", "+442071838750"];
          return [...values.map(valueLabel), ...phones.map((one) => valueText({ name: "phone", type: "text" }, one))];
        }""",
        values,
    )
    assert shown == [*map(value_label, values), phone_text("+14014194247"), phone_text("+442071838750")]
    assert shown[-2:] == ["(401) 419-4247", "+442071838750"]
