"""A fresh assignment is in no claimable queue, and a new owner begins without the former one's contact (M4).

Actions are bytes on the topic by librdkafka. Queues, previews and notices are read by HTTP and in a browser.
"""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from playwright.async_api import expect

from streams.topic_reader import read_topic
from streams.topics import NOTIFICATIONS
from tests.fixtures.waiting import eventually
from tests.web.test_distribution_cases import Crm

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

EVERYBODYS: Final = {"name": "Everybody's", "claimable": True, "columns": ["state", "days_in_queue"]}
"""A claimable queue of all leads, whoever owns them."""
SHORT_SECONDS: Final = 3
OWNED_BY_ACTIVE: Final = {"rules": [{"field": "owned_by_active", "operator": "=", "value": True}]}


async def open_org(running_org: RunningOrg, **settings: Any) -> tuple[Crm, list[httpx.AsyncClient]]:
    """Open an org of mia, a manager, and ann and bob. Return a CRM and their clients, mia's first."""
    await running_org.publish("settings", "settings", **settings)
    await running_org.rep("mia", "manager")
    for rep_id in ("ann", "bob"):
        await running_org.rep(rep_id)
    await running_org.until_published("settings", "settings")
    programs = [await running_org.program(rep_id) for rep_id in ("mia", "ann", "bob")]
    return Crm(running_org, programs[0]), programs


async def in_queue(program: httpx.AsyncClient, queue_id: str) -> set[str]:
    """Return the leads of a queue."""
    answer = await program.get(f"/api/v1/queues/{queue_id}/leads")
    return {row["lead_id"] for row in answer.json()["rows"]} if answer.status_code == 200 else set()


async def until_in_queue(program: httpx.AsyncClient, queue_id: str, *leads: str) -> None:
    """Wait until a queue has exactly these leads."""

    async def same() -> bool:
        return await in_queue(program, queue_id) == set(leads)

    await eventually(same, f"{queue_id} has {len(leads)} leads")


async def notifications_of_former_owner(
    running_org: RunningOrg, lead: str
) -> list[tuple[str, str, str, str]]:
    """Return template, kind, rep and new owner of each notification that the former owner of a lead got."""
    notifications = []
    async with aclosing(read_topic(running_org.stack.settings, NOTIFICATIONS)) as records:
        async for record in records:
            if (record.key or b"").decode() != lead:
                continue
            notification = msgspec.json.decode(record.value or b"{}")
            if notification["template"] == "lead_claimed":
                notifications.append(
                    (
                        notification["template"],
                        notification["kind"],
                        notification["rep_id"],
                        notification["data"]["to_rep_id"],
                    )
                )
    return notifications


async def test_m4_d5_by_bytes_a_fresh_assignment_is_not_claimed_away(running_org: RunningOrg) -> None:
    """CASES D5: assigned from a claimable queue, and pre-assigned. A timer lets it in when its protection ends."""
    crm, (mia, ann, bob) = await open_org(running_org)
    await running_org.publish("queue", "all", **EVERYBODYS)
    await running_org.until_published("queue", "all")
    assigned = await running_org.arrive("D5-1", last_name="Jones")
    await until_in_queue(bob, "all", assigned)
    assert (await crm.asks("assign", assigned, "mia", mia, to_rep_id="ann"))["result"] == "done"
    named = await running_org.arrive("D5-2", last_name="Poe", assigned_to="ann")
    await crm.shows(named, owner="ann")
    for lead in (assigned, named):
        lost = await crm.asks("claim", lead, "bob", bob, queue_id="all")
        assert (lost["result"], lost["reason"], lost["owner"]) == ("lost", "already_claimed", "ann")
    await until_in_queue(bob, "all")

    # The setting ends the protection of leads that are there. The former owner is told of the claim.
    minutes = SHORT_SECONDS / 60
    await running_org.publish("settings", "settings", protect_assigned_minutes=minutes)
    await until_in_queue(bob, "all", assigned, named)
    assert (await crm.asks("claim", assigned, "bob", bob, queue_id="all"))["result"] == "won"
    await eventually(lambda: notifications_of_former_owner(running_org, assigned), "the former owner is told")
    assert sorted(await notifications_of_former_owner(running_org, assigned)) == [
        ("lead_claimed", kind, "ann", "bob") for kind in ("email", "push")
    ]

    async def lost_leads() -> list[list[str]]:
        moves = (await ann.get("/api/v1/me/moves")).json()
        return [[lead["lead_id"] for lead in move["leads"]] for move in moves if not move["to_you"]]

    assert await eventually(lost_leads, "her console says so") == [[assigned]]

    # Time alone lets in what is assigned under the shorter protection, not before it ends.
    again = await running_org.arrive("D5-3", last_name="Roe", assigned_to="ann")
    await until_in_queue(bob, "all", named, again)

    async def times() -> dict[str, datetime] | None:
        answer = await mia.get(f"/api/v1/leads/{again}/why?limit=200")
        events = answer.json()["events"] if answer.status_code == 200 else []
        by_type = {event["type"]: datetime.fromisoformat(event["at"]) for event in events}
        return by_type if "queue_entered" in by_type else None

    at = await eventually(times, "the CRM database has what the queue shows")
    assert at["queue_entered"] - at["owner_changed"] >= timedelta(seconds=SHORT_SECONDS)


async def test_m4_d6_by_bytes_a_new_owner_begins_without_the_former_ones_contact(
    running_org: RunningOrg,
) -> None:
    """CASES D6: rules read what the owner did since it is the owner's; the builder counts the leads with an owner."""
    crm, (mia, ann, bob) = await open_org(running_org, protect_assigned_minutes=0)
    contacted = {"field": "owner_last_contacted_at", "operator": "notNull"}
    new = {"field": "days_in_queue", "operator": "=", "value": 0}
    queue = {**EVERYBODYS, "inclusion": {"rules": [*OWNED_BY_ACTIVE["rules"], new, contacted]}}
    await running_org.publish("queue", "contacted", **queue)
    await running_org.until_published("queue", "contacted")
    lead = await running_org.arrive("D6", last_name="Jones", assigned_to="ann")
    await running_org.arrive("D6-free", last_name="Poe")
    await crm.shows(lead, owner="ann")
    assert (await crm.asks("call", lead, "ann", ann))["result"] == "done"
    await until_in_queue(bob, "contacted", lead)
    moved = await crm.asks("reassign", lead, "mia", mia, to_rep_id="bob", why="to share")
    assert moved["result"] == "done"
    await until_in_queue(ann, "contacted")
    assert (await crm.shows(lead, owner="bob"))["last_contacted_at"] is not None

    async def previewed(value: dict[str, Any]) -> dict[str, Any]:
        answer = await mia.post("/api/v1/queue-previews", json={"queue_id": "draft", "value": value})
        assert answer.status_code == 200, answer.text
        preview: dict[str, Any] = answer.json()
        return preview

    async def counts() -> bool:
        preview = await previewed(EVERYBODYS)
        return (preview["matched"], preview["owned"]) == (2, 1)

    await eventually(counts, "two leads would be in it, and one of them has an owner")
    assert (await previewed({**EVERYBODYS, "inclusion": {"rules": [contacted]}}))["matched"] == 0
    refused = {"rules": [{**new, "value": 0.5}]}
    answer = await mia.post(
        "/api/v1/queue-previews", json={"queue_id": "draft", "value": {**EVERYBODYS, "inclusion": refused}}
    )
    assert "expected a whole number" in answer.text
    page = await running_org.sign_in("mia", "/queue-builder/contacted")
    await expect(page.locator("[data-preview]")).to_contain_text("0 of 2 leads")
    await page.get_by_role("button", name="Remove rule 3").click()
    await expect(page.locator("[data-preview]")).to_contain_text("1 of 2 leads, 1 of them with an owner")
    shown = await running_org.sign_in("mia", "/queues/contacted")
    assert (await crm.asks("call", lead, "bob", bob))["result"] == "done"
    await expect(shown.locator("tbody tr").first).to_contain_text("Jones")
    days = shown.locator("thead th").filter(has_text="Days in queue")
    await expect(days).to_be_visible()
    await expect(shown.locator("tbody tr").first.get_by_role("cell", name="0", exact=True)).to_be_visible()
