"""An engine that keeps writing is not behind. A reader that does not move is."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest
from aiokafka import TopicPartition

from assurance.chaos.own_stack import own_stack
from assurance.verify.catch_up import catch_up
from assurance.verify.findings import Findings
from sink.migrate import upgrade
from streams import clients
from streams.topics import LEAD_LOG, WORKER_GROUP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

WAIT_SECONDS: Final = 20.0
"""So many records of the writer that also a slow machine passes some of them."""
PACE_SECONDS: Final = 0.5
"""How long a record waits for its commit, as with a worker under load."""
PARTITION: Final = TopicPartition(LEAD_LOG, 0)


@asynccontextmanager
async def offers_that_never_end(settings: Settings) -> AsyncIterator[None]:
    """Write and commit in the worker's name without end. Its position is nearly always one record behind."""
    written: asyncio.Event = asyncio.Event()

    async def write() -> None:
        async with (
            clients.started_client(clients.producer(settings)) as producer,
            clients.started_client(clients.consumer(settings, group=WORKER_GROUP)) as worker,
        ):
            worker.assign([PARTITION])
            while True:
                record = await producer.send_and_wait(
                    LEAD_LOG, b"{}", key=b"lead", partition=PARTITION.partition
                )
                await asyncio.sleep(PACE_SECONDS)
                await worker.commit({PARTITION: record.offset + 1})
                written.set()

    writing = asyncio.create_task(write())
    try:
        await written.wait()
        yield
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_offers_that_are_made_anew_are_not_a_reader_that_is_behind(tmp_path: Path) -> None:
    async with own_stack(tmp_path) as (_, settings):
        upgrade(settings.database_url)
        findings = Findings()
        async with offers_that_never_end(settings):
            snapshot = await catch_up(settings, findings, wait_seconds=WAIT_SECONDS)
        assert findings.counts == {}
        assert snapshot.end(*PARTITION) > 0
        async with clients.started_client(clients.producer(settings)) as producer:
            await producer.send_and_wait(LEAD_LOG, b"{}", key=b"lead", partition=PARTITION.partition)
        await catch_up(settings, findings, wait_seconds=1)
        assert findings.counts == {"behind": 1}
