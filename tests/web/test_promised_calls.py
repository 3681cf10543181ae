"""A promised call that nobody owns comes to the top of its queue in open pages, and a promise at night warns (M7)."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from assurance.chaos.vendor_producers import producer
from streams.topics import LEAD_ACTIONS
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.rows import WORK, row, until_row

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

NEW_YORK = ZoneInfo("America/New_York")


async def test_d8_m7_a_due_call_comes_to_the_top_of_the_open_list(running_org: RunningOrg) -> None:
    """CASES D8: with auto-claim off, a callback with a time did nothing to the order."""
    await running_org.publish("settings", "settings", auto_claim_on_timed_callback=False)
    await running_org.publish("queue", "work", **WORK)
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    for kind, object_id in (("settings", "settings"), ("queue", "work")):
        await running_org.until_published(kind, object_id)
    large, small = [
        await running_org.arrive(
            f"A-{n}", last_name="Jones", state="NY", time_zone="America/New_York", loan_amount=n
        )
        for n in (900_000, 100_000)
    ]
    page = await running_org.sign_in("rep-2", "/queues/work")
    for lead in (large, small):
        await until_row(page, lead)
    rep = await running_org.program("rep-1")
    actions = f"/api/v1/leads/{small}/actions"

    # A call that is promised for 23:00 where the lead is: the answer says from when on it may be called there.
    night = datetime.combine(datetime.now(NEW_YORK) + timedelta(days=1), time(23), NEW_YORK)
    assert (await rep.post(actions, json={"type": "view"})).json()["result"] == "done"
    promise = {"type": "callback", "at": night.isoformat()}
    answer = (await rep.post(actions, json=promise)).json()
    morning = datetime.combine(night + timedelta(days=1), time(8), NEW_YORK)
    assert (answer["result"], answer["owner"]) == ("done", None)
    assert datetime.fromisoformat(answer["call_from"]) == morning
    assert answer["call_from"].endswith(morning.strftime("%z")[:3] + ":00"), "in the lead's own time"
    assert "within the lead's quiet hours: the next allowed time is 08:00" in answer["why"]
    await until_row(page, small)
    await expect(page.locator("tbody tr").first).to_have_attribute("data-lead", large)

    # A CRM promises a call soon, by bytes on the topic. The open list of another rep shows it on top at that time.
    assert (await rep.post(actions, json={"type": "view"})).json()["result"] == "done"
    due_at = datetime.now(UTC) + timedelta(seconds=2)
    action = {"action_id": str(uuid.uuid4()), "lead_id": small, "rep_id": "rep-1", "org": running_org.org}
    sender = producer(running_org.stack.settings)
    sender.produce(
        LEAD_ACTIONS, value=json.dumps({**action, "type": "callback", "at": due_at.isoformat()}).encode()
    )
    sender.flush(PATIENCE_SECONDS)
    await expect(page.locator("tbody tr").first).to_have_attribute("data-lead", small)
    assert datetime.now(UTC) >= due_at
    await expect(row(page, large)).to_be_visible()

    async def listed() -> list[str]:
        rows = (await rep.get("/api/v1/queues/work/leads")).json()["rows"]
        return [row["lead_id"] for row in rows]

    async def on_top() -> bool:
        return await listed() == [small, large]

    await eventually(on_top, "the API lists the due call first")

    # Who opens it and records an outcome keeps the promise: the queue's own order holds again.
    assert (await rep.post(actions, json={"type": "view"})).json()["result"] == "done"
    assert (await rep.post(actions, json={"type": "outcome", "outcome": "no_answer"})).json()[
        "result"
    ] == "done"
    await until_row(page, small)
    await expect(page.locator("tbody tr").first).to_have_attribute("data-lead", large)
