"""A new org's admin is led from the own publication to a test lead that somebody is offered (R3, S6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import READY

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


def steps(page: Page) -> Locator:
    """Return the list of steps."""
    return page.get_by_role("region", name="First steps")


async def steps_left(page: Page) -> list[str]:
    """Return the steps that are not done yet."""
    await page.goto("/directory/reps")
    await page.wait_for_selector(READY)
    return await steps(page).get_by_role("link").all_inner_texts()


async def test_r3_s6_the_first_admin_is_led_to_a_test_lead_that_is_offered(running_org: RunningOrg) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("ada", "admin")
    page = await running_org.sign_in("ada", "/directory/reps")
    todo = [
        "Add the people who work leads",
        "Make a group of them",
        "Make a campaign that distributes to the group",
        "Build a call queue for leads that nobody took",
        "Create a test lead of the campaign, and see whom it is offered",
    ]
    assert await steps_left(page) == todo
    await expect(steps(page)).to_contain_text("Publish yourself as an admin done")
    assert await serious_problems(page) == []
    await running_org.rep("ann")
    await running_org.publish("group", "west", name="West", method="round_robin", members=[{"rep_id": "ann"}])
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    await running_org.publish("queue", "new", name="New leads", claimable=True)
    await running_org.until_published("queue", "new")
    assert await steps_left(page) == todo[-1:]
    ann = await running_org.sign_in("ann", "/queues/mine")
    await steps(page).get_by_role("link").click()
    dialog = page.get_by_role("dialog", name="Create Lead")
    await dialog.get_by_label("First name").fill("Test")
    await dialog.get_by_label("Phone", exact=True).fill("(401) 419-4247")
    await dialog.get_by_label("Campaign").select_option("West")
    await dialog.get_by_role("button", name="Create").click()
    await expect(ann.locator("tbody tr")).to_contain_text("Test")
    await page.goto("/directory/reps")
    await page.wait_for_selector(READY)
    await expect(steps(page)).to_have_count(0)
