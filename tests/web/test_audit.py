"""Who did what: on the topic, on the page, by the command, and while Kafka is away."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from aiokafka import AIOKafkaConsumer
from playwright.async_api import expect

from models.audit import AUDIT
from tests.cli.in_process import at, call
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.axe import serious
from tests.web.running_org import NEW, PASSWORD
from tests.web.signed_in import JSON, sign_in, signed_in
from tools.contracts import schemas

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

RI = {"combinator": "and", "rules": [{"field": "state", "operator": "in", "value": ["RI", "MA"]}]}


async def on_the_topic(office: RunningOrg, *acts: str) -> list[dict[str, Any]]:
    """Return the org's records, once these acts are on the topic, as a client that is not ours reads them."""
    consumer = AIOKafkaConsumer(
        AUDIT,
        bootstrap_servers=office.stack.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    found: list[dict[str, Any]] = []
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for record in consumer:
                if (record.key or b"").decode() == office.org:
                    found.append(json.loads(record.value))
                if set(acts) <= {one["act"] for one in found}:
                    return found
    finally:
        await consumer.stop()
    raise AssertionError


async def entries(client: httpx.AsyncClient, act: str, count: int = 1, **more: Any) -> list[dict[str, Any]]:
    """Return the entries of an act from the API, once there are as many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await client.get("/api/v1/audit", params={"act": act, **more})
            assert answer.status_code == HTTPStatus.OK, answer.text
            found: list[dict[str, Any]] = answer.json()["entries"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def crew(office: RunningOrg) -> None:
    await office.rep("ann-lee", "admin")
    await office.rep("bob-ray")
    await office.until_known("bob-ray")


async def publish(client: httpx.AsyncClient, queue: str, **value: Any) -> None:
    path = f"/api/v1/queue-drafts/{queue}"
    state = await client.get(path)
    match = {"if-match": state.headers["etag"]} if state.status_code == HTTPStatus.OK else {}
    saved = await client.put(path, json={"value": {**NEW, **value}}, headers=match)
    assert saved.status_code == HTTPStatus.OK, saved.text
    done = await client.post(
        f"{path}/publish", json={"over": saved.json()["version"]}, headers={"if-match": saved.headers["etag"]}
    )
    assert done.status_code == HTTPStatus.OK, done.text


async def test_every_act_of_a_working_day_is_on_the_topic_with_author_and_difference(
    office: RunningOrg, tmp_path: Path
) -> None:
    await crew(office)
    lead = await office.arrive("A-1", first_name="Jeremy", last_name="Jones", state="RI")
    async with signed_in(office, "ann-lee", headers={"user-agent": "Firefox/1 Linux"}) as ann:
        wrong = await sign_in(ann, office.email("bob-ray"), "not the password")
        assert wrong.status_code == HTTPStatus.UNAUTHORIZED
        await publish(ann, "aged", name="Aged leads")
        await publish(ann, "aged", name="Aged leads", inclusion=RI)
        made = await ann.post(
            "/api/v1/tokens", json={"rep_id": "bob-ray", "name": "CRM", "scopes": ["leads:read", "leads:act"]}
        )
        assert made.status_code == HTTPStatus.CREATED, made.text
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await ann.get(f"/api/v1/leads/{lead}")).status_code != HTTPStatus.OK:
                await asyncio.sleep(0.05)
        await ann.get(f"/api/v1/leads/{lead}")
        bearer = {**JSON, "authorization": f"Bearer {made.json()['secret']}"}
        given = {"type": "assign", "to_rep_id": "bob-ray"}
        moved = await ann.post(f"/api/v1/leads/{lead}/actions", json=given)
        assert moved.json()["result"] == "done", moved.text
        ann.cookies.clear()
        path = f"/api/v1/leads/{lead}?at_least={moved.json()['version']}"
        assert (await ann.get(path, headers=bearer)).status_code == HTTPStatus.OK
    async with signed_in(office, "ann-lee") as ann:
        exported = await ann.get("/api/v1/leads.csv", params={"state": "RI", "search": "Jones"})
        assert exported.status_code == HTTPStatus.OK, exported.text
        assert len(exported.text.splitlines()) == 2
        token = made.json()["token_id"]
        assert (await ann.delete(f"/api/v1/tokens/{token}")).status_code == HTTPStatus.NO_CONTENT
        changed = {"current": PASSWORD, "new": "another good long one 5"}
        assert (await ann.put("/api/v1/me/password", json=changed)).status_code == HTTPStatus.NO_CONTENT
        opened = await entries(ann, "lead_opened", 2)
        by_act = {
            act: (await entries(ann, act))[0]["text"]
            for act in ("published", "exported", "lead_assigned", "token_made", "sign_in_failed", "signed_in")
        }
    assert by_act == {
        "published": "Ann Lee published the queue Aged leads: removes the rule Owned is no; "
        "adds the rule State is one of RI, MA.",
        "exported": "Ann Lee exported 1 lead with state RI; search (a text).",
        "lead_assigned": "Ann Lee assigned the lead Jeremy Jones to Bob Ray.",
        "token_made": by_act["token_made"],
        "sign_in_failed": "Bob Ray failed to sign in to the account of Bob Ray.",
        "signed_in": by_act["signed_in"],
    }
    assert by_act["token_made"].startswith("Ann Lee made the token CRM for Bob Ray, until 20")
    assert [one["text"] for one in opened] == [
        "The token CRM of Bob Ray opened the lead Jeremy Jones.",
        "Ann Lee opened the lead Jeremy Jones.",
    ], "looking twice is one entry"
    records = await on_the_topic(
        office, "signed_in", "sign_in_failed", "published", "token_made", "lead_opened", "lead_assigned",
        "exported", "token_revoked", "password_changed",
    )  # fmt: skip
    for record in records:
        jsonschema.validate(record, schemas()[AUDIT])
        assert record["from_host"] == "127.0.0.1"
        assert "Jones" not in json.dumps(record), "a lead's name would outlive its erasure"
    (published, *_) = [one for one in records if one["act"] == "published"][1:]
    assert (published["actor"], published["actor_kind"], published["object"]) == (
        "ann-lee",
        "person",
        "queue/aged",
    )
    assert {one["path"] for one in published["difference"]} >= {"inclusion.rules[0].field"}
    (seen,) = [one for one in records if one["act"] == "lead_opened" and one["actor_kind"] == "token"]
    assert (seen["actor"], seen["token_id"]) == ("bob-ray", token)
