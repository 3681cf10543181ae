"""Vendors post leads over HTTP: real requests to the running console, real Kafka (V1, V3)."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest

from application.importing.send import send_file
from models.ids import lead_id
from streams.dead_letter_reading import read_letter
from streams.dead_letter_senders import org_of
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.rows import WORK
from tests.web.vendor_posts import (
    DOOR,
    FORM,
    JSON_TYPE,
    LEAD,
    RECORDED,
    arrivals,
    client,
    issue_key,
    keys_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from sqlalchemy import Engine

    from streams.dead_letter_reading import StoredDeadLetter
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def letters_of(running_org: RunningOrg, count: int) -> list[StoredDeadLetter]:
    """Return the org's dead letters, once there are as many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            letters = [
                read_letter(record) async for record in read_topic(running_org.stack.settings, DEAD_LETTERS)
            ]
            if len(own := [letter for letter in letters if org_of(letter) == running_org.org]) >= count:
                return own
            await asyncio.sleep(0.1)


async def test_v3_a_post_is_on_the_topic_as_send_of_the_same_lead_and_becomes_a_lead(
    running_org: RunningOrg, store: Engine, tmp_path: Path
) -> None:
    await running_org.rep("rep-1", "admin")
    await running_org.publish("queue", "work", **WORK)
    secret = issue_key(running_org, store)
    async with arrivals(running_org) as topic, client(running_org, secret) as vendor:
        answer = await vendor.post(DOOR, json=LEAD)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        (posted,) = await topic.take()  # it is there as soon as there is an answer
        body = answer.json()
        (lead,) = body["leads"]
        assert (body["accepted"], body["refused"], body["refusals"]) == (1, 0, [])
        assert lead["lead_id"] == lead_id(running_org.org, "acme", "A-1", {})
        assert lead["remarks"] == {"assumed": {"state": "from zip 02903"}}
        path = tmp_path / "lead.json"
        path.write_text(json.dumps(LEAD))
        await send_file(
            running_org.stack.settings, path, mapping=None, vendor="acme", org=running_org.org, say=print
        )
        (sent,) = await topic.take()
        assert (posted.value, posted.key) == (sent.value, sent.key)
        form = await vendor.post(DOOR, data={**LEAD, "external_id": "A-2"}, params={"campaign": "west"})
        assert form.status_code == HTTPStatus.ACCEPTED, form.text
        path = tmp_path / "lead.csv"
        path.write_text(
            f"{','.join(LEAD)}\n"
            + ",".join(f'"{value}"' for value in {**LEAD, "external_id": "A-2"}.values())
        )
        settings = running_org.stack.settings
        await send_file(
            settings, path, mapping=None, vendor="acme", campaign="west", org=running_org.org, say=print
        )
        adf = (RECORDED / "adf.xml").read_bytes()
        assert (
            await vendor.post(DOOR, content=adf, headers={"content-type": "application/xml"})
        ).status_code == HTTPStatus.ACCEPTED
        await send_file(
            settings, RECORDED / "adf.xml", mapping=None, vendor="acme", org=running_org.org, say=print
        )
        records = await topic.take()
        values = [(record.value, record.key) for record in records]
        assert len(values) == 4
        assert len(set(values)) == 2, "each post is byte for byte what `send` sends"
    async with await running_org.program("rep-1") as program, asyncio.timeout(PATIENCE_SECONDS):
        while (shown := await program.get(f"/api/v1/leads/{lead['lead_id']}")).status_code != HTTPStatus.OK:
            await asyncio.sleep(0.05)
        assert shown.json()["facts"]["phone"] == "+14014194247"


async def test_a_posts_traceparent_goes_on_in_its_message(running_org: RunningOrg, store: Engine) -> None:
    """One that is not valid does not; the message then begins a trace at intake."""
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with arrivals(running_org) as topic, client(running_org, issue_key(running_org, store)) as vendor:
        for number, header in enumerate((traceparent, "nonsense")):
            post = await vendor.post(
                DOOR,
                json={**LEAD, "external_id": f"T-{number}"},
                headers={"traceparent": header, "tracestate": "rojo=1"},
            )
            assert post.status_code == HTTPStatus.ACCEPTED, post.text
        sent = {
            json.loads(record.value)["external_id"]: [
                dict(record.headers).get(name) for name in ("traceparent", "tracestate")
            ]
            for record in await topic.take()
        }
    assert sent == {"T-0": [traceparent.encode(), b"rojo=1"], "T-1": [None, None]}


async def test_v1_v6_a_list_is_accepted_in_part_and_each_lead_is_named(
    running_org: RunningOrg, store: Engine
) -> None:
    """What intake refuses is a dead letter with the same reason; what is no message is counted."""
    keys = keys_of(running_org.stack, store)
    secret, _ = keys.issue(running_org.org, "acme", "test", by="test")
    leads = [{"external_id": "B-1"}, {"first_name": "Ann"}, 7, {"external_id": "B-2", "credit_score": "high"}]
    async with arrivals(running_org) as topic, client(running_org, secret) as vendor:
        answer = await vendor.post(DOOR, json=leads)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        body = answer.json()
        assert (body["accepted"], body["refused"]) == (2, 2)
        assert [lead["line"] for lead in body["leads"]] == [1, 4]
        assert body["leads"][1]["remarks"]["invalid"] == {"credit_score": "high"}
        assert [(refusal["line"], refusal["field"]) for refusal in body["refusals"]] == [
            (2, "external_id"),
            (3, ""),
        ]
        assert len(await topic.take()) == 3
        alone = await vendor.post(DOOR, json={"first_name": "Bob"})
        assert alone.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert alone.headers["content-type"] == "application/problem+json"
        problem = alone.json()
        assert problem["type"] == "urn:firstclaim:problem:refused"
        assert problem["errors"][0]["path"] == "external_id"
        assert "needed to tell the lead from others" in problem["detail"]
        letters = await letters_of(running_org, 2)
        assert {letter.error_class for letter in letters} == {"nothing_identifying"}
        assert all(problem["errors"][0]["reason"] in letter.reason for letter in letters)
    (key,) = keys.all(running_org.org)
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
        202,
        "stand for no character: &x;",
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
    running_org: RunningOrg, store: Engine
) -> None:
    """A value that cannot be kept costs itself, as on the topic; a body that cannot be read costs itself."""
    async with arrivals(running_org) as topic, client(running_org, issue_key(running_org, store)) as vendor:
        wrong = {}
        for name, (body, content_type, status, text) in HOSTILE.items():
            headers = {"content-type": content_type} if content_type else {}
            answer = await vendor.post(DOOR, content=body, headers=headers)
            is_problem = answer.headers["content-type"] == "application/problem+json"
            if answer.status_code != status or text not in answer.text or is_problem == (status == 202):
                wrong[name] = (answer.status_code, answer.text)
        assert wrong == {}
        names = [message.get("last_name") for message in await topic.messages()]
        assert names.count("Muñoz") == 2
        assert "root:" not in json.dumps(names)
        large = await vendor.post(DOOR, content=b" " * (1024 * 1024 + 1), headers=JSON_TYPE)
        assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        assert (await vendor.post(DOOR, json=LEAD)).status_code == HTTPStatus.ACCEPTED


async def test_the_same_idempotency_key_and_bytes_get_the_same_answer(
    running_org: RunningOrg, store: Engine
) -> None:
    keys = keys_of(running_org.stack, store)
    secret, _ = keys.issue(running_org.org, "acme", "test", by="test")
    async with arrivals(running_org) as topic, client(running_org, secret) as vendor:

        async def post(body: Any, key: str = "post-1") -> httpx.Response:
            return await vendor.post(DOOR, json=body, headers={"idempotency-key": key})

        first_answer = await post(LEAD)
        assert first_answer.status_code == HTTPStatus.ACCEPTED
        again = await post(LEAD)
        assert (again.status_code, again.content) == (first_answer.status_code, first_answer.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert len(await topic.take()) == 1
        reused = await post({**LEAD, "external_id": "A-9"})
        assert reused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert reused.json()["type"] == "urn:firstclaim:problem:idempotency-key-reused"
        refused = await post({"first_name": "Ann"}, "post-2")
        repeated = await post({"first_name": "Ann"}, "post-2")
        assert (repeated.status_code, repeated.content) == (422, refused.content)
        assert repeated.headers["content-type"] == "application/problem+json"
        assert (await post(LEAD, "x" * 201)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        await topic.take()
        raced = await asyncio.gather(*(post({**LEAD, "external_id": f"R-{n % 2}"}, "race") for n in range(8)))
        assert {reply.status_code for reply in raced} == {
            HTTPStatus.ACCEPTED,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
        assert len({message["external_id"] for message in await topic.messages()}) == 1, (
            "two bodies, one key: one counts"
        )
    async with client(running_org, issue_key(running_org, store)) as another:
        answer = await another.post(DOOR, json=LEAD, headers={"idempotency-key": "post-1"})
        assert "idempotent-replayed" not in answer.headers, "each key has its own"
