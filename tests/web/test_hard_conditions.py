"""Reps on a slow network, on an old phone, with two tabs, or with a tab that the browser froze (Q8, Q9, R3, D2, X4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.web.rows import READY, WORK, click_at_once, row, until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.test_claim import claim
from tests.web.test_offers import GONE_TEXT, offers, ringing_reps
from tests.web.toasts import all_toasts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import CDPSession, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

SLOW: Final = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
CLAIMS: Final = "**/api/v1/leads/*/claims"
PROBE: Final = "Probe"
"""The lead that `ringing_reps` begins with."""
LEADS: Final = (("Ana", "Silva"), ("Bo", "Reed"), ("Cy", "Adams"), ("Di", "Fox"))


async def devtools(page: Page) -> CDPSession:
    """Return what steers the page's browser."""
    return await page.context.new_cdp_session(page)


async def slowed(page: Page) -> None:
    """Give a page a slow network from now on: 400 ms to each answer, 50 kB a second."""
    session = await devtools(page)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", SLOW)


async def throttled(page: Page) -> None:
    """Give a page a processor that is four times slower."""
    session = await devtools(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})


async def arrived(running_org: RunningOrg) -> list[str]:
    """Let four leads arrive, the largest loan first."""
    return [
        await running_org.arrive(
            f"A-{n}",
            first_name=first_name,
            last_name=last_name,
            state="RI",
            loan_amount=900_000 - n,
            phone=f"401419424{n}",
        )
        for n, (first_name, last_name) in enumerate(LEADS)
    ]


async def test_q8_on_a_slow_network_a_rep_claims_and_loses_a_race(running_org: RunningOrg) -> None:
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.publish("queue", "new", **NEW)
    ana, bo, cy, _ = await arrived(running_org)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, cy)
    await slowed(page)
    await page.reload()
    await until_row(page, cy)
    await claim(page, "Ana Silva")
    await expect(row(page, ana).get_by_role("button")).to_have_text("Claiming …")
    answer = page.locator("#answer")
    await expect(answer).to_contain_text("Congratulations! You have a new lead")
    await until_no_row(page, ana)
    await answer.get_by_role("button", name="Return to Call Queue").click()
    # The slow page's click and the fast one's: the engine decides, and both are told.
    other_page = await running_org.sign_in("rep-2", "/queues/new")
    await until_row(other_page, bo)
    answers = await click_at_once(
        CLAIMS,
        (other_page, row(other_page, bo).get_by_role("button")),
        (page, row(page, bo).get_by_role("button")),
    )
    assert sorted(reply["result"] for reply in answers) == ["lost", "won"]
    for either_page, reply in zip((other_page, page), answers, strict=True):
        title = "Congratulations!" if reply["result"] == "won" else "Lead already claimed"
        await expect(either_page.locator("#answer")).to_contain_text(title)
        await until_no_row(either_page, bo)
    await expect(page.locator("#connection")).to_be_hidden()


async def test_r3_on_a_slow_network_a_rep_takes_an_offer(running_org: RunningOrg) -> None:
    (page,) = await ringing_reps(running_org, "round_robin", "rep-1", claim_window_seconds=900)
    await slowed(page)
    await running_org.arrive("R-1", campaign="west", first_name="Jeremy", last_name="Jones")
    await expect(offers(page)).to_contain_text("Jeremy Jones")
    await page.get_by_role("button", name="Accept Jeremy Jones").click()
    await expect(page.locator("#answer")).to_contain_text("Congratulations! You have a new lead")
    await expect(offers(page)).to_be_hidden()


@pytest.mark.parametrize(("hard", "options"), [(slowed, {}), (throttled, PHONE)])
async def test_d2_on_a_slow_network_and_on_an_old_phone_a_rep_calls_through_a_list(
    running_org: RunningOrg, hard: Callable[[Page], Awaitable[None]], options: dict[str, Any]
) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("rep-1")
    await running_org.publish("queue", "work", **WORK)
    await running_org.until_published("queue", "work")
    leads = await arrived(running_org)
    page = await running_org.sign_in("rep-1", "/queues/work", **options)
    await hard(page)
    await page.reload()
    await until_row(page, leads[-1])
    await page.get_by_role("button", name="Start calling").click()
    for first_name, last_name in LEADS[:2]:
        await expect(page.get_by_role("heading", name=f"{first_name} {last_name}")).to_be_visible()
        await page.wait_for_selector(f"{READY} .lead")
        await page.get_by_role("button", name="no answer").click()
    await expect(page.get_by_role("heading", name=" ".join(LEADS[2]))).to_be_visible()


async def test_q9_r3_a_tab_that_was_frozen_shows_what_happened_meanwhile(running_org: RunningOrg) -> None:
    (page,) = await ringing_reps(running_org, "round_robin", "rep-1", claim_window_seconds=900)
    await running_org.rep("rep-2")
    await running_org.publish("queue", "new", **NEW)
    await running_org.until_published("queue", "new")
    ana, bo, cy, di = await arrived(running_org)
    await expect(page.locator("#queues")).to_contain_text("New leads")
    await page.goto("/queues/new")
    await page.wait_for_selector(READY)
    await until_row(page, di)
    session = await devtools(page)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    async with await running_org.program("rep-2") as program:
        for lead in (ana, bo):
            answer = await program.post(f"/api/v1/leads/{lead}/claims", json={"queue_id": "new"})
            assert answer.json()["result"] == "won"
    await running_org.arrive("A-9", first_name="Eve", last_name="Late", loan_amount=1)
    offered = await running_org.arrive("R-1", campaign="west", first_name="Jeremy", last_name="Jones")
    await running_org.until_arrived(offered)
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await expect(page.locator("tbody tr[data-lead] td:first-child")).to_have_text(
        ["Cy Adams", "Di Fox", "Eve Late", PROBE]
    )
    await expect(page.locator("[data-size]").first).to_have_text("4 leads")
    await expect(offers(page)).to_contain_text("Jeremy Jones")
    await claim(page, "Cy Adams")
    await expect(page.locator("#answer")).to_contain_text("Congratulations! You have a new lead")
    await until_no_row(page, cy)
    await expect(page.locator("#connection")).to_be_hidden()


async def test_q8_r3_two_tabs_of_one_rep_tell_the_same(running_org: RunningOrg) -> None:
    (first,) = await ringing_reps(running_org, "round_robin", "rep-1", claim_window_seconds=900)
    await running_org.publish("queue", "new", **NEW)
    await running_org.until_published("queue", "new")
    ana, bo, *_, di = await arrived(running_org)
    await expect(first.locator("#queues")).to_contain_text("New leads")
    second = await first.context.new_page()
    for page in (first, second):
        await page.goto("/queues/new")
        await page.wait_for_selector(READY)
        await until_row(page, di)
    await claim(first, "Ana Silva")
    await expect(first.locator("#answer")).to_contain_text("Congratulations!")
    await until_no_row(second, ana)
    # Clicked in both, it is one's own, whichever was first.
    answers = await click_at_once(
        CLAIMS, *((page, row(page, bo).get_by_role("button")) for page in (first, second))
    )
    assert [claimed["result"] for claimed in answers] == ["won", "won"]
    for page in (first, second):
        await expect(page.locator("#answer")).to_contain_text("Bo Reed has been added to your lead list.")
    # An offer rings in both; accepted in one, it is over in the other, which does not say that it was lost.
    await running_org.arrive("R-1", campaign="west", first_name="Jeremy", last_name="Jones")
    for page in (first, second):
        await expect(offers(page)).to_contain_text("Jeremy Jones")
    await second.get_by_role("button", name="Accept Jeremy Jones").click()
    await expect(second.locator("#answer")).to_contain_text("Jeremy Jones has been added to your lead list.")
    for page in (first, second):
        await expect(offers(page)).to_be_hidden()
    assert not [
        message for message in await all_toasts(first) if "is over" in message or GONE_TEXT in message
    ]


async def test_q8_r3_d2_on_an_old_phone_a_rep_claims_takes_an_offer_and_calls(
    running_org: RunningOrg,
) -> None:
    (desk,) = await ringing_reps(running_org, "round_robin", "rep-1", claim_window_seconds=900)
    await desk.context.close()
    await running_org.publish("queue", "new", **NEW)
    await running_org.until_published("queue", "new")
    ana, *_ = await arrived(running_org)
    page = await running_org.sign_in("rep-1", "/queues/new", **PHONE)
    await throttled(page)
    await page.reload()
    await until_row(page, ana)
    await row(page, ana).get_by_role("button").tap()
    await expect(page.locator("#answer")).to_contain_text("Congratulations! You have a new lead")
    await running_org.arrive("R-1", campaign="west", first_name="Jeremy", last_name="Jones")
    # The answer was in sight, and the offer stands beside it. It is the newer one, and has an end.
    accept = page.get_by_role("button", name="Accept Jeremy Jones")
    await expect(accept).to_be_in_viewport()
    await accept.tap()
    await expect(page.locator("#answer")).to_contain_text("Jeremy Jones has been added")
