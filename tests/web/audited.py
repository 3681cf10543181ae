"""The audit as others read it: from the topic and from the API."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer

from models.audit import AUDIT
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.running_org import NEW

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg


async def on_the_topic(running_org: RunningOrg, *acts: str) -> list[dict[str, Any]]:
    """Return the org's records, once these acts are on the topic, as a client that is not ours reads them."""
    consumer = AIOKafkaConsumer(
        AUDIT,
        bootstrap_servers=running_org.stack.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    records: list[dict[str, Any]] = []
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for record in consumer:
                if (record.key or b"").decode() == running_org.org:
                    records.append(json.loads(record.value))
                if Counter(acts) <= Counter(audit_record["act"] for audit_record in records):
                    return records
    finally:
        await consumer.stop()
    raise AssertionError


async def entries(client: httpx.AsyncClient, act: str, count: int = 1, **more: Any) -> list[dict[str, Any]]:
    """Return the entries of an act from the API, once there are as many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await client.get("/api/v1/audit", params={"act": act, **more})
            assert answer.status_code == HTTPStatus.OK, answer.text
            audit_entries: list[dict[str, Any]] = answer.json()["entries"]
            if len(audit_entries) >= count:
                return audit_entries
            await asyncio.sleep(0.05)


async def crew(running_org: RunningOrg) -> None:
    await running_org.rep("ann-lee", "admin")
    await running_org.rep("bob-ray")
    await running_org.until_known("bob-ray")


async def publish(client: httpx.AsyncClient, queue: str, **value: Any) -> None:
    path = f"/api/v1/queue-drafts/{queue}"
    state = await client.get(path)
    match = {"if-match": state.headers["etag"]} if state.status_code == HTTPStatus.OK else {}
    saved = await client.put(path, json={"value": {**NEW, **value}}, headers=match)
    assert saved.status_code == HTTPStatus.OK, saved.text
    published = await client.post(
        f"{path}/publish", json={"over": saved.json()["version"]}, headers={"if-match": saved.headers["etag"]}
    )
    assert published.status_code == HTTPStatus.OK, published.text
