"""Two people look at one claimable queue: the first claim wins, and both see what happened (Q7, Q8, Q9, Q12)."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.running_org import NEW
from tests.web.screens import shot
from tests.web.test_fresh_assignments import until_in_queue

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


def row(page: Page, lead: str) -> Locator:
    """Return a lead's row."""
    return page.locator(f'tr[data-lead="{lead}"]')


async def claim(page: Page, name: str) -> None:
    """Claim a lead by its row's button."""
    await page.get_by_role("button", name=f"Claim this Lead: {name}").click()


async def names(page: Page) -> list[str]:
    """Return the names in the list, in order."""
    return await page.locator("tbody tr[data-lead] td:first-child").all_inner_texts()


async def test_q8_first_claim_wins_and_q9_the_row_leaves_every_list(running_org: RunningOrg) -> None:
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive(
        "A-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000
    )
    silva = await running_org.arrive(
        "A-2", first_name="Ana", last_name="Silva", state="MA", loan_amount=250000
    )
    first, second = await running_org.sign_in("rep-1"), await running_org.sign_in("rep-2")
    for page in (first, second):
        for shown_lead in (lead, silva):
            await expect(row(page, shown_lead)).to_be_visible()
        assert await names(page) == ["Jeremy Jones", "Ana Silva"]  # Q7: the same list in the same order
        await shot(page, "call-queue")
    await claim(first, "Jeremy Jones")
    await expect(first.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
    await shot(first, "claimed")
    await expect(row(second, lead)).to_have_count(0)
    await first.get_by_role("button", name="Return to Call Queue").click()
    await expect(first.locator("#answer")).to_be_empty()
    assert await names(second) == ["Ana Silva"]
    answer = (await running_org.ask("claim", lead, "rep-2")).answer
    assert answer is not None
    assert (answer.result, answer.owner) == ("lost", "rep-1")


async def test_q11_an_aged_lead_is_claimed_from_its_owner(running_org: RunningOrg) -> None:
    for rep_id in ("rep-1", "rep-2", "rep-3"):
        await running_org.rep(rep_id)
    await running_org.publish("settings", "settings", protect_assigned_minutes=0)
    aged = [
        {"field": "last_contacted_at", "operator": "null"},
        {"field": "created_at", "operator": "notInLast", "value": {"amount": 14, "unit": "day"}},
    ]
    rules = {"combinator": "and", "rules": aged}
    await running_org.publish("queue", "aged", **{**NEW, "name": "Aged leads", "inclusion": rules})
    long_ago = datetime.now(UTC) - timedelta(days=20)
    lead = await running_org.arrive(
        "A-1", first_name="Ana", last_name="Silva", created_at=long_ago.isoformat(), assigned_to="rep-1"
    )
    fresh = await running_org.arrive("A-2", first_name="Bo", last_name="Adams", assigned_to="rep-1")
    owner = await running_org.sign_in("rep-1", "/queues/mine")
    first, second = (
        await running_org.sign_in("rep-2", "/queues/aged"),
        await running_org.sign_in("rep-3", "/queues/aged"),
    )
    for page in (owner, first, second):
        await expect(row(page, lead)).to_be_visible()
    await expect(row(owner, fresh)).to_be_visible()
    assert await names(second) == ["Ana Silva"]
    await claim(first, "Ana Silva")
    await expect(first.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
    for page in (owner, second):
        await expect(row(page, lead)).to_have_count(0)
    await expect(row(owner, fresh)).to_be_visible()


async def test_q3_a_blind_queue_shows_names_and_nothing_else(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "blind", **{**NEW, "columns": []})
    lead = await running_org.arrive(
        "B-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000
    )
    page = await running_org.sign_in("rep-1")
    await expect(row(page, lead)).to_be_visible()
    assert await page.locator("thead th").all_inner_texts() == ["Name", "Action"]
    source = await page.content()
    assert "310000" not in source
    assert '"RI"' not in source


async def test_q12_a_search_by_name_narrows_the_list_and_clear_ends_it(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    jones = await running_org.arrive("C-1", first_name="Jeremy", last_name="Jones", loan_amount=3)
    silva = await running_org.arrive("C-2", first_name="Ana", last_name="Silva", loan_amount=2)
    page = await running_org.sign_in("rep-1")
    for lead in (silva, jones):
        await expect(row(page, lead)).to_be_visible()
    await page.get_by_label("Search by name").fill("jon")
    await expect(row(page, silva)).to_have_count(0)
    await expect(row(page, jones)).to_be_visible()
    johnson = await running_org.arrive("C-3", first_name="Bo", last_name="Johnson", loan_amount=1)
    adams = await running_org.arrive("C-4", first_name="Cy", last_name="Adams", loan_amount=4)
    another = await running_org.arrive("C-5", first_name="Di", last_name="Mojon", loan_amount=5)
    await expect(row(page, another)).to_be_visible()
    await expect(row(page, johnson)).to_have_count(0)  # it has no "jon" in its name
    assert await names(page) == ["Di Mojon", "Jeremy Jones"]
    await page.get_by_role("button", name="Clear").click()
    for lead in (another, adams, jones, silva, johnson):
        await expect(row(page, lead)).to_be_visible()
    assert await names(page) == ["Di Mojon", "Cy Adams", "Jeremy Jones", "Ana Silva", "Bo Johnson"]


async def test_q4_a_queue_of_other_teams_is_not_there(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1", teams=["east"])
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "west", **{**NEW, "name": "West only", "teams": ["west"]})
    manager = await running_org.sign_in("mia")
    await expect(manager.locator("#queues")).to_contain_text("West only")
    rep = await running_org.sign_in("rep-1")
    await expect(rep.locator("#queues")).not_to_contain_text("West only")
    assert (await rep.request.get("/api/v1/queues/west/leads")).status == 404


async def test_q4_q6_what_is_published_meanwhile_takes_no_open_question_away(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager", teams=["east"])
    await running_org.publish("queue", "new", **NEW)
    await running_org.arrive("A-1", first_name="Ana", last_name="Silva", state="RI")
    mia = await running_org.sign_in("mia", "/queues/new")
    await mia.get_by_label("Select Ana Silva").check()
    await mia.get_by_role("button", name="Assign …", exact=True).click()
    dialog = mia.locator("#move")
    await expect(dialog).to_be_visible()
    await running_org.publish("queue", "east", **{**NEW, "name": "East only", "teams": ["east"]})
    await expect(mia.locator("#queues").get_by_text("East only")).to_be_visible()
    columns = [*NEW["columns"], "loan_purpose"]
    await running_org.publish("queue", "new", **{**NEW, "columns": columns})
    await running_org.publish("queue", "last", **{**NEW, "name": "The last", "teams": ["west"]})
    await expect(dialog).to_be_visible()  # the list has another column now, and waits for the answer
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(mia.get_by_role("columnheader", name="Loan purpose")).to_be_visible()


async def test_q8_the_loser_reads_who_has_the_lead_and_nothing_blocks_the_list(
    running_org: RunningOrg,
) -> None:
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive(
        "A-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000
    )
    ana = await running_org.arrive("A-2", first_name="Ana", last_name="Silva", state="MA", loan_amount=250000)
    async with await running_org.program("rep-2") as program:
        await until_in_queue(program, "new", lead, ana)  # else the first page is the rep's own queue
    second = await running_org.sign_in("rep-2")
    await expect(row(second, lead)).to_be_visible()
    held_requests: list[Route] = []

    def hold_request(route: Route) -> None:
        held_requests.append(route)

    await second.route("**/api/v1/leads/*/claims", hold_request)
    await claim(second, "Jeremy Jones")
    await expect(row(second, lead).get_by_role("button")).to_have_text("Claiming …")
    await expect(second.locator("#answer")).to_contain_text(
        "Claiming Jeremy Jones …"
    )  # its answer takes long
    won = (await running_org.ask("claim", lead, "rep-1", queue_id="new")).answer
    assert won is not None
    assert won.result == "won"
    await expect(row(second, lead)).to_have_count(0)
    for route in held_requests:
        await route.continue_()
    await expect(second.get_by_role("heading", name="Lead already claimed")).to_be_visible()
    await expect(second.locator("#answer")).to_contain_text("Rep 1 has Jeremy Jones.")
    assert await second.locator("dialog[open]").count() == 0
    assert await serious_problems(second) == []
    await second.unroute("**/api/v1/leads/*/claims")
    await claim(second, "Ana Silva")  # the answer to the first is still there
    await expect(second.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
    await expect(second.locator("#answer")).to_contain_text("Ana Silva has been added to your lead list.")
    await second.get_by_role("link", name="Go to Lead Details").click()
    await expect(second.get_by_role("heading", name="Ana Silva")).to_be_visible()


async def test_q8_m6_a_claim_that_is_refused_is_undone_in_words(running_org: RunningOrg) -> None:
    await running_org.publish("settings", "settings", enforce_caps=True)
    await running_org.rep("rep-1", max_open=1)
    await running_org.publish("queue", "new", **NEW)
    await running_org.until_published("queue", "new")
    lead = await running_org.arrive(
        "A-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000
    )
    other_lead = await running_org.arrive(
        "A-2", first_name="Ana", last_name="Silva", state="MA", loan_amount=250000
    )
    page = await running_org.sign_in("rep-1")
    await expect(row(page, lead)).to_be_visible()
    held_requests: list[Route] = []

    def hold_request(route: Route) -> None:
        held_requests.append(route)

    await page.route("**/api/v1/leads/*/claims", hold_request)
    await claim(page, "Jeremy Jones")
    button = row(page, lead).get_by_role("button")
    await expect(button).to_have_text("Claiming …")
    await expect(page.locator("#answer")).to_contain_text("Claiming Jeremy Jones …")
    # The rep takes another lead meanwhile, by telephone say, and may have no more than one.
    won = (await running_org.ask("claim", other_lead, "rep-1", queue_id="new")).answer
    assert won is not None
    assert won.result == "won"
    await held_requests[0].continue_()
    await expect(page.get_by_role("heading", name="This lead cannot be claimed")).to_be_visible()
    await expect(page.locator("#answer")).to_contain_text("Jeremy Jones: You have 1 of at most 1 open leads.")
    await expect(button).to_have_text("Claim this Lead")
    await expect(button).to_have_attribute("aria-disabled", "false")
    await expect(row(page, other_lead)).to_have_count(0)
    assert await serious_problems(page) == []


async def test_d13_m6_the_row_says_before_the_click_that_a_rep_lacks_the_licence(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("rep-1", licensed_states=["MA"])
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive(
        "A-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000
    )
    other_lead = await running_org.arrive(
        "A-2", first_name="Ana", last_name="Silva", state="MA", loan_amount=250000
    )
    page = await running_org.sign_in("rep-1")
    await expect(
        row(page, other_lead).get_by_role("button", name="Claim this Lead: Ana Silva")
    ).to_be_visible()
    await expect(row(page, lead)).to_contain_text("You are not licensed in RI.")
    await expect(row(page, lead).get_by_role("button")).to_have_count(0)
    api = await running_org.program("rep-1")
    rows = (await api.get("/api/v1/queues/new/leads")).json()["rows"]
    assert {listed["lead_id"]: (listed["may_claim"], listed["why_not"]) for listed in rows} == {
        lead: (False, "You are not licensed in RI."),
        other_lead: (None, None),
    }
    refused = await api.post(f"/api/v1/leads/{lead}/claims", json={"queue_id": "new"})
    answer = refused.json()
    assert (answer["result"], answer["reason"]) == ("refused", "not_licensed")
    assert answer["why"] == "you are not licensed in RI"
    live = await running_org.arrive("A-3", first_name="Bo", last_name="Reed", state="RI", loan_amount=1000)
    await expect(row(page, live)).to_contain_text("You are not licensed in RI.")  # it came to an open page
    await expect(row(page, live).get_by_role("button")).to_have_count(0)
    last = await running_org.arrive("A-4", first_name="Cy", last_name="Adams", state="MA", loan_amount=2000)
    await expect(row(page, last).get_by_role("button", name="Claim this Lead: Cy Adams")).to_be_visible()


async def test_q9_the_row_of_ones_own_claim_goes_with_the_answer(running_org: RunningOrg) -> None:
    """The board tells the page a moment later. Until then the row offered to claim the lead once more."""
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("A-1", first_name="Ana", last_name="Silva", loan_amount=2)
    other_lead = await running_org.arrive("A-2", first_name="Bo", last_name="Reed", loan_amount=1)
    page = await running_org.sign_in("rep-1", "/queues/new")
    for shown_lead in (lead, other_lead):
        await expect(row(page, shown_lead)).to_be_visible()
    board = running_org.stack.children["board"].pid
    assert board is not None
    os.kill(board, signal.SIGSTOP)
    try:
        await claim(page, "Ana Silva")
        await expect(page.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
        await expect(row(page, lead)).to_have_count(0)
        await expect(page.locator("[data-size]").first).to_have_text("2 leads")  # the board's word
    finally:
        os.kill(board, signal.SIGCONT)
    await expect(page.locator("[data-size]").first).to_have_text("1 lead")
    await expect(row(page, lead)).to_have_count(0)
