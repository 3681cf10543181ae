"""A lead is opened from a work queue, worked and let go; who may not have it is told why (D1-D5, Q10, Q12, X1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, open_lead, opened_work_lead, row, until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.screens import shot

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

JONES = {
    "first_name": "Jeremy",
    "last_name": "Jones",
    "state": "RI",
    "phone": "(401) 419-4247",
    "loan_amount": 310000,
    "loan_purpose": "purchase",
    "attributes": {"best_time": "evenings"},
}
SILVA = {"first_name": "Ana", "last_name": "Silva", "state": "MA", "loan_amount": 250000}


async def test_d1_opening_locks_and_d2_an_outcome_releases(running_org: RunningOrg) -> None:
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", **JONES)
    other_lead = await running_org.arrive("A-2", **SILVA)
    first, second = (
        await running_org.sign_in("rep-1", "/queues/work"),
        await running_org.sign_in("rep-2", "/queues/work"),
    )
    for page in (first, second):
        await until_row(page, lead)
    await open_lead(first, lead)
    await until_no_row(second, lead)
    await expect(first.locator(".lock")).to_contain_text("You have the lead open: 59:")
    await expect(first.get_by_role("link", name="(401) 419-4247")).to_be_visible()
    await expect(first.locator(".facts")).to_contain_text("$310,000")
    await expect(first.locator(".facts")).to_contain_text("evenings")
    assert await serious_problems(first) == []
    await shot(first, "lead")
    # Nobody else can open it, nor read it by any other way.
    await second.goto(f"/leads/{lead}")
    await second.wait_for_selector(READY)
    await expect(second.get_by_role("alert")).to_contain_text("Not opened. Rep 1 has it open until")
    assert await second.get_by_text("Jeremy").count() == 0
    for path in (f"/api/v1/leads/{lead}", f"/leads/{lead}/shown"):
        assert (await second.request.get(path)).status == HTTPStatus.FORBIDDEN
    assert await serious_problems(second) == []
    # The outcome, with its comment, lets go of it.
    await first.get_by_label("Open the next lead afterwards").uncheck()
    await first.get_by_label("Comment").fill("Rang twice")
    await first.get_by_role("button", name="no answer").click()
    await expect(first.get_by_role("status").filter(has_text="Recorded: no answer.")).to_be_visible()
    await expect(first.get_by_role("link", name="Back to Call these").last).to_be_focused()
    await second.goto("/queues/work")
    await until_row(second, lead)
    # Who opens it next reads what was said, and gives it back without an action.
    await open_lead(second, lead)
    await expect(second.locator(".lead-history")).to_contain_text("Rang twice")
    await expect(second.locator(".lead-history")).to_contain_text("Rep 1: no answer")
    await second.get_by_role("button", name="Release").click()
    await expect(second.locator(".done")).to_contain_text("back in its queues")
    await first.keyboard.press("Enter")
    await until_row(first, lead)
    await until_row(first, other_lead)


async def test_d2_a_late_action_is_answered_with_its_reason(running_org: RunningOrg) -> None:
    await running_org.publish("settings", "settings", lock_minutes=0.03)
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", **JONES)
    first, second = (
        await running_org.sign_in("rep-1", "/queues/work"),
        await running_org.sign_in("rep-2", "/queues/work"),
    )
    for page in (first, second):
        await until_row(page, lead)
    await open_lead(first, lead)
    await running_org.publish("settings", "settings", lock_minutes=60)
    await running_org.until_published("settings", "settings")
    await expect(first.locator(".lock")).to_contain_text("Your lock has expired")
    await until_row(second, lead)
    await open_lead(second, lead)
    await expect(second.locator(".lock")).to_contain_text("You have the lead open: 59:")
    await first.get_by_role("button", name="left message").click()
    await expect(first.get_by_role("alert")).to_contain_text(
        "Your lock had expired, and Rep 2 has it open until"
    )
    await expect(first.locator(".facts")).to_have_count(0)
    await second.get_by_role("button", name="closed lost").click()
    await expect(second.locator(".done")).to_contain_text("Recorded: closed lost.")


async def test_d3_claim_now_makes_it_ones_own(running_org: RunningOrg) -> None:
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    page, lead = await opened_work_lead(running_org, **JONES)
    await page.get_by_role("button", name="Claim now").click()
    await expect(page.locator(".standing")).to_contain_text("Rep 1 claimed it while it was open")
    await page.goto("/queues/mine")
    await until_row(page, lead)
    other_page = await running_org.sign_in("rep-2", "/queues/mine")
    assert await row(other_page, lead).count() == 0
    await other_page.goto(f"/leads/{lead}")
    await other_page.wait_for_selector(READY)
    await expect(other_page.get_by_role("alert")).to_contain_text("It belongs to somebody else")
    # A lead of one's own is worked in the same way.
    await open_lead(page, lead)
    await page.get_by_label("Outcome").fill("wants_offer")
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator(".lead-history")).to_contain_text("Rep 1: wants offer")
    await page.get_by_label("Comment").fill("Prefers email")
    await page.get_by_role("button", name="Save the comment").click()
    await expect(page.locator(".lead-history")).to_contain_text("Prefers email")


async def test_d4_a_promised_call_is_ones_own_and_one_without_a_time_is_not(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", **JONES)
    other_lead = await running_org.arrive("A-2", **SILVA)
    page = await running_org.sign_in("rep-1", "/queues/work", timezone_id="America/Los_Angeles")
    await until_row(page, lead)
    await open_lead(page, lead)
    zone = page.get_by_role("group", name="Call back").get_by_label("Time zone")
    await expect(zone).to_have_value("America/New_York")  # the lead's, by its state
    local_time = datetime.now(ZoneInfo("America/New_York")) + timedelta(days=2)
    await page.get_by_label("Date").fill(local_time.strftime("%Y-%m-%d"))
    await page.get_by_role("button", name="Call Back").click()
    await expect(page.locator("[data-hint]")).to_contain_text("Choose a time as well")
    await page.get_by_label("Time", exact=True).fill("15:30")
    await expect(page.locator("[data-hint]")).to_contain_text("12:30")
    await page.get_by_label("Open the next lead afterwards").uncheck()
    await page.get_by_role("button", name="Call Back").click()
    await expect(page.locator(".standing")).to_contain_text("Rep 1 owns it because of a promised callback")
    shown = await (await page.request.get(f"/api/v1/leads/{lead}")).json()
    at = datetime.fromisoformat(shown["callback_at"])
    assert at == local_time.replace(hour=15, minute=30, second=0, microsecond=0).astimezone(UTC)
    assert shown["owner"] == "rep-1"
    await page.goto("/queues/work")
    await until_row(page, other_lead)
    await open_lead(page, other_lead)
    await page.get_by_role("button", name="Call Back").click()
    await expect(page.locator(".done")).to_contain_text("The lead is at the end of the queue.")
    answer = (await running_org.ask("view", other_lead, "rep-1")).answer
    assert answer is not None
    assert (answer.result, answer.owner) == ("done", None)


async def test_x6_a_lead_in_quiet_hours_says_from_when_on_it_may_be_called(running_org: RunningOrg) -> None:
    local_time = datetime.now(ZoneInfo("America/New_York"))
    end = (local_time + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    begin = local_time - timedelta(hours=3)
    quiet = {"days": days, "from": begin.strftime("%H:00"), "to": end.strftime("%H:%M")}
    await running_org.publish("settings", "settings", quiet_hours=[quiet])
    await running_org.until_published("settings", "settings")
    await running_org.rep("rep-1")
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", **JONES)
    page = await running_org.sign_in("rep-1", "/queues/work", timezone_id="America/New_York")
    await until_row(page, lead)
    await open_lead(page, lead)
    notice = page.locator(".lead .problem", has_text="No calls now")
    await expect(notice).to_contain_text("in America/New_York. You may call from")
    await expect(notice.locator("time")).to_have_attribute("datetime", end.isoformat())
    await expect(notice).to_contain_text(f"{end:%-I}:00 {end:%p}")
    assert "+00:00" not in await notice.inner_text()


async def test_d5_view_only_looks_and_changes_nothing(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.rep("rep-1")
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", **JONES)
    rep = await running_org.sign_in("rep-1", "/queues/work")
    manager = await running_org.sign_in("mia", "/queues/work")
    await until_row(manager, lead)
    await open_lead(manager, lead)
    await until_no_row(rep, lead)  # without the preference a manager's look is as anybody's
    await manager.get_by_role("button", name="Release").click()
    await expect(manager.get_by_role("status").filter(has_text="back in its queues")).to_be_visible()
    await until_row(rep, lead)
    await manager.get_by_label("View leads only").check()
    await expect(manager.get_by_role("heading", name="Jeremy Jones")).to_be_visible()

    async def released() -> dict[str, Any] | None:
        shown: dict[str, Any] = await (await manager.request.get(f"/api/v1/leads/{lead}")).json()
        return None if shown.get("lock") else shown

    before = (await eventually(released, "the CRM database has the lead without a lock"))["version"]
    await manager.reload()
    await manager.wait_for_selector(f"{READY} .lead")
    await expect(manager.get_by_label("View leads only")).to_be_checked()
    assert await manager.get_by_role("button", name="Release").count() == 0
    assert (await (await manager.request.get(f"/api/v1/leads/{lead}")).json())["version"] == before
    await expect(row(rep, lead)).to_be_visible()
    assert await serious_problems(manager) == []
    # It is the overseers' alone: a rep can neither choose it nor ask for it.
    assert await rep.get_by_label("View leads only").count() == 0
    csrf = await rep.locator("meta[name=csrf]").get_attribute("content")
    wants = await rep.request.put(
        "/api/v1/preferences/view_only", data={"on": True}, headers={"x-csrf-token": csrf or ""}
    )
    assert wants.status == HTTPStatus.FORBIDDEN
    answer = (await running_org.ask("view", lead, "rep-1", view_only=True)).answer
    assert answer is not None
    assert answer.reason == "not_allowed"


async def test_e3_a_manager_assigns_by_name(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", **JONES)
    manager = await running_org.sign_in("mia", "/queues/work")
    await until_row(manager, lead)
    await open_lead(manager, lead)
    await manager.get_by_role("button", name="Assign …").click()
    await expect(manager.get_by_role("dialog")).to_contain_text("Rep 1")
    assert await serious_problems(manager) == []
    await manager.get_by_label("Search by name").fill("p 2")
    await expect(manager.locator("#move [data-reps] label")).to_have_count(1)
    for _ in range(2):  # Enter chooses the only rep, and then assigns
        await manager.keyboard.press("Enter")
    await expect(manager.locator(".standing")).to_contain_text("Rep 2 was assigned it, by Mia")
    assert await manager.get_by_role("button", name="Assign …", exact=True).count() == 0
    rep = await running_org.sign_in("rep-2", "/queues/mine")
    await until_row(rep, lead)


async def test_q10_a_claimed_lead_whose_rep_leaves_comes_back_by_an_admin_alone(
    running_org: RunningOrg,
) -> None:
    for rep_id, role in (("rep-1", "rep"), ("rep-2", "rep"), ("ada", "admin")):
        await running_org.rep(rep_id, role)
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("A-1", **JONES)
    first, second = (
        await running_org.sign_in("rep-1", "/queues/new"),
        await running_org.sign_in("rep-2", "/queues/new"),
    )
    await until_row(second, lead)
    await first.get_by_role("button", name="Claim this Lead: Jeremy Jones").click()
    await first.get_by_role("link", name="Go to Lead Details").click()
    await first.wait_for_selector(f"{READY} .lead")
    await expect(first.locator(".standing")).to_contain_text("Rep 1 claimed it, through the queue New leads")
    await running_org.publish("rep", "rep-1", name="Rep 1", role="rep", active=False)
    admin = await running_org.sign_in("ada", "/queues/new")
    await admin.goto(f"/leads/{lead}")
    await expect(admin.locator("[data-phase]")).to_have_attribute("data-phase", "exception")
    await until_no_row(second, lead)
    await expect(admin.locator(".lead-history")).to_contain_text(
        "Rep 1 no longer owns it; nobody owns it now"
    )
    await second.goto(f"/leads/{lead}")
    await second.wait_for_selector(READY)
    assert await second.get_by_text("Jeremy").count() == 0
    await second.goto("/queues/new")
    await admin.get_by_role("button", name="Reopen for claims …").click()
    await admin.get_by_role("button", name="Reopen", exact=True).click()
    await until_row(second, lead)
    await expect(admin.locator(".lead-history")).to_contain_text("Ada reopened it for claims")


async def test_q12_a_lead_to_be_claimed_cannot_be_opened_before(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **{**NEW, "columns": []})
    lead = await running_org.arrive("A-1", **JONES)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, lead)
    await page.goto(f"/leads/{lead}")
    await page.wait_for_selector(READY)
    await expect(page.get_by_role("alert")).to_contain_text("Claim it first")
    for path in (
        f"/api/v1/leads/{lead}",
        f"/api/v1/leads/{lead}/why",
        f"/leads/{lead}/shown",
        f"/leads/{lead}",
    ):
        text = await (await page.request.get(path)).text()
        text = re.sub(r"<datalist.*?</datalist>", "", text)  # all states, for whoever corrects a lead
        assert [word for word in ("Jeremy", "310000", "evenings", "4247", '"RI"') if word in text] == [], path
