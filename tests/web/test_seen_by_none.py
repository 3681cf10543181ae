"""No reader shows a rep the phone or mail of a lead that is not the rep's, whichever names are missing (Q3, E5).

Every reading route, page, search, order, filter, export, stream, refusal and notification is tried with leads of
every combination of missing names.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import product
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from rules.queues.columns import UNNAMED
from streams.topic_reader import read_topic
from streams.topics import NOTIFICATIONS
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.routes import address, routes
from tests.web.running_org import NEW
from web.auth import SAFE
from web.schemas import Action

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

NAMES: Final = ("first_name", "last_name", "external_id", "email", "phone")
ACTIONS: Final = get_args(Action.model_fields["type"].annotation)
MAIL: Final = "seen-by-none"
PREFIX: Final = "+1401555"
MARKS: Final = (MAIL, "401555", "401-555", "(401) 555", "ext-secret")
SITUATIONS: Final = ("desk", "blind", "offered", "owned")


def combinations() -> list[dict[str, str]]:
    """Return facts with every combination of missing names that still identifies somebody."""
    fact_sets = []
    for n, present in enumerate(product((True, False), repeat=len(NAMES))):
        values = {
            "first_name": "Jeremy",
            "last_name": "Jones",
            "external_id": f"ext-secret-{n}",
            "email": f"{MAIL}-{n}@x.org",
            "phone": f"{PREFIX}{n:04d}",
        }
        facts = {name: values[name] for name, is_present in zip(NAMES, present, strict=True) if is_present}
        if facts.keys() & {"external_id", "email", "phone", "last_name"}:
            fact_sets.append(facts)
    return fact_sets


def leaks(text: str, source: str) -> list[str]:
    """Return the marks of phone, mail or vendor's id that a text contains."""
    return [f"{source}: {mark}" for mark in MARKS if mark in text]


async def situations(running_org: RunningOrg) -> dict[str, int]:
    """Let every combination arrive in every situation; return how many leads each has."""
    await running_org.rep("rep-1")
    await running_org.rep("rep-2")
    await running_org.publish(
        "group", "west", method="round_robin", members=[{"rep_id": "rep-1"}], claim_window_seconds=3_600
    )
    await running_org.publish("campaign", "offered", vendor="acme", group_id="west")
    blind = {"combinator": "and", "rules": [{"field": "campaign", "operator": "=", "value": "blind"}]}
    await running_org.publish("queue", "blind", **{**NEW, "columns": [], "inclusion": blind})
    await running_org.until_published("queue", "blind")
    counts = dict.fromkeys(SITUATIONS, 0)
    for at, situation in enumerate(SITUATIONS):
        for n, facts in enumerate(combinations()):
            own = {
                name: value.replace("-", f"-{situation}-", 1) if name in ("external_id", "email") else value
                for name, value in facts.items()
            }
            if "phone" in own:
                own["phone"] = f"{PREFIX}{at}{n:03d}"
            routing = {"assigned_to": "rep-2"} if situation == "owned" else {"campaign": situation}
            await running_org.client.arrive({"vendor": "acme", "org": running_org.org, **own, **routing})
            counts[situation] += 1
    return counts


async def rows_of(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return the rows of a list."""
    answer = await client.get(path, params={"limit": 500, **query})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


async def until_rows(client: httpx.AsyncClient, path: str, least: int) -> list[dict[str, Any]]:
    """Wait until a list has that many rows."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(rows := await rows_of(client, path)) < least:
            await asyncio.sleep(0.1)
    return rows


async def test_q3_e5_no_reader_shows_phone_or_mail_of_a_lead_that_is_not_the_reps(
    running_org: RunningOrg,
) -> None:
    received = [""]
    counts = await situations(running_org)
    async with await running_org.program("rep-1") as client:

        async def listen() -> None:
            # The stream may be silent for longer than the client's usual timeout.
            async with client.stream("GET", "/api/v1/live", params={"after": "0-0"}, timeout=None) as stream:
                async for text in stream.aiter_text():
                    received[0] += text

        listening = asyncio.create_task(listen())
        least = counts["desk"]
        desk = await until_rows(client, "/api/v1/unassigned", least)
        blind = await until_rows(client, "/api/v1/queues/blind/leads", counts["blind"])
        own_rows = await until_rows(client, "/api/v1/queues/mine/leads", counts["offered"])
        assert {row["prospect_name"] for row in desk} == {"Jeremy Jones", "Jeremy", "Jones", UNNAMED}

        leaked = [*leaks(str(blind), "blind"), *leaks(str(own_rows), "offered")]
        for order in ("prospect_name", "-prospect_name", "reason", "raised_at", "distribution"):
            leaked += leaks(str(await rows_of(client, "/api/v1/unassigned", sort=order)), f"sort {order}")
        names = [
            row["prospect_name"] for row in await rows_of(client, "/api/v1/unassigned", sort="prospect_name")
        ]
        assert names == sorted(names, key=str.lower)
        for text in (MAIL, f"{MAIL}-desk-0", "401555", "14015550", "(401) 555", "ext", "x.org"):
            assert await rows_of(client, "/api/v1/unassigned", search=text) == [], f"a search found {text}"
            assert await rows_of(client, "/api/v1/unassigned", prospect_name=text) == [], (
                f"a filter found {text}"
            )
            assert await rows_of(client, "/api/v1/queues/blind/leads", name=text) == [], (
                f"a queue's search: {text}"
            )
            assert await rows_of(client, "/api/v1/leads", search=text) == [], "these leads are not the rep's"
        assert len(await rows_of(client, "/api/v1/unassigned", search="jones")) >= least // 4

        leads = {row["lead_id"] for row in (*desk, *blind, *own_rows)}
        some = [
            desk[-1],
            blind[-1],
            own_rows[-1],
            *[row for row in desk if row["prospect_name"] == UNNAMED][:1],
        ]
        for method, route, access in routes():
            if access is None or route.path.endswith("/live") or method not in SAFE:
                continue
            for row in some if "lead_id" in route.path else some[:1]:
                path = address(
                    route, lead_id=row["lead_id"], queue_id="blind", rep_id="rep-1", column="reason"
                )
                for accept in ("application/json", "text/html"):
                    answer = await client.request(method, path, headers={"accept": accept})
                    leaked += leaks(answer.text, f"{method} {path} {accept}")
        for row in some:
            for kind in ACTIONS:
                more = {"outcome": {"outcome": "x"}, "note": {"note": "n"}, "assign": {"to_rep_id": "rep-1"}}
                if (
                    kind in ("accept", "press_one", "claim_now", "outcome", "callback", "note")
                    and row is own_rows[-1]
                ):
                    continue  # these take the lead that is offered
                body = {"type": kind, **more.get(kind, {})}
                answer = await client.post(f"/api/v1/leads/{row['lead_id']}/actions", json=body)
                leaked += leaks(answer.text, f"{kind} of {row['lead_id']}")
        assert leaked == []
        late = await running_org.arrive(
            "ext-secret-late", campaign="blind", email=f"{MAIL}-late@x.org", phone=f"{PREFIX}9999"
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while late not in received[0]:
                assert not listening.done(), "the stream ended"
                await asyncio.sleep(0.1)
        listening.cancel()
        assert leaks(received[0], "stream") == []
    assert await asked_of(running_org, leads) == []


async def asked_of(running_org: RunningOrg, leads: set[str]) -> list[str]:
    """Return what the notifications about these leads tell a rep who does not have them."""
    leaked, count = [], 0
    async with aclosing(read_topic(running_org.stack.settings, NOTIFICATIONS)) as records:
        async for record in records:
            if (record.key or b"").decode() in leads:
                count += 1
                leaked += leaks((record.value or b"").decode(), "notification")
    assert count, "the offers were notified"
    return leaked
