"""A rep calls through a work queue: the next lead opens by itself; who may not be called is passed over (D2, M8)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, open_lead, row, until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.screens import shot

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

PHONE: Final = "(401) 419-424"
LEADS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("Silent", {"silenced": True, "phone": f"{PHONE}1"}),
    ("Elsewhere", {"state": "TX", "phone": "(512) 555-0123"}),
    ("First", {"phone": f"{PHONE}2"}),
    ("Second", {"phone": f"{PHONE}3"}),
    ("Third", {"phone": f"{PHONE}4"}),
]
"""Last names and facts, the largest loan first."""


async def open_org(running_org: RunningOrg) -> dict[str, str]:
    """Open an org with a work queue; return last name -> lead id."""
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("rep-1", licensed_states=["RI"])
    await running_org.publish("queue", "work", **WORK)
    await running_org.until_published("queue", "work")
    return {
        name: await running_org.arrive(
            f"A-{n}", first_name="Ana", last_name=name, loan_amount=500_000 - n, **{"state": "RI", **facts}
        )
        for n, (name, facts) in enumerate(LEADS)
    }


async def is_open(page: Page, name: str) -> None:
    """Wait until a lead is open, with a lock."""
    await expect(page.get_by_role("heading", name=f"Ana {name}")).to_be_visible()
    await expect(page.locator(".lock")).to_contain_text("You have the lead open")
    await page.wait_for_selector(READY)


async def test_d2_a_rep_calls_through_a_queue_by_keys_alone(running_org: RunningOrg) -> None:
    leads = await open_org(running_org)
    page = await running_org.sign_in("rep-1", "/queues/work")
    await until_row(page, leads["Third"])
    # What cannot be opened is not there, and what must not be called is not first.
    await until_no_row(page, leads["Elsewhere"])
    await expect(page.locator("[data-left-out]")).to_have_text(
        "1 lead for which you have no licence: not shown."
    )
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys of this page")).to_contain_text("Start calling")
    assert await serious_problems(page) == []
    # The second key comes at once, while the closed dialog still has the focus.
    await asyncio.gather(page.keyboard.press("Escape"), page.keyboard.press("n"))
    await is_open(page, "First")
    before = page.locator("[data-said-before]")
    await expect(before).to_contain_text("Skipped: Ana Silent (communication is silenced")
    await expect(before).to_contain_text("Ana Elsewhere (You are not licensed in TX")
    await expect(page.get_by_role("button", name="no answer")).to_contain_text("1")
    await shot(page, "call-round")
    await page.keyboard.press("1")
    await is_open(page, "Second")
    await expect(before).to_contain_text("Ana First: Recorded: no answer.")
    assert await serious_problems(page) == []
    # n gives the lead back; the first one, which is at the top again, is not called a second time.
    await page.keyboard.press("n")
    await is_open(page, "Third")
    await expect(before).to_contain_text("Ana Second: Released.")
    # A promised call goes on too; after the last one the page says that nobody is left.
    await page.get_by_role("button", name="Call Back").click()
    await expect(page.locator(".done")).to_contain_text("No other lead of this list can be called now.")
    await page.get_by_role("link", name="Back to Call these").last.click()
    await until_row(page, leads["First"])
    # By the button of a row one begins there, and may choose to stay.
    await open_lead(page, leads["Second"])
    await page.get_by_label("Open the next lead afterwards").uncheck()
    await page.get_by_role("button", name="left message").click()
    await expect(page.locator(".done")).to_contain_text("Recorded: left message.")


async def test_m8_the_next_lead_of_a_list_is_the_first_that_may_be_called(running_org: RunningOrg) -> None:
    leads = await open_org(running_org)
    no_lead = {"combinator": "and", "rules": [{"field": "vendor", "operator": "=", "value": "zeta"}]}
    await running_org.publish("queue", "new", **{**NEW, "inclusion": no_lead})
    await running_org.until_published("queue", "new")
    rep = await running_org.program("rep-1")
    page = await running_org.sign_in("rep-1", "/queues/work")
    await until_row(page, leads["Third"])

    async def following(queue: str, *done_leads: str) -> Any:
        return await rep.post(f"/api/v1/queues/{queue}/next", json={"done": list(done_leads)})

    next_lead = (await following("work")).json()
    assert (next_lead["lead_id"], next_lead["name"]) == (leads["First"], "Ana First")
    assert [passed["name"] for passed in next_lead["passed"]] == ["Ana Silent", "Ana Elsewhere"]
    next_lead = (await following("work", leads["First"], leads["Second"])).json()
    assert next_lead["lead_id"] == leads["Third"]
    assert (await following("work", *leads.values())).json()["lead_id"] is None
    assert (await following("new")).status_code == HTTPStatus.CONFLICT
    assert (await following("none")).status_code == HTTPStatus.NOT_FOUND
    assert (await following("work", "nobody")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    await row(page, leads["First"]).get_by_role("link", name="Open").click()
    await is_open(page, "First")
    assert (await following("work")).json()["lead_id"] == leads["Second"]
    # A lead that cannot be opened after all is passed over with the engine's reason, and the round goes on.
    only_first = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "First"}]}
    await page.get_by_label("Open the next lead afterwards").uncheck()
    await page.get_by_role("button", name="Release").click()
    await expect(page.locator(".done")).to_be_visible()
    await running_org.publish("queue", "new", **{**NEW, "inclusion": only_first})
    await running_org.until_published("queue", "new")
    await page.goto("/queues/work")
    await until_row(page, leads["First"])
    await page.get_by_role("button", name="Start calling").click()
    await is_open(page, "Second")
    await expect(page.locator("[data-said-before]")).to_contain_text("Claim it first, from New leads.")
