"""N7: a rep calls a lead by one click, and the page shows the call's state; without a telephone, numbers are links."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from application.history import read_history
from models.public import Notification
from streams.clients import producer, started_client
from streams.topic_reader import read_topic
from streams.topics import NOTIFICATIONS
from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, row, until_row
from tests.web.screens import shot

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from streams.clients import Producer
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

JONES = {"first_name": "Jeremy", "last_name": "Jones", "state": "RI", "phone": "4014194247"}


class Courier:
    """Writes to `calls` what a telephone courier writes, for one request."""

    def __init__(self, running_org: RunningOrg, lead: str, writer: Producer) -> None:
        self.running_org, self.lead, self.writer = running_org, lead, writer

    async def request(self) -> Notification:
        """Return the newest request to connect."""

        async def call_requests() -> list[Notification]:
            requests = []
            async for record in read_topic(self.running_org.stack.settings, NOTIFICATIONS):
                value = json.loads(record.value)
                if value["lead_id"] == self.lead and value["template"] == "connect":
                    requests.append(Notification(**value))
            return requests

        requests: list[Notification] = await eventually(call_requests, "the engine asks for a call")
        return requests[-1]

    async def write_leg_event(self, request: Notification, leg: str, event: str, **more: Any) -> None:
        """Write what happened to a leg."""
        record = {
            "call_id": request.notification_id[-40:],
            "notification_id": request.notification_id,
            "lead_id": self.lead,
            "rep_id": request.rep_id,
            "leg": leg,
            "event": event,
            "digit": None,
            "at": datetime.now(UTC).isoformat(),
            "seconds": None,
            "org": self.running_org.org,
            **more,
        }
        await self.writer.send_and_wait("calls", json.dumps(record).encode(), key=self.lead.encode())


async def owned_lead(running_org: RunningOrg, *, click_to_call: bool | None, quiet: bool = False) -> str:
    """Return a lead that Ann owns."""
    every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hours = [{"days": every_day, "from": "00:00", "to": "24:00"}] if quiet else []
    telephone = {} if click_to_call is None else {"telephone": {"click_to_call": click_to_call}}
    await running_org.publish("settings", "settings", quiet_hours=hours, **telephone)
    await running_org.rep("ann")
    await running_org.publish("queue", "work", **WORK)
    await running_org.until_published("rep", "ann")
    await running_org.until_known("ann")
    lead = await running_org.arrive("D-1", assigned_to="ann", **JONES)
    await running_org.until_stored(lead, owner="ann")
    return lead


def call_bar(page: Page) -> Any:
    """Return the bar that shows the call."""
    return page.locator("#call")


async def test_n7_the_bar_names_the_lead_also_when_the_telephone_rings_before_the_answer(
    running_org: RunningOrg,
) -> None:
    lead = await owned_lead(running_org, click_to_call=True)
    page = await running_org.sign_in("ann", f"/leads/{lead}")
    await page.wait_for_selector(f"{READY} .lead")
    rang = asyncio.Event()

    async def answer_after_ringing(route: Route) -> None:
        """Let the engine decide, and keep its answer from the page until the telephone rang."""
        answer = await route.fetch()
        await rang.wait()
        await route.fulfill(response=answer)

    await page.route("**/actions", answer_after_ringing)
    await page.get_by_role("button", name="Call Jeremy Jones").click()
    async with started_client(producer(running_org.stack.settings)) as writer:
        courier = Courier(running_org, lead, writer)
        await courier.write_leg_event(await courier.request(), "rep", "dialled")
        await expect(call_bar(page)).to_contain_text(
            "Your telephone rings. Jeremy Jones is called when you press 1."
        )
    rang.set()


async def test_n7_a_click_rings_the_rep_and_the_page_shows_the_call_and_keeps_its_log(
    running_org: RunningOrg,
) -> None:
    lead = await owned_lead(running_org, click_to_call=True)
    page = await running_org.sign_in("ann", "/my-leads")
    await expect(page.get_by_role("button", name="Call Jeremy Jones")).to_be_visible()
    await page.goto(f"/leads/{lead}")
    await page.wait_for_selector(f"{READY} .lead")
    assert await serious_problems(page) == []
    await page.get_by_role("button", name="Call Jeremy Jones").click()
    await expect(call_bar(page)).to_contain_text("Your telephone is called.")
    async with started_client(producer(running_org.stack.settings)) as writer:
        courier = Courier(running_org, lead, writer)
        request = await courier.request()
        assert (request.rep_id, request.data["phone"]) == ("ann", "+14014194247")
        for leg, event, text in (
            ("rep", "dialled", "Your telephone rings. Jeremy Jones is called when you press 1."),
            ("rep", "answered", "You are on the line. Press 1 on your telephone to talk with Jeremy Jones."),
            ("rep", "pressed", "Jeremy Jones is being called."),
            ("lead", "ringing", "The telephone of Jeremy Jones rings."),
            ("lead", "bridged", "You are connected with Jeremy Jones."),
        ):
            await courier.write_leg_event(request, leg, event)
            await expect(call_bar(page)).to_contain_text(text)
        await shot(page, "call")
        assert await serious_problems(page) == []
        await page.goto("/queues/mine")
        await expect(call_bar(page)).to_contain_text("You are connected with Jeremy Jones.")
        await expect(call_bar(page).locator(".left")).to_have_text(re.compile(r"^\d+:\d\d$"))
        await courier.write_leg_event(request, "lead", "ended", reason="hung_up", seconds=1.5)
        await courier.write_leg_event(request, "rep", "ended", reason="hung_up", seconds=5.5)
        await expect(call_bar(page)).to_contain_text("The call with Jeremy Jones has ended after 0:")
        await call_bar(page).get_by_role("button", name="Close").click()
        await expect(call_bar(page)).to_be_hidden()
    await page.goto(f"/leads/{lead}")

    async def listed() -> bool:
        await page.reload()
        await page.wait_for_selector(f"{READY} .lead")
        return await page.locator(".calls li", has_text="They talked for").count() == 1

    await eventually(listed, "the sink stores the call")
    await expect(page.locator(".calls li")).to_contain_text(
        "Ann's telephone rang to be connected with the lead. Ann answered and pressed a key."
    )
    calls = (await read_history(running_org.stack.settings, lead))["calls"]
    assert [call["text"].partition(".")[0] for call in calls] == [
        "ann's telephone rang to be connected with the lead"
    ]


async def test_n7_x6_the_engine_refuses_a_call_and_the_page_says_why(running_org: RunningOrg) -> None:
    lead = await owned_lead(running_org, click_to_call=True, quiet=True)
    page = await running_org.sign_in("ann", f"/leads/{lead}")
    await page.wait_for_selector(f"{READY} .lead")
    await page.get_by_role("button", name="Call Jeremy Jones").click()
    await expect(call_bar(page)).to_contain_text("Jeremy Jones was not called.")
    await expect(call_bar(page)).to_contain_text("no calls")


async def test_n7_a_lead_in_a_work_queue_is_opened_and_called(running_org: RunningOrg) -> None:
    await owned_lead(running_org, click_to_call=True)
    lead = await running_org.arrive("D-2", **{**JONES, "last_name": "Silva", "phone": "4014194248"})
    page = await running_org.sign_in("ann", "/queues/work")
    await until_row(page, lead)
    await row(page, lead).get_by_role("link", name="Call Jeremy Silva").click()
    await expect(call_bar(page)).to_contain_text("Your telephone is called.")
    async with started_client(producer(running_org.stack.settings)) as writer:
        assert (await Courier(running_org, lead, writer).request()).rep_id == "ann"


async def test_n7_without_a_telephone_numbers_are_links(running_org: RunningOrg) -> None:
    lead = await owned_lead(running_org, click_to_call=None)
    page = await running_org.sign_in("ann", "/my-leads")
    link = page.get_by_role("link", name="Call Jeremy Jones: (401) 419-4247")
    await expect(link).to_have_attribute("href", "tel:+14014194247")
    await page.goto(f"/leads/{lead}")
    await page.wait_for_selector(f"{READY} .lead")
    await expect(page.locator(".reach a").first).to_have_attribute("href", "tel:+14014194247")
    await expect(page.get_by_role("button", name="Call Jeremy Jones")).to_have_count(0)
