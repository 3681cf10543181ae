"""An org of 60 queues, 300 reps and 26 filters: each list is searchable and grouped, and the chosen one is in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK
from tests.web.running_org import NEW
from tests.web.screens import fits_a_phone, shot

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

QUEUES: Final = 60
REPS: Final = 300
FILTERS: Final = 26
TEAMS: Final = ("east", "north", "south", "west")


async def large_org(running_org: RunningOrg) -> None:
    """Publish the org. Every fourth queue is claimable."""
    await running_org.rep("ada", "admin")
    for n in range(QUEUES):
        shape = NEW if n % 4 == 0 else WORK
        await running_org.publish("queue", f"queue-{n:02}", **{**shape, "name": f"Queue {n:02}"})
    for n in range(REPS):
        value = {"name": f"Officer {n:03}", "role": "rep", "teams": [TEAMS[n % len(TEAMS)]]}
        await running_org.publish("rep", f"officer-{n:03}", **value)
    members = [{"rep_id": f"officer-{n:03}"} for n in range(REPS)]
    await running_org.publish("group", "all", name="Everybody", method="round_robin", members=members)
    await running_org.until_published("group", "all")
    await running_org.until_known(f"officer-{REPS - 1:03}")


async def chosen_is_in_sight(page: Page) -> None:
    """Check that the chosen entry of the side list is in sight."""
    await page.wait_for_selector(READY)
    await expect(page.locator('.lists a[aria-current="true"]')).to_be_in_viewport()


async def test_everything_is_found_in_an_org_of_60_queues_300_reps_and_26_filters(
    running_org: RunningOrg,
) -> None:
    await large_org(running_org)
    page = await running_org.sign_in("ada", "/queues/queue-59")
    await chosen_is_in_sight(page)
    await expect(page.locator("#standard .kind")).to_have_text(["To claim", "To work"])
    await page.get_by_label("Find a queue").fill("queue 07")
    await expect(page.locator("#standard li:visible a")).to_have_count(1)
    assert await serious_problems(page) == []
    await shot(page, "many-queues")
    await page.goto("/queue-builder/queue-59")
    await chosen_is_in_sight(page)
    await expect(page.locator(".lists .kind")).to_have_text(["To claim", "To work"])
    await page.get_by_label("Find a view").fill("59")
    await expect(page.locator(".lists li:visible a")).to_have_count(1)
    assert await serious_problems(page) == []
    await page.goto(f"/directory/reps/officer-{REPS - 1:03}")
    await chosen_is_in_sight(page)
    await expect(page.locator(".lists .kind")).to_have_text(["Managers and admins (1)", f"Reps ({REPS})"])
    assert await fits_a_phone(page)
    await shot(page, "many-reps")
    await page.get_by_label("Search reps").fill("officer 12")
    await expect(page.locator(".lists li a")).to_have_count(10)
    await page.get_by_label("Search reps").fill("south")
    await expect(page.locator(".lists li a")).to_have_count(REPS // len(TEAMS))
    await page.goto("/directory/reps")
    await expect(page.locator("[data-listed] tbody tr")).to_have_count(REPS + 1)
    assert await serious_problems(page) == []
    await page.goto("/wallboard")
    await page.get_by_label("Search reps").fill("officer 299")
    await expect(page.locator('[data-table="reps"] tbody tr')).to_have_count(1)
    assert await serious_problems(page) == []
    await many_filters(page)


async def many_filters(page: Page) -> None:
    """Find one of many filters, grouped by whether its column is shown."""
    await page.goto("/my-leads")
    await page.wait_for_selector(READY)
    await page.locator("[data-filter-toggle]").click()
    filters = page.locator("[data-controls] .controls > *")
    await expect(filters.nth(FILTERS - 1)).to_be_attached()
    await expect(page.locator(".filter-part h3")).to_have_text(["Of the columns shown", "Of other columns"])
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "many-filters")
    await page.get_by_label("Find a filter").fill("credit")
    await expect(page.locator("[data-controls] .controls > *:visible")).to_have_count(1)
