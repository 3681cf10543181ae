"""Vendors post leads over HTTP with keys of their own: real requests to the running console, real Kafka (V1, V3)."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest

from application.dead_letters import org_of
from application.importing.mapping import Mapping, read_yaml
from application.importing.send import send_file
from models.ids import lead_id
from runtime.process import free_port
from runtime.up import child
from streams.dead_letter_reading import read_letter
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.audited import crew
from tests.web.rows import WORK
from tests.web.signed_in import signed_in
from tests.web.vendor_door import EXAMPLES, FORM, RECORDED, arrivals, client, keys_of
from web.auth import SCOPES
from web.store.hashes import hashed
from web.store.tables import VendorKeyTable
from web.store.vendor_posts import Mappings
from web.vendor_access import signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from sqlalchemy import Engine

    from streams.dead_letter_reading import Letter
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

DOOR: Final = "/api/v1/leads/acme"
LEAD: Final = {
    "external_id": "A-1",
    "first_name": "Jeremy",
    "last_name": "Jones",
    "mobile": "(401) 419-4247",
    "postal_code": "02903",
    "loan_amount": "$310,000",
    "gclid": "x1",
}
SECRET: Final = "a secret that both sides know"  # noqa: S105  # of keys that exist only during a test
JSON_TYPE: Final = {"content-type": "application/json"}


def issued(office: RunningOrg, store: Engine, vendor: str = "acme", **more: Any) -> str:
    return keys_of(office.stack, store).issue(office.org, vendor, "test", by="test", **more)[0]


async def letters_of(office: RunningOrg, count: int) -> list[Letter]:
    """Return the org's dead letters, once there are as many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = [read_letter(one) async for one in read_topic(office.stack.settings, DEAD_LETTERS)]
            if len(own := [one for one in found if org_of(one) == office.org]) >= count:
                return own
            await asyncio.sleep(0.1)


async def test_v3_a_post_is_on_the_topic_as_send_of_the_same_lead_and_becomes_a_lead(
    office: RunningOrg, store: Engine, tmp_path: Path
) -> None:
    await office.rep("rep-1", "admin")
    await office.publish("queue", "work", **WORK)
    secret = issued(office, store)
    async with arrivals(office) as topic, client(office, secret) as vendor:
        answer = await vendor.post(DOOR, json=LEAD)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        (posted,) = await topic.take()  # it is there as soon as there is an answer
        said = answer.json()
        (lead,) = said["leads"]
        assert (said["accepted"], said["refused"], said["refusals"]) == (1, 0, [])
        assert lead["lead_id"] == lead_id(office.org, "acme", "A-1", {})
        assert lead["remarks"] == {"assumed": {"state": "from zip 02903"}}
        path = tmp_path / "lead.json"
        path.write_text(json.dumps(LEAD))
        await send_file(office.stack.settings, path, mapping=None, vendor="acme", org=office.org, say=print)
        (sent,) = await topic.take()
        assert (posted.value, posted.key) == (sent.value, sent.key)
        form = await vendor.post(DOOR, data={**LEAD, "external_id": "A-2"}, params={"campaign": "west"})
        assert form.status_code == HTTPStatus.ACCEPTED, form.text
        path = tmp_path / "lead.csv"
        path.write_text(
            f"{','.join(LEAD)}\n"
            + ",".join(f'"{value}"' for value in {**LEAD, "external_id": "A-2"}.values())
        )
        settings = office.stack.settings
        await send_file(
            settings, path, mapping=None, vendor="acme", campaign="west", org=office.org, say=print
        )
        adf = (RECORDED / "adf.xml").read_bytes()
        assert (
            await vendor.post(DOOR, content=adf, headers={"content-type": "application/xml"})
        ).status_code == HTTPStatus.ACCEPTED
        await send_file(
            settings, RECORDED / "adf.xml", mapping=None, vendor="acme", org=office.org, say=print
        )
        taken = await topic.take()
        values = [(one.value, one.key) for one in taken]
        assert len(values) == 4
        assert len(set(values)) == 2, "each post is byte for byte what `send` sends"
    async with await office.program("rep-1") as program, asyncio.timeout(PATIENCE_SECONDS):
        while (shown := await program.get(f"/api/v1/leads/{lead['lead_id']}")).status_code != HTTPStatus.OK:
            await asyncio.sleep(0.05)
        assert shown.json()["facts"]["phone"] == "+14014194247"


async def test_v1_a_list_is_accepted_in_part_and_each_lead_is_named(
    office: RunningOrg, store: Engine
) -> None:
    """What intake refuses is a dead letter with the same reason; what is no message is counted."""
    keys = keys_of(office.stack, store)
    secret, _ = keys.issue(office.org, "acme", "test", by="test")
    leads = [{"external_id": "B-1"}, {"first_name": "Ann"}, 7, {"external_id": "B-2", "credit_score": "high"}]
    async with arrivals(office) as topic, client(office, secret) as vendor:
        answer = await vendor.post(DOOR, json=leads)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        said = answer.json()
        assert (said["accepted"], said["refused"]) == (2, 2)
        assert [one["line"] for one in said["leads"]] == [1, 4]
        assert said["leads"][1]["remarks"]["invalid"] == {"credit_score": "high"}
        assert [(one["line"], one["field"]) for one in said["refusals"]] == [(2, "external_id"), (3, "")]
        assert len(await topic.take()) == 3
        alone = await vendor.post(DOOR, json={"first_name": "Bob"})
        assert alone.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert alone.headers["content-type"] == "application/problem+json"
        problem = alone.json()
        assert problem["type"] == "urn:firstclaim:problem:refused"
        assert problem["errors"][0]["path"] == "external_id"
        assert "needed to tell the lead from others" in problem["detail"]
        letters = await letters_of(office, 2)
        assert {one.error_class for one in letters} == {"nothing_identifying"}
        assert all(problem["errors"][0]["reason"] in one.reason for one in letters)
    (key,) = keys.all(office.org)
    assert (key.accepted, key.refused) == (2, 3)
    assert key.used_at is not None


HOSTILE: Final[dict[str, tuple[bytes, str, int, str]]] = {
    "no JSON": (b"{", "application/json", 400, "body"),
    "empty": (b"", "application/json", 400, "body"),
    "100,000 levels": (b"[" * 100_000, "application/json", 400, "body"),
    "600 levels in a lead": (
        b'{"x":' + b"[" * 600 + b"]" * 600 + b"}",
        "application/json",
        400,
        "deeper than 32",
    ),
    "100 levels in a lead": (
        b'{"external_id":"1","x":' + b"[" * 100 + b"]" * 100 + b"}",
        "application/json",
        422,
        "deeper than 32",
    ),
    "an empty list": (b"[]", "application/json", 400, "has no lead"),
    "501 leads": (b"[" + b",".join([b'{"id":1}'] * 501) + b"]", "application/json", 400, "more than 500"),
    "a number": (b"7", "application/json", 422, "must be a JSON object"),
    "a long text": (
        b'{"external_id":"1","x":"' + b"y" * 20_000 + b'"}',
        "application/json",
        422,
        "longer than",
    ),
    "an empty form": (b"", FORM, 400, "has no field"),
    "1,001 fields": (b"&".join(b"a%d=1" % n for n in range(1_001)), FORM, 400, "more than 1000 fields"),
    "no XML": (b"hello", "application/xml", 400, "no <adf>"),
    "a DTD": (
        b'<adf><prospect><!DOCTYPE a [<!ENTITY b "c">]><id>&b;</id></prospect></adf>',
        "text/xml",
        422,
        "document type",
    ),
    "an entity from outside": (
        (
            b'<!DOCTYPE adf [<!ENTITY x SYSTEM "file:///etc/passwd">]><adf><prospect><id>1</id><customer>'
            b'<contact><name part="full">&x;</name></contact></customer></prospect></adf>'
        ),
        "application/xml",
        422,
        "undefined entity",
    ),
    "no content type": (b"{}", "", 415, "Content-Type: is missing"),
    "another content type": (b"{}", "text/plain", 415, "Content-Type: is text/plain"),
    "a file's form": (b"--x--", "multipart/form-data; boundary=x", 415, "Content-Type"),
    "half a surrogate": (
        b'{"external_id":"1","first_name":"Jo\\ud83d"}',
        "application/json",
        202,
        "first_name",
    ),
    "a number beyond all": (b'{"external_id":"1","loan_amount":1e999}', "application/json", 202, "1e999"),
    "5,000 digits": (b'{"external_id":"1","n":' + b"9" * 5_000 + b"}", "application/json", 202, "invalid"),
    "NaN": (b'{"external_id":"1","credit_score":NaN}', "application/json", 202, "NaN"),
    "cp1252": (b'{"external_id":"1","last_name":"Mu\xf1oz"}', "application/json", 202, "lead_id"),
    "cp1252 in a form": (b"external_id=1&last_name=Mu%F1oz", FORM, 202, "lead_id"),
    "NUL": (b'{"external_id":"1","last_name":"D\\u0000oe"}', "application/json", 202, "lead_id"),
}


async def test_b8_hostile_bodies_are_answered_by_field_and_reason_and_stop_nothing(
    office: RunningOrg, store: Engine
) -> None:
    """A value that cannot be kept costs itself, as on the topic; a body that cannot be read costs itself."""
    async with arrivals(office) as topic, client(office, issued(office, store)) as vendor:
        wrong = {}
        for name, (body, content_type, status, text) in HOSTILE.items():
            headers = {"content-type": content_type} if content_type else {}
            answer = await vendor.post(DOOR, content=body, headers=headers)
            is_problem = answer.headers["content-type"] == "application/problem+json"
            if answer.status_code != status or text not in answer.text or is_problem == (status == 202):
                wrong[name] = (answer.status_code, answer.text)
        assert wrong == {}
        names = [one.get("last_name") for one in await topic.messages()]
        assert names.count("Muñoz") == 2
        assert "root:" not in json.dumps(names)
        large = await vendor.post(DOOR, content=b" " * (1024 * 1024 + 1), headers=JSON_TYPE)
        assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        assert (await vendor.post(DOOR, json=LEAD)).status_code == HTTPStatus.ACCEPTED


async def test_a_key_posts_leads_of_its_vendor_to_its_org_and_does_nothing_else(
    office: RunningOrg, store: Engine
) -> None:
    await crew(office)
    keys = keys_of(office.stack, store)
    secret, key = keys.issue(office.org, "acme", "test", by="test")
    token, _ = office.tokens.issue(office.org, "ann-lee", "t", SCOPES, by="test")
    async with arrivals(office) as topic, client(office, secret) as vendor, client(office, token) as program:
        other = await vendor.post("/api/v1/leads/other", json=LEAD)
        assert other.status_code == HTTPStatus.FORBIDDEN
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
        assert {one["org"] for one in await topic.messages()} <= {office.org}
        for path in ("/api/v1/me", "/api/v1/leads", "/api/v1/queues", "/api/v1/vendors/keys"):
            assert (await vendor.get(path)).status_code == HTTPStatus.UNAUTHORIZED, path
        assert (await program.post(DOOR, json=LEAD)).status_code == HTTPStatus.UNAUTHORIZED
        bare = await vendor.post(DOOR, json=LEAD, headers={"authorization": "", "x-api-key": secret})
        assert bare.status_code == HTTPStatus.ACCEPTED
        by_id = await vendor.post(f"{DOOR}?key={key.key_id}", json=LEAD, headers={"authorization": ""})
        assert by_id.status_code == HTTPStatus.UNAUTHORIZED, "an id is no secret"
        assert keys.revoke(office.org, key.key_id) is not None
        gone = await vendor.post(DOOR, json=LEAD)
        assert gone.status_code == HTTPStatus.UNAUTHORIZED
        assert gone.headers["www-authenticate"] == "Bearer"
    with store.connect() as connection:
        rows = connection.execute(VendorKeyTable.__table__.select()).mappings().all()
    (row,) = [one for one in rows if one["key_id"] == key.key_id]
    assert row["secret_hash"] == hashed(secret)
    assert secret not in str(row)


async def test_a_signed_key_needs_the_signature_of_each_body(office: RunningOrg, store: Engine) -> None:
    keys = keys_of(office.stack, store)
    secret, key = keys.issue(office.org, "acme", "test", by="test", signing_secret=SECRET)
    body = json.dumps(LEAD).encode()
    right = {"x-firstclaim-signature-256": signature(SECRET, body)}
    async with client(office, secret) as vendor, client(office, None) as webhook:

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
    assert SECRET not in str([dict(one) for one in sealed])


async def test_the_same_idempotency_key_and_bytes_get_the_same_answer(
    office: RunningOrg, store: Engine
) -> None:
    keys = keys_of(office.stack, store)
    secret, _ = keys.issue(office.org, "acme", "test", by="test")
    async with arrivals(office) as topic, client(office, secret) as vendor:

        async def post(body: Any, key: str = "post-1") -> httpx.Response:
            return await vendor.post(DOOR, json=body, headers={"idempotency-key": key})

        first = await post(LEAD)
        assert first.status_code == HTTPStatus.ACCEPTED
        again = await post(LEAD)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert len(await topic.take()) == 1
        other = await post({**LEAD, "external_id": "A-9"})
        assert other.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert other.json()["type"] == "urn:firstclaim:problem:idempotency-key-reused"
        refused = await post({"first_name": "Ann"}, "post-2")
        repeated = await post({"first_name": "Ann"}, "post-2")
        assert (repeated.status_code, repeated.content) == (422, refused.content)
        assert repeated.headers["content-type"] == "application/problem+json"
        assert (await post(LEAD, "x" * 201)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        await topic.take()
        many = await asyncio.gather(*(post({**LEAD, "external_id": f"R-{n % 2}"}, "race") for n in range(8)))
        assert {one.status_code for one in many} == {HTTPStatus.ACCEPTED, HTTPStatus.UNPROCESSABLE_ENTITY}
        assert len({one["external_id"] for one in await topic.messages()}) == 1, (
            "two bodies, one key: one counts"
        )
    async with client(office, issued(office, store)) as another:
        answer = await another.post(DOOR, json=LEAD, headers={"idempotency-key": "post-1"})
        assert "idempotent-replayed" not in answer.headers, "each key has its own"


@pytest.fixture
def strict_console(office: RunningOrg) -> Iterator[RunningOrg]:
    """Yield the office at a second console, where a key may post three times and then once in 1,000 seconds."""
    port = free_port()
    console = child("console-strict", ["console"], office.stack.settings, port)
    console.environment = {
        **(console.environment or {}),
        "FIRSTCLAIM_VENDOR_POSTS_BURST": "3",
        "FIRSTCLAIM_VENDOR_POSTS_PER_SECOND": "0.001",
    }
    console.launch()
    office.port = port
    yield office
    console.stop()


async def test_a_key_that_posts_too_often_is_told_when_to_try_again(
    strict_console: RunningOrg, store: Engine
) -> None:
    office = strict_console
    await office.until_ready()
    async with (
        client(office, issued(office, store)) as vendor,
        client(office, issued(office, store)) as other,
    ):
        statuses = [(await vendor.post(DOOR, json=LEAD)).status_code for _ in range(3)]
        assert statuses == [HTTPStatus.ACCEPTED] * 3
        answer = await vendor.post(DOOR, json=LEAD)
        assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert 0 < int(answer.headers["retry-after"]) <= 1_001
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await other.post(DOOR, json=LEAD)).status_code == HTTPStatus.ACCEPTED


RECORDINGS: Final = {
    "meta webhook": ("meta", "meta_webhook.json", "/webhook", HTTPStatus.OK),
    "zapier": ("zapier", "zapier.json", "", HTTPStatus.ACCEPTED),
    "leadconduit": ("leadconduit", "leadconduit.form", "", HTTPStatus.ACCEPTED),
}


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_v3_recorded_posts_are_read_by_the_shipped_mappings(
    office: RunningOrg, store: Engine, recording: str
) -> None:
    vendor, file, path, status = RECORDINGS[recording]
    value = read_yaml(EXAMPLES / f"{vendor}.yaml")
    Mapping(value)
    Mappings(store).put(office.org, vendor, value, by="test")
    content_type = FORM if file.endswith(".form") else "application/json"
    secret = issued(office, store, vendor)
    async with arrivals(office) as topic, client(office, secret) as sender:
        body = (RECORDED / file).read_bytes()
        answer = await sender.post(
            f"/api/v1/leads/{vendor}{path}", content=body, headers={"content-type": content_type}
        )
        assert answer.status_code == status, answer.text
        (message,) = await topic.messages()
    found = {name: message.get(name) for name in ("email", "zip", "vendor")}
    assert found == {"email": "jeremy@example.org", "zip": "02903", "vendor": vendor}
    named = message.get("full_name") or f"{message['first_name']} {message['last_name']}"
    assert named == "Jeremy Jones"
    if vendor == "leadconduit":
        assert answer.json() == {
            "outcome": "success",
            "reason": None,
            "lead": {"id": lead_id(office.org, vendor, "5f5e0a1b2c3d", {})},
        }
        async with client(office, secret) as sender:
            failed = await sender.post(f"/api/v1/leads/{vendor}", data={"first_name": "Ann"})
        assert failed.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert failed.json()["outcome"] == "failure"
        assert failed.json()["reason"].startswith("external_id: ")
    else:
        (lead,) = answer.json()["leads"]
        assert "invalid" not in lead["remarks"]
        assert message["created_at"] in ("2025-11-20T09:12:00+00:00", "2025-11-20T09:12:00-05:00")


async def test_leadconduits_form_of_the_answer_is_given_where_it_is_asked_for(
    office: RunningOrg, store: Engine
) -> None:
    async with client(office, issued(office, store)) as vendor:
        accept = {"accept": "application/vnd.leadconduit+json"}
        for answer in (
            await vendor.post(DOOR, json=LEAD, headers=accept),
            await vendor.post(DOOR, json=LEAD, params={"reply": "leadconduit"}),
        ):
            assert answer.json()["outcome"] == "success"
        answer = await vendor.post(DOOR, json=[LEAD, {"first_name": "Ann"}], headers=accept)
        assert [one["outcome"] for one in answer.json()] == ["success", "failure"]
        assert (await vendor.post(f"{DOOR}?reply=other", json=LEAD)).status_code == 422


async def test_meta_verifies_the_webhook_and_a_notification_without_answers_is_refused(
    office: RunningOrg, store: Engine
) -> None:
    Mappings(store).put(office.org, "meta", read_yaml(EXAMPLES / "meta.yaml"), by="test")
    signed, plain = issued(office, store, "meta", signing_secret=SECRET), issued(office, store, "meta")
    path = "/api/v1/leads/meta/webhook"

    def asked(token: str, mode: str = "subscribe") -> dict[str, str]:
        return {"hub.mode": mode, "hub.challenge": "1158201444", "hub.verify_token": token}

    async with client(office, None) as meta, client(office, plain) as sender:
        right = await meta.get(path, params=asked(signed))
        assert (right.status_code, right.text) == (HTTPStatus.OK, "1158201444")
        assert right.headers["content-type"].startswith("text/plain")
        assert (await meta.get(path, params=asked(plain))).status_code == HTTPStatus.FORBIDDEN
        assert (await meta.get(path, params=asked("no"))).status_code == HTTPStatus.FORBIDDEN
        assert (await meta.get(path, params=asked(signed, "other"))).status_code == 422
        assert (
            await meta.get("/api/v1/leads/acme/webhook", params=asked(signed))
        ).status_code == HTTPStatus.FORBIDDEN
        bare = (RECORDED / "meta_notification.json").read_bytes()
        answer = await sender.post(path, content=bare, headers=JSON_TYPE)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["detail"] == "field_data: is empty"
    async with arrivals(office) as topic, client(office, issued(office, store)) as relay:
        body = (RECORDED / "meta_graph_api.json").read_bytes()
        answer = await relay.post(DOOR, content=body, headers=JSON_TYPE)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        assert answer.json()["leads"][0]["remarks"] == {"assumed": {"state": "from zip 02903"}}
        assert len(await topic.take()) == 1


async def test_an_admin_makes_keys_and_mappings_by_the_api_and_they_are_in_the_audit(
    office: RunningOrg, store: Engine
) -> None:
    await crew(office)
    async with signed_in(office, "ann-lee") as ann, signed_in(office, "bob-ray") as bob:
        wanted = {"vendor": " acme ", "name": "server", "signing_secret": SECRET}
        assert (await bob.post("/api/v1/vendors/keys", json=wanted)).status_code == HTTPStatus.FORBIDDEN
        made = await ann.post("/api/v1/vendors/keys", json=wanted)
        assert made.status_code == HTTPStatus.CREATED, made.text
        assert (made.json()["vendor"], made.json()["signs"]) == ("acme", True)
        assert SECRET not in made.text
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
        plain = issued(office, store)
        async with arrivals(office) as topic, client(office, plain) as sender:
            answer = await sender.post(DOOR, json={"tel": "401-419-4247", "x": 1})
            assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
            (message,) = await topic.messages()
        assert (message["phone"], message["attributes"]) == ("401-419-4247", {"x": 1})
        assert (await ann.delete("/api/v1/vendors/mappings/acme")).status_code == HTTPStatus.NO_CONTENT
        assert (await ann.delete("/api/v1/vendors/mappings/acme")).status_code == HTTPStatus.NOT_FOUND
        key_path = f"/api/v1/vendors/keys/{made.json()['key_id']}"
        assert (await ann.delete(key_path)).status_code == HTTPStatus.NO_CONTENT
        assert (await ann.delete(key_path)).status_code == HTTPStatus.NOT_FOUND
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                entries = (await ann.get("/api/v1/audit")).json()["entries"]
                acts = {one["act"] for one in entries}
                if {"vendor_key_made", "vendor_key_revoked", "vendor_mapping_changed"} <= acts:
                    break
                await asyncio.sleep(0.05)
        assert SECRET not in json.dumps(entries)
        assert made.json()["secret"] not in json.dumps(entries)
