"""The directory's and the builder's right side: who published what and when, open leads, sign-ins, teams, and twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import WORK
from tests.web.running_org import NEW
from tests.web.screens import fits_a_phone, shot
from tests.web.test_directory import publish
from tests.web.toasts import until_toast
from web.services.look_alike_objects import look_alikes, look_alikes_of

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg


def rule(state: str) -> dict[str, Any]:
    """Return a rule over the state."""
    return {"combinator": "and", "rules": [{"field": "state", "operator": "=", "value": state}]}


OBJECTS: dict[tuple[str, str], dict[str, Any]] = {
    ("queue", "a"): {"name": "Aged", "inclusion": rule("RI")},
    ("queue", "b"): {"name": " aged ", "inclusion": rule("MA")},
    ("queue", "c"): {"name": "Rhode Island", "inclusion": rule("RI"), "exclusion": {"rules": []}},
    ("queue", "d"): {"name": "All", "inclusion": {"combinator": "and", "rules": []}},
    ("queue", "e"): {"name": "Everything"},
    ("group", "west"): {"name": "West", "method": "roster", "members": [{"rep_id": "ann"}]},
    ("group", "south"): {"name": "South", "method": "roster", "members": [{"rep_id": "ann"}]},
    ("group", "east"): {"name": "East", "method": "roster", "members": [{"rep_id": "bob"}]},
    ("rep", "ann"): {"name": "Ann Lee"},
    ("rep", "ann-2"): {"name": "Ann Lee"},
    ("rep", "ann-3"): {"name": "Ann Lee", "active": False},
}


def test_objects_that_nobody_can_tell_apart_are_named() -> None:
    assert [look_alike.text for look_alike in look_alikes(OBJECTS, "queue")] == [
        "2 views are named Aged: a, b.",
        "Aged and Rhode Island have the same rules.",
    ]
    assert [look_alike.ids for look_alike in look_alikes(OBJECTS, "group")] == [("south", "west")]
    assert look_alikes_of(OBJECTS, ("rep", "ann")) == ["2 reps are named Ann Lee: ann, ann-2."]
    assert (
        look_alikes_of(OBJECTS, ("rep", "ann-3")) == look_alikes_of(OBJECTS, ("settings", "settings")) == []
    )


def line(page: Page, name: str) -> Locator:
    """Return a line of the table on the right side."""
    return page.locator("main tbody tr", has_text=name)


@pytest.mark.slow
async def test_an_admin_sees_who_published_what_and_is_warned_of_twins(running_org: RunningOrg) -> None:
    await running_org.rep("ada", "admin")
    await running_org.rep("rep-1", teams=["west"], max_open=9)
    await running_org.publish("queue", "new", **{**NEW, "teams": ["west"]})
    await running_org.publish("queue", "work", **WORK)
    await running_org.until_published("queue", "work")
    await running_org.arrive("A-1", last_name="Jones", assigned_to="rep-1")
    page = await running_org.sign_in("ada", "/directory/groups")
    await page.goto("/directory/groups/west")
    await page.get_by_label("Name", exact=True).fill("West Coast")
    await publish(page)
    await page.goto("/directory/groups/south")
    await page.get_by_label("Name", exact=True).fill("West Coast")
    await page.get_by_role("button", name="Review changes").click()
    await expect(page.locator("#review [data-effects]")).to_contain_text("2 groups are named West Coast")
    await page.locator("#review").get_by_role("button", name="Publish", exact=True).click()
    await until_toast(page, "Published.")

    async def by_whom() -> bool:
        await page.goto("/directory/groups")
        return "Ada" in await page.locator("[data-listed]").inner_text()

    await eventually(by_whom, "the audit has the publication")
    await expect(line(page, "West Coast").first).to_contain_text("min")
    await expect(page.locator("[data-twins]")).to_have_text("2 groups are named West Coast: south, west.")
    assert await serious_problems(page) == []
    await (
        page.get_by_role("navigation", name="Parts of the directory").get_by_role("link", name="Reps").click()
    )
    own = line(page, "Rep 1")
    await expect(own).to_contain_text("1 of 9")
    await expect(own).to_contain_text("not yet")
    await expect(line(page, "Ada")).to_contain_text("under 1 min")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "directory-reps")
    await page.get_by_role("link", name="Teams").click()
    await expect(line(page, "west")).to_contain_text("Rep 1")
    await expect(line(page, "west").get_by_role("link", name="New leads")).to_be_visible()
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await copied_view(page)


async def copied_view(page: Page) -> None:
    """Duplicate a view. The copy has its rules, which the builder says in its table."""
    await page.goto("/queue-builder/new")
    await page.get_by_role("button", name="Duplicate").click()
    await page.wait_for_url("**/queue-builder/*")
    await expect(page.locator("[data-saved]")).to_be_attached()
    await page.get_by_role("button", name="Publish View").click()
    await page.get_by_role("button", name="Ok").click()
    await until_toast(page, "Published.")

    async def named() -> bool:
        await page.goto("/queue-builder")
        return "Ada" in await page.locator("main table").inner_text()

    await eventually(named, "the audit has the publication of the view")
    await expect(page.locator("[data-twins]").first).to_contain_text("have the same rules.")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "views")
    await page.get_by_role("link", name="Edit Outcomes").click()
    await expect(page.get_by_role("group", name="Edit Outcomes")).to_be_in_viewport()
