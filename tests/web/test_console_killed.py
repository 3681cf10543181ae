"""The console is killed while people claim: no claim is lost or answered wrongly, and each answer is shown (X4)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from runtime.process import free_port
from runtime.up import child
from tests.web.running_org import BACK_SECONDS, NEW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime import ChildProcess
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

CLAIMS: Final = 5
WON: Final = "Congratulations! You have a new lead"


@pytest.fixture
def victim(running_org: RunningOrg) -> Iterator[ChildProcess]:
    """Yield a second console of the same system, for the test to kill; the org's people use that one."""
    port = free_port()
    console = child("console-victim", ["console"], running_org.stack.settings, port)
    console.launch()
    running_org.port = port
    yield console
    console.stop()


_PENDING: Final = """() => {
  const own = Object.keys(sessionStorage).find((name) => name.startsWith("firstclaim-pending/"));
  return Object.keys(JSON.parse(sessionStorage.getItem(own)))[0];
}"""
"""The id of the one action that is kept for this person."""


async def kill(console: ChildProcess) -> None:
    """Kill the console as a crash would, and start it again as a supervisor does."""
    if console.pid is not None:
        os.kill(console.pid, signal.SIGKILL)
    await asyncio.to_thread(console.wait_exit)
    console.launch()


async def test_x4_claims_survive_the_console(running_org: RunningOrg, victim: ChildProcess) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    leads = [
        await running_org.arrive(f"K-{n}", first_name="Lead", last_name=f"No {n}", loan_amount=1000 - n)
        for n in range(CLAIMS)
    ]
    await running_org.until_ready()
    page = await running_org.sign_in("rep-1")
    chance = random.Random(7)
    for lead in leads:
        row = page.locator(f'tr[data-lead="{lead}"]')
        await row.get_by_role("button", name="Claim this Lead").click()
        await asyncio.sleep(chance.uniform(0, 0.08))  # somewhere between asked and answered
        await kill(victim)
        await expect(page.get_by_role("heading", name=WON)).to_be_visible(timeout=BACK_SECONDS * 1000)
        await page.get_by_role("button", name="Return to Call Queue").click()
        answer = (await running_org.ask("claim", lead, "rep-1")).answer
        assert answer is not None
        assert (answer.result, answer.owner) == ("won", "rep-1")
    await expect(page.locator("tbody tr[data-lead]")).to_have_count(0)


async def test_x4_an_answer_that_came_meanwhile_is_shown(
    running_org: RunningOrg, victim: ChildProcess
) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("M-1", first_name="Jeremy", last_name="Jones", loan_amount=1)
    await running_org.until_ready()
    page = await running_org.sign_in("rep-1")
    # The claim goes out, and nobody is there to hear its answer.
    await page.route("**/claims", lambda route: route.abort())
    await page.get_by_role("button", name="Claim this Lead").click()
    key = await page.evaluate(_PENDING)
    sent = {"action_id": key, "queue_id": "new"}
    answer = (await running_org.ask("claim", lead, "rep-1", **sent)).answer
    assert answer is not None
    assert answer.result == "won"
    await page.goto("about:blank")  # the page is left, and its question with it
    await page.unroute("**/claims")
    await kill(victim)
    await running_org.until_ready()
    await page.goto("/queues/new")
    await expect(page.get_by_role("heading", name=WON)).to_be_visible()
    await expect(page.locator("#answer")).to_contain_text("Jeremy Jones")


async def test_x4_a_console_that_hangs_is_said_and_the_claim_says_that_it_is_on_its_way(
    running_org: RunningOrg, victim: ChildProcess
) -> None:
    await running_org.rep("rep-1")
    await running_org.publish("queue", "new", **NEW)
    lead = await running_org.arrive("H-1", first_name="Jeremy", last_name="Jones", loan_amount=1)
    await running_org.until_ready()
    page = await running_org.sign_in("rep-1")
    connection = page.locator("#connection")
    button = page.locator(f'tr[data-lead="{lead}"]').get_by_role("button")
    await expect(button).to_be_visible()
    await expect(connection).to_be_hidden()
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGSTOP)  # its connections stay open, and nothing comes any more
    await expect(connection).to_have_text("Connection lost. Trying again …")
    await button.click()
    await expect(button).to_have_text("Claiming …")
    await expect(page.locator("#answer")).to_contain_text("The claim is sent again until it is answered")
    os.kill(victim.pid, signal.SIGCONT)
    await expect(page.get_by_role("heading", name=WON)).to_be_visible()
    await expect(connection).to_be_hidden()
