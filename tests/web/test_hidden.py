"""Nobody can read what they may not see, by any route, any action or the stream (Q3, Q4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, get_args

import httpx
import pytest

from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.routes import address, routes
from tests.web.running_org import NEW
from web.auth import SAFE, SCOPES
from web.schemas import Action

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

SECRETS: Final[dict[str, Any]] = {
    "email": "hidden-mark-one@x.org",
    "phone": "+14014194247",
    "zip": "02903",
    "loan_amount": 123457,
    "credit_score": 791,
    "attributes": {"pet": "hidden-mark-two"},
}
"""What a blind lead is known to the vendor by, beside its name. Its score is too short a mark to look for."""
ANOTHERS: Final = {**SECRETS, "email": "hidden-mark-one-too@x.org", "phone": "+14014194248"}
"""Of somebody else: the same person would be the same lead (R6)."""
TELLTALE: Final = (
    "hidden-mark-one",
    "401419424",
    "401-419-424",
    "02903",
    "123457",
    "123,457",
    "hidden-mark-two",
)
ACTIONS: Final = get_args(Action.model_fields["type"].annotation)


def leaks(text: str) -> list[str]:
    """Return the lead's facts that a text contains."""
    return [mark for mark in TELLTALE if mark in text]


async def blind_lead(running_org: RunningOrg) -> str:
    """Publish a blind claimable queue with a lead in it."""
    await running_org.publish("queue", "blind", **{**NEW, "columns": [], "sort": {"field": "loan_amount"}})
    return await running_org.arrive("B-1", first_name="Jeremy", last_name="Jones", **SECRETS)


async def until_there(client: httpx.AsyncClient, lead: str) -> None:
    """Wait until the lead is in its queue."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while lead not in (await client.get("/api/v1/queues/blind/leads")).text:
            await asyncio.sleep(0.1)


def session(running_org: RunningOrg, secret: str) -> httpx.AsyncClient:
    """Return a client with a token."""
    return httpx.AsyncClient(
        base_url=running_org.url, headers={"authorization": f"Bearer {secret}"}, timeout=PATIENCE_SECONDS
    )


async def revealed_facts(client: httpx.AsyncClient, lead: str, org: str) -> list[str]:
    """Return the facts that any reading route, or the answer to any action, reveals."""
    revealed = []
    parameters = {
        "lead_id": lead,
        "queue_id": "blind",
        "rep_id": "rep-1",
        "kind": "queue",
        "object_id": "blind",
    }
    for method, route, access in routes():
        if access is None or route.path.endswith("/live"):
            continue
        path = address(route, **parameters)
        if method in SAFE:
            for accept in ("application/json", "text/html"):
                answer = await client.request(method, path, headers={"accept": accept})
                revealed += [f"{method} {path} {accept}: {mark}" for mark in leaks(answer.text)]
    for kind in ACTIONS:
        more = {
            "outcome": {"outcome": "called"},
            "note": {"note": "n"},
            "assign": {"to_rep_id": "rep-1"},
        }.get(kind, {})
        answer = await client.post(f"/api/v1/leads/{lead}/actions", json={"type": kind, **more})
        revealed += [f"{kind} ({org}): {mark}" for mark in leaks(answer.text)]
    return revealed


async def test_q3_a_blind_lead_tells_a_rep_its_name_and_nothing_else_in_any_way(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("rep-1")
    lead = await blind_lead(running_org)
    await running_org.until_known("rep-1")
    secret, _ = running_org.tokens.issue(running_org.org, "rep-1", "test", SCOPES, by="test")
    async with session(running_org, secret) as client:
        await until_there(client, lead)
        received = [""]

        async def listen() -> None:
            async with client.stream("GET", "/api/v1/live", params={"after": "0-0"}, timeout=None) as stream:
                async for text in stream.aiter_text():
                    received[0] += text

        listening = asyncio.create_task(listen())
        assert await revealed_facts(client, lead, running_org.org) == []
        wrong = await client.post(f"/api/v1/leads/{lead}/claims", json={"queue_id": "none"})
        assert leaks(wrong.text) == []
        another = await running_org.arrive("B-2", first_name="Ana", last_name="Silva", **ANOTHERS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while another not in received[0]:
                assert not listening.done(), "the stream ended"
                await asyncio.sleep(0.1)
        listening.cancel()
        assert leaks(received[0]) == []
        won = await client.post(f"/api/v1/leads/{lead}/claims", json={"queue_id": "blind"})
        assert won.json()["result"] == "won", won.text


async def test_another_orgs_admin_sees_nothing_of_it(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    lead = await blind_lead(running_org)
    await running_org.until_known("rep-1")
    own, _ = running_org.tokens.issue(running_org.org, "rep-1", "test", SCOPES, by="test")
    async with session(running_org, own) as client:
        await until_there(client, lead)
    leads_org, running_org.org = running_org.org, f"{running_org.org}-other"
    running_org.client.org = running_org.org
    await running_org.rep("rep-1", "admin")
    await running_org.until_known("rep-1")
    secret, _ = running_org.tokens.issue(running_org.org, "rep-1", "test", SCOPES, by="test")
    async with session(running_org, secret) as client:
        assert await revealed_facts(client, lead, leads_org) == []
        answer = await client.get("/api/v1/queues/blind/leads")
        assert answer.status_code == 404
        claim = await client.post(f"/api/v1/leads/{lead}/claims", json={})
        assert (claim.json()["result"], claim.json()["owner"]) == ("refused", None), claim.text
