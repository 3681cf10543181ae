"""The operations page shows what happened, live, and only to overseers. A dead letter is fixed and sent again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from playwright.async_api import expect

from streams.topics import DIRECTORY, LEAD_ARRIVALS
from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.running_org import NEW, PASSWORD
from tests.web.screens import fits_a_phone, shot
from tests.web.toasts import until_toast
from web.store.account import Account

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


def number_tile(page: Page, name: str) -> Locator:
    """Return one of the numbers at the top."""
    return page.locator(f'[data-tile="{name}"]')


async def rows(page: Page, selector: str) -> list[list[str]]:
    """Return a table's rows as people read them."""
    lines = page.locator(f"{selector} tbody tr")
    return [await lines.nth(n).locator("td").all_inner_texts() for n in range(await lines.count())]


async def test_the_numbers_agree_with_what_was_done(running_org: RunningOrg) -> None:  # noqa: PLR0915  # one scenario
    for rep_id in ("rep-1", "rep-2", "rep-3"):
        licences = ["MA"] if rep_id == "rep-3" else ["RI"]
        await running_org.rep(rep_id, licensed_states=licences)
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "new", **NEW)
    members = [{"rep_id": "rep-1"}, {"rep_id": "rep-2"}, {"rep_id": "rep-3"}]
    await running_org.publish(
        "group", "turns", name="In turn", method="round_robin", members=members, claim_window_seconds=900
    )
    await running_org.publish("campaign", "west", name="West", group_id="turns")
    page = await running_org.sign_in("mia", "/operations")
    await expect(number_tile(page, "arrived")).to_have_text("0")
    await expect(page.locator('[data-table="offers"]')).to_contain_text("No offers in this window")
    began = datetime.now(UTC)
    claimed = await running_org.arrive("A-1", last_name="Jones")
    await expect(number_tile(page, "arrived")).to_have_text("1")
    await running_org.ask("claim", claimed, "rep-1", queue_id="new")
    await running_org.ask("claim", claimed, "rep-2", queue_id="new")
    offered_lead = await running_org.arrive("B-1", last_name="Silva", state="RI", campaign="west")
    await running_org.arrive("B-2", last_name="Reed", state="RI", campaign="west")
    nowhere = await running_org.arrive("B-3", last_name="Novak", state="TX", campaign="west")
    # Nothing is loaded anew: the page follows.
    await expect(number_tile(page, "arrived")).to_have_text("4")
    await expect(page.locator('[data-table="offers"]')).to_contain_text("in turn")
    await expect(number_tile(page, "offered")).to_have_text("2")
    (taker,) = await eventually(lambda: offered_to(running_org, offered_lead), "a rep's queue has the offer")
    answer = (await running_org.ask("accept", offered_lead, taker)).answer
    assert answer is not None
    assert answer.result == "won"
    await expect(number_tile(page, "won")).to_have_text("2")
    await expect(number_tile(page, "lost")).to_have_text("1")
    await expect(number_tile(page, "offered")).to_have_text("1")
    await expect(page.locator('[data-table="offers"] tbody tr')).to_have_count(1)
    assert await rows(page, '[data-table="offers"]') == [["in turn", "2", "1", "0", "0", "0"]]
    group = {line[0]: line[1:] for line in await rows(page, '[data-group="turns"]')}
    assert group["Rep 3"] == [
        "1",
        "0",
        "0",
        "0",
        "0",
        "0",
        group["Rep 3"][-1],
    ]  # R9: who was passed over, and why
    assert "licence" in group["Rep 3"][-1]
    assert sorted(group[name][1] for name in ("Rep 1", "Rep 2")) == ["1", "1"]  # R7
    await expect(page.locator('[data-group="turns"]')).to_contain_text("no available agents 1")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "operations")
    speed = page.locator('[data-plot="speed"] [role=img]')
    assert "p50" in str(await speed.get_attribute("aria-label"))
    await page.get_by_text("Claims won and lost per minute as a table").click()
    minutes = await rows(page, '[data-table="claims"]')
    assert [sum(int(line[n]) for line in minutes) for n in (1, 2)] == [2, 1]
    await expect(page.locator('[data-table="lag"] tbody tr').first).to_contain_text("0")
    numbers = await (await page.request.get("/api/v1/operations?minutes=15")).json()
    assert numbers["first_claim"]["count"] == 2
    elapsed = (datetime.now(UTC) - began).total_seconds()
    assert 0 < numbers["first_claim"]["p50_seconds"] <= numbers["first_claim"]["p95_seconds"] <= elapsed
    rep = await running_org.sign_in("rep-1")
    await expect(rep.get_by_role("link", name="Operations")).to_have_count(0)
    for path in ("", "/dead-letters", "/dead-letters/0:0"):
        assert (await rep.request.get(f"/api/v1/operations{path}")).status == 403
    assert nowhere


COUNT_EVENTS = """() => {
  window.heard = {operations: 0, dead_letters: 0};
  for (const event of Object.keys(heard)) document.addEventListener(`live:${event}`, () => (heard[event] += 1));
}"""
SET_HIDDEN = """hidden => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  Object.defineProperty(document, "visibilityState", {value: hidden ? "hidden" : "visible", configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Hides or shows a page, as a browser does when its tab changes. A browser without a screen hides none."""


async def test_dead_letters_are_read_one_time_after_the_other_and_not_by_a_hidden_page(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("mia", "manager")
    page = await running_org.sign_in("mia", "/operations")
    letters = page.locator('[data-table="letters"] tbody tr')
    held_requests: list[Route] = []

    def hold_request(route: Route) -> None:
        held_requests.append(route)

    async def refuse_one(count: int) -> None:
        """Let a dead letter come, and wait until the page has heard of so many."""
        lead = {"org": running_org.org, "last_name": "Nobody"}  # no vendor
        await running_org.client.put(LEAD_ARRIVALS, msgspec.json.encode(lead))
        await eventually(lambda: page.evaluate("count => heard.dead_letters >= count", count), "the event")
        # What the page asked for at the event has left it before this answer comes.
        await page.evaluate("fetch('/api/v1/badges').then(() => null)")

    await page.evaluate(COUNT_EVENTS)
    await eventually(lambda: page.evaluate("heard.operations > 0"), "the page follows")
    await page.route("**/api/v1/operations/dead-letters", hold_request)
    await page.evaluate(SET_HIDDEN, True)
    await refuse_one(1)
    assert held_requests == []
    await page.evaluate(SET_HIDDEN, False)
    await eventually(lambda: held_requests, "the page reads when it is shown again")
    for count in (2, 3, 4):
        await refuse_one(count)
        assert len(held_requests) == 1
    # The first answer is of the time before these letters. The page asks once more, for all of them.
    await held_requests[0].fulfill(json=[])
    await eventually(lambda: len(held_requests) > 1, "the page reads once more")
    await held_requests[1].continue_()
    await expect(letters).to_have_count(4)
    assert len(held_requests) <= 3  # the third where its numbers came during the second


async def offered_to(running_org: RunningOrg, lead: str) -> list[str]:
    """Return the rep whose own queue has an offer of a lead."""
    rep_ids = []
    for rep_id in ("rep-1", "rep-2"):
        page = await running_org.sign_in(rep_id, "/queues/mine")
        answer = await page.request.get("/api/v1/queues/mine/leads")
        if lead in {row["lead_id"] for row in (await answer.json())["rows"]}:
            rep_ids.append(rep_id)
        await page.context.close()
    return rep_ids


async def test_a_dead_letter_is_shown_to_its_org_and_sent_again_once_it_is_mended(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("mia", "manager")
    await running_org.rep("ada", "admin")
    # P5: what is not UTF-8 is a letter as any other, and ended the console once.
    await running_org.client.put(LEAD_ARRIVALS, b'{"vendor":"m","x":"\xff"}')
    # A roster that names nobody readable is refused, and so is a lead without a vendor.
    await running_org.client.put(
        LEAD_ARRIVALS, msgspec.json.encode({"org": running_org.org, "last_name": "Nobody"})
    )
    key = f"{running_org.org}/group/west".encode()
    await running_org.client.put(DIRECTORY, b'{"group_id": "west", "method": "by_lot"}', key=key)
    page = await running_org.sign_in("mia", "/operations")
    letters = page.locator('[data-table="letters"] tbody tr')
    await expect(letters).to_have_count(2)
    line = letters.filter(has_text="lead-arrivals")
    await expect(line).to_contain_text("vendor")
    await line.get_by_role("button", name="Open dead letter").click()
    dialog = page.locator("#letter")
    await expect(dialog.locator("[data-letter-value]")).to_contain_text("Nobody")
    assert await serious_problems(page) == []
    await dialog.get_by_role("button", name="Send it again").click()
    await until_toast(page, "Sent to lead-arrivals again")
    # Nothing was mended, so it is refused again: a new letter, and the old one says that it was sent.
    await expect(letters).to_have_count(3)
    await expect(letters.filter(has_text="sent again")).to_contain_text("by mia")
    place = await letters.filter(has_text="directory").get_by_role("button").get_attribute("data-letter")
    # Another org's admin knows nothing of it.
    other_org = replace(running_org, org=f"{running_org.org}-other")
    await running_org.client.put(
        DIRECTORY, b'{"rep_id": "eve", "role": "admin"}', key=f"{other_org.org}/rep/eve".encode()
    )
    running_org.accounts.put(
        Account(email=other_org.email("eve"), org=other_org.org, rep_id="eve", role="admin"), PASSWORD
    )
    await other_org.until_known("eve")
    eve = await other_org.sign_in("eve", "/operations")
    await expect(eve.locator("[data-no-letters]")).to_be_visible()
    for path in (place, "0:999999"):
        assert (await eve.request.get(f"/api/v1/operations/dead-letters/{path}")).status == 404
        token = await eve.locator('meta[name="csrf"]').get_attribute("content")
        sent = await eve.request.post(
            f"/api/v1/operations/dead-letters/{path}/replay", headers={"x-csrf-token": str(token)}
        )
        assert sent.status == 404
