"""Leads are offered to reps at their browsers: by turn, by a ring to all, by New Lead (D4, R2, R3, S1-S5, X1)."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, click_at_once, open_lead, row, until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.screens import shot
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

GONE_TEXT: Final = "We're sorry, but that lead is no longer available."
JONES: Final = {"first_name": "Jeremy", "last_name": "Jones", "state": "RI", "loan_amount": 310000}
SILVA: Final = {"first_name": "Ana", "last_name": "Silva", "state": "MA", "loan_amount": 250000}
MINUTES: Final = re.compile(r"1[0-4]:\d\d")
"""What is left of a window of 15 minutes, up to five minutes after the offer."""
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}}


async def ringing_reps(
    running_org: RunningOrg,
    method: str,
    *reps: str,
    licences: dict[str, list[str]] | None = None,
    **group: Any,
) -> list[Page]:
    """Publish a group of reps, and a work queue that shows once all of it is known; return the reps' browsers."""
    await running_org.publish(
        "settings", "settings", quiet_hours=[]
    )  # or stories would end differently at night
    for rep_id in reps:
        await running_org.rep(rep_id, licensed_states=(licences or {}).get(rep_id))
    members = [{"rep_id": rep_id} for rep_id in reps]
    await running_org.publish("group", "west", name="West", method=method, members=members, **group)
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("first", last_name="Probe")
    pages = [await running_org.sign_in(rep_id, "/queues/work") for rep_id in reps]
    for page in pages:
        await until_row(page, lead)
    return pages


def offers(page: Page) -> Locator:
    """Return what is offered at the top of any page."""
    return page.locator("#offers")


async def test_r3_an_offer_with_much_to_say_begins_with_whom_it_is_about(running_org: RunningOrg) -> None:
    """What has no room is below, where the card scrolls. Nobody can scroll to what is above."""
    (page,) = await ringing_reps(running_org, "round_robin", "rep-1", claim_window_seconds=900)
    name = {
        "first_name": "Wolfeschlegelsteinhausen",
        "last_name": "Featherstonehaugh Bergerdorff Cholmondeley",
    }
    await running_org.arrive("A-1", campaign="west", **{**JONES, **name})
    await expect(offers(page).locator(".offer-why")).to_have_text("It is your turn in the group West.")
    above, hidden = (
        await offers(page)
        .locator("[data-offer]")
        .evaluate(
            "card => [card.getBoundingClientRect().top - card.firstElementChild.getBoundingClientRect().top,"
            " card.scrollHeight - card.clientHeight]"
        )
    )
    assert above <= 0
    assert hidden > 0  # it has much to say


async def test_r3_an_offer_is_shown_on_every_page_and_r2_looking_is_no_action(
    running_org: RunningOrg,
) -> None:
    first, second = await ringing_reps(running_org, "round_robin", "rep-1", "rep-2", claim_window_seconds=900)
    lead = await running_org.arrive("A-1", campaign="west", **JONES)
    await expect(offers(first)).to_contain_text("Offered to you: Jeremy Jones")
    await expect(offers(first).locator(".left")).to_contain_text(MINUTES)
    await expect(offers(first).locator(".offer-facts")).to_have_text("RI · $310,000 · West")
    await expect(offers(first).locator(".offer-why")).to_have_text("It is your turn in the group West.")
    await expect(offers(first).locator(".there")).to_contain_text("may be called")
    await expect(first).to_have_title("(1) Call these · firstclaim")
    await expect(offers(second)).to_be_hidden()
    assert await serious_problems(first) == []
    await shot(first, "offer")
    await first.get_by_role("link", name="Look at Jeremy Jones").click()
    await first.wait_for_selector(f"{READY} .lead")
    await expect(first.locator(".facts")).to_contain_text("$310,000")
    await expect(first.locator(".lead .lock")).to_contain_text(
        re.compile(f"Offered to Rep 1: {MINUTES.pattern}")
    )
    assert await serious_problems(first) == []
    await first.goto("/queues/mine")
    await expect(row(first, lead)).to_contain_text("Offer")
    await expect(row(first, lead).locator(".row-reason")).to_have_text("It is your turn in the group West.")
    await shot(first, "my-queue")
    await row(first, lead).get_by_role("button", name="Decline Jeremy Jones").click()
    await until_toast(first, "Declined: Jeremy Jones goes to somebody else.")
    await until_no_row(first, lead)
    await second.get_by_role("button", name="Accept Jeremy Jones").click()
    await expect(second.locator("#answer")).to_contain_text("Congratulations! You have a new lead")
    await second.get_by_role("link", name="Go to Lead Details").click()
    await second.wait_for_selector(f"{READY} .lead")
    await expect(second.locator(".standing")).to_contain_text(
        "Rep 2 got it by round robin, through the group West"
    )
    await expect(offers(second)).to_be_hidden()


async def test_r3_an_offer_that_runs_out_goes_to_the_next(running_org: RunningOrg) -> None:
    pages = await ringing_reps(running_org, "round_robin", "rep-1", "rep-2", claim_window_seconds=3)
    await running_org.rep("mia", "manager")
    lead = await running_org.arrive("A-1", campaign="west", **JONES)
    for page in pages:
        await until_toast(page, "A lead is offered to you: Jeremy Jones")
    for page in pages:
        await expect(offers(page)).to_be_hidden()
    await until_toast(pages[1], "The offer of Jeremy Jones is over.")
    await until_row(pages[0], lead)  # nobody has it: a queue takes it
    manager = await running_org.sign_in("mia", f"/leads/{lead}")
    history = manager.locator(".lead-history")
    await expect(history).to_contain_text("Offered to Rep 2 by round robin")
    await expect(history).to_contain_text("Rep 1 did not act in time")


async def test_q8_s1_a_ring_under_the_answer_to_a_claim_is_answered_by_key_and_by_click(
    running_org: RunningOrg,
) -> None:
    (page,) = await ringing_reps(running_org, "ring_all", "rep-1", ring_seconds=120)
    await running_org.publish("queue", "new", **NEW)
    await running_org.until_published("queue", "new")
    lead = await running_org.arrive("C-1", first_name="Cy", last_name="Free", state="RI", loan_amount=1)
    # A page that hears of a queue may load itself again, which would abort the navigation.
    await expect(page.locator("#queues")).to_contain_text("New leads")
    await page.goto("/queues/new")
    await until_row(page, lead)
    await row(page, lead).get_by_role("button", name="Claim this Lead").click()
    answer = page.get_by_role("heading", name="Congratulations! You have a new lead")
    await expect(answer).to_be_visible()
    ring = offers(page).get_by_role("alert")
    await running_org.arrive("A-1", campaign="west", phone="4014194247", **JONES)
    await expect(ring).to_contain_text("You have an available lead Jeremy Jones.")
    await page.keyboard.press("1")
    await expect(ring).to_contain_text("You have been assigned Jeremy Jones")
    await ring.get_by_role("button", name="Hang up").click()
    await expect(ring).to_have_count(0)
    await running_org.arrive("A-2", campaign="west", phone="6174194248", **SILVA)
    await expect(ring).to_contain_text("You have an available lead Ana Silva.")
    await ring.get_by_role("button", name="Press 1 to accept").click()
    await expect(ring).to_contain_text("You have been assigned Ana Silva")
    await expect(answer).to_be_visible()  # nobody has closed it
    assert await page.locator("dialog[open]").count() == 0


async def test_s1_s2_s3_a_ring_is_won_by_the_first_to_press_1_and_x6_not_connected_against_the_rules(
    running_org: RunningOrg,
) -> None:
    pages = await ringing_reps(running_org, "ring_all", "rep-1", "rep-2", "rep-3", ring_seconds=120)
    first, second, third = pages
    lead = await running_org.arrive("A-1", campaign="west", phone="4014194247", **JONES)
    for page in pages:
        await expect(page.get_by_role("alert")).to_contain_text(
            "You have an available lead Jeremy Jones. Press 1 to accept or hang up to decline."
        )
    assert await serious_problems(second) == []
    await shot(first, "ring")
    await third.get_by_role("button", name="Hang up").click()
    await expect(offers(third)).to_be_hidden()
    await first.get_by_label("Search by name").press("1")  # who writes does not answer the phone
    await expect(first.get_by_role("alert")).to_contain_text("You have an available lead")
    await first.get_by_role("tab", name="Standard").press("1")
    await expect(first.get_by_role("alert")).to_contain_text(
        "You have been assigned Jeremy Jones, press 1 again to be connected or hang up if you plan to reach out later."
    )
    await expect(second.get_by_role("alert")).to_contain_text(GONE_TEXT)
    late = (await running_org.ask("press_one", lead, "rep-2")).answer
    assert late is not None
    assert (late.result, late.owner) == ("lost", "rep-1")
    await first.get_by_role("button", name="Press 1 to be connected").click()
    await expect(first.get_by_role("alert")).to_contain_text("Calling Jeremy Jones")
    await first.get_by_role("button", name="Close").click()
    await second.get_by_role("button", name="Close").click()
    await expect(offers(second)).to_be_hidden()
    # Hanging up between the two presses keeps the lead.
    other_lead = await running_org.arrive("A-2", campaign="west", **SILVA)
    await second.get_by_role("button", name="Press 1 to accept").click()
    await expect(second.get_by_role("alert")).to_contain_text("You have been assigned Ana Silva")
    await second.get_by_role("button", name="Hang up").click()
    await until_toast(second, "The lead stays yours.")
    await second.goto("/queues/mine")
    await until_row(second, other_lead)
    await expect(row(first, lead)).to_have_count(0)
    # X6: one that is not to be called is won like any other, and not connected.
    await running_org.arrive("A-3", campaign="west", last_name="Silent", silenced=True)
    await third.get_by_role("button", name="Press 1 to accept").click()
    await third.get_by_role("button", name="Press 1 to be connected").click()
    await expect(third.get_by_role("alert")).to_contain_text("it is not to be called. The lead stays yours.")


async def test_x3_a_late_answer_to_an_earlier_ring_leaves_the_ring_of_the_same_lead(
    running_org: RunningOrg,
) -> None:
    """The answer is held back until the lead rings again. It says what it was to, and 1 takes the new ring."""
    await running_org.rep("mia", "manager")
    (page,) = await ringing_reps(running_org, "ring_all", "rep-1", ring_seconds=120)
    lead = await running_org.arrive("A-1", campaign="west", phone="4014194247", **JONES)
    ring = offers(page).get_by_role("alert")
    answered, rings_again = asyncio.Event(), asyncio.Event()

    async def answer_after_second_ring(route: Route) -> None:
        answer = await route.fetch()
        answered.set()
        await rings_again.wait()
        await route.fulfill(response=answer)

    await expect(ring).to_contain_text("You have an available lead Jeremy Jones.")
    earlier = await ring.get_attribute("data-offer")
    await page.route("**/actions", answer_after_second_ring)
    await ring.get_by_role("button", name="Hang up").click()
    await answered.wait()
    again = (await running_org.ask("redistribute", lead, "mia", why="try again")).answer
    assert again is not None
    assert again.result == "done"
    await expect(ring).not_to_have_attribute("data-offer", earlier or "")
    await expect(ring.get_by_role("button", name="Press 1 to accept")).to_be_enabled()
    rings_again.set()
    await page.unroute_all(behavior="wait")
    late = "Jeremy Jones is offered to you again. Your answer was to the earlier offer."
    await until_toast(page, late)
    await expect(ring).to_contain_text("You have an available lead Jeremy Jones.")
    await page.keyboard.press("1")
    await expect(ring).to_contain_text("You have been assigned Jeremy Jones")


async def test_s3_a_rep_who_wins_in_one_browser_has_no_offer_in_the_other_ones(
    running_org: RunningOrg,
) -> None:
    """The other browser of the winner shows nothing more, and does not say that the lead is gone."""
    winner, loser = await ringing_reps(running_org, "ring_all", "rep-1", "rep-2", ring_seconds=120)
    other_page = await running_org.sign_in("rep-1", "/queues/work")
    lead = await running_org.arrive("A-1", campaign="west", phone="4014194247", **JONES)
    for page in (winner, other_page, loser):
        await expect(page.get_by_role("alert")).to_contain_text("You have an available lead Jeremy Jones.")
    await winner.get_by_role("button", name="Press 1 to accept").click()
    await expect(winner.get_by_role("alert")).to_contain_text("You have been assigned Jeremy Jones")
    await expect(offers(other_page)).to_be_hidden()
    await expect(other_page.get_by_text(GONE_TEXT)).to_be_hidden()
    await expect(loser.get_by_role("alert")).to_contain_text(GONE_TEXT)
    await other_page.goto("/queues/mine")
    await until_row(other_page, lead)


async def test_s5_the_first_click_on_new_lead_wins(running_org: RunningOrg) -> None:
    first, second = await ringing_reps(running_org, "distribute_all", "rep-1", "rep-2", ring_seconds=120)
    lead = await running_org.arrive("A-1", campaign="west", **JONES)
    buttons = [page.get_by_role("button", name="New Lead: Jeremy Jones") for page in (first, second)]
    for button in buttons:
        await expect(button).to_be_visible()
    assert await serious_problems(first) == []
    answers = await click_at_once("**/actions", *zip((first, second), buttons, strict=True))
    assert sorted(answer["result"] for answer in answers) == ["lost", "won"]
    winner, loser = (first, second) if answers[0]["result"] == "won" else (second, first)
    late = (await running_org.ask("press_one", lead, "rep-2")).answer
    assert late is not None
    assert late.owner == ("rep-1" if winner is first else "rep-2")
    await until_toast(loser, GONE_TEXT)
    await expect(winner.locator("#answer")).to_contain_text("Congratulations! You have a new lead")
    assert await loser.locator("#answer").inner_text() == ""
    await winner.get_by_role("button", name="Stay here").click()
    await winner.goto("/queues/mine")
    await open_lead(winner, lead)
    # In My queue the button stands in the row.
    await loser.goto("/queues/mine")
    other_lead = await running_org.arrive("A-2", campaign="west", **SILVA)
    await row(loser, other_lead).get_by_role("button", name="New Lead: Ana Silva").click()
    await expect(loser.locator("#answer")).to_contain_text("Ana Silva")


async def test_x1_why_me_and_why_not_me(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    licences = {"rep-2": ["MA"]}
    first, second = await ringing_reps(
        running_org, "round_robin", "rep-1", "rep-2", licences=licences, claim_window_seconds=900
    )
    await running_org.arrive("A-0", campaign="west", last_name="Before", state="RI")
    await expect(offers(first)).to_contain_text("Before")
    lead = await running_org.arrive("A-1", campaign="west", **JONES)  # by now it is rep-2's turn
    await expect(offers(first)).to_contain_text("Jeremy Jones")
    await running_org.until_stored(lead, phase="offered")
    await second.goto(f"/leads/{lead}")
    await second.wait_for_selector(READY)
    await expect(second.locator(".unseen .lead-history")).to_contain_text(
        "Not you: your licences do not cover its state"
    )
    assert await second.locator("main").get_by_text("Jeremy").count() == 0
    assert "RI" not in await (await second.request.get(f"/api/v1/leads/{lead}/why")).text()
    assert await serious_problems(second) == []
    await first.get_by_role("link", name="Look at Jeremy Jones").click()
    await first.wait_for_selector(f"{READY} .lead")
    await expect(first.locator(".lead-history")).to_contain_text("It was offered to you by round robin")
    manager = await running_org.sign_in("mia", f"/leads/{lead}")
    await manager.get_by_text("Why not the others").click()
    await expect(manager.locator(".lead-history details")).to_contain_text("Rep 2: not licensed in RI")


async def test_d4_calls_that_are_due_come_first_with_a_badge(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    leads = [await running_org.arrive("A-1", **JONES), await running_org.arrive("A-2", **SILVA)]
    page = await running_org.sign_in("rep-1", "/queues/new")
    for lead in leads:
        await until_row(page, lead)
        claimed = (await running_org.ask("claim", lead, "rep-1", queue_id="new")).answer
        assert claimed is not None
        assert claimed.result == "won"
    await page.goto("/queues/mine")
    due, later = leads
    due_at = datetime.now(UTC) + timedelta(seconds=2)
    await running_org.ask("callback", due, "rep-1", at=due_at.isoformat())
    await running_org.ask("callback", later, "rep-1", at=(due_at + timedelta(days=1)).isoformat())
    await expect(row(page, later)).to_contain_text("Call at")
    await expect(row(page, due)).to_contain_text("Call due")
    await expect(page.locator("tbody tr").first).to_have_attribute("data-lead", due)
    assert await serious_problems(page) == []
    # The keyboard alone: to the row, into the lead.
    await page.keyboard.press("j")
    await expect(row(page, due).get_by_role("link", name="Open Jeremy Jones")).to_be_focused()
    await page.keyboard.press("j")
    await expect(row(page, later).get_by_role("link", name="Open Ana Silva")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Search by name")).to_be_focused()
    await page.get_by_role("tab", name="Standard").press("ArrowRight")
    await expect(page.get_by_role("tabpanel", name="Custom")).to_contain_text("You have no views yet")


async def test_q9_on_a_phone_the_list_stays_in_its_box_and_focus_goes_on(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    leads = [await running_org.arrive("A-1", **JONES), await running_org.arrive("A-2", **SILVA)]
    page = await running_org.sign_in("rep-1", "/queues/new", **PHONE)
    for lead in leads:
        await until_row(page, lead)
    assert await serious_problems(page) == []
    await shot(page, "phone")
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert await page.evaluate(wide) is False
    await row(page, leads[0]).get_by_role("button").focus()
    await running_org.ask("claim", leads[0], "rep-1", queue_id="new")
    await until_no_row(page, leads[0])
    await expect(row(page, leads[1]).get_by_role("button")).to_be_focused()
    await running_org.ask("claim", leads[1], "rep-1", queue_id="new")
    await until_no_row(page, leads[1])
    await expect(page.get_by_role("heading", name="New leads")).to_be_focused()
    await page.goto(f"/leads/{leads[0]}")
    await page.wait_for_selector(f"{READY} .lead")
    assert await page.evaluate(wide) is False
    assert await serious_problems(page) == []
    await shot(page, "lead-phone")
