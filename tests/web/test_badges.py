"""What waits for somebody is counted beside the navigation's links, live, and leads there; the picker's facts (E3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from playwright.async_api import expect

from streams.topics import LEAD_ARRIVALS
from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY
from tests.web.test_stale_pages import with_a_clock
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


def badge_of(page: Page, name: str) -> Locator:
    """Return the place of a count."""
    return page.locator(f'[data-badge="{name}"]')


async def open_org(running_org: RunningOrg) -> None:
    """Open an org whose group has nobody, with reps of all kinds."""
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("mia", "manager")
    await running_org.rep("ann", licensed_states=["RI"], max_open=1)
    await running_org.rep("bob", licensed_states=["RI"], max_open=5)
    day = f"{datetime.now(UTC) + timedelta(days=2):%a}".lower()
    hours = [{"days": [day], "from": "09:00", "to": "10:00"}]
    await running_org.rep("cyd", licensed_states=["RI"], hours=hours, time_zone="UTC")
    absence = {"from": "2020-01-01T00:00:00Z", "to": "2090-01-01T00:00:00Z"}
    await running_org.rep("dan", licensed_states=["TX"], absences=[absence])
    await running_org.publish("group", "empty", name="Nobody", method="round_robin", members=[])
    await running_org.publish("campaign", "lost", name="Lost", vendor="acme", group_id="empty")
    for kind, object_id in (("campaign", "lost"), ("rep", "dan"), ("settings", "settings")):
        await running_org.until_published(kind, object_id)
    await running_org.until_known("mia")


async def until_owned(running_org: RunningOrg, lead: str) -> None:
    """Wait until the console's database knows a lead's owner."""
    async with await running_org.program("mia") as program:

        async def owned() -> bool:
            return (await program.get(f"/api/v1/leads/{lead}")).json().get("owner") is not None

        await eventually(owned, "the CRM database knows the lead's owner")


async def test_a_managers_badges_follow_what_happens_and_an_exception_leads_to_its_lead(
    running_org: RunningOrg,
) -> None:
    await open_org(running_org)
    busy = await running_org.arrive("B-1", last_name="Busy", state="RI", assigned_to="ann")
    await until_owned(running_org, busy)
    page = await running_org.sign_in("mia", "/exceptions")
    await expect(badge_of(page, "exceptions")).to_have_text("")
    await running_org.arrive("E-1", campaign="lost", first_name="Ana", last_name="Silva", state="RI")
    await expect(badge_of(page, "exceptions")).to_have_text("1 (1 exception)")
    await page.get_by_role("link", name="Open Ana Silva").click()
    await expect(page.get_by_role("heading", name="Ana Silva")).to_be_visible()
    await page.get_by_role("link", name="Back to Exceptions").click()
    # The picker says whom one may give it to: licence, leads against the cap, hours, absence.
    await page.get_by_role("button", name="Assign Ana Silva").click()
    labels = page.locator("#move [data-reps] label")
    await expect(labels).to_have_count(5)
    for name, *facts in (
        ("Ann", "licensed in RI", "1 of 1 leads"),
        ("Bob", "licensed in RI", "0 of 5 leads"),
        ("Cyd", "licensed in RI", "outside working hours"),
        ("Dan", "not licensed in RI", "absent until"),
        ("Mia", "manager", "0 leads"),
    ):
        for fact in facts:
            await expect(labels.filter(has_text=name)).to_contain_text(fact)
    await expect(labels.filter(has_text="Ann").locator(".against")).to_have_text("1 of 1 leads")
    assert await serious_problems(page) == []
    await labels.filter(has_text="Bob").locator("input").check()
    await page.locator("#move [data-ok]").click()
    await until_toast(page, "Ana Silva is assigned.")
    await expect(badge_of(page, "exceptions")).to_have_text("")
    # A dead letter is counted, and leads to its table.
    await running_org.client.put(
        LEAD_ARRIVALS, msgspec.json.encode({"org": running_org.org, "last_name": "Nobody"})
    )
    await expect(badge_of(page, "dead_letters")).to_have_text("1 (1 dead letter)")
    await page.get_by_role("link", name="Operations").click()
    await expect(page.locator('[data-table="letters"] tbody tr')).to_have_count(1)


async def test_a_dead_letter_is_counted_when_it_comes(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.until_known("mia")
    page = await running_org.sign_in("mia", "/account")
    await with_a_clock(page, "/account")  # it stands still, so the page does not count again by itself
    await expect(badge_of(page, "dead_letters")).to_have_text("")
    await running_org.client.put(
        LEAD_ARRIVALS, msgspec.json.encode({"org": running_org.org, "last_name": "Nobody"})
    )
    await expect(badge_of(page, "dead_letters")).to_have_text("1 (1 dead letter)")


async def test_d4_a_rep_sees_by_the_badge_that_a_promised_call_has_become_due(
    running_org: RunningOrg,
) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("ann")
    await running_org.until_published("rep", "ann")
    await running_org.until_published("settings", "settings")
    lead = await running_org.arrive("C-1", last_name="Jones", phone="4014194247", assigned_to="ann")
    page = await running_org.sign_in("ann", "/queues/mine")
    await expect(page.locator("tbody tr")).to_contain_text("It arrived assigned to you.")
    await page.goto("/account")
    await page.wait_for_selector(READY)
    await expect(badge_of(page, "calls_due")).to_have_text("")
    due_at = datetime.now(UTC) + timedelta(seconds=4)
    answer = (await running_org.ask("callback", lead, "ann", at=due_at.isoformat())).answer
    assert answer is not None
    assert answer.result == "done"
    await expect(badge_of(page, "calls_due")).to_have_text("1 (1 call is due)")
    assert datetime.now(UTC) >= due_at
    await page.get_by_role("link", name="My leads").click()
    await page.get_by_role("link", name="Open Jones").click()
    await page.get_by_label("Outcome", exact=True).fill("no_answer")
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(badge_of(page, "calls_due")).to_have_text("")
