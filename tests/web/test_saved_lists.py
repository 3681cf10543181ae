"""Lists: saved filters with columns and order, the finder, and the way back to the list as it was (S6, Q12)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import WORK
from tests.web.test_my_leads import open_org, until_shown
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow
LISTS = "/api/v1/saved-lists"


async def heads(page: Page) -> list[str]:
    labels: list[str] = await page.locator("thead th").evaluate_all(
        "all => all.map(th => th.textContent.trim())"
    )
    return labels[1:]


async def save(page: Page, name: str, *, shared: bool = False) -> None:
    """Save what the list shows."""
    await page.get_by_role("button", name="Save view …").click()
    dialog = page.get_by_role("dialog", name="Save this view")
    await dialog.get_by_label("Name").fill(name)
    if shared:
        await dialog.get_by_label("For everybody").check()
    await dialog.get_by_role("button", name="Save").click()
    await until_toast(page, f"“{name}” is saved")


async def test_s6_filters_columns_and_order_are_saved_for_oneself_and_for_everybody(
    running_org: RunningOrg,
) -> None:
    await open_org(running_org)
    await running_org.publish("queue", "work", **WORK)
    page = await running_org.sign_in("mia", "/my-leads?state=RI&sort=last_name")
    await until_shown(page, "Robbie Duffy", "=Frank Taraborelli")
    await page.get_by_role("button", name="Edit Columns").click()
    await page.locator("#columns").get_by_label("Group", exact=True).check()
    await page.locator("#columns").get_by_label("Email", exact=True).uncheck()
    await page.locator("#columns").get_by_role("button", name="Save").click()
    await save(page, "Rhode Island", shared=True)
    view = page.get_by_role("combobox", name="View")
    await expect(view.locator("option:checked")).to_have_text("Rhode Island")
    assert await serious_problems(page) == []
    # Another filter is not saved; the saved one brings all of it back.
    await page.get_by_role("button", name="Remove the filter State: RI").click()
    await expect(view.locator("option:checked")).to_have_text("Not saved")
    await view.select_option(label="Rhode Island")
    await until_shown(page, "Robbie Duffy", "=Frank Taraborelli")
    assert "Group" in await heads(page)
    # A rep has it too, with the own leads, and may not change it.
    rep = await running_org.sign_in("rep-1", "/my-leads")
    await until_shown(rep, "=Frank Taraborelli", "Herbie Waller", "Robbie Duffy")
    assert "Email" in await heads(rep)
    await rep.get_by_role("combobox", name="View").select_option(label="Rhode Island")
    await until_shown(rep, "Robbie Duffy", "=Frank Taraborelli")
    assert "Email" not in await heads(rep)
    await rep.get_by_role("button", name="Save view …").click()
    await expect(rep.get_by_label("For everybody")).to_be_hidden()
    await expect(rep.get_by_role("dialog").get_by_role("button", name="Delete")).to_be_hidden()
    await rep.keyboard.press("Escape")
    async with await running_org.program("rep-1") as client:
        saved_lists = (await client.get(LISTS, params={"list": "leads"})).json()
        assert [(saved["name"], saved["mine"], saved["shared"]) for saved in saved_lists] == [
            ("Rhode Island", False, True)
        ]
        path = f"{LISTS}/{saved_lists[0]['saved_id']}"
        body: dict[str, Any] = {"list_name": "leads", "name": "Mine", "query": "state=MA"}
        assert (await client.put(path, json=body)).status_code == HTTPStatus.NOT_FOUND
        assert (await client.delete(path)).status_code == HTTPStatus.NOT_FOUND
        assert (await client.post(LISTS, json={**body, "shared": True})).status_code == HTTPStatus.FORBIDDEN
        wrong = await client.post(LISTS, json={**body, "query": "colour=red", "columns": ["taste"]})
        assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert [error["reason"] for error in wrong.json()["errors"]] == [
            "there is no column taste",
            "colour is not a filter of this list",
        ]
        assert (await client.post(LISTS, json=body)).status_code == HTTPStatus.CREATED
    async with await running_org.program("rep-2") as client:
        saved_lists = (await client.get(LISTS, params={"list": "leads"})).json()
        assert [saved["name"] for saved in saved_lists] == ["Rhode Island"]
    # Some of the leads are chosen.
    await page.get_by_label("Select Robbie Duffy").check()
    await expect(page.locator("[data-chosen]")).to_have_text("1 of 2 selected")
    # The manager deletes it, and nothing else changes.
    await page.get_by_role("button", name="Save view …").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await until_toast(page, "“Rhode Island” is deleted")
    await expect(view.locator("option:checked")).to_have_text("Not saved")


async def test_q12_one_box_finds_pages_queues_and_leads(running_org: RunningOrg) -> None:
    leads = await open_org(running_org)
    await running_org.publish("queue", "work", **{**WORK, "name": "Rescue these"})
    await running_org.until_published("queue", "work")
    page = await running_org.sign_in("rep-1", "/account")
    await page.keyboard.press("Control+k")
    box = page.get_by_role("dialog", name="Go to")
    field = box.get_by_label("Find a page, a queue or a lead")
    await field.fill("rescue")
    await expect(box.get_by_role("link", name="Rescue these")).to_be_visible()
    assert await serious_problems(page) == []
    await field.fill("nobody")
    await expect(box.get_by_role("link", name="Nobody Hasit Rescue these")).to_have_attribute(
        "href", f"/leads/{leads['Nobody Hasit']}?queue=work"
    )
    await field.fill("Other")  # a lead of somebody else
    await expect(box.get_by_role("status")).to_have_text("Nothing has that name.")
    await field.fill("4014194247")
    await expect(box.get_by_role("link")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Robbie Duffy")).to_be_visible()
    await page.keyboard.press("Control+k")
    await field.fill("my lea")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/my-leads")
    # From a lead one comes back to the row that one left.
    await page.locator("tbody a", has_text="Herbie").click()
    await page.get_by_role("link", name="Back to My leads").click()
    await expect(page.locator("tbody tr", has_text="Herbie").locator("a")).to_be_focused()
