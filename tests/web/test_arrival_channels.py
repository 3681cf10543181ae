"""One person who comes by every door is one lead with all arrivals; two persons at one mailbox are two (K1, K2)."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from application.importing.mapping import read_yaml
from application.journal_snapshot import journal_now
from models.ids import lead_id
from streams.topics import LEAD_ARRIVALS
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.rows import WORK
from tests.web.vendor_posts import EXAMPLES, client, issue_key
from web.store.vendor_posts import Mappings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

ADF = """<?adf version="1.0"?><?xml version="1.0"?>
<adf><prospect><id source="lot">adf-1</id><requestdate>2026-11-20T09:12:00-05:00</requestdate>
<customer><contact><name part="first">Jeremy</name><name part="last">Jones</name>
<phone>401.419.4247</phone></contact></customer><vendor><vendorname>us</vendorname></vendor></prospect></adf>
"""


async def until_arrived(running_org: RunningOrg, lead: str, arrivals: int) -> None:
    """Wait until a lead has so many arrivals."""

    async def has_them() -> bool:
        arrived = (await journal_now(running_org.stack.settings)).leads.get(lead)
        return arrived is not None and arrived.inquiries == arrivals

    await eventually(has_them, f"{lead} has {arrivals} arrivals")


async def test_k1_k2_one_person_by_five_doors_is_one_lead_and_two_at_one_mailbox_are_two(
    running_org: RunningOrg, store: Engine, tmp_path: Path
) -> None:
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "work", **WORK)
    stack, org = running_org.stack, running_org.org
    expected_id = lead_id(org, "sheet", "csv-1", {})

    async def send(name: str, text: str, vendor: str) -> None:
        path = tmp_path / name
        path.write_text(text)
        result = await asyncio.to_thread(
            firstclaim, stack, "send", path, *("--vendor", vendor, "--campaign", "west", "--org", org)
        )
        assert result.code == 0, result.out + result.err

    await send(
        "leads.csv",
        "external_id,first_name,last_name,phone,email\ncsv-1,Jeremy,Jones,(401) 419-4247,home@jones.example\n",
        "sheet",
    )
    await until_arrived(running_org, expected_id, 1)
    await send("leads.xml", ADF, "lot")
    await until_arrived(running_org, expected_id, 2)
    async with client(running_org, issue_key(running_org, store)) as vendor:
        body = {"external_id": "post-1", "full_name": "Jones, Jeremy", "mobile": "+1 401 419 4247"}
        answer = await vendor.post("/api/v1/leads/acme", json=body)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    await until_arrived(running_org, expected_id, 3)
    Mappings(store).put(org, "leadconduit", read_yaml(EXAMPLES / "leadconduit.yaml"), by="test")
    async with client(running_org, issue_key(running_org, store, "leadconduit")) as vendor:
        form = {"lead_id": "lc-1", "first_name": "JEREMY", "last_name": "JONES", "phone_1": "1-401-419-4247"}
        answer = await vendor.post("/api/v1/leads/leadconduit", data=form)
        assert answer.json()["outcome"] == "success", answer.text
    await until_arrived(running_org, expected_id, 4)
    produce_lead(
        running_org, external_id="kafka-1", first_name="Jérémy", last_name="Jones", phone="4014194247"
    )
    await until_arrived(running_org, expected_id, 5)
    state = await journal_now(stack.settings)
    assert [found_id for found_id, lead in state.leads.items() if lead.facts.org == org] == [expected_id]

    spouse = lead_id(org, "globex", "kafka-2", {})
    mail = "home@jones.example"
    produce_lead(
        running_org, external_id="kafka-2", first_name="Ann", last_name="Roe", email=mail, phone="4014190001"
    )
    await until_arrived(running_org, spouse, 1)
    mia = await running_org.program("mia")

    async def marked() -> Any:
        answer = await mia.get(f"/api/v1/leads/{spouse}/why")
        events = answer.json()["events"] if answer.status_code == HTTPStatus.OK else []
        return next((event["why"] for event in events if event["type"] == "lead_accepted"), None)

    why = str(await eventually(marked, "the second lead's first decision is shown"))
    assert f"it may be the same person as lead {expected_id}" in why
    await until_arrived(running_org, expected_id, 5)


def produce_lead(running_org: RunningOrg, **facts: Any) -> None:
    """Send a lead by librdkafka."""
    producer = Producer({"bootstrap.servers": running_org.stack.settings.kafka_bootstrap_servers})
    producer.produce(
        LEAD_ARRIVALS, json.dumps({"vendor": "globex", "org": running_org.org, **facts}).encode()
    )
    assert producer.flush(PATIENCE_SECONDS) == 0
