"""Admins set what counts for the org; each object says who changed it; dialogs give the focus back (X1, C1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY
from tests.web.test_directory import publish

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def entries(page: Page) -> list[str]:
    """Return what the history of the open object says, newest first."""
    await page.get_by_role("button", name="History").click()
    dialog = page.get_by_role("dialog", name="Who changed it, and when")
    await expect(dialog).to_be_visible()
    texts = await dialog.locator("[data-entries] li").all_inner_texts()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    return texts


async def test_an_admin_sets_zone_retention_protection_and_templates_and_the_history_names_both(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("ada", "admin")
    await running_org.rep("bob", "admin")
    await running_org.until_known("bob")
    page = await running_org.sign_in("ada", "/directory/settings")
    await page.get_by_label("The org's time zone").fill("America/Chicago")
    await page.get_by_label("Closed leads keep their facts, in days").fill("400")
    await page.get_by_label("A fresh assignment cannot be claimed, in minutes").fill("-1")
    mails = page.get_by_role("group", name="Mails to reps")
    await mails.get_by_label("Own words for").select_option("lead_assigned")
    await mails.get_by_label("Subject", exact=True).fill("You have a lead")
    # What is wrong is said at its field, and the focus goes there.
    review = page.get_by_role("button", name="Review changes")
    await review.click()
    protection = page.locator('[data-path="protect_assigned_minutes"]')
    await expect(protection.locator("[data-problem]")).to_be_visible()
    await expect(protection.locator("input")).to_be_focused()
    await protection.locator("input").fill("30")
    await review.click()
    await expect(page.locator("#review")).to_be_visible()
    shown = " ".join(await page.locator("#review").locator("tbody tr").all_inner_texts())
    assert all(value_text in shown for value_text in ("America/Chicago", "400", "30", "You have a lead"))
    # A dialog that is closed gives the focus back to where it came from.
    await page.keyboard.press("Escape")
    await expect(review).to_be_focused()
    await publish(page)
    value = (await (await page.request.get("/api/v1/directory/settings/settings")).json())["value"]
    assert (value["time_zone"], value["retention_days"], value["protect_assigned_minutes"]) == (
        "America/Chicago",
        400,
        30,
    )
    assert value["mail"]["words"] == {"lead_assigned": {"subject": "You have a lead"}}
    bobs_page = await running_org.sign_in("bob", "/directory/settings")
    await expect(bobs_page.get_by_label("The org's time zone")).to_have_value("America/Chicago")
    await bobs_page.get_by_label("A fresh assignment cannot be claimed, in minutes").fill("45")
    await publish(bobs_page)

    async def both_changes() -> bool:
        read = await entries(bobs_page)
        return len(read) == 2 and "Bob" in read[0] and "Ada" in read[1]

    await eventually(both_changes, "the history names both authors")
    newest = (await entries(bobs_page))[0]
    assert "30" in newest
    assert "45" in newest
    await expect(bobs_page.get_by_role("button", name="History")).to_be_focused()
    assert await serious_problems(bobs_page) == []


async def test_dialogs_of_a_list_give_the_focus_back(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.rep("ann")
    await running_org.until_published("rep", "ann")
    await running_org.arrive("A-1", last_name="Jones", assigned_to="ann")
    page = await running_org.sign_in("mia", "/my-leads")
    await page.wait_for_selector(READY)
    await expect(page.get_by_role("link", name="Open Jones")).to_be_visible()
    for opener in ("Save view …", "Edit Columns", "Segment", "Leads of a file …", "+ Create Lead"):
        button = page.get_by_role("button", name=opener)
        await button.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(button).to_be_focused()
    await page.get_by_label("Select Jones").check()
    reassign = page.locator("[data-selection]").get_by_role("button", name="Reassign …")
    await reassign.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(reassign).to_be_focused()
