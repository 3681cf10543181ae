"""Every page is sound for screen readers in either scheme, and fits a phone and a window at 200 % (X1, Q7)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, until_row
from tests.web.running_org import NEW
from tests.web.screens import picture
from tests.web.test_offers import JONES, PHONE
from tests.web.test_phone_pages import ZOOMED, stands_out, width

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

OF_ADMINS: Final = (
    "/queues/new",
    "/queues/work",
    "/queues/mine",
    "/views/new",
    "/my-leads",
    "/exceptions",
    "/queue-builder",
    "/queue-builder/new",
    "/directory/reps",
    "/directory/reps/ann",
    "/directory/groups",
    "/directory/groups/west",
    "/directory/campaigns/west",
    "/directory/settings",
    "/directory/teams",
    "/directory/import",
    "/uploads",
    "/vendors",
    "/wallboard",
    "/reports",
    "/operations",
    "/audit",
    "/erasures",
    "/tokens",
    "/notifications",
    "/account",
)
OF_REPS: Final = ("/queues/new", "/queues/mine", "/my-leads", "/unassigned", "/account")


async def published_org(running_org: RunningOrg) -> str:
    """Publish one object of each kind; return the id of a lead without owner."""
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("ada", "admin", teams=["east"])
    await running_org.rep("ann", teams=["east"])
    await running_org.publish("group", "west", name="West", method="round_robin", members=[])
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    # What must not be called is in no queue, so that the desk has an exception.
    silenced = {"combinator": "and", "rules": [{"field": "silenced", "operator": "=", "value": True}]}
    await running_org.publish("queue", "work", **WORK, exclusion=silenced)
    await running_org.publish("queue", "new", **NEW, exclusion=silenced)
    await running_org.until_published("queue", "new")
    await running_org.arrive("O-1", last_name="Reed", phone="4014194248", state="RI", assigned_to="ann")
    await running_org.arrive("E-1", campaign="west", last_name="Silva", state="TX", silenced=True)
    return await running_org.arrive(
        "A-1", phone="(401) 419-4247", email="jeremy.jones.of.the.long.name@example.org", **JONES
    )


async def faults(page: Page, path: str) -> list[str]:
    """Open a page in each size; return its grave problems, and what stands out of the window."""
    problems = []
    size = page.viewport_size
    assert size is not None
    for name, window in (("desk", size), ("phone", PHONE["viewport"]), ("200 %", ZOOMED)):
        await page.set_viewport_size({"width": window["width"], "height": window["height"]})
        if name != "200 %":  # whoever enlarges a page does not load it again
            await page.goto(path)
            await page.wait_for_selector(READY)
        await picture(page, f"{path} {name}")
        if await width(page) > 0:
            problems.append(f"{path} {name}: {await stands_out(page)}")
        if name != "200 %":
            problems += [f"{path} {name}: {problem}" for problem in await serious_problems(page)]
        if name == "desk" and os.environ.get("PICTURES"):
            await page.emulate_media(color_scheme="dark")
            await picture(page, f"{path} dark")
            await page.emulate_media(color_scheme=None)
    await page.set_viewport_size(size)
    return problems


async def test_x1_q7_every_page_of_an_admin_is_sound_in_both_schemes_and_all_sizes(
    running_org: RunningOrg,
) -> None:
    lead = await published_org(running_org)
    page = await running_org.sign_in("ada", "/queues/new")
    await until_row(page, lead)
    problems = [problem for path in (*OF_ADMINS, f"/leads/{lead}") for problem in await faults(page, path)]
    assert not problems, "\n".join(problems)


async def test_x1_q7_every_page_of_a_rep_is_sound_in_both_schemes_and_all_sizes(
    running_org: RunningOrg,
) -> None:
    lead = await published_org(running_org)
    page = await running_org.sign_in("ann", "/queues/new")
    await until_row(page, lead)
    problems = [
        problem for path in (*OF_REPS, f"/leads/{lead}?queue=work") for problem in await faults(page, path)
    ]
    assert not problems, "\n".join(problems)
