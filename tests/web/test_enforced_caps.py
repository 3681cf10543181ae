"""A rep's cap of open leads holds for claims and assignments over HTTP, if the org's settings say so (M6)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

FREE = {"combinator": "and", "rules": [{"field": "owned", "operator": "=", "value": False}]}


async def perform_action(program: httpx.AsyncClient, lead: str, **action: Any) -> dict[str, Any]:
    """Perform an action over HTTP; return its answer."""
    path = "claims" if "queue_id" in action else "actions"
    answer: dict[str, Any] = (await program.post(f"/api/v1/leads/{lead}/{path}", json=action)).json()
    return answer


async def test_d17_m6_claims_an_assignment_and_an_accept_at_once_never_exceed_the_cap(
    running_org: RunningOrg,
) -> None:
    await running_org.publish("settings", "settings", enforce_caps=True)
    await running_org.rep("rep-1", max_open=3)
    await running_org.rep("mia", "manager")
    for queue_id in ("new", "also"):
        await running_org.publish("queue", queue_id, name=queue_id, claimable=True, inclusion=FREE)
    await running_org.publish(
        "group", "west", method="round_robin", members=[{"rep_id": "rep-1"}], claim_window_seconds=900
    )
    await running_org.publish("campaign", "west", group_id="west")
    await running_org.until_published("campaign", "west")
    leads = [await running_org.arrive(f"L-{n}", first_name="Ana", last_name=f"Lead{n}") for n in range(5)]
    rep, manager = await running_org.program("rep-1"), await running_org.program("mia")
    for lead in leads[:2]:
        won = await perform_action(rep, lead, queue_id="new")
        assert won["result"] == "won", won
    offered = await running_org.arrive("L-9", campaign="west", first_name="Bo", last_name="Offered")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await rep.get("/api/v1/queues/mine/leads", params={"name": "Offered"})).json()["rows"]:
            await asyncio.sleep(0.1)
    new, also, assigned, accepted = await asyncio.gather(
        perform_action(rep, leads[2], queue_id="new"),
        perform_action(rep, leads[3], queue_id="also"),
        perform_action(manager, leads[4], type="assign", to_rep_id="rep-1"),
        perform_action(rep, offered, type="accept"),
    )
    assert (accepted["result"], accepted["owner"]) == ("won", "rep-1")
    for refused in (new, also, assigned):
        assert (refused["result"], refused["reason"]) == ("refused", "at_cap")
    assert new["why"] == also["why"] == "you have 3 of at most 3 open leads"
    assert assigned["words"].startswith("Rep 1 has 3 of at most 3 open leads; a manager may override that")
    overridden = await perform_action(
        manager, leads[4], type="assign", to_rep_id="rep-1", override_cap=True, why="she asked for it"
    )
    assert (overridden["result"], overridden["owner"]) == ("done", "rep-1")
    page = await running_org.sign_in("mia", f"/leads/{leads[4]}")
    await expect(page.get_by_text("over the cap of open leads").first).to_be_visible()
    await expect(page.get_by_text("she asked for it").first).to_be_visible()
