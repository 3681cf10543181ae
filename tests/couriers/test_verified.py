"""N1: `verify` finds a request without a fate, a fate without a request, and a fate that the CRM database lacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from assurance.verify import deliveries
from assurance.verify.deliveries import check_deliveries
from assurance.verify.findings import Findings
from couriers.channels import group_of
from sink.database_engine import connect
from sink.deliveries import DeliveryWriter, delivery_row
from sink.migrate import upgrade
from streams.topic_reader import read_topic
from tests.couriers.conftest import PARTITIONS
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.couriers.conftest import CourierProcess, Post

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def records_passed(post: Post) -> int:
    """Return how many records the mail couriers have passed."""
    reader = Consumer({"bootstrap.servers": post.address, "group.id": group_of("mail")})
    positions = reader.committed(
        [TopicPartition("notifications", n) for n in range(PARTITIONS)], timeout=PATIENCE_SECONDS
    )
    reader.close()
    return sum(max(0, position.offset) for position in positions)


def test_n1_fates_and_requests_are_compared(
    post: Post, start_courier: Callable[..., CourierProcess], tmp_path: Path
) -> None:
    settings = post.settings(tmp_path)
    upgrade(settings.database_url)

    def findings() -> dict[str, int]:
        findings = Findings()
        asyncio.run(check_deliveries(settings, findings))
        return dict(findings.counts)

    rep = unique("rep")
    post.rep(rep)
    courier = start_courier()
    ids = [post.request(rep, unique("lead")) for _ in range(5)]
    waiting = post.request(rep, unique("lead"), kind="push")
    assert until(lambda: post.all_have_fates(*ids))
    assert until(lambda: records_passed(post) == 6)
    courier.kill()
    assert findings() == {}, "nobody carries out the push"

    # A courier that passes a request without a fate.
    lost = post.request(rep, "lost")
    group = Consumer(
        {"bootstrap.servers": post.address, "group.id": group_of("mail"), "session.timeout.ms": 6000}
    )
    group.subscribe(["notifications"])
    assert until(lambda: group.poll(1) is not None or bool(group.assignment()))
    ends = [
        TopicPartition("notifications", n, group.get_watermark_offsets(TopicPartition("notifications", n))[1])
        for n in range(PARTITIONS)
    ]
    group.commit(offsets=ends, asynchronous=False)
    group.close()
    assert findings() == {"fate_missing": 1}

    post.write(
        "deliveries", "lost", {**post.deliveries(ids[0])[0], "notification_id": lost, "status": "failed"}
    )
    assert findings() == {}
    delivery = {**post.deliveries(ids[0])[0], "notification_id": waiting + "x"}
    post.write("deliveries", delivery["lead_id"], delivery)
    assert findings() == {"fate_unasked": 1}

    # A sink that has passed the fates and stored all but the last of each partition.
    engine = connect(settings.database_url)
    ends_of: dict[int, int] = {}
    rows = {}
    for record in post.records("deliveries"):
        ends_of[record.partition()] = record.offset() + 1
        rows[record.partition(), record.offset()] = delivery_row(record.value())
    stored_rows = [row for (n, at), row in rows.items() if row is not None and at + 1 < ends_of[n]]
    assert DeliveryWriter(engine).apply(stored_rows, {}, ends_of)
    engine.dispose()
    assert findings() == {"fate_unasked": 1, "crm_missing": len(ends_of)}


def test_n1_a_request_that_comes_while_fates_are_compared_is_no_error(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request and its fate are written after the first topic of their partition was read."""
    settings = post.settings(tmp_path)
    upgrade(settings.database_url)
    fate = {"channel": "email", "status": "sent", "provider": "p", "detail": "", "org": "default"}
    wrote: list[str] = []

    async def reads(*arguments: Any, **options: Any) -> AsyncIterator[Any]:
        async for record in read_topic(*arguments, **options):
            yield record
        lead = unique("lead")
        wrote.append(identity := post.request("rep", lead))
        ids = {"notification_id": identity, "lead_id": lead, "rep_id": "rep", "at": "2026-11-20T14:12:00Z"}
        post.write("deliveries", lead, {**fate, **ids})

    before, findings = Findings(), Findings()
    asyncio.run(check_deliveries(settings, before))
    monkeypatch.setattr(deliveries, "read_topic", reads)
    asyncio.run(check_deliveries(settings, findings))
    assert wrote
    assert dict(findings.counts) == dict(before.counts)
