"""The page says what it knows: a lost connection, a claim on its way, what another tab did, and a lock's end (Q8, X4).

Times are those of the page's own clock, which stands still and goes on only where the scenario lets it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.fixtures.stalling_proxy import StallingProxy
from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY, opened_work_lead, row, until_no_row, until_row
from tests.web.running_org import NEW
from tests.web.screens import shot
from tests.web.test_claim import claim

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

JONES: Final = {"first_name": "Jeremy", "last_name": "Jones", "state": "RI", "loan_amount": 310000}
MAX_MS: Final = 3_000
"""How long the page's clock may go on after the last word of the server until the page says that it is offline."""
STEP_MS: Final = 250
CLAIMS: Final = "**/api/v1/leads/*/claims"
# Notes on the page's clock when the server was heard last, and when the page said that the connection is lost.
NOTES: Final = """
  const listen = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, heard, ...more) {
    return listen.call(this, name, (event) => { window.heardAt = performance.now(); heard(event); }, ...more);
  };
  addEventListener("DOMContentLoaded", () => {
    document.addEventListener("connection", ({ detail }) => {
      if (detail.isLost) window.saidAt ??= performance.now();
    });
  });
"""


async def with_a_clock(page: Page, path: str) -> None:
    """Open a page again with a clock that stands still, once the server has been heard."""
    await page.add_init_script(NOTES)
    await page.clock.install(time=datetime.now(UTC))
    await page.goto(path)
    await page.wait_for_selector(READY)
    await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    # A beat that came since the clock stands still.
    await eventually(lambda: page.evaluate("window.heardAt === performance.now()"), "a beat of the server")
    await page.evaluate("delete window.saidAt")
    await expect(page.locator("#connection")).to_be_hidden()


async def hold_claims(page: Page) -> list[Route]:
    """Hold what the page sends to claim a lead, and return the list of what is held."""
    held_requests: list[Route] = []

    def hold_request(route: Route) -> None:
        held_requests.append(route)

    await page.route(CLAIMS, hold_request)
    return held_requests


async def test_q8_a_server_that_falls_silent_is_said_within_three_seconds(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("A-1", **JONES)
    async with StallingProxy(running_org.stack.ports["console"]).running() as proxy:
        running_org.port = proxy.port
        page = await running_org.sign_in("rep-1", "/queues/new")
        await until_row(page, lead)
        await with_a_clock(page, "/queues/new")
        proxy.flows.clear()
        connection = page.locator("#connection")
        for _ in range(3 * MAX_MS // STEP_MS):
            if await page.evaluate("window.saidAt") is not None:
                break
            await page.clock.run_for(STEP_MS)
        await expect(connection).to_have_text("Connection lost. Trying again …")
        silent = await page.evaluate("window.saidAt - window.heardAt")
        assert 0 < silent <= MAX_MS
        # What is clicked meanwhile says that it waits, and is done when the network is back.
        await claim(page, "Jeremy Jones")
        await expect(page.locator("#answer")).to_contain_text("The claim is sent again until it is answered")
        proxy.flows.set()
        await page.clock.resume()
        await expect(page.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
        await expect(connection).to_be_hidden()


async def test_q8_a_browser_that_is_offline_says_so_at_once(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("A-1", **JONES)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, lead)
    await with_a_clock(page, "/queues/new")
    now = await page.evaluate("performance.now()")
    await page.context.set_offline(True)
    await expect(page.locator("#connection")).to_be_visible()
    assert await page.evaluate("[window.saidAt, performance.now()]") == [now, now]
    await page.context.set_offline(False)
    await page.clock.resume()
    await expect(page.locator("#connection")).to_be_hidden()


async def test_q8_x4_a_claim_on_its_way_is_cancelled_and_does_nothing_when_it_arrives(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("A-1", **JONES)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, lead)
    held_requests = await hold_claims(page)
    await claim(page, "Jeremy Jones")
    answer = page.locator("#answer")
    await expect(answer).to_contain_text("Claiming Jeremy Jones …")
    assert await serious_problems(page) == []
    await shot(page, "claim-on-its-way")
    await answer.get_by_role("button", name="Cancel").click()
    await expect(answer).to_contain_text("The claim is cancelled")
    await expect(answer).to_contain_text("You did not claim Jeremy Jones.")
    async with page.expect_response(CLAIMS) as late:
        await held_requests[0].continue_()
    body: dict[str, Any] = await (await late.value).json()
    assert body["result"] == "refused"
    await expect(answer).to_contain_text("The claim is cancelled")
    await expect(row(page, lead).get_by_role("button")).to_have_text("Claim this Lead")
    await page.unroute(CLAIMS)
    await claim(page, "Jeremy Jones")  # another click is another claim
    await expect(page.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()


async def test_q8_x4_a_cancel_that_comes_too_late_says_that_the_lead_is_ones_own(
    running_org: RunningOrg,
) -> None:
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("A-1", **JONES)
    other_lead = await running_org.arrive("A-2", first_name="Ana", last_name="Silva", loan_amount=2)
    page = await running_org.sign_in("rep-1", "/queues/new")
    for shown_lead in (lead, other_lead):
        await until_row(page, shown_lead)

    async def lose(route: Route) -> None:
        await route.fetch()  # the engine decides, and its answer never comes

    await page.route(CLAIMS, lose)
    await claim(page, "Jeremy Jones")
    answer = page.locator("#answer")
    await until_no_row(page, lead)  # the list already knows
    await answer.get_by_role("button", name="Cancel").click()
    await expect(answer).to_contain_text("It was too late to cancel: the lead is yours")
    await expect(answer.get_by_role("link", name="Go to Lead Details")).to_be_visible()
    assert await serious_problems(page) == []
    # Somebody else was faster: there is nothing to cancel any more.
    await page.unroute(CLAIMS)
    await hold_claims(page)
    await claim(page, "Ana Silva")
    await expect(answer).to_contain_text("Claiming Ana Silva …")
    won = (await running_org.ask("claim", other_lead, "rep-2", queue_id="new")).answer
    assert won is not None
    assert won.result == "won"
    await answer.get_by_role("button", name="Cancel").click()
    await expect(answer).to_contain_text("The claim is cancelled")
    await expect(answer).to_contain_text("Rep 2 has Ana Silva.")


async def test_d1_d2_d3_two_tabs_of_one_lead_agree(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    first, lead = await opened_work_lead(running_org, **JONES)
    second = await first.context.new_page()
    await second.goto(f"/leads/{lead}")
    await second.wait_for_selector(f"{READY} .lead")
    for page in (first, second):
        await expect(page.locator(".lock")).to_contain_text("You have the lead open")
    # What is said here is in the history there.
    await first.get_by_label("Comment").fill("Rang twice")
    await first.get_by_role("button", name="Save the comment").click()
    await expect(second.locator(".lead-history")).to_contain_text("Rang twice")
    # Released here, it is not open there, and its buttons are gone.
    await first.get_by_role("button", name="Release").click()
    await expect(first.locator(".done")).to_contain_text("back in its queues")
    await expect(second.get_by_role("button", name="Release")).to_have_count(0)
    await expect(second.get_by_role("button", name="no answer")).to_have_count(0)
    await expect(first.locator(".done")).to_contain_text("back in its queues")  # its own act is no news to it
    # Claimed there, it is one's own here.
    await first.goto(f"/leads/{lead}?queue=work")
    await first.wait_for_selector(f"{READY} .lead")
    await second.reload()
    await second.wait_for_selector(f"{READY} .lead")
    await second.get_by_role("button", name="Claim now").click()
    for page in (second, first):
        await expect(page.get_by_role("button", name="Claim now")).to_have_count(0)
        await expect(page.locator(".standing")).to_contain_text("Rep 1 claimed it while it was open")
    # An outcome here is in the history there.
    await second.get_by_label("Outcome").fill("wants_offer")
    await second.get_by_role("button", name="Record").click()
    await expect(first.locator(".lead-history")).to_contain_text("Rep 1: wants offer")


async def test_d1_a_lock_that_has_ended_ends_its_badge(running_org: RunningOrg) -> None:
    await running_org.publish("settings", "settings", lock_minutes=0.03)
    await running_org.rep("rep-1")
    page, _ = await opened_work_lead(running_org, **JONES)
    await expect(page.locator(".lock")).to_contain_text("Your lock has expired")
    await expect(page.locator(".standing .badge").first).not_to_have_text("Working")
    await expect(page.get_by_role("button", name="Release")).to_have_count(0)
