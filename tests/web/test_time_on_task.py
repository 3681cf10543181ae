"""Six tasks of a day take as many clicks and keys as docs/console.md says. Seconds are printed, and never expected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.web.conftest import say
from tests.web.rows import WORK, row, until_row
from tests.web.running_org import NEW
from tests.web.task_counter import Effort, count_in_page, measured_effort
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "console.md"
TEN: Final = 10


def documented_effort(task: str) -> tuple[int, int]:
    """Return the clicks and keys that the document's table says of a task."""
    match = re.search(rf"^\| {re.escape(task)} \| (\d+) \| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert match, f"docs/console.md has no line for the task {task}"
    return int(match[1]), int(match[2])


def compare(task: str, effort: Effort) -> None:
    """Compare what a task took with the document, and print its seconds."""
    say(f"{task}: {effort.clicks} clicks, {effort.keys} keys, {effort.seconds:.1f} s")
    assert (effort.clicks, effort.keys) == documented_effort(task), task


async def lender(running_org: RunningOrg) -> dict[str, str]:
    """Publish two reps, a manager, queues, and a group; return name -> id of its leads."""
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("mia", "manager")
    await running_org.rep("ann", licensed_states=["RI"])
    await running_org.rep("bob", licensed_states=["TX"])
    called = {"combinator": "and", "rules": [{"field": "loan_purpose", "operator": "=", "value": "purchase"}]}
    free = {**NEW["inclusion"], "rules": [*NEW["inclusion"]["rules"], *called["rules"]]}
    await running_org.publish("queue", "new", **{**NEW, "inclusion": free})
    refinance = {
        "combinator": "and",
        "rules": [{"field": "loan_purpose", "operator": "=", "value": "refinance"}],
    }
    await running_org.publish("queue", "work", **{**WORK, "inclusion": refinance})
    members = [{"rep_id": "ann"}]
    await running_org.publish(
        "group", "west", name="West", method="round_robin", claim_window_seconds=900, members=members
    )
    await running_org.publish("group", "none", name="Nobody", method="round_robin", members=[])
    await running_org.publish("campaign", "west", name="West", group_id="west")
    await running_org.publish("campaign", "lost", name="Lost", group_id="none")
    for kind, name in (("queue", "work"), ("campaign", "lost"), ("rep", "bob")):
        await running_org.until_published(kind, name)
    leads = {"Jones": {"loan_purpose": "purchase"}, "Lost": {"campaign": "lost"}} | {
        f"Work{n}": {"loan_purpose": "refinance", "loan_amount": 1_000 - n} for n in range(TEN + 1)
    }
    return {
        name: await running_org.arrive(
            f"T-{name}", first_name="Ana", last_name=name, state="RI", phone=f"40141942{n:02}", **facts
        )
        for n, (name, facts) in enumerate(leads.items())
    }


async def test_the_tasks_of_a_rep(running_org: RunningOrg) -> None:
    leads = await lender(running_org)
    page = await running_org.sign_in("ann", "/queues/new")
    await count_in_page(page)
    await until_row(page, leads["Jones"])
    async with measured_effort(page) as claim:
        await row(page, leads["Jones"]).get_by_role("button", name="Claim this Lead").click()
        await expect(page.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
    compare("Claim a lead", claim)
    await running_org.arrive("T-offer", campaign="west", last_name="Offered", state="RI")
    accept = page.locator("#offers").get_by_role("button", name="Accept")
    await expect(accept).to_be_visible()
    async with measured_effort(page) as offer:
        await accept.click()
        await expect(page.locator("#answer")).to_contain_text("Offered")
    compare("Take an offer", offer)
    await page.goto("/queues/work")
    await until_row(page, leads[f"Work{TEN}"])
    async with measured_effort(page) as round_of_calls:
        await page.get_by_role("button", name="Start calling").click()
        for n in range(TEN):
            await expect(page.get_by_role("heading", name=f"Ana Work{n}", exact=True)).to_be_visible()
            await expect(page.locator(".lock")).to_contain_text("You have the lead open")
            await page.keyboard.press("1")
        await expect(page.get_by_role("heading", name=f"Ana Work{TEN}", exact=True)).to_be_visible()
    compare("Work ten leads in a row", round_of_calls)


async def test_the_tasks_of_a_manager(running_org: RunningOrg) -> None:
    leads = await lender(running_org)
    page = await running_org.sign_in("mia", "/exceptions")
    await count_in_page(page)
    await expect(row(page, leads["Lost"])).to_be_visible()
    async with measured_effort(page) as assign:
        await row(page, leads["Lost"]).get_by_role("button", name="Assign Ana Lost").click()
        await page.locator("#move label", has_text="Ann").locator("input").check()
        await page.locator("#move [data-ok]").click()
        await until_toast(page, "Ana Lost is assigned.")
    compare("Assign an exception to a licensed rep", assign)
    await page.goto("/account")
    async with measured_effort(page) as find:
        await page.keyboard.press("Control+k")
        box = page.get_by_role("dialog", name="Go to")
        await box.get_by_label("Find a page, a queue or a lead").press_sequentially("4014194200")
        await expect(box.get_by_role("link", name="Ana Jones")).to_be_visible()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Ana Jones")).to_be_visible()
    compare("Find a lead by phone", find)
    await built(page)


async def built(page: Page) -> None:
    """Build an aged queue: claimable, of leads not contacted for 14 days. Publish it."""
    await page.goto("/queue-builder")
    async with measured_effort(page) as build:
        await page.get_by_role("button", name="+ Add View").click()
        await page.locator("#add-name").press_sequentially("Aged")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/queue-builder/aged")
        await page.wait_for_selector("html[data-ready=yes]")
        await page.get_by_label("Add a rule to Inclusion rules").click()
        await page.get_by_label("Field of rule 1").select_option(label="Last contacted date")
        await page.get_by_label("Operator of rule 1").select_option(label="is not in the last")
        amount = page.get_by_label("Value of Last contacted date, amount")
        await amount.press("Control+a")
        await amount.press_sequentially("14")
        await page.get_by_role("checkbox", name="Claimable Leads Queue").check()
        build.clicks += 4  # two lists, each opened and chosen from
        await expect(page.locator("[data-saved]")).to_have_text("Saved as a draft")
        await page.get_by_role("button", name="Publish View").click()
        await page.get_by_role("button", name="Ok").click()
        await until_toast(page, "Published.")
    compare("Build and publish an aged queue", build)
