"""One's own account: who is given a password by an admin gets one of their own, and nobody else keeps a way in."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.running_org import PASSWORD
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

OWN = "a staple of my own"


async def test_a_password_is_changed_by_its_owner_and_other_browsers_are_signed_out(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("rep-1", teams=["east"])
    elsewhere = await running_org.sign_in("rep-1")
    page = await running_org.sign_in("rep-1")
    await page.get_by_role("link", name="Rep 1").click()
    await expect(page.locator(".own")).to_contain_text(f"{running_org.email('rep-1')}")
    assert await serious_problems(page) == []
    current = page.get_by_label("Current password")
    await current.fill("a guess of mine")
    await page.get_by_label("New password").fill(OWN)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("alert")).to_have_text("current: is not your password")
    await expect(current).to_be_focused()
    await current.fill(PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await until_toast(page, "Your password is changed.")
    await page.reload()
    await expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()
    await elsewhere.goto("/my-leads")
    await elsewhere.get_by_label("Email").fill(running_org.email("rep-1"))
    await elsewhere.get_by_label("Password").fill(PASSWORD)
    await elsewhere.get_by_role("button", name="Sign in").click()
    await expect(elsewhere.get_by_role("alert")).to_contain_text("wrong")
    await elsewhere.get_by_label("Password").fill(OWN)
    await elsewhere.get_by_role("button", name="Sign in").click()
    await elsewhere.wait_for_url("**/my-leads")


async def test_a_program_has_no_password_to_change(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    async with await running_org.program("rep-1") as client:
        answer = await client.put("/api/v1/me/password", json={"current": PASSWORD, "new": OWN})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert running_org.accounts.check(running_org.email("rep-1"), PASSWORD) is not None
