"""Faust's consumer runs in the loop that decides, so its heartbeats say that this loop runs (docs/faust.md 13, 35)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streams.process_exit import ExitCode
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from pathlib import Path

    from tests.streams.faust.cluster import Cluster
    from tests.streams.faust.conftest import Launch

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_consumer_in_loop_a_worker_whose_loop_hangs_loses_its_partitions(
    cluster: Cluster, launch: Launch, tmp_path: Path
) -> None:
    """Another worker takes over while the first one hangs. When its loop goes on, the first one writes nothing more."""
    topic, group = await cluster.create(unique("hangs"), 2), unique("hangs")
    environment = {"TOPIC": topic, "GROUP": group, "FIRSTCLAIM_PARTITIONS": 2}
    released = tmp_path / "released"
    async with launch("reader", **environment) as hanging:
        await hanging.wait_for_report(owns=[0, 1])
        hanging.tell(hang_until=str(released))
        await hanging.wait_for_report(hangs=True)
        async with launch("reader", **environment) as other:
            await other.wait_for_report(owns=[0, 1])
            await cluster.send(topic, [(0, None, b"0"), (1, None, b"1")])
            await other.wait_for_report(got=[0, 0])
            await other.wait_for_report(got=[1, 0])
            assert hanging.ended is None
            released.touch()
            assert await hanging.exit_code() == ExitCode.LEASE_LOST
    assert not hanging.reports_naming("got")


async def test_consumer_in_loop_a_worker_has_no_thread_for_its_consumer(
    cluster: Cluster, launch: Launch
) -> None:
    """Fact 35: stock Faust starts a thread, which takes Python's lock from the one that decides."""

    async def threads(without: str) -> list[str]:
        topic = await cluster.create(unique("threads"), 1)
        async with launch("reader", TOPIC=topic, FIRSTCLAIM_PARTITIONS=1, WITHOUT=without) as reader:
            await reader.wait_for_report(owns=[0])
            await cluster.send(topic, [(0, None, b"0")])
            await reader.wait_for_report(got=[0, 0])
            reader.tell(count_threads=True)
            names: list[str] = (await reader.wait_for_field("threads"))["threads"]
            return names

    patched, unpatched = await asyncio.gather(threads(""), threads("consumer_in_loop"))
    assert patched == ["MainThread"]
    assert len(unpatched) == 2
