"""Two managers at the exceptions desk, and a rep who may see the unassigned leads (E2, E3, E4, E5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.web.rows import click_at_once
from tests.web.screens import shot
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

E2 = [
    "Prospect name",
    "Campaign",
    "Description",
    "Distribution",
    "Lead provider",
    "Loan purpose type",
    "Loan amount",
    "State",
    "Failure reason",
    "Create date",
    "Assign",
    "Ignore",
]


def row(page: Page, lead: str) -> Locator:
    """Return a lead's row."""
    return page.locator(f'tr[data-lead="{lead}"]')


async def names(page: Page) -> list[str]:
    """Return the prospects shown, in order."""
    prospects: list[str] = await page.locator("tbody tr[data-lead]").evaluate_all(
        "rows => rows.map(row => row.querySelector('[data-does=select]')"
        ".getAttribute('aria-label').replace('Select ', ''))"
    )
    return prospects


async def until_shown(page: Page, *prospects: str) -> None:
    """Wait until these prospects are shown, in this order."""
    await page.wait_for_function(
        "wanted => JSON.stringify([...document.querySelectorAll('tbody tr [data-does=select]')]"
        ".map(box => box.getAttribute('aria-label').replace('Select ', ''))) === JSON.stringify(wanted)",
        arg=list(prospects),
    )


async def open_org(running_org: RunningOrg, *, enforce_licence: bool = False) -> dict[str, str]:
    """Open an org with two managers, three reps and four exceptions; return name -> lead id.

    Its managers may assign leads to reps without a licence unless `enforce_licence` is set (M6).
    """
    await running_org.publish("settings", "settings", enforce_licence=enforce_licence)
    for rep_id, role in (("mia", "manager"), ("max", "manager"), ("rep-1", "rep"), ("rep-2", "rep")):
        await running_org.rep(rep_id, role, licensed_states=["TX"])
    await running_org.rep("zoe", name="Zoë Ångström")
    await running_org.publish(
        "group", "west", method="round_robin", members=[{"rep_id": "rep-1"}, {"rep_id": "rep-2"}]
    )
    await running_org.publish(
        "campaign", "purchase-west", name="Purchase West", description="Spring mailing", group_id="west"
    )
    await running_org.until_published("campaign", "purchase-west")
    people: dict[str, dict[str, Any]] = {
        "Jeremy Jones": {"state": "RI", "loan_amount": 310000, "loan_purpose": "purchase"},
        "Ana Silva": {"state": "MA", "loan_amount": 250000, "loan_purpose": "refinance"},
        "Bo Johnson": {"state": "CA", "loan_amount": 120000},
        "Cy Adams": {"state": "RI"},
    }
    leads = {}
    for day, (name, facts) in enumerate(people.items(), start=1):
        first_name, last_name = name.split()
        leads[name] = await running_org.arrive(
            f"E-{day}",
            first_name=first_name,
            last_name=last_name,
            campaign="purchase-west",
            created_at=f"2026-11-{day:02}T12:00:00Z",
            **facts,
        )
    return leads


async def test_e2_all_twelve_columns_a_filter_for_each_and_the_address_keeps_them(
    running_org: RunningOrg,
) -> None:
    leads = await open_org(running_org)
    page = await running_org.sign_in("mia", "/exceptions")
    await until_shown(page, "Jeremy Jones", "Ana Silva", "Bo Johnson", "Cy Adams")
    heads = await page.locator("thead th").evaluate_all("all => all.map(th => th.textContent.trim())")
    assert heads[1:] == E2
    await expect(row(page, leads["Jeremy Jones"])).to_contain_text("Purchase West")
    await expect(row(page, leads["Jeremy Jones"])).to_contain_text("Spring mailing")
    await expect(row(page, leads["Jeremy Jones"])).to_contain_text("No available agents")
    await shot(page, "exceptions")
    # A choice with search inside, and several values.
    await page.locator("[data-filter-toggle]").click()
    state = page.locator("details.choice", has=page.locator("summary", has_text="State"))
    await state.locator("summary").click()
    await state.get_by_label("Search in State").fill("r")
    await state.get_by_label("RI 2").check()
    await until_shown(page, "Jeremy Jones", "Cy Adams")
    await state.get_by_label("Search in State").fill("")
    await state.get_by_label("MA 1").check()
    await until_shown(page, "Jeremy Jones", "Ana Silva", "Cy Adams")
    await page.keyboard.press("Escape")
    # Ranges: an amount and a date.
    await page.get_by_label("Loan amount from").fill("250000")
    await until_shown(page, "Jeremy Jones", "Ana Silva")
    await page.get_by_label("Create date to").fill("2026-11-01")
    await until_shown(page, "Jeremy Jones")
    # A text: what contains it. All of it is in the address: a bookmark shows the same.
    await page.get_by_label("Prospect name contains").fill("jON")
    await page.wait_for_url("**prospect_name=jON**")
    address = page.url
    await page.goto(address)
    await until_shown(page, "Jeremy Jones")
    await expect(page.locator("[data-filter-count]")).to_have_text("(4)")
    await page.get_by_role("button", name="Remove the filter State: RI, MA").click()
    await page.wait_for_function("() => !location.search.includes('state')")
    await page.go_back()
    await page.wait_for_function("() => location.search.includes('state=RI&state=MA')")
    await page.get_by_role("button", name="Reset").click()
    await until_shown(page, "Jeremy Jones", "Ana Silva", "Bo Johnson", "Cy Adams")
    # Any order, either way; a lead without the value comes last in both.
    await page.get_by_role("button", name="Loan amount", exact=True).click()
    await until_shown(page, "Bo Johnson", "Ana Silva", "Jeremy Jones", "Cy Adams")
    await page.keyboard.press("Enter")
    await until_shown(page, "Jeremy Jones", "Ana Silva", "Bo Johnson", "Cy Adams")
    await expect(page.locator("th[aria-sort=descending]")).to_have_text("Loan amount")
    # Why, of every candidate.
    await row(page, leads["Jeremy Jones"]).locator("[data-does=why]").click()
    await expect(page.locator("#why li")).to_have_text(
        ["Rep 1: not licensed in RI", "Rep 2: not licensed in RI"]
    )


async def test_e2_pages_are_right_while_rows_go(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.rep("rep-1")
    await running_org.until_published("rep", "rep-1")
    leads = [
        await running_org.arrive(f"P-{n}", last_name=f"Lead {n}", created_at=f"2026-11-01T12:0{n}:00Z")
        for n in range(6)
    ]
    page = await running_org.sign_in("mia", "/exceptions?limit=2")
    await until_shown(page, "Lead 0", "Lead 1")
    await expect(page.locator("[data-total]")).to_have_text("6 leads")
    await page.get_by_role("button", name="Next").click()
    await until_shown(page, "Lead 2", "Lead 3")
    await running_org.ask("assign", leads[0], "mia", to_rep_id="rep-1")  # before this page: nothing moves
    await running_org.ask("assign", leads[3], "mia", to_rep_id="rep-1")  # on this page: what follows comes up
    await until_shown(page, "Lead 2", "Lead 4")
    await page.get_by_role("button", name="Previous").click()
    await until_shown(page, "Lead 1")
    await page.get_by_role("button", name="Next").click()
    await until_shown(page, "Lead 2", "Lead 4")
    await page.go_back()
    await until_shown(page, "Lead 1")


async def test_e3_two_managers_assign_the_same_lead_at_the_same_moment(running_org: RunningOrg) -> None:
    leads = await open_org(running_org)
    lead = leads["Jeremy Jones"]
    mia, maxim = (
        await running_org.sign_in("mia", "/exceptions"),
        await running_org.sign_in("max", "/exceptions"),
    )
    for page, to in ((mia, "Rep 1"), (maxim, "Zoë Ångström")):
        await row(page, lead).get_by_role("button", name="Assign Jeremy Jones").click()
        # By the keyboard alone: some of the name, down, choose, confirm.
        await page.keyboard.type(to[:3].lower() if to == "Rep 1" else "ång")
        await expect(page.locator("#move label", has_text=to)).to_be_visible()
        await page.locator("#move label", has_text=to).locator("input").check()
        await expect(page.locator("[data-chosen-reps]")).to_have_text(f"To {to}")
    await shot(mia, "assign")
    answers = await click_at_once(
        "**/actions", *((page, page.locator("#move [data-ok]")) for page in (mia, maxim))
    )
    assert sorted(answer["result"] for answer in answers) == ["done", "lost"]
    is_mias = answers[0]["result"] == "done"
    winner, owner = (mia, "Rep 1") if is_mias else (maxim, "Zoë Ångström")
    loser, other_rep = (maxim, "Zoë Ångström") if is_mias else (mia, "Rep 1")
    await until_toast(winner, "Jeremy Jones is assigned.")
    await until_toast(loser, f"Jeremy Jones: {owner} has it already.")
    # Whoever comes second may move the lead from the rep who has it, with a reason; or leave it there.
    await expect(loser.locator("#move")).to_contain_text(f"{owner} has Jeremy Jones already")
    await expect(loser.locator("#move [data-chosen-reps]")).to_have_text(f"To {other_rep}")
    await loser.locator("#move [data-cancel]").click()
    for page in (mia, maxim):
        await until_shown(page, "Ana Silva", "Bo Johnson", "Cy Adams")
    # The focus stays in the list: on the row that is in its place now.
    await mia.wait_for_function(
        "lead => document.activeElement.closest('tr')?.dataset.lead === lead", arg=leads["Ana Silva"]
    )
    late = (await running_org.ask("claim", lead, "rep-2")).answer
    assert late is not None
    assert (late.result, late.reason, late.owner) == (
        "lost",
        "already_claimed",
        "zoe" if owner == "Zoë Ångström" else "rep-1",
    )


async def test_m6_the_desk_asks_for_the_reason_to_override_a_licence(running_org: RunningOrg) -> None:
    leads = await open_org(running_org, enforce_licence=True)
    mia = await running_org.sign_in("mia", "/exceptions")
    await row(mia, leads["Jeremy Jones"]).get_by_role("button", name="Assign Jeremy Jones").click()
    await mia.locator("#move label", has_text="Rep 1").locator("input").check()
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator("#move")).to_contain_text("Assign it all the same?")
    await expect(mia.locator("#move")).to_contain_text("Rep 1 is not licensed in RI.")
    await mia.locator("#move [data-cancel]").click()
    await expect(row(mia, leads["Jeremy Jones"])).to_be_visible()
    released = asyncio.Event()

    async def continue_when_released(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await mia.route("**/api/v1/takers?*", continue_when_released)
    await row(mia, leads["Jeremy Jones"]).get_by_role("button", name="Assign Jeremy Jones").click()
    await expect(mia.locator("#move [data-reps] label")).to_have_count(0)  # none of the dialog before
    released.set()
    await mia.locator("#move label", has_text="Rep 1").locator("input").check()
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator("#move")).to_contain_text("Assign it all the same?")
    await mia.get_by_label("Reason", exact=True).fill("the licence comes tomorrow")
    await mia.locator("#move [data-ok]").click()
    await until_toast(mia, "Jeremy Jones is assigned.")
    await until_shown(mia, "Ana Silva", "Bo Johnson", "Cy Adams")
    await mia.goto(f"/leads/{leads['Jeremy Jones']}")
    await expect(mia.locator(".lead-history")).to_contain_text("the licence comes tomorrow")


async def test_e4_ignore_asks_hides_and_show_ignored_lists_them_at_the_end(running_org: RunningOrg) -> None:
    leads = await open_org(running_org)
    mia, maxim = (
        await running_org.sign_in("mia", "/exceptions"),
        await running_org.sign_in("max", "/exceptions"),
    )
    await until_shown(mia, "Jeremy Jones", "Ana Silva", "Bo Johnson", "Cy Adams")
    await row(mia, leads["Jeremy Jones"]).get_by_role("button", name="Ignore Jeremy Jones").click()
    await expect(mia.locator("#confirm")).to_contain_text("Do you really want to ignore this lead")
    await mia.get_by_role("button", name="Cancel").click()
    await row(mia, leads["Jeremy Jones"]).get_by_role("button", name="Ignore Jeremy Jones").click()
    await mia.keyboard.press("Enter")  # OK has the focus
    for page in (mia, maxim):
        await until_shown(page, "Ana Silva", "Bo Johnson", "Cy Adams")
    await mia.get_by_label("Show Ignored").check()
    await until_shown(mia, "Ana Silva", "Bo Johnson", "Cy Adams", "Jeremy Jones")
    await expect(mia.locator("[data-ignored]")).to_have_text("(1)")
    await mia.get_by_role("button", name="Prospect name", exact=True).click()
    await until_shown(mia, "Ana Silva", "Bo Johnson", "Cy Adams", "Jeremy Jones")
    await mia.get_by_role("button", name="Prospect name", exact=True).click()
    await until_shown(mia, "Cy Adams", "Bo Johnson", "Ana Silva", "Jeremy Jones")  # at the end of any order
    await row(mia, leads["Jeremy Jones"]).get_by_role("button", name="Assign Jeremy Jones").click()
    await mia.keyboard.type("zo")
    await expect(mia.locator("#move [data-reps] label")).to_have_count(1)
    await mia.keyboard.press("Enter")
    await mia.keyboard.press("Enter")
    await until_shown(mia, "Cy Adams", "Bo Johnson", "Ana Silva")
    answer = (await running_org.ask("claim", leads["Jeremy Jones"], "rep-1")).answer
    assert answer is not None
    assert answer.owner == "zoe"


async def test_d6_several_are_shared_evenly_and_every_answer_is_counted(running_org: RunningOrg) -> None:
    leads = await open_org(running_org)
    mia, maxim = (
        await running_org.sign_in("mia", "/exceptions"),
        await running_org.sign_in("max", "/exceptions"),
    )
    await until_shown(mia, "Jeremy Jones", "Ana Silva", "Bo Johnson", "Cy Adams")
    await mia.get_by_label("Select all on this page").check()
    await expect(mia.locator("[data-chosen]")).to_contain_text("4 of")
    await mia.get_by_label("Select Cy Adams").uncheck()
    await mia.get_by_role("button", name="Assign …").click()
    for name in ("Rep 1", "Rep 2"):
        await mia.locator("#move label", has_text=name).locator("input").check()
    await running_org.ask("assign", leads["Bo Johnson"], "max", to_rep_id="zoe")  # somebody is quicker
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator("#confirm")).to_contain_text("will be assigned: Rep 1 ")
    await mia.locator("#confirm [data-ok]").click()
    status = mia.locator("#many [data-status]")
    await expect(status).to_contain_text("2 assigned, 1 already had an owner.")
    assert (await mia.locator("#many li").all_inner_texts())[0] == "Bo Johnson: Zoë Ångström has it"
    # The lead that somebody was quicker with can be moved at once, with a reason.
    await mia.get_by_role("button", name="Move those that somebody has …").click()
    await mia.locator("#move label", has_text="Rep 1").locator("input").check()
    await mia.get_by_label("Reason", exact=True).fill("Rep 1 knows him")
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator("#confirm")).to_contain_text("1 lead will move: Rep 1 1.")
    await mia.locator("#confirm [data-ok]").click()
    await expect(status).to_have_text("1 moved. Rep 1 1.")
    await mia.locator("#many [data-close]").click()
    for page in (mia, maxim):
        await until_shown(page, "Cy Adams")
    answers = [await running_org.ask("claim", leads[name], "zoe") for name in ("Jeremy Jones", "Ana Silva")]
    assert sorted(answer.answer.owner or "" for answer in answers if answer.answer) == ["rep-1", "rep-2"]
    await mia.get_by_label("Select Cy Adams").check()
    await mia.get_by_role("button", name="Ignore …").click()
    await expect(mia.locator("#confirm")).to_contain_text("Do you really want to ignore this lead")
    await mia.locator("#confirm [data-ok]").click()
    await expect(mia.locator("#many [data-status]")).to_have_text("1 ignored.")
    await mia.locator("#many [data-close]").click()
    await expect(mia.locator("[data-empty]")).to_be_visible()


async def test_e5_a_rep_sees_who_is_unassigned_and_q3_no_fact_of_the_prospect(
    running_org: RunningOrg,
) -> None:
    leads = await open_org(running_org)
    page = await running_org.sign_in("rep-1", "/unassigned")
    await expect(row(page, leads["Jeremy Jones"])).to_be_visible()
    heads = await page.locator("thead th").evaluate_all("all => all.map(th => th.textContent.trim())")
    assert heads == ["Prospect name", "Distribution", "Failure reason", "Unassigned since"]
    assert await page.get_by_role("button", name="Assign", exact=True).count() == 0
    text = await (await page.request.get("/api/v1/unassigned")).text()
    for fact in ("310000", '"RI"', "purchase", "licensed", "acme", "2026-11-01"):
        assert fact not in text
    for address in ("/api/v1/exceptions", f"/api/v1/exceptions/{leads['Jeremy Jones']}", "/exceptions"):
        assert (await page.request.get(address)).status == 403
    # What a rep may not see cannot be asked for either: neither as a filter nor as an order.
    for query in ("state=RI", "loan_amount.from=1", "sort=loan_amount", "vendor=acme"):
        assert (await page.request.get(f"/api/v1/unassigned?{query}")).status == 422
    await running_org.ask("assign", leads["Jeremy Jones"], "mia", to_rep_id="rep-2")
    await expect(row(page, leads["Jeremy Jones"])).to_have_count(0)
