"""Managers move many leads: a rep's whole portfolio (M1, D6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious
from tests.web.rows import WORK
from tests.web.screens import fits_a_phone, shot

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

PEOPLE = (
    ("Ana Silva", "RI"),
    ("Bo Johnson", "RI"),
    ("Cy Adams", "TX"),
    ("Di Evans", "TX"),
    ("Ed Utah", "UT"),
)


async def opened(office: RunningOrg) -> dict[str, str]:
    """Open a lender with its round robin off, where number one, Ann, has all five leads; return name -> lead id."""
    await office.publish("settings", "settings", round_robin=False)
    await office.rep("mia", "manager")
    await office.rep("ann")
    await office.rep("bob", licensed_states=["RI", "TX"])
    await office.rep("cyd", licensed_states=["RI"])
    await office.publish("queue", "work", **WORK)
    members = [{"rep_id": rep_id} for rep_id in ("ann", "bob", "cyd")]
    await office.publish("group", "west", name="West", method="round_robin", members=members)
    await office.publish("campaign", "west", group_id="west")
    for kind, object_id in (("campaign", "west"), ("rep", "cyd"), ("settings", "settings")):
        await office.until_published(kind, object_id)
    leads = {}
    for n, (name, state) in enumerate(PEOPLE):
        first, last = name.split()
        facts = {"first_name": first, "last_name": last, "state": state, "loan_amount": 100_000 - n}
        leads[name] = await office.arrive(f"M-{n}", campaign="west", **facts)
    await office.until_known("mia")
    return leads


async def move(page: Page, *reps: str, why: str, split: str | None = None) -> None:
    """Fill in the dialog of a move, and go on to the plan."""
    for name in reps:
        await page.locator("#move label", has_text=name).locator("input").check()
    if split:
        await page.get_by_label(split).check()
    await page.get_by_label("Reason").fill(why)
    await page.locator("#move [data-ok]").click()


async def test_m1_a_portfolio_is_moved_by_licence_and_both_reps_are_told(office: RunningOrg) -> None:
    await opened(office)
    mia = await office.sign_in("mia", "/directory/reps/ann")
    bob = await office.sign_in("bob", "/queues/mine")
    await expect(mia.locator(".portfolio")).to_contain_text("Ann has 5 leads that are not closed.")
    await mia.get_by_role("button", name="Move all leads of Ann …").click()
    await expect(mia.locator("#move [data-reps] label")).to_have_count(3)  # not Ann
    assert await serious(mia) == []
    await move(mia, "Bob", "Cyd", why="Ann is away", split="Split by licence")
    confirm, status, report = (
        mia.locator("#confirm"),
        mia.locator("#many [data-status]"),
        mia.locator("#many li"),
    )
    await expect(confirm).to_contain_text(
        "4 leads will move: Bob 2, Cyd 2. 1 stays because nobody chosen is licensed in UT."
    )
    await confirm.locator("[data-ok]").click()
    await expect(status).to_have_text(
        "4 moved. Bob 2, Cyd 2. 1 stays because nobody chosen is licensed in UT."
    )
    texts = await report.all_inner_texts()
    assert sorted(texts)[2:] == ["Cy Adams: Bob has it now", "Di Evans: Bob has it now"]
    assert sorted(texts)[:2] == ["Ana Silva: Cyd has it now", "Bo Johnson: Cyd has it now"]
    assert await serious(mia) == []
    await shot(mia, "move-report")
    await mia.locator("#many [data-close]").click()
    await expect(mia.locator(".portfolio")).to_contain_text("Ann has 1 lead that is not closed.")
    assert await fits_a_phone(mia)
    # Both reps concerned are told, in one notice for all leads.
    notice = bob.locator("#moves li")
    await expect(notice).to_contain_text("Mia gave you 2 leads, which were Ann's. Reason: Ann is away")
    assert sorted(await notice.get_by_role("link").all_inner_texts()) == ["Cy Adams", "Di Evans"]
    ann = await office.sign_in("ann", "/my-leads")
    await expect(ann.locator("#moves")).to_contain_text("Mia moved 2 leads from you to Cyd.")
    await shot(ann, "moved-notices")
