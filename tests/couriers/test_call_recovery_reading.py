"""The recovery of calls reads what is recent in a topic, however few of its partitions have anything recent."""

from __future__ import annotations

import pytest

from couriers.telephone.call_recovery import _since
from streams.settings import Settings
from tests.fixtures.servers import unique
from tests.streams.faust.cluster import Cluster


@pytest.mark.kafka
async def test_recent_records_are_read_though_other_partitions_have_none(kafka: str) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.create(unique("recent"), 3)
    await cluster.send(topic, [(1, b"k", b"recent")])
    values = [
        record.value async for record in _since(Settings.read(kafka_bootstrap_servers=kafka), topic, 60)
    ]
    assert values == [b"recent"]
