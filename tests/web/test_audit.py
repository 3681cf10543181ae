"""Who did what: on the topic, on the page, by the command, and while Kafka is away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest
from playwright.async_api import expect
from sqlalchemy import delete, insert, select

from application.audit.entry import Actor, AuditedAct
from models.audit import AUDIT
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.audited import crew, entries, on_the_topic, publish
from tests.web.axe import serious_problems
from tests.web.running_org import PASSWORD
from tests.web.screens import fits_a_phone, shot
from tests.web.signed_in import JSON, sign_in, signed_in
from tools.contracts import schemas
from web.store.audit import MAX_WAITING, STALE, AuditOutbox, Write, record_of
from web.store.tables import AuditOutboxTable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from models.audit import AuditRecord
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

OF_BOB = {
    "combinator": "and",
    "rules": [
        {"field": "owner", "operator": "=", "value": "bob-ray"},
        {"field": "claimed_through", "operator": "=", "value": "aged"},
    ],
}
RI = {"combinator": "and", "rules": [{"field": "state", "operator": "in", "value": ["RI", "MA"]}]}


async def test_every_act_of_a_working_day_is_on_the_topic_with_author_and_difference(
    running_org: RunningOrg,
) -> None:
    await crew(running_org)
    lead = await running_org.arrive("A-1", first_name="Jeremy", last_name="Jones", state="RI")
    async with signed_in(running_org, "ann-lee", headers={"user-agent": "Firefox/1 Linux"}) as ann:
        wrong = await sign_in(ann, running_org.email("bob-ray"), "not the password")
        assert wrong.status_code == HTTPStatus.UNAUTHORIZED
        await publish(ann, "aged", name="Aged leads")
        await publish(ann, "aged", name="Aged leads", inclusion=RI)
        await publish(ann, "of-bob", name="Bob's", inclusion=OF_BOB)
        issued = await ann.post(
            "/api/v1/tokens", json={"rep_id": "bob-ray", "name": "CRM", "scopes": ["leads:read", "leads:act"]}
        )
        assert issued.status_code == HTTPStatus.CREATED, issued.text
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await ann.get(f"/api/v1/leads/{lead}")).status_code != HTTPStatus.OK:
                await asyncio.sleep(0.05)
        await ann.get(f"/api/v1/leads/{lead}")
        bearer = {**JSON, "authorization": f"Bearer {issued.json()['secret']}"}
        request = {"type": "assign", "to_rep_id": "bob-ray"}
        moved = await ann.post(f"/api/v1/leads/{lead}/actions", json=request)
        assert moved.json()["result"] == "done", moved.text
        ann.cookies.clear()
        path = f"/api/v1/leads/{lead}?at_least={moved.json()['version']}"
        assert (await ann.get(path, headers=bearer)).status_code == HTTPStatus.OK
    async with signed_in(running_org, "ann-lee") as ann:
        exported = await ann.get("/api/v1/leads.csv", params={"state": "RI", "search": "Jones"})
        assert exported.status_code == HTTPStatus.OK, exported.text
        assert len(exported.text.splitlines()) == 2
        token = issued.json()["token_id"]
        assert (await ann.delete(f"/api/v1/tokens/{token}")).status_code == HTTPStatus.NO_CONTENT
        changed = {"current": PASSWORD, "new": "another good long one 5"}
        assert (await ann.put("/api/v1/me/password", json=changed)).status_code == HTTPStatus.NO_CONTENT
        opened = await entries(ann, "lead_opened", 2)
        by_act = {
            act: (await entries(ann, act))[0]["text"]
            for act in ("exported", "lead_assigned", "token_made", "sign_in_failed", "signed_in")
        }
        of_bob, aged, *_ = [entry["text"] for entry in await entries(ann, "published", 3)]
    assert aged == (
        "Ann Lee published the queue Aged leads: removes the rule the lead has no owner; "
        "adds the rule State is one of RI, MA."
    )
    assert "the rule Owner is Bob Ray" in of_bob
    assert "Claimed through queue is Aged leads" in of_bob
    assert by_act == {
        "exported": "Ann Lee exported 1 lead with state RI; search (a text).",
        "lead_assigned": "Ann Lee assigned the lead Jeremy Jones to Bob Ray.",
        "token_made": by_act["token_made"],
        "sign_in_failed": "Somebody failed to sign in as Bob Ray.",
        "signed_in": by_act["signed_in"],
    }
    assert by_act["token_made"].startswith("Ann Lee made the token CRM for Bob Ray, until 20")
    assert [entry["text"] for entry in opened] == [
        "The token CRM of Bob Ray opened the lead Jeremy Jones.",
        "Ann Lee opened the lead Jeremy Jones.",
    ], "looking twice is one entry"
    records = await on_the_topic(
        running_org, "signed_in", "sign_in_failed", "published", "token_made", "lead_opened", "lead_assigned",
        "exported", "token_revoked", "password_changed",
    )  # fmt: skip
    for record in records:
        jsonschema.validate(record, schemas()[AUDIT])
        assert record["from_host"] == "127.0.0.1"
        assert "Jones" not in json.dumps(record), "a lead's name would outlive its erasure"
    (published, *_) = [record for record in records if record["act"] == "published"][1:]
    assert (published["actor"], published["actor_kind"], published["object"]) == (
        "ann-lee",
        "person",
        "queue/aged",
    )
    assert {change["path"] for change in published["difference"]} >= {"inclusion.rules[0].field"}
    (lead_opened,) = [
        record for record in records if record["act"] == "lead_opened" and record["actor_kind"] == "token"
    ]
    assert (lead_opened["actor"], lead_opened["token_id"]) == ("bob-ray", token)


async def test_an_act_is_kept_while_kafka_does_not_answer_and_the_page_does_not_wait(
    running_org: RunningOrg, store: Engine
) -> None:
    await crew(running_org)
    broker = running_org.stack.local.kafka
    assert broker is not None
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        async with signed_in(running_org, "ann-lee"):
            pass
        assert [entry.act for entry in acts_in_outbox(store, running_org.org)] == ["signed_in"]
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    (record,) = await on_the_topic(running_org, "signed_in")
    assert (record["actor"], record["outcome"]) == ("ann-lee", "done")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while acts_in_outbox(store, running_org.org):
            await asyncio.sleep(0.05)


async def test_when_the_outbox_is_full_nothing_is_done_unrecorded_and_failures_cannot_fill_it(
    running_org: RunningOrg, store: Engine
) -> None:
    """An outbox without a bound would fill the disk, and one that forgets would hide what was done meanwhile."""
    await crew(running_org)
    async with signed_in(running_org, "ann-lee") as ann:
        rows = [
            {"audit_id": f"full-{n}", "ready": 0, "at": datetime.now(UTC), "record": "{}"}
            for n in range(MAX_WAITING)
        ]
        try:
            with store.execution_options(writes=True).begin() as connection:
                connection.execute(insert(AuditOutboxTable), rows)
            request = {"rep_id": "bob-ray", "name": "t", "scopes": ["leads:read"]}
            refused = await ann.post("/api/v1/tokens", json=request)
            assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE, refused.text
            assert "100,000 acts wait for Kafka already" in refused.json()["detail"]
            assert [token["name"] for token in (await ann.get("/api/v1/tokens")).json()] == ["waits"]
            async with asyncio.timeout(PATIENCE_SECONDS):
                # Once the console has counted, a wrong password is answered as ever, and is only counted.
                while (await sign_in(ann, running_org.email("bob-ray"), "wrong one")).status_code != 401:
                    await asyncio.sleep(0.2)
        finally:
            with store.execution_options(writes=True).begin() as connection:
                connection.execute(delete(AuditOutboxTable).where(AuditOutboxTable.ready == 0))
        assert (await ann.post("/api/v1/tokens", json=request)).status_code == HTTPStatus.CREATED


async def test_an_act_during_which_the_console_was_killed_is_on_the_topic_as_unknown(
    running_org: RunningOrg, store: Engine
) -> None:
    long_ago = datetime.now(UTC) - STALE - timedelta(seconds=1)
    entry = AuditedAct(Actor(org=running_org.org, actor="ann-lee", kind="person"), "published", "queue/aged")
    begun_record = msgspec.structs.replace(entry.record(), at=long_ago)
    AuditOutbox(store).write([Write(begun_record.audit_id, begun_record, ready=False, begins=True)])
    (record,) = await on_the_topic(running_org, "published")
    assert (record["audit_id"], record["outcome"]) == (begun_record.audit_id, "unknown")


async def test_what_is_refused_and_what_changes_nothing_is_no_entry(running_org: RunningOrg) -> None:
    await crew(running_org)
    async with signed_in(running_org, "ann-lee") as ann:
        for path in ("/api/v1/tokens/none", "/api/v1/directory/rep/bob-ray/second-factor"):
            assert (await ann.delete(path)).status_code == HTTPStatus.NOT_FOUND
        rep_before = await ann.get("/api/v1/directory/rep/bob-ray")
        same = await ann.put(
            "/api/v1/directory/rep/bob-ray",
            json=rep_before.json()["value"],
            headers={"if-match": rep_before.headers["etag"]},
        )
        assert same.json()["changes"] == []
        assert (await ann.delete("/api/v1/session")).status_code == HTTPStatus.NO_CONTENT
    records = await on_the_topic(running_org, "signed_out")
    assert [record["act"] for record in records] == ["signed_in", "signed_out"]


async def test_an_admin_finds_an_entry_by_person_act_and_day_and_cannot_remove_one(
    running_org: RunningOrg,
) -> None:
    await crew(running_org)
    async with signed_in(running_org, "bob-ray") as bob:
        for _ in range(60):
            await bob.delete("/api/v1/me/sessions")
    async with signed_in(running_org, "ann-lee") as ann:
        await publish(ann, "aged", name="Aged leads")
        await entries(ann, "session_ended", 60, limit=100)
        await entries(ann, "published")
        first_page = (await ann.get("/api/v1/audit", params={"limit": 40})).json()
        second_page = (
            await ann.get("/api/v1/audit", params={"limit": 40, "cursor": first_page["next"]})
        ).json()
        ids = [entry["audit_id"] for entry in (*first_page["entries"], *second_page["entries"])]
        assert len(ids) == len(set(ids)) >= 63
        assert second_page["next"] is None
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for path in ("/api/v1/audit", f"/api/v1/audit/{ids[0]}", "/audit"):
                assert (await ann.request(method, path)).status_code in (404, 405), (method, path)
        yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        assert (await ann.get("/api/v1/audit", params={"until": yesterday})).json()["entries"] == []
        wrong = await ann.get("/api/v1/audit", params={"cursor": "x"})
        assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    async with await running_org.program("bob-ray") as program:
        assert (await program.get("/api/v1/audit")).status_code == HTTPStatus.FORBIDDEN
    page = await running_org.sign_in("ann-lee", "/audit")
    rows = page.locator("[data-entries] tbody tr")
    await expect(rows).to_have_count(50)
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "audit")
    await page.get_by_role("link", name="Older").click()
    await expect(page.get_by_role("link", name="Newest")).to_be_visible()
    await page.get_by_label("Person").select_option(label="Ann Lee")
    await page.get_by_label("Act").select_option(label="Published")
    await page.get_by_label("Day (UTC)").fill(datetime.now(UTC).date().isoformat())
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(rows).to_have_count(1)
    await expect(rows.locator(".what")).to_contain_text(
        "Ann Lee published the new queue Aged leads: with name Aged leads; with description Nobody has them yet; "
        "with claimable yes; with columns State, Loan amount; adds the rule the lead has no owner; "
        "with order Loan amount, descending"
    )
    assert "ann-lee" not in await rows.inner_text()
    await page.get_by_label("Day (UTC)").fill("2020-01-01")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_text("Nothing was done that meets these filters.")).to_be_visible()


def acts_in_outbox(store: Engine, org: str) -> list[AuditRecord]:
    """Return the acts of an org that are in the console's outbox."""
    with store.begin() as connection:
        texts = connection.scalars(select(AuditOutboxTable.record)).all()
    return [record for record in map(record_of, texts) if record.org == org]
