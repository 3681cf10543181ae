"""A list keeps the shape that a person gave it: density, widths, saved views, its place, the selection (S6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.web.rows import READY, row, until_row
from tests.web.running_org import NEW
from tests.web.test_my_leads import open_org, until_shown
from tests.web.test_saved_lists import heads, save
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

LEADS: Final = 40
PAGE: Final = 15
"""So many leads have an amount: two pages of 15, and the last has 10 rows."""
ROUNDING: Final = 2
"""Pixels by which a width or a place may differ from the one that was chosen."""


async def high(line: Locator) -> float:
    """Return the height of a row."""
    box = await line.bounding_box()
    assert box is not None
    return box["height"]


async def width_of(cell: Locator) -> float:
    """Return the width of a heading."""
    box = await cell.bounding_box()
    assert box is not None
    return box["width"]


async def drag_edge(page: Page, edge: Locator, by: int) -> None:
    """Drag the edge of a heading sideways."""
    box = await edge.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + by, y, steps=5)
    await page.mouse.up()


async def test_s6_rows_stand_close_and_columns_stay_as_wide_as_one_made_them(running_org: RunningOrg) -> None:
    await open_org(running_org)
    page = await running_org.sign_in("rep-1", "/my-leads")
    await until_shown(page, "=Frank Taraborelli", "Herbie Waller", "Robbie Duffy")
    line, compact = page.locator("tbody tr").first, page.get_by_role("button", name="Compact")
    roomy = await high(line)
    await compact.focus()
    await page.keyboard.press("Enter")
    await expect(compact).to_have_attribute("aria-pressed", "true")
    close = await high(line)
    assert close < roomy
    head = page.locator("thead th", has=page.locator("[data-sort=last_name]"))
    before = await width_of(head)
    await drag_edge(page, head.locator(".edge"), 80)
    assert abs(await width_of(head) - before - 80) <= ROUNDING
    # By keys, and while the list changes: the heading keeps its focus and its width.
    await page.get_by_role("button", name="Last name").focus()
    await page.keyboard.press("Alt+ArrowLeft")
    await running_org.arrive("S-9", first_name="Una", last_name="Wallerstein", assigned_to="rep-1")
    await expect(page.get_by_role("link", name="Open Una Wallerstein")).to_be_visible()
    await expect(page.get_by_role("button", name="Last name")).to_be_focused()
    await page.keyboard.press("Alt+ArrowLeft")
    narrower = await width_of(head)
    assert abs(narrower - before - 80 + 32) <= ROUNDING
    # Both are kept; the density counts for the call queue as well, and there is a way back.
    await page.reload()
    await page.wait_for_selector(READY)
    await expect(page.get_by_role("link", name="Open Una Wallerstein")).to_be_visible()
    assert abs(await width_of(head) - narrower) <= ROUNDING
    assert abs(await high(line) - close) <= ROUNDING
    await page.goto("/queues/mine")
    await page.wait_for_selector(READY)
    await expect(compact).to_have_attribute("aria-pressed", "true")
    await compact.click()
    await expect(compact).to_have_attribute("aria-pressed", "false")
    await page.goto("/my-leads")
    await page.wait_for_selector(READY)
    await expect(page.get_by_role("link", name="Open Una Wallerstein")).to_be_visible()
    assert abs(await high(line) - roomy) <= ROUNDING


async def test_s6_a_saved_view_is_duplicated_and_each_goes_its_own_way(running_org: RunningOrg) -> None:
    await open_org(running_org)
    page = await running_org.sign_in("mia", "/my-leads?state=RI")
    await until_shown(page, "=Frank Taraborelli", "Robbie Duffy")
    await save(page, "Rhode Island")
    dialog, view = page.get_by_role("dialog"), page.get_by_role("combobox", name="View")
    shown = view.locator("option:checked")
    await page.get_by_role("button", name="Save view …").click()
    await dialog.get_by_role("button", name="Duplicate").click()
    await until_toast(page, "“Copy of Rhode Island” is saved as a copy of “Rhode Island”")
    await expect(shown).to_have_text("Copy of Rhode Island")
    # A second copy needs a name of its own, and one that is taken is refused with the reason.
    await page.get_by_role("button", name="Save view …").click()
    await dialog.get_by_label("Name").fill("Rhode Island")
    await dialog.get_by_role("button", name="Duplicate").click()
    await expect(dialog.get_by_role("alert")).to_have_text(
        "You have a view “Rhode Island” already. Give the copy another name."
    )
    await page.keyboard.press("Escape")
    # The copy gets another column; the original keeps its own.
    await page.get_by_role("button", name="Edit Columns").click()
    await page.locator("#columns").get_by_label("Email", exact=True).uncheck()
    await page.locator("#columns").get_by_role("button", name="Save").click()
    await until_toast(page, "Your columns are saved.")
    await save(page, "Copy of Rhode Island")
    await view.select_option(label="Rhode Island")
    await expect(page.locator("thead th", has_text="Email")).to_have_count(1)
    await view.select_option(label="Copy of Rhode Island")
    await expect(page.locator("thead th", has_text="Email")).to_have_count(0)
    assert "Last name" in await heads(page)
    # Deleting the copy leaves the original.
    await page.get_by_role("button", name="Save view …").click()
    await dialog.get_by_role("button", name="Delete").click()
    await until_toast(page, "“Copy of Rhode Island” is deleted")
    await expect(view.locator("option", has_text="Rhode Island")).to_have_count(1)


async def send_many_leads(running_org: RunningOrg) -> None:
    """Let 40 leads of a rep arrive, 25 of them with an amount."""
    await running_org.rep("mia", "manager")
    await running_org.rep("rep-1")
    await running_org.until_published("rep", "rep-1")
    for n in range(LEADS):
        facts = {"loan_amount": 100_000 + n} if n < PAGE + 10 else {}
        await running_org.arrive(f"L-{n}", last_name=f"Lead {n:02}", assigned_to="rep-1", **facts)


async def test_s6_some_of_forty_are_selected_and_back_brings_the_list_as_one_left_it(
    running_org: RunningOrg,
) -> None:
    await send_many_leads(running_org)
    page = await running_org.sign_in("rep-1", "/my-leads")
    await expect(page.locator("[data-total]")).to_have_text(f"{LEADS} leads")
    for name in ("Lead 03", "Lead 07"):
        await page.get_by_label(f"Select {name}").check()
    await expect(page.locator("[data-chosen]")).to_have_text(f"2 of {LEADS} selected")
    # A filter, an order, the second page, and far down on it.
    await page.set_viewport_size({"width": 1280, "height": 420})
    await page.goto(f"/my-leads?loan_amount.from=1&limit={PAGE}&sort=last_name")
    await page.wait_for_selector(READY)
    await page.get_by_role("button", name="Next").click()
    rows = [f"Lead {n:02}" for n in range(PAGE, PAGE + 10)]
    await until_shown(page, *rows)
    link = page.get_by_role("link", name="Open Lead 22")
    for way_back in ("link", "browser"):
        await link.scroll_into_view_if_needed()
        address, top = page.url, await page.evaluate("scrollY")
        assert top > 0
        await link.click()
        await expect(page.get_by_role("heading", name="Lead 22")).to_be_visible()
        await page.wait_for_selector(READY)
        if way_back == "link":
            await page.get_by_role("link", name="Back to My leads").click()
        else:
            await page.go_back()
        await expect(page).to_have_url(address)
        await until_shown(page, *rows)
        await expect(link).to_be_focused()
        await page.wait_for_function("([top, most]) => Math.abs(scrollY - top) <= most", arg=[top, ROUNDING])
        await expect(page.get_by_role("button", name="Remove the filter Loan amount")).to_be_visible()
        await expect(page.locator("th[aria-sort=ascending]")).to_have_text("Last name")


async def test_q3_six_columns_and_the_leads_time_stand_beside_what_to_do(running_org: RunningOrg) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("ann")
    six = ["phone", "state", "loan_purpose", "loan_amount", "credit_score", "created_at"]
    await running_org.publish("queue", "six", **{**NEW, "columns": six})
    await running_org.until_published("queue", "six")
    lead = await running_org.arrive(
        "S-1",
        first_name="Bartholomew",
        last_name="Longfellow",
        phone="4014194247",
        state="RI",
        loan_purpose="cash_out",
        loan_amount=1_310_000,
        credit_score=720,
    )
    page = await running_org.sign_in("ann", "/queues/six")
    await until_row(page, lead)
    await expect(row(page, lead).locator(".there")).to_contain_text("may be called")
    await expect(row(page, lead).locator("td")).to_have_count(len(six) + 3)
    behind = "(box) => box.scrollWidth - box.clientWidth"
    assert await page.locator(".list > .scroll").evaluate(behind) <= ROUNDING
