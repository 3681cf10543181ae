"""Small faults that a lender notices: marks that stay, lost focus, pages without a way out, odd numbers (X1, R4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, until_row
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

LONG_MAIL = f"{'a' * 60}@{'b' * 60}.example"


async def test_q6_a_published_view_loses_its_mark_and_the_focus_stays_on_the_page(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "work", **WORK)
    await running_org.until_published("queue", "work")
    page = await running_org.sign_in("mia", "/queue-builder/work")
    mark = page.locator('.lists a[aria-current="true"] small')
    await expect(mark).to_have_count(0)
    await page.get_by_label("Description").fill("Ring them first")
    await expect(mark).to_have_text("unpublished changes")
    # A rule that was just added is unfinished, not wrong. It is when one has left it.
    await page.get_by_role("button", name="Add a rule to Inclusion rules").click()
    await page.get_by_label("Field of rule 1").select_option("last_name")
    await expect(page.locator("[data-saved]")).to_have_text("Saved as a draft")
    await expect(page.locator(".rule-problem")).to_have_count(0)
    await page.get_by_label("Description").focus()
    await expect(page.locator(".rule-problem")).to_have_text("the text is empty")
    await page.get_by_label("Value of Last name").fill("Jones")
    await expect(page.locator(".rule-problem")).to_have_count(0)
    await page.get_by_role("button", name="Publish View").click()
    await page.get_by_role("button", name="Ok").click()
    await until_toast(page, "Published.")
    await expect(mark).to_have_count(0)
    await expect(page.get_by_role("heading", name="Call these")).to_be_focused()


async def test_an_error_page_has_the_navigation(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    page = await running_org.sign_in("rep-1", "/queues/mine")
    for path, title in (
        ("/nothing-here", "This page was not found"),
        ("/queues/none", "This page was not found"),
        ("/directory/reps", "This is not for you"),
        ("/my-leads/1/2", "This page was not found"),
    ):
        await page.goto(path)
        await page.wait_for_selector(READY)
        await expect(page.get_by_role("heading", name=title)).to_be_visible()
        await expect(page.get_by_role("link", name="My leads")).to_be_visible()
    assert await serious_problems(page) == []
    await page.get_by_role("link", name="My leads").click()
    await page.wait_for_url("**/my-leads")
    # Nobody learns more than before: without a session there is no navigation.
    stranger = await running_org.window()
    await stranger.goto("/nothing-here")
    await expect(stranger.get_by_role("link", name="Sign in")).to_be_visible()
    assert await stranger.get_by_role("navigation").count() == 0


async def test_r4_a_group_shows_what_its_method_uses_and_whole_numbers(running_org: RunningOrg) -> None:
    await running_org.rep("ada", "admin")
    await running_org.publish("group", "west", name="West", method="round_robin", claim_window_seconds=20)
    await running_org.until_published("group", "west")
    page = await running_org.sign_in("ada", "/directory/groups/west")
    await expect(page.get_by_label("Claim window", exact=True)).to_have_value("20")
    await expect(page.get_by_label("Claim window, unit")).to_have_value("seconds")
    await expect(page.get_by_label("Ring", exact=True)).to_be_hidden()
    await expect(page.get_by_text("As published", exact=True)).to_be_visible()
    await page.get_by_label("How leads are given").select_option("ring_all")
    await expect(page.get_by_label("Claim window", exact=True)).to_be_hidden()
    await expect(page.get_by_label("Ring", exact=True)).to_be_visible()
    await page.get_by_label("How leads are given").select_option("queue")
    await expect(page.get_by_text("Roster", exact=True)).to_be_hidden()


async def test_a_long_mail_address_pushes_no_column_out(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.until_published("rep", "rep-1")
    lead = await running_org.arrive("A-1", last_name="Jones", email=LONG_MAIL, assigned_to="rep-1")
    page = await running_org.sign_in("rep-1", "/my-leads")
    await until_row(page, lead)
    cell = page.locator("td[data-column=email]")
    box = page.locator("#list .scroll")
    assert await box.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    await expect(cell).to_have_attribute("title", LONG_MAIL)
