"""On a phone and at 200 % the first row is on the first screen, and no page scrolls sideways; it can be installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, row, until_row
from tests.web.running_org import NEW
from tests.web.screens import PHONE, shot

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

ZOOMED: Final = {"width": 640, "height": 400}
"""A window of 1280 by 800 at 200 %."""
QUEUES: Final = 30
PAGES: Final = (
    "/my-leads",
    "/exceptions",
    "/queue-builder",
    "/directory/reps",
    "/uploads",
    "/vendors",
    "/wallboard",
    "/reports",
    "/operations",
    "/account",
)


_WIDE: Final = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll"))
  .map((one) => `${one.tagName} ${one.className} ${one.getBoundingClientRect().right}`)"""
"""Names the elements that stand out of the window."""


async def width(page: Page) -> int:
    """Return by how much the page is wider than its window."""
    overflow: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return overflow


async def stands_out(page: Page) -> list[str]:
    """Return what is wider than the window."""
    selectors: list[str] = await page.evaluate(_WIDE)
    return selectors


async def test_the_first_row_is_on_the_first_screen_of_a_phone_and_at_200_percent(
    running_org: RunningOrg,
) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("mia", "manager")
    for n in range(QUEUES):
        await running_org.publish("queue", f"work-{n:02}", **{**WORK, "name": f"Work {n:02}"})
    await running_org.publish("queue", "new", **NEW)
    await running_org.until_published("queue", "new")
    await running_org.until_published("queue", f"work-{QUEUES - 1:02}")
    lead = await running_org.arrive(
        "A-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000
    )
    page = await running_org.sign_in("mia", "/queues/new")
    await until_row(page, lead)
    # The list of queues is searchable, grouped, and shows the chosen one.
    await expect(page.locator("#standard .kind")).to_have_text(["To claim", "To work"])
    await page.get_by_label("Find a queue").fill("work 29")
    await expect(page.locator("#standard li:visible a")).to_have_count(1)
    await page.goto(f"/queues/work-{QUEUES - 1:02}")
    await page.wait_for_selector(READY)
    chosen = page.locator('#standard a[aria-current="true"]')
    await expect(chosen).to_be_in_viewport()
    for size in (PHONE, ZOOMED):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        await page.goto("/queues/new")
        await until_row(page, lead)
        await expect(row(page, lead).get_by_role("button", name="Claim this Lead")).to_be_in_viewport(ratio=1)
        assert await width(page) <= 0, await stands_out(page)
        await page.get_by_role("button", name="Queue: New leads").click()
        await expect(page.get_by_role("link", name="Work 07")).to_be_visible()
        await page.get_by_role("button", name="Menu").click()
        await expect(page.get_by_role("link", name="Reports")).to_be_visible()
        for path in PAGES:
            await page.goto(path)
            await page.wait_for_selector(READY)
            assert await width(page) <= 0, (path, size)
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await page.goto("/queues/new")
    await until_row(page, lead)
    assert await serious_problems(page) == []
    await shot(page, "phone")


async def test_the_first_row_of_my_leads_and_of_the_exceptions_is_on_the_first_screen(
    running_org: RunningOrg,
) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("mia", "manager")
    await running_org.rep("ann")
    await running_org.until_published("rep", "ann")
    owned = await running_org.arrive("A-1", last_name="Jones", phone="4014194247", assigned_to="ann")
    failed = await running_org.arrive("E-1", last_name="Silva", state="TX")
    for rep_id, path, lead, name in (
        ("ann", "/my-leads", owned, "Jones"),
        ("mia", "/exceptions", failed, "Silva"),
    ):
        page = await running_org.sign_in(rep_id, path)
        for size in (PHONE, ZOOMED):
            await page.set_viewport_size({"width": size["width"], "height": size["height"]})
            await page.goto(path)
            await until_row(page, lead)
            await expect(page.get_by_role("link", name=f"Open {name}")).to_be_in_viewport(ratio=1)
            assert await width(page) <= 0, await stands_out(page)
            # What else the list can do is one tap away, and so is the way out.
            await expect(page.get_by_label("Sorted By")).to_be_hidden()
            await page.get_by_role("button", name="Options").click()
            await expect(page.get_by_label("Sorted By")).to_be_visible()
            await expect(page.get_by_text("Filter", exact=True)).to_be_visible()
            assert await width(page) <= 0, await stands_out(page)
            await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
            await page.get_by_role("button", name="Menu").click()
            await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        assert await serious_problems(page) == []


async def test_q1_a_new_view_on_a_phone_has_the_other_queues_one_tap_away(running_org: RunningOrg) -> None:
    await running_org.rep("ann")
    await running_org.publish("queue", "work", **WORK)
    page = await running_org.sign_in(
        "ann", "/views/new", viewport={"width": PHONE["width"], "height": PHONE["height"]}
    )
    toggle = page.get_by_role("button", name="Queue: Choose a queue")
    await expect(toggle).to_have_attribute("aria-expanded", "false")
    await toggle.click()
    await expect(toggle).to_have_attribute("aria-expanded", "true")
    await page.get_by_role("tab", name="Standard").click()
    await page.get_by_role("link", name="Call these").click()
    await expect(page.get_by_role("heading", name="Call these")).to_be_visible()


@pytest.mark.parametrize(("queue", "value"), [("work", WORK), ("new", NEW)], ids=["open", "claim"])
async def test_q1_an_amount_of_a_queue_is_whole_on_a_phone(
    queue: str, value: dict[str, Any], running_org: RunningOrg
) -> None:
    """What to do with a row stays in sight beside it, and covers no digit of the amount."""
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("ann")
    await running_org.publish("queue", queue, **value)
    await running_org.until_published("queue", queue)
    lead = await running_org.arrive(
        "A-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=1310000
    )
    page = await running_org.sign_in(
        "ann", f"/queues/{queue}", viewport={"width": PHONE["width"], "height": PHONE["height"]}
    )
    await until_row(page, lead)
    amount = row(page, lead).get_by_text("$1,310,000")
    edges = await amount.evaluate("""(cell) => {
      const text = document.createRange();
      text.selectNodeContents(cell);
      const act = cell.closest("tr").querySelector(".act");
      return [text.getBoundingClientRect().right, act.getBoundingClientRect().left];
    }""")
    assert edges[0] <= edges[1], edges
    assert await serious_problems(page) == []


async def test_all_that_may_be_done_with_a_changed_object_is_in_reach_of_a_thumb(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("ada", "admin")
    await running_org.rep("ann")
    await running_org.until_published("rep", "ann")
    page = await running_org.sign_in("ada", "/directory/reps/ann", viewport=PHONE)
    for text in ("Unpublished changes", "As published"):
        await page.get_by_label("Name", exact=True).fill("Ann Lee" if text.startswith("Unp") else "Ann")
        await expect(page.locator("[data-dirty]")).to_have_text(text)
        review = page.get_by_role("button", name="Review changes")
        if text.startswith("Unp"):
            await expect(review).to_be_in_viewport(ratio=1)  # over the form, wherever one is
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        for name in ("History", "Remove", "Discard changes", "Review changes"):
            await expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
        assert await width(page) <= 0, await stands_out(page)
        await page.locator("footer").get_by_role("button", name="History").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.evaluate("scrollTo(0, 0)")


async def test_the_console_can_be_installed(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    page = await running_org.sign_in("rep-1", "/queues/mine")
    session = await page.context.new_cdp_session(page)
    reply = await session.send("Page.getAppManifest")
    assert reply["errors"] == []
    manifest = json.loads(reply["data"])
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/queues")
    for icon in manifest["icons"]:
        assert (await page.request.get(icon["src"])).ok, icon
    problems = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert [problem["errorId"] for problem in problems if problem["errorId"] != "in-incognito"] == []
