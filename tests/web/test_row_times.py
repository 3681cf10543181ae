"""Facts where one decides: ages, the lead's time, phones, labels and dashes in lists (X6, M8, Q3, R3)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import row, until_row
from tests.web.running_org import NEW
from tests.web.screens import shot

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

EASTERN: Final = ZoneInfo("America/New_York")
DAYS: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
COLUMNS: Final = ["state", "loan_purpose", "loan_amount", "phone", "arrived_at"]
JONES: Final[dict[str, Any]] = {
    "first_name": "Jeremy",
    "last_name": "Jones",
    "state": "RI",
    "phone": "(401) 419-4247",
    "loan_purpose": "cash_out",
    "loan_amount": 310000,
}


async def quiet_from(running_org: RunningOrg, hours: int) -> datetime:
    """Publish quiet hours that begin `hours` from now in New York, for an hour; return their beginning."""
    begin = (datetime.now(EASTERN) + timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
    end = begin + timedelta(hours=1)
    span = {"days": DAYS, "from": begin.strftime("%H:00"), "to": end.strftime("%H:00")}
    await running_org.publish("settings", "settings", quiet_hours=[span])
    await running_org.until_published("settings", "settings")
    return begin


async def test_x6_a_list_shows_ages_the_leads_time_phones_labels_and_dashes(running_org: RunningOrg) -> None:
    begin = await quiet_from(running_org, 5)
    await running_org.rep("rep-1")
    await running_org.rep("mia", "manager")
    await running_org.publish("group", "west", name="West", method="queue", claim_window_seconds=86_400)
    await running_org.publish("group", "late", name="Late", method="queue", claim_window_seconds=1)
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    await running_org.publish("campaign", "late", name="Late", vendor="acme", group_id="late")
    await running_org.publish("queue", "new", **{**NEW, "columns": COLUMNS})
    await running_org.publish("queue", "blind", **{**NEW, "name": "Blind", "columns": ["arrived_at"]})
    await running_org.until_published("queue", "blind")
    jones = await running_org.arrive("A-1", campaign="west", **JONES)
    page = await running_org.sign_in("rep-1", "/queues/new", timezone_id="America/Los_Angeles")
    await until_row(page, jones)
    line = row(page, jones)
    # A row that comes to an open page gets its time too.
    late = await running_org.arrive("A-2", campaign="late", last_name="Late", phone="(401) 419-4248")
    await until_row(page, late)
    until = f"may be called until {begin:%-I} {begin:%p}"
    for lead_line in (line, row(page, late)):
        await expect(lead_line.locator(".there")).to_contain_text(until)
    await expect(line).to_contain_text("(401) 419-4247")
    await expect(line).to_contain_text("Cash-out")
    await expect(line).to_contain_text("$310,000")
    lead_time = re.compile(rf"{datetime.now(EASTERN):%-I}:\d\d {datetime.now(EASTERN):%p}|:0\d")
    await expect(line.locator(".there")).to_contain_text(lead_time)
    await expect(line.locator("time.age")).to_have_attribute("data-window", "open")
    await expect(line.locator("time.age")).to_have_text(re.compile(r"under 1 min|\d+ min"))
    await expect(row(page, late).locator("time.age")).to_have_attribute("data-window", "over")
    cells = await row(page, late).locator("td").all_inner_texts()
    assert cells[1:4] == ["--", "--", "--"]
    await expect(page.locator(".sorted")).to_have_text("Sorted By: Loan amount, the highest first")
    await expect(page.locator(".queue-reason")).to_have_text("Why they are here: the lead has no owner.")
    assert await serious_problems(page) == []
    await shot(page, "call-queue")
    # Where a lead is stays hidden in a queue that does not show it.
    hidden = await page.request.get(f"/api/v1/queues/blind/call-times?lead={jones}")
    assert (hidden.status, await hidden.json()) == (HTTPStatus.OK, {})
    await page.goto("/queues/blind")
    await until_row(page, jones)
    assert await page.locator(".there").count() == 0
    # The desk of all leads shows the same, in the order that one chooses.
    desk = await running_org.sign_in("mia", "/my-leads")
    await until_row(desk, jones)
    await expect(row(desk, jones)).to_contain_text(until)
    await expect(row(desk, jones).locator("td[data-column=email]")).to_have_text("--")
    await desk.get_by_label("Sorted By").select_option(label="Last name, A to Z")
    await desk.wait_for_url("**sort=last_name*")
    await expect(desk.locator("tbody tr").first).to_have_attribute("data-lead", jones)


async def test_x6_rows_that_are_read_bring_their_times(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **{**NEW, "columns": COLUMNS})
    await running_org.publish("queue", "blind", **{**NEW, "name": "Blind", "columns": ["arrived_at"]})
    await running_org.until_published("queue", "blind")
    jones = await running_org.arrive("A-1", **JONES)
    reed = await running_org.arrive("A-2", last_name="Reed", state="RI")
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, jones)
    await until_row(page, reed)
    paths: list[str] = []
    page.on("request", lambda request: paths.append(request.url))
    await page.get_by_label("Search by name").fill("Jones")
    await expect(row(page, reed)).to_have_count(0)
    await page.get_by_role("button", name="Clear").click()
    await expect(row(page, reed).locator(".there")).to_contain_text(re.compile(r"\d:\d\d"))
    assert sum("times=true" in path for path in paths) == 2
    assert not [path for path in paths if "call-times" in path]
    read = await page.request.get("/api/v1/queues/blind/leads?times=true")
    assert (read.status, (await read.json())["call_times"]) == (HTTPStatus.OK, {})


async def test_x6_quiet_hours_and_the_do_not_contact_list_are_said_in_the_row(
    running_org: RunningOrg,
) -> None:
    end = (datetime.now(EASTERN) + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    begin = datetime.now(EASTERN) - timedelta(hours=3)
    span = {"days": DAYS, "from": begin.strftime("%H:00"), "to": end.strftime("%H:00")}
    await running_org.publish("settings", "settings", quiet_hours=[span])
    await running_org.until_published("settings", "settings")
    await running_org.rep("rep-1")
    await running_org.publish(
        "queue",
        "new",
        **{**NEW, "columns": COLUMNS, "sort": {"field": "loan_amount", "direction": "desc"}},
    )
    silent = await running_org.arrive("A-1", **{**JONES, "loan_amount": 900000, "silenced": True})
    quiet = await running_org.arrive(
        "A-2", last_name="Reed", state="RI", phone="(401) 419-4249", loan_amount=1
    )
    page = await running_org.sign_in("rep-1", "/queues/new", timezone_id="America/New_York")
    await until_row(page, silent)
    await expect(row(page, quiet).locator(".there")).to_contain_text(f"no calls before {end:%-I} {end:%p}")
    await expect(row(page, silent)).to_contain_text("Do not call")
    # The largest loan is first in the queue, but nobody may call it.
    await expect(page.locator("tbody tr").first).to_have_attribute("data-lead", quiet)
