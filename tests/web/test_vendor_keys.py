"""Vendors' keys: what they open, signatures, rates, and how admins make and revoke them."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from runtime.process import free_port
from runtime.up import child
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.audited import crew
from tests.web.signed_in import signed_in
from tests.web.vendor_posts import (
    DOOR,
    JSON_TYPE,
    LEAD,
    SECRET,
    arrivals,
    client,
    issue_key,
    keys_of,
)
from web.auth import SCOPES
from web.store.hashes import hash_of
from web.store.tables import VendorKeyTable
from web.vendor_access import signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from sqlalchemy import Engine

    from tests.cli.in_process import CommandResult
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def test_a_key_posts_leads_of_its_vendor_to_its_org_and_does_nothing_else(
    running_org: RunningOrg, store: Engine
) -> None:
    await crew(running_org)
    keys = keys_of(running_org.stack, store)
    secret, key = keys.issue(running_org.org, "acme", "test", by="test")
    token, _ = running_org.tokens.issue(running_org.org, "ann-lee", "t", SCOPES, by="test")
    async with (
        arrivals(running_org) as topic,
        client(running_org, secret) as vendor,
        client(running_org, token) as program,
    ):
        refused = await vendor.post("/api/v1/leads/other", json=LEAD)
        assert refused.status_code == HTTPStatus.FORBIDDEN
        for field, value in (("vendor", "other"), ("org", "default"), ("Org", "default"), ("VENDOR", "x")):
            foreign = await vendor.post(DOOR, json={**LEAD, field: value})
            if foreign.status_code == HTTPStatus.ACCEPTED:  # an alias beside the key's own name
                continue
            assert foreign.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
            assert foreign.json()["errors"][0]["path"] == field.lower()
        wrapped = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
        hidden = await vendor.post(
            DOOR, json={**wrapped, "data": {**LEAD, "vendor": "acme", "org": "default"}}
        )
        assert hidden.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert {message["org"] for message in await topic.messages()} <= {running_org.org}
        for path in ("/api/v1/me", "/api/v1/leads", "/api/v1/queues", "/api/v1/vendors/keys"):
            assert (await vendor.get(path)).status_code == HTTPStatus.UNAUTHORIZED, path
        assert (await program.post(DOOR, json=LEAD)).status_code == HTTPStatus.UNAUTHORIZED
        bare = await vendor.post(DOOR, json=LEAD, headers={"authorization": "", "x-api-key": secret})
        assert bare.status_code == HTTPStatus.ACCEPTED
        by_id = await vendor.post(f"{DOOR}?key={key.key_id}", json=LEAD, headers={"authorization": ""})
        assert by_id.status_code == HTTPStatus.UNAUTHORIZED, "an id is no secret"
        assert keys.revoke(running_org.org, key.key_id) is not None
        after_revocation = await vendor.post(DOOR, json=LEAD)
        assert after_revocation.status_code == HTTPStatus.UNAUTHORIZED
        assert after_revocation.headers["www-authenticate"] == "Bearer"
    with store.connect() as connection:
        rows = connection.execute(VendorKeyTable.__table__.select()).mappings().all()
    (row,) = [stored_key for stored_key in rows if stored_key["key_id"] == key.key_id]
    assert row["secret_hash"] == hash_of(secret)
    assert secret not in str(row)


async def test_a_signed_key_needs_the_signature_of_each_body(running_org: RunningOrg, store: Engine) -> None:
    keys = keys_of(running_org.stack, store)
    secret, key = keys.issue(running_org.org, "acme", "test", by="test", signing_secret=SECRET)
    body = json.dumps(LEAD).encode()
    right = {"x-firstclaim-signature-256": signature(SECRET, body)}
    async with client(running_org, secret) as vendor, client(running_org, None) as webhook:

        async def post(who: httpx.AsyncClient, path: str = DOOR, **headers: str) -> int:
            return (await who.post(path, content=body, headers={**JSON_TYPE, **headers})).status_code

        assert await post(vendor, **right) == HTTPStatus.ACCEPTED
        assert await post(vendor) == HTTPStatus.UNAUTHORIZED
        for wrong in ("sha256=", "sha256=" + "0" * 64, signature("another", body), signature(SECRET, b"{}")):
            headers = {"x-firstclaim-signature-256": wrong}
            assert await post(vendor, **headers) == HTTPStatus.UNAUTHORIZED, wrong
        no_ascii = [(b"x-firstclaim-signature-256", b"sha256=\xff"), (b"content-type", b"application/json")]
        answer = await vendor.post(DOOR, content=body, headers=no_ascii)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        meta = {"x-hub-signature-256": signature(SECRET, body)}
        assert await post(webhook, f"{DOOR}/webhook?key={key.key_id}", **meta) == HTTPStatus.OK
        assert await post(webhook, f"{DOOR}/webhook?key=none", **meta) == HTTPStatus.UNAUTHORIZED
        assert await post(webhook, f"{DOOR}/webhook", **meta) == HTTPStatus.UNAUTHORIZED
    with store.connect() as connection:
        sealed = connection.execute(VendorKeyTable.__table__.select()).mappings().all()
    assert SECRET not in str([dict(stored_key) for stored_key in sealed])


async def test_v1_a_body_that_openssl_signed_is_taken_and_a_replay_is_the_same_lead(
    running_org: RunningOrg, store: Engine, tmp_path: Path
) -> None:
    """A vendor's program that is not ours signs the bytes of the body."""
    secret = issue_key(running_org, store, signing_secret=SECRET)
    path = tmp_path / "lead.json"
    path.write_text(json.dumps(LEAD, indent=1))
    signing = await asyncio.create_subprocess_exec(
        *("openssl", "dgst", "-sha256", "-hmac", SECRET, "-r", path), stdout=asyncio.subprocess.PIPE
    )
    digest = (await signing.communicate())[0].decode().partition(" ")[0]
    headers = {**JSON_TYPE, "X-Signature": f"sha256={digest}"}
    async with arrivals(running_org) as topic, client(running_org, secret) as vendor:
        answers = [await vendor.post(DOOR, content=path.read_bytes(), headers=headers) for _ in range(2)]
        assert [reply.status_code for reply in answers] == [HTTPStatus.ACCEPTED] * 2
        first, again = (reply.json()["leads"][0]["lead_id"] for reply in answers)
        assert first == again
        assert len({message["external_id"] for message in await topic.messages()}) == 1
        changed = path.read_bytes().replace(b"310,000", b"999,000")
        answer = await vendor.post(DOOR, content=changed, headers=headers)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert "is not the signature of this body" in answer.text
        assert await topic.messages() == []


@pytest.fixture
def strict_console(running_org: RunningOrg) -> Iterator[RunningOrg]:
    """Yield the test's org at a second console, where a key may post three times and then once in 1,000 seconds."""
    port = free_port()
    console = child("console-strict", ["console"], running_org.stack.settings, port)
    console.environment = {
        **(console.environment or {}),
        "FIRSTCLAIM_VENDOR_POSTS_BURST": "3",
        "FIRSTCLAIM_VENDOR_POSTS_PER_SECOND": "0.001",
    }
    console.launch()
    running_org.port = port
    yield running_org
    console.stop()


async def test_a_key_that_posts_too_often_is_told_when_to_try_again(
    strict_console: RunningOrg, store: Engine
) -> None:
    running_org = strict_console
    await running_org.until_ready()
    async with (
        client(running_org, issue_key(running_org, store)) as vendor,
        client(running_org, issue_key(running_org, store)) as other_vendor,
    ):
        statuses = [(await vendor.post(DOOR, json=LEAD)).status_code for _ in range(3)]
        assert statuses == [HTTPStatus.ACCEPTED] * 3
        answer = await vendor.post(DOOR, json=LEAD)
        assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert 0 < int(answer.headers["retry-after"]) <= 1_001
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await other_vendor.post(DOOR, json=LEAD)).status_code == HTTPStatus.ACCEPTED


async def test_an_admin_makes_keys_and_mappings_by_the_api_and_they_are_in_the_audit(
    running_org: RunningOrg, store: Engine
) -> None:
    await crew(running_org)
    async with signed_in(running_org, "ann-lee") as ann, signed_in(running_org, "bob-ray") as bob:
        request = {"vendor": " acme ", "name": "server", "signing_secret": SECRET}
        assert (await bob.post("/api/v1/vendors/keys", json=request)).status_code == HTTPStatus.FORBIDDEN
        created = await ann.post("/api/v1/vendors/keys", json=request)
        assert created.status_code == HTTPStatus.CREATED, created.text
        assert (created.json()["vendor"], created.json()["signs"]) == ("acme", True)
        assert SECRET not in created.text
        for vendor, field in (("lists", "vendor"), ("a/b", "vendor"), (" ", "vendor")):
            refused = await ann.post("/api/v1/vendors/keys", json={"vendor": vendor, "name": "n"})
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, field)
        (listed,) = (await ann.get("/api/v1/vendors/keys")).json()
        assert "secret" not in listed
        mapped = await ann.put("/api/v1/vendors/mappings/acme", json={"mapping": {"phone": "tel"}})
        assert mapped.status_code == HTTPStatus.OK, mapped.text
        wrong = await ann.put("/api/v1/vendors/mappings/acme", json={"mapping": {"fone": "tel"}})
        assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "fone")
        assert (await ann.get("/api/v1/vendors/mappings")).json() == [
            {"vendor": "acme", "mapping": {"phone": "tel"}}
        ]
        plain = issue_key(running_org, store)
        async with arrivals(running_org) as topic, client(running_org, plain) as sender:
            answer = await sender.post(DOOR, json={"tel": "401-419-4247", "x": 1})
            assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
            (message,) = await topic.messages()
        assert (message["phone"], message["attributes"]) == ("401-419-4247", {"x": 1})
        assert (await ann.delete("/api/v1/vendors/mappings/acme")).status_code == HTTPStatus.NO_CONTENT
        assert (await ann.delete("/api/v1/vendors/mappings/acme")).status_code == HTTPStatus.NOT_FOUND
        key_path = f"/api/v1/vendors/keys/{created.json()['key_id']}"
        assert (await ann.delete(key_path)).status_code == HTTPStatus.NO_CONTENT
        assert (await ann.delete(key_path)).status_code == HTTPStatus.NOT_FOUND
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                entries = (await ann.get("/api/v1/audit")).json()["entries"]
                acts = {entry["act"] for entry in entries}
                if {"vendor_key_made", "vendor_key_revoked", "vendor_mapping_changed"} <= acts:
                    break
                await asyncio.sleep(0.05)
        assert SECRET not in json.dumps(entries)
        assert created.json()["secret"] not in json.dumps(entries)


async def test_the_commands_make_keys_and_mappings_for_the_running_console(
    running_org: RunningOrg, tmp_path: Path
) -> None:
    def run(*arguments: str) -> CommandResult:
        return firstclaim(running_org.stack, "vendor", *arguments, "--org", running_org.org)

    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("phone: tel\nreply: leadconduit\n")
    printed = await asyncio.to_thread(run, "key", "issue", "acme", "--name", "server", "--json")
    assert printed.code == 0, printed.err
    created = json.loads(printed.out.splitlines()[-1])
    assert (await asyncio.to_thread(run, "mapping", "set", "acme", str(mapping))).code == 0
    shown = await asyncio.to_thread(run, "mapping", "show", "acme")
    assert shown.out == "phone: tel\nreply: leadconduit\n"
    async with client(running_org, created["secret"]) as vendor:
        answer = await vendor.post(DOOR, json={"tel": "401-419-4247"})
        assert answer.json()["outcome"] == "success", answer.text
        assert (await asyncio.to_thread(run, "mapping", "remove", "acme")).code == 0
        assert (await asyncio.to_thread(run, "mapping", "remove", "acme")).code == 1
        answer = await vendor.post(DOOR, json={"mobile": "401-419-4247"})
        assert answer.json()["accepted"] == 1, answer.text
        listed = await asyncio.to_thread(run, "key", "list")
        assert "2 accepted, 0 refused; made by command line; last used" in listed.out
        revoked = await asyncio.to_thread(run, "key", "revoke", created["key_id"])
        assert revoked.code == 0
        assert (await vendor.post(DOOR, json=LEAD)).status_code == HTTPStatus.UNAUTHORIZED
        assert (await asyncio.to_thread(run, "key", "revoke", created["key_id"])).code == 1
    mapping.write_text("fone: tel\n")
    wrong = await asyncio.to_thread(run, "mapping", "set", "acme", str(mapping))
    assert wrong.code == 70
    assert "fone: there is no such key" in wrong.err
    assert (await asyncio.to_thread(run, "key", "issue", "lists", "--name", "n")).code == 70
