"""Admins change reps, groups, campaigns and settings: checked, shown, published, and never over another's edit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import until_row
from tests.web.running_org import NEW, PASSWORD
from tests.web.screens import fits_a_phone, shot
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]


async def publish_staff(running_org: RunningOrg, *rep_ids: str, **more: Any) -> None:
    """Publish an admin and some reps."""
    await running_org.rep("ada", "admin")
    for rep_id in rep_ids:
        await running_org.rep(rep_id, **more)
    await running_org.until_known("ada")


async def published_object(page: Page, path: str) -> dict[str, Any]:
    """Return an object as the API has it."""
    answer = await page.request.get(f"/api/v1/directory/{path}")
    assert answer.ok
    published = await answer.json()
    assert answer.headers["etag"] == published["etag"]
    value: dict[str, Any] = published["value"]
    return value


async def publish(page: Page) -> None:
    """Review, and publish."""
    await page.get_by_role("button", name="Review changes").click()
    await page.locator("#review").get_by_role("button", name="Publish", exact=True).click()
    await until_toast(page, "Published. It applies from now on")
    await expect(page.locator("[data-dirty]")).to_have_text("As published")


def grid_day(page: Page, name: str) -> Locator:
    """Return a day of a week's grid."""
    return page.get_by_role("group", name=name, exact=True)


async def order(page: Page) -> list[str | None]:
    """Return a roster as it is shown."""
    lines = page.locator(".roster li")
    return [await lines.nth(n).get_attribute("data-rep") for n in range(await lines.count())]


async def test_x2_switching_a_rep_off_says_what_it_does_and_does_it(running_org: RunningOrg) -> None:
    await publish_staff(running_org, "rep-1", "rep-2")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("A-1", last_name="Jones")
    rep = await running_org.sign_in("rep-1")
    await until_row(rep, lead)  # the engine may read a claim before the lead
    assert (await running_org.ask("claim", lead, "rep-1", queue_id="new")).result == "won"
    page = await running_org.sign_in("ada", "/operations")
    await expect(page.locator('[data-tile="won"]')).to_have_text("1")  # the database has it
    await page.goto("/directory/reps/rep-1")
    await page.wait_for_selector("html[data-ready=yes]")
    await page.get_by_label("Active").uncheck()
    await expect(page.locator("[data-dirty]")).to_have_text("Unpublished changes")
    await page.get_by_role("button", name="Review changes").click()
    effects = page.locator("[data-effects]")
    await expect(effects).to_contain_text("Rep 1 is signed out and may no longer sign in or act")
    await expect(effects).to_contain_text("1 lead of theirs will have no owner")
    assert await page.locator("[data-changes] tbody tr").all_inner_texts() == ["Active\tyes\tno"]
    assert await serious_problems(page) == []
    await shot(page, "directory-review")
    assert (await rep.request.get("/api/v1/me")).ok  # it was only shown
    await page.locator("#review").get_by_role("button", name="Publish", exact=True).click()
    await until_toast(page, "Published")
    await expect(page.locator('[data-id="rep-1"] .badge')).to_have_text("inactive")
    assert (await rep.request.get("/api/v1/me")).status == 401
    await page.goto("/operations")
    await expect(page.locator('[data-table="exceptions"]')).to_contain_text("Orphaned")
    # The last admin cannot go: nobody could change anything any more.
    await page.goto("/directory/reps/ada")
    await page.wait_for_selector("html[data-ready=yes]")
    await page.get_by_label("Active").uncheck()
    await page.get_by_role("button", name="Review changes").click()
    field = page.locator('[data-path="active"]')
    await expect(field.locator("[data-problem]")).to_contain_text("no active admin")
    await expect(page.get_by_label("Active")).to_be_focused()


async def test_r1_the_roster_is_ordered_by_keyboard_and_by_drag_and_number_one_gets_the_lead(
    running_org: RunningOrg,
) -> None:
    await publish_staff(running_org, "rep-1", "rep-2", "rep-3")
    members = [{"rep_id": f"rep-{n}"} for n in (1, 2)]
    await running_org.publish("group", "west", name="West", method="round_robin", members=members)
    await running_org.publish("campaign", "west", group_id="west")
    page = await running_org.sign_in("ada", "/directory/groups/west")
    assert await order(page) == ["rep-1", "rep-2"]
    down = page.get_by_role("button", name="Move Rep 1 down")
    await down.focus()
    await page.keyboard.press("Enter")
    assert await order(page) == ["rep-2", "rep-1"]
    await until_toast(page, "Rep 1 is now 2 of 2.")
    await expect(page.get_by_role("button", name="Move Rep 1 up")).to_be_focused()
    await page.get_by_label("Rep to add").select_option("rep-3")
    await page.get_by_role("button", name="Add to the roster").click()
    lines = page.locator(".roster li")
    await lines.nth(2).locator(".grip").drag_to(lines.nth(0))
    assert await order(page) == ["rep-3", "rep-2", "rep-1"]
    await until_toast(page, "Rep 3 is now 1 of 3.")
    await page.get_by_label("Weight of Rep 3").fill("2")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "roster")
    await page.get_by_role("button", name="Review changes").click()
    moved = ["Rep 3 comes in at place 1.", "Rep 1 moves from place 1 to 3."]
    await expect(page.locator("[data-effects] li")).to_have_text(moved)
    await page.get_by_role("button", name="Back").click()
    await publish(page)
    roster = [{"rep_id": "rep-3", "weight": 2}, {"rep_id": "rep-2"}, {"rep_id": "rep-1"}]
    assert (await published_object(page, "group/west"))["members"] == roster
    await page.goto("/directory/settings")
    await page.wait_for_selector("html[data-ready=yes]")
    await page.get_by_label("Round robin").uncheck()
    await page.get_by_role("button", name="Review changes").click()
    await expect(page.locator("[data-effects]")).to_contain_text("number one on its roster")
    await page.get_by_role("button", name="Back").click()
    await publish(page)
    rep = await running_org.sign_in("rep-3", "/queues/mine")
    lead = await running_org.arrive("A-1", last_name="Jones", campaign="west")
    await expect(rep.locator(f'tr[data-lead="{lead}"]')).to_be_visible()
    # What others need is not removed.
    await page.goto("/directory/groups/west")
    await page.wait_for_selector("html[data-ready=yes]")
    await page.get_by_role("button", name="Remove", exact=True).last.click()
    await expect(page.locator("[data-notice]")).to_contain_text("campaigns.west.group_id needs it")


async def test_r9_hours_on_a_week_grid_across_midnight_and_copied(running_org: RunningOrg) -> None:
    await publish_staff(running_org, "rep-1", "rep-2")
    page = await running_org.sign_in("ada", "/directory/reps/rep-1")
    await page.get_by_label("Working hours").select_option("some")
    await grid_day(page, "Monday").get_by_role("button", name="Add hours on Monday").click()
    await expect(page.get_by_label("Monday, from")).to_be_focused()
    await page.get_by_label("Monday, from").fill("20:00")
    await page.get_by_label("Monday, to").fill("04:30")
    await expect(grid_day(page, "Monday")).to_contain_text("until 04:30 on Tuesday")
    await expect(grid_day(page, "Tuesday").locator(".bar .night")).to_have_count(
        1
    )  # what reaches into Tuesday
    await grid_day(page, "Monday").get_by_role("button", name="Copy to weekdays").click()
    await grid_day(page, "Saturday").get_by_role("button", name="Add hours on Saturday").click()
    await page.get_by_label("Saturday, from").fill("00:00")
    await page.get_by_label("Saturday, to").fill("00:00")
    await expect(grid_day(page, "Saturday")).to_contain_text("until midnight")
    await page.get_by_label("Time zone").fill("Mars/Olympus")
    await page.get_by_role("button", name="Review changes").click()
    field = page.locator('[data-path="time_zone"]')
    await expect(field.locator("[data-problem]")).to_be_visible()
    await expect(page.get_by_label("Time zone")).to_be_focused()
    await page.get_by_label("Time zone").fill("America/New_York")
    await page.get_by_role("button", name="Add an absence").click()
    await page.get_by_label("Absence 1, from").fill("2027-07-01T09:00")
    await page.get_by_label("Absence 1, to").fill("2027-12-24T12:30")
    await page.get_by_label("Only leads of these states").check()
    await page.get_by_label("RI", exact=True).check()
    await page.get_by_label("Open leads at most").fill("7")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await page.get_by_label("Working hours").scroll_into_view_if_needed()
    await shot(page, "hours")
    await publish(page)
    value = await published_object(page, "rep/rep-1")
    assert value["hours"] == [
        {"days": WEEKDAYS, "from": "20:00", "to": "04:30"},
        {"days": ["sat"], "from": "00:00", "to": "24:00"},
    ]
    absence = {"from": "2027-07-01T09:00:00-04:00", "to": "2027-12-24T12:30:00-05:00"}
    assert value["absences"] == [absence]
    assert (value["licensed_states"], value["max_open"]) == (["RI"], 7)
    assert value["name"] == "Rep 1"  # nobody touched it


async def test_r4_a_groups_pause_on_a_week_grid_in_its_time_zone(running_org: RunningOrg) -> None:
    await publish_staff(running_org, "rep-1")
    page = await running_org.sign_in("ada", "/directory/groups")
    await page.get_by_role("button", name="Add a group").click()
    await page.get_by_label("Id: letters, digits and dashes").fill("night")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator("#editor-title")).to_have_text("New group: night")
    await page.get_by_label("Name", exact=True).fill("Not at night")
    await page.get_by_label("How leads are given").select_option("round_robin")
    await page.get_by_label("Claim window", exact=True).fill("15")
    await page.get_by_label("Time zone").fill("America/Los_Angeles")
    await page.get_by_label("Pause").select_option("some")
    await page.get_by_role("button", name="Add hours on Sunday").click()
    await page.get_by_label("Sunday, from").fill("20:00")
    await page.get_by_label("Sunday, to").fill("08:00")
    await expect(grid_day(page, "Sunday")).to_contain_text("until 08:00 on Monday")
    await grid_day(page, "Sunday").get_by_role("button", name="Copy to all days").click()
    await publish(page)
    assert await published_object(page, "group/night") == {
        "group_id": "night",
        "name": "Not at night",
        "method": "round_robin",
        "claim_window_seconds": 900,
        "time_zone": "America/Los_Angeles",
        "pause": [{"days": [*WEEKDAYS, "sat", "sun"], "from": "20:00", "to": "08:00"}],
    }


async def test_a_lost_edit_is_refused_with_what_changed_and_goes_on_top_if_wanted(
    running_org: RunningOrg,
) -> None:
    await publish_staff(running_org, "rep-1")
    await running_org.rep("bob", "admin")
    await running_org.until_known("bob")
    ada, bob = [await running_org.sign_in(rep_id, "/directory/reps/rep-1") for rep_id in ("ada", "bob")]
    await ada.get_by_label("Leads a day at most").fill("5")
    await bob.get_by_label("Open leads at most").fill("20")
    await publish(bob)
    await expect(ada.locator("[data-notice]")).to_contain_text("Somebody has just published this")
    await ada.get_by_role("button", name="Review changes").click()
    lost = ada.locator("#lost")
    await expect(lost).to_contain_text("Your changes were not published")
    assert await lost.locator("tbody tr").all_inner_texts() == ["Open leads at most\tnot set\t20"]
    await lost.get_by_role("button", name="Keep my changes").click()
    await publish(ada)
    value = await published_object(ada, "rep/rep-1")
    assert (value["max_open"], value["max_per_day"]) == (20, 5)
    token = await ada.locator('meta[name="csrf"]').get_attribute("content")
    headers = {"x-csrf-token": str(token), "accept": "application/json"}
    for more, status in (({}, 428), ({"if-match": '"v0"'}, 412), ({"if-match": "W/nothing"}, 412)):
        answer = await ada.request.put("/api/v1/directory/rep/rep-1", data={}, headers=headers | more)
        assert answer.status == status
    assert await published_object(ada, "rep/rep-1") == value
    # RFC 9110: `*` is every version of what exists, and a list matches each that it names.
    etag = (await (await ada.request.get("/api/v1/directory/rep/rep-1")).json())["etag"]
    for match in ("*", f'"v0", {etag}'):
        answer = await ada.request.put(
            "/api/v1/directory/rep/rep-1", data=value, headers=headers | {"if-match": match}
        )
        assert answer.status == 200, match
    answer = await ada.request.put(
        "/api/v1/directory/rep/nobody", data={}, headers=headers | {"if-match": "*"}
    )
    assert (answer.status, (await answer.json())["detail"]) == (
        412,
        "If-Match: there is no rep nobody, in any version",
    )
    # Two at once with the same ETag: one is published, the other is told.
    etag = (await (await ada.request.get("/api/v1/directory/rep/rep-1")).json())["etag"]
    pages = await asyncio.gather(
        *(
            ada.request.put(
                "/api/v1/directory/rep/rep-1",
                data={**value, "max_open": cap},
                headers={**headers, "if-match": etag},
            )
            for cap in (1, 2)
        )
    )
    assert sorted(answer.status for answer in pages) == [200, 412]


async def test_somebody_is_added_with_an_account_and_managers_only_look(running_org: RunningOrg) -> None:
    await publish_staff(running_org)
    await running_org.rep("mia", "manager")
    page = await running_org.sign_in("ada", "/directory/reps/rep-9")
    await page.get_by_label("Name", exact=True).fill("Nina Castellano")
    email = f"nina@{running_org.org}.example"
    await page.get_by_role("textbox", name="Email").fill(email)
    await page.get_by_label("Also make an account").check()
    await page.get_by_role("button", name="Review changes").click()
    await page.locator("#review").get_by_role("button", name="Publish", exact=True).click()
    invited = page.locator("#invited")
    await expect(invited.locator("[data-invited-email]")).to_have_text(email)
    password = await invited.locator("[data-invited-password]").inner_text()
    await invited.get_by_role("button", name="Done").click()
    assert password not in await page.content()
    assert running_org.accounts.check(email, password) is not None
    # An address that is somebody else's is not taken over, in this org or another.
    token = await page.locator('meta[name="csrf"]').get_attribute("content")
    refused = await page.request.post(
        "/api/v1/directory/rep/rep-9/account",
        data={"email": running_org.email("mia")},
        headers={"x-csrf-token": str(token)},
    )
    assert refused.status == 409
    assert running_org.accounts.check(running_org.email("mia"), PASSWORD) is not None
    mia = await running_org.sign_in("mia", "/directory/reps/rep-9")
    await expect(mia.get_by_label("Name", exact=True)).to_be_disabled()
    await expect(mia.get_by_role("button", name="Review changes")).to_be_hidden()
    rep = await running_org.window()
    for path in ("/directory/reps", "/operations"):
        assert (await rep.request.get(path, headers={"accept": "application/json"})).status == 401
