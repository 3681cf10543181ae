"""N1: the lead's page lists what became of its mails, for those who see all of the lead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from streams.clients import producer, started_client
from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def test_n1_the_lead_page_lists_what_became_of_its_mails(running_org: RunningOrg) -> None:
    await running_org.publish("settings", "settings", round_robin=False)
    await running_org.rep("mia", "manager")
    await running_org.rep("ann")
    await running_org.until_published("rep", "ann")
    lead = await running_org.arrive("D-1", first_name="Jeremy", last_name="Jones")
    await running_org.until_known("mia")
    base = {
        "channel": "email",
        "provider": "smtp.example:587",
        "lead_id": lead,
        "rep_id": "ann",
        "org": running_org.org,
    }
    async with started_client(producer(running_org.stack.settings)) as writer:
        for n, (status, detail) in enumerate((("sent", "250 Queued"), ("bounced", "550 No such <user>"))):
            delivery = {
                **base,
                "notification_id": f"{lead}/1/ann/lead_offered/email",
                "status": status,
                "detail": detail,
                "at": f"2026-11-27T10:00:0{n}Z",
            }
            await writer.send_and_wait("deliveries", json.dumps(delivery).encode(), key=lead.encode())
    page = await running_org.sign_in("mia", f"/leads/{lead}")

    async def listed() -> bool:
        await page.reload()
        await page.wait_for_selector(f"{READY} .lead")
        return await page.locator(".deliveries li").count() == 2

    await eventually(listed, "the sink stores both fates")
    await expect(page.locator(".deliveries li")).to_contain_text(
        [
            "Mail to Ann about the offer was refused: the address does not take it. 550 No such <user>",
            "Mail to Ann about the offer was sent. 250 Queued",
        ]
    )
    assert await serious_problems(page) == []
