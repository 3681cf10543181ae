"""Managers move many leads: a rep's whole portfolio, a selection, a filter, a file, a work queue (M1, D6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK
from tests.web.screens import fits_a_phone, shot

if TYPE_CHECKING:
    from pathlib import Path

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


async def open_lender(running_org: RunningOrg) -> dict[str, str]:
    """Open a lender with its round robin off, where number one, Ann, has all five leads; return name -> lead id."""
    await running_org.publish("settings", "settings", round_robin=False)
    await running_org.rep("mia", "manager")
    await running_org.rep("ann")
    await running_org.rep("bob", licensed_states=["RI", "TX"])
    await running_org.rep("cyd", licensed_states=["RI"])
    await running_org.publish("queue", "work", **WORK)
    members = [{"rep_id": rep_id} for rep_id in ("ann", "bob", "cyd")]
    await running_org.publish("group", "west", name="West", method="round_robin", members=members)
    await running_org.publish("campaign", "west", group_id="west")
    for kind, object_id in (("campaign", "west"), ("rep", "cyd"), ("settings", "settings")):
        await running_org.until_published(kind, object_id)
    leads = {}
    for n, (name, state) in enumerate(PEOPLE):
        first, last = name.split()
        facts = {"first_name": first, "last_name": last, "state": state, "loan_amount": 100_000 - n}
        leads[name] = await running_org.arrive(f"M-{n}", campaign="west", **facts)
    await running_org.until_known("mia")
    return leads


async def fill_in_move(page: Page, *reps: str, why: str, split: str | None = None) -> None:
    """Fill in the dialog of a move, and go on to the plan."""
    for name in reps:
        await page.locator("#move label", has_text=name).locator("input").check()
    if split:
        await page.get_by_label(split).check()
    await page.get_by_label("Reason", exact=True).fill(why)
    await page.locator("#move [data-ok]").click()


async def test_m1_a_portfolio_a_selection_a_file_and_a_queue_are_moved(  # noqa: PLR0915  # one scenario
    running_org: RunningOrg, tmp_path: Path
) -> None:
    leads = await open_lender(running_org)
    mia = await running_org.sign_in("mia", "/directory/reps/ann")
    bob = await running_org.sign_in("bob", "/queues/mine")
    await expect(mia.locator(".portfolio")).to_contain_text("Ann has 5 leads that are not closed.")
    await mia.get_by_role("button", name="Move all leads of Ann …").click()
    await expect(mia.locator("#move [data-reps] label")).to_have_count(3)  # not Ann
    assert await serious_problems(mia) == []
    await fill_in_move(mia, "Bob", "Cyd", why="Ann is away", split="Split by licence")
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
    assert await serious_problems(mia) == []
    await shot(mia, "move-report")
    await mia.locator("#many [data-close]").click()
    await expect(mia.locator(".portfolio")).to_contain_text("Ann has 1 lead that is not closed.")
    assert await fits_a_phone(mia)
    # Both reps concerned are told, in one notice for all leads.
    notice = bob.locator("#moves li")
    await expect(notice).to_contain_text("Mia gave you 2 leads, which were Ann's. Reason: Ann is away")
    assert sorted(await notice.get_by_role("link").all_inner_texts()) == ["Cy Adams", "Di Evans"]
    ann = await running_org.sign_in("ann", "/my-leads")
    await expect(ann.locator("#moves")).to_contain_text("Mia moved 2 leads from you to Cyd.")
    await shot(ann, "moved-notices")
    # A filter of My leads, all that match it: split evenly. What somebody else has is moved as well.
    await mia.goto("/my-leads?state=RI")
    await mia.wait_for_selector(READY)
    await mia.get_by_label("Select all on this page").check()
    assert await serious_problems(mia) == []
    await mia.get_by_role("button", name="Give back …").click()
    await fill_in_move(mia, why="Cyd has left early")
    await expect(confirm).to_contain_text("2 leads will be taken back.")
    await confirm.locator("[data-ok]").click()
    await expect(status).to_have_text("2 taken back.")
    await mia.locator("#many [data-close]").click()
    await expect(mia.locator("tbody")).to_contain_text("Ann")  # number one has them again
    # A file: those of it that somebody owns; the others are named before anything happens.
    free = await running_org.arrive(
        "F-1", first_name="Fay", last_name="Free", state="RI", loan_amount=500_000
    )

    async def is_listed() -> bool:
        return bool((await (await mia.request.get("/api/v1/leads?search=free")).json())["rows"])

    await eventually(is_listed, "the new lead is listed")
    file = tmp_path / "leads.csv"
    file.write_text(f"lead_id\n{leads['Ana Silva']}\n{leads['Cy Adams']}\n{free}\n")
    await mia.get_by_role("button", name="Leads of a file …").click()
    await mia.get_by_label("File").set_input_files(file)
    await mia.get_by_label("What to do with them").select_option(label="Reassign those that somebody owns")
    await expect(mia.locator("#upload [data-status]")).to_have_text("3 leads.")
    await mia.get_by_role("button", name="Go on …").click()
    await fill_in_move(mia, "Bob", why="by list")
    await expect(confirm).to_contain_text("1 lead will move: Bob 1. 1 stays with its owner; 1 has no owner.")
    await confirm.locator("[data-ok]").click()
    await expect(status).to_contain_text("1 moved, 1 stays with the owner, 1 refused. Bob 1.")
    await expect(report.filter(has_text="Fay Free")).to_have_count(1)
    await mia.locator("#many [data-close]").click()
    # A work queue: the rows that a manager selects. A rep has no boxes there.
    await mia.goto("/queues/work")
    await mia.wait_for_selector(READY)
    await mia.get_by_label("Select Fay Free").check()
    await expect(mia.locator("[data-chosen]")).to_contain_text("1 of")
    assert await serious_problems(mia) == []
    await mia.get_by_role("button", name="Assign …", exact=True).click()
    await mia.locator("#move label", has_text="Cyd").locator("input").check()
    await mia.locator("#move [data-ok]").click()
    await expect(confirm).to_contain_text("1 lead will be assigned: Cyd 1.")
    await confirm.locator("[data-ok]").click()
    await expect(status).to_have_text("1 assigned. Cyd 1.")
    await expect(report).to_have_text(["Fay Free: Cyd has it now"])
    await mia.locator("#many [data-close]").click()
    await expect(mia.locator("[data-selection]")).to_be_hidden()
    await bob.goto("/queues/work")
    await bob.wait_for_selector(READY)
    assert await bob.locator("input[type=checkbox]").count() == 0
