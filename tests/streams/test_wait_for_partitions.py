"""A fetch begins as soon as there is a partition to fetch from, without Faust's wait of a second (docs/faust.md 33)."""

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from faust.transport.consumer import Consumer

from streams import patches

PARTITION = TopicPartition("journal", 0)


async def test_a_fetch_that_waits_for_partitions_begins_when_they_are_there() -> None:
    patches.apply()
    active: list[set[TopicPartition]] = [set(), set(), {PARTITION}]
    fetched: list[Any] = []

    async def getmany(active_partitions: Any, timeout: float) -> dict[Any, Any]:  # noqa: ARG001, ASYNC109  # Faust's signature
        fetched.append(active_partitions)
        return {}

    async def sleep(seconds: float) -> None:
        raise AssertionError(f"Faust sleeps for {seconds} s")

    recovery = SimpleNamespace(active_tps=set())
    tables = SimpleNamespace(recovery=recovery, changelog_queue=asyncio.Queue[Any]())
    consumer = SimpleNamespace(
        app=SimpleNamespace(tables=tables, client_only=False),
        flow_active=True,
        should_stop=False,
        not_waiting_next_records=asyncio.Event(),
        sleep=sleep,
        _getmany=getmany,
        _get_active_partitions=lambda: active.pop(0) if len(active) > 1 else active[0],
    )
    wait: Any = Consumer._wait_next_records
    assert await wait(consumer, 1.0) == ({}, {PARTITION})
    assert fetched == [{PARTITION}]
