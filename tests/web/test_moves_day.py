"""A day of moves as one scenario in three browsers: after each step owner, queue, notices and why are right (M1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.rows import READY, row, until_no_row, until_row
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

OPEN = {
    "name": "Open leads",
    "description": "Nobody has them",
    "columns": ["state"],
    "outcomes": ["no_answer", "closed_lost"],
    "inclusion": {"combinator": "and", "rules": [{"field": "owned", "operator": "=", "value": False}]},
}
NAMES = ("Ana Silva", "Bo Johnson", "Cy Adams", "Di Evans")


async def check_lead_page(mia: Page, lead: str, standing: str, history: str) -> None:
    """Check on the manager's page of a lead who has it and how, and what the newest entries of its history say."""
    await mia.goto(f"/leads/{lead}")
    await mia.wait_for_selector(f"{READY} .lead")
    await expect(mia.locator(".standing")).to_contain_text(standing)
    await expect(mia.locator(".lead-history")).to_contain_text(history)


async def confirm(mia: Page, plan: str, result: str) -> None:
    """Confirm the plan of a move of many, and wait for its report."""
    await expect(mia.locator("#confirm")).to_contain_text(plan)
    await mia.locator("#confirm [data-ok]").click()
    await expect(mia.locator("#many [data-status]")).to_contain_text(result)
    await mia.locator("#many [data-close]").click()


async def test_m1_a_day_of_moves_in_three_browsers(running_org: RunningOrg) -> None:  # noqa: PLR0915  # one scenario
    await running_org.publish("settings", "settings", round_robin=False)
    await running_org.rep("mia", "manager")
    for rep_id in ("ann", "bob"):
        await running_org.rep(rep_id, licensed_states=["RI"])
    await running_org.publish("queue", "open", **OPEN)
    members = [{"rep_id": "ann"}, {"rep_id": "bob"}]
    await running_org.publish("group", "west", name="West", method="round_robin", members=members)
    await running_org.publish("campaign", "west", group_id="west")
    for kind, object_id in (("campaign", "west"), ("rep", "bob"), ("settings", "settings")):
        await running_org.until_published(kind, object_id)
    await running_org.until_known("mia")
    ann = await running_org.sign_in("ann", "/queues/mine")
    bob = await running_org.sign_in("bob", "/queues/mine")
    mia = await running_org.sign_in("mia", "/my-leads")
    # Round robin is off: every lead goes to number one.
    leads = []
    for n, name in enumerate(NAMES):
        first_name, last_name = name.split()
        facts = {"first_name": first_name, "last_name": last_name, "state": "RI", "campaign": "west"}
        leads.append(await running_org.arrive(f"D-{n}", **facts))
    for lead in leads:
        await until_row(ann, lead)
    await expect(ann.locator("#moves")).to_be_hidden()  # nobody moved them
    await check_lead_page(
        mia, leads[0], "Ann got it as number one on the roster", "Ann got it as number one on the roster"
    )
    # The manager splits them evenly.
    await mia.goto("/my-leads?owner=ann")
    await mia.wait_for_selector(READY)
    await mia.get_by_label("Select all on this page").check()
    await mia.get_by_role("button", name="Reassign …").click()
    for name in ("Ann", "Bob"):
        await mia.locator("#move label", has_text=name).locator("input").check()
    await mia.get_by_label("Reason", exact=True).fill("to share the day")
    await mia.locator("#move [data-ok]").click()
    await confirm(
        mia, "2 leads will move: Bob 2. 2 stay with their owner.", "2 moved, 2 stay with the owner. Bob 2."
    )
    bobs = [lead for lead in leads if await owner(mia, lead) == "Bob"]
    anns = [lead for lead in leads if lead not in bobs]
    assert (len(anns), len(bobs)) == (2, 2)
    for lead in bobs:
        await until_row(bob, lead)
        await until_no_row(ann, lead)
    for lead in anns:
        await until_row(ann, lead)
    await expect(bob.locator("#moves li")).to_contain_text(
        "Mia gave you 2 leads, which were Ann's. Reason: to share the day"
    )
    await expect(ann.locator("#moves li")).to_contain_text(
        "Mia moved 2 leads from you to Bob. Reason: to share the day"
    )
    await bob.locator("#moves button").click()
    await check_lead_page(
        mia, bobs[0], "Bob got it from its former owner, by Mia", "reassigned by Mia: to share the day"
    )
    # Ann leaves: nobody has her leads, and they are in the queue of open leads.
    await running_org.publish("rep", "ann", name="Ann", active=False, licensed_states=["RI"])
    await mia.goto("/queues/open")
    await mia.wait_for_selector(READY)
    for lead in anns:
        await until_row(mia, lead)
    await expect(bob.locator("#moves")).to_be_hidden()
    # The manager has them distributed again: the group has only Bob left.
    await mia.get_by_label("Select all on this page").check()
    await mia.get_by_role("button", name="Distribute again …").click()
    await mia.get_by_label("Reason", exact=True).fill("Ann has left")
    await mia.locator("#move [data-ok]").click()
    await confirm(mia, "2 leads will be distributed again.", "2 distributed again.")
    for lead in anns:
        await until_no_row(mia, lead)
        await until_row(bob, lead)
    await check_lead_page(
        mia, anns[0], "Bob got it as number one on the roster", "redistributed by Mia: Ann has left"
    )
    await expect(mia.locator(".lead-history")).to_contain_text("Ann no longer owns it; nobody owns it now")
    # Bob closes one; the manager reopens it, and it is Bob's again.
    await row(bob, bobs[0]).get_by_role("link", name="Open").click()
    await bob.wait_for_selector(f"{READY} .lead")
    await bob.get_by_label("Outcome", exact=True).fill("closed_lost")
    await bob.get_by_role("button", name="Record").click()
    await expect(bob.locator("[data-phase]")).to_have_attribute("data-phase", "closed")
    await check_lead_page(mia, bobs[0], "Closed", "Closed: closed lost")
    await mia.get_by_role("button", name="Reopen …").click()
    await mia.get_by_label("Reason", exact=True).fill("he called again")
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator(".lead")).to_have_attribute("data-phase", "owned")
    await check_lead_page(mia, bobs[0], "Bob got it", "reopened by Mia: he called again")
    await bob.goto("/queues/mine")
    await bob.wait_for_selector(READY)
    await until_row(bob, bobs[0])
    # The manager takes one back: nobody else is in the group, so it is in the queue of open leads.
    await check_lead_page(mia, bobs[1], "Bob got it", "Bob got it")
    await mia.get_by_role("button", name="Give back …").click()
    await mia.get_by_label("Reason", exact=True).fill("too much for one")
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator(".standing")).to_contain_text("nobody owns the lead")
    await until_no_row(bob, bobs[1])
    await expect(bob.locator("#moves li")).to_contain_text("back from you. Reason: too much for one")
    await mia.get_by_label("View leads only").check()  # her look shall not lock it
    await until_toast(mia, "Leads open without a lock")
    await check_lead_page(mia, bobs[1], "nobody owns the lead", "unassigned by Mia: too much for one")
    await expect(mia.locator(".lead-history")).to_contain_text("It entered the queue Open leads")
    await mia.goto("/queues/open")
    await mia.wait_for_selector(READY)
    await until_row(mia, bobs[1])


async def owner(page: Page, lead: str) -> str | None:
    """Return the name of a lead's owner."""
    lead_shown = await (await page.request.get(f"/api/v1/leads/{lead}")).json()
    name: str | None = lead_shown["owner_name"]
    return name
