"""Recorded posts are read by the shipped mappings, and answered in the form that is asked for (V3)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import pytest

from application.importing.mapping import Mapping, read_yaml
from models.ids import lead_id
from tests.web.vendor_posts import (
    DOOR,
    EXAMPLES,
    FORM,
    JSON_TYPE,
    LEAD,
    RECORDED,
    SECRET,
    arrivals,
    client,
    issue_key,
)
from web.store.vendor_posts import Mappings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


RECORDINGS: Final = {
    "meta webhook": ("meta", "meta_webhook.json", "/webhook", HTTPStatus.OK),
    "zapier": ("zapier", "zapier.json", "", HTTPStatus.ACCEPTED),
    "leadconduit": ("leadconduit", "leadconduit.form", "", HTTPStatus.ACCEPTED),
}


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_v3_recorded_posts_are_read_by_the_shipped_mappings(
    running_org: RunningOrg, store: Engine, recording: str
) -> None:
    vendor, file, path, status = RECORDINGS[recording]
    value = read_yaml(EXAMPLES / f"{vendor}.yaml")
    Mapping(value)
    Mappings(store).put(running_org.org, vendor, value, by="test")
    content_type = FORM if file.endswith(".form") else "application/json"
    secret = issue_key(running_org, store, vendor)
    async with arrivals(running_org) as topic, client(running_org, secret) as sender:
        body = (RECORDED / file).read_bytes()
        answer = await sender.post(
            f"/api/v1/leads/{vendor}{path}", content=body, headers={"content-type": content_type}
        )
        assert answer.status_code == status, answer.text
        (message,) = await topic.messages()
    facts = {name: message.get(name) for name in ("email", "zip", "vendor")}
    assert facts == {"email": "jeremy@example.org", "zip": "02903", "vendor": vendor}
    named = message.get("full_name") or f"{message['first_name']} {message['last_name']}"
    assert named == "Jeremy Jones"
    if vendor == "leadconduit":
        assert answer.json() == {
            "outcome": "success",
            "reason": None,
            "lead": {"id": lead_id(running_org.org, vendor, "5f5e0a1b2c3d", {})},
        }
        async with client(running_org, secret) as sender:
            failed = await sender.post(f"/api/v1/leads/{vendor}", data={"first_name": "Ann"})
        assert failed.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert failed.json()["outcome"] == "failure"
        assert failed.json()["reason"].startswith("external_id: ")
    else:
        (lead,) = answer.json()["leads"]
        assert "invalid" not in lead["remarks"]
        assert message["created_at"] in ("2025-11-20T09:12:00+00:00", "2025-11-20T09:12:00-05:00")


async def test_leadconduits_form_of_the_answer_is_given_where_it_is_asked_for(
    running_org: RunningOrg, store: Engine
) -> None:
    async with client(running_org, issue_key(running_org, store)) as vendor:
        accept = {"accept": "application/vnd.leadconduit+json"}
        for answer in (
            await vendor.post(DOOR, json=LEAD, headers=accept),
            await vendor.post(DOOR, json=LEAD, params={"reply": "leadconduit"}),
        ):
            assert answer.json()["outcome"] == "success"
        answer = await vendor.post(DOOR, json=[LEAD, {"first_name": "Ann"}], headers=accept)
        assert [reply["outcome"] for reply in answer.json()] == ["success", "failure"]
        assert (await vendor.post(f"{DOOR}?reply=other", json=LEAD)).status_code == 422


async def test_meta_verifies_the_webhook_and_a_notification_without_answers_is_refused(
    running_org: RunningOrg, store: Engine
) -> None:
    Mappings(store).put(running_org.org, "meta", read_yaml(EXAMPLES / "meta.yaml"), by="test")
    signed, plain = (
        issue_key(running_org, store, "meta", signing_secret=SECRET),
        issue_key(running_org, store, "meta"),
    )
    path = "/api/v1/leads/meta/webhook"

    def subscribe_query(token: str, mode: str = "subscribe") -> dict[str, str]:
        return {"hub.mode": mode, "hub.challenge": "1158201444", "hub.verify_token": token}

    async with client(running_org, None) as meta, client(running_org, plain) as sender:
        right = await meta.get(path, params=subscribe_query(signed))
        assert (right.status_code, right.text) == (HTTPStatus.OK, "1158201444")
        assert right.headers["content-type"].startswith("text/plain")
        assert (await meta.get(path, params=subscribe_query(plain))).status_code == HTTPStatus.FORBIDDEN
        assert (await meta.get(path, params=subscribe_query("no"))).status_code == HTTPStatus.FORBIDDEN
        assert (await meta.get(path, params=subscribe_query(signed, "other"))).status_code == 422
        assert (
            await meta.get("/api/v1/leads/acme/webhook", params=subscribe_query(signed))
        ).status_code == HTTPStatus.FORBIDDEN
        bare = (RECORDED / "meta_notification.json").read_bytes()
        answer = await sender.post(path, content=bare, headers=JSON_TYPE)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["detail"] == "field_data: is empty"
    async with arrivals(running_org) as topic, client(running_org, issue_key(running_org, store)) as relay:
        body = (RECORDED / "meta_graph_api.json").read_bytes()
        answer = await relay.post(DOOR, content=body, headers=JSON_TYPE)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        assert answer.json()["leads"][0]["remarks"] == {"assumed": {"state": "from zip 02903"}}
        assert len(await topic.take()) == 1
