"""A worker that is killed between its writes and its commits repeats no write and misses no deadline."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.lead import DeadlineKind, DirectoryRow, LeadRow
from streams.topics import LEAD_JOURNAL, LEAD_LOG
from tests.agents.conftest import (
    PARTITIONS,
    lead_arrival,
    partition_of,
    queue,
    requested_action,
    results_by_action,
)

if TYPE_CHECKING:
    from tests.agents.conftest import Engine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LEADS = [f"lead-{n}" for n in range(40)]


async def test_x4_replays_write_nothing_and_d4_every_callback_rings_once(engine: Engine) -> None:
    """Nothing is committed before the kill, so the restarted worker reads the whole log again.

    Deadlines pass meanwhile.
    """
    await engine.tell(queue("aged", version=1), queue("fresh", version=2, state="MA"))
    async with engine.worker(COMMIT_SECONDS=600, INSTANCE="worker-0") as worker:
        await worker.until_async(lambda: journal_has(engine, 4), "it works")
        due = datetime.now(UTC) + timedelta(seconds=3)
        await engine.tell(
            *(lead_arrival(lead) for lead in LEADS),
            *(requested_action(lead, "claim") for lead in LEADS),
            *(requested_action(lead, "view") for lead in LEADS),
            *(requested_action(lead, "callback", at=due) for lead in LEADS),
        )

        async def armed() -> bool:
            rows = await engine.rows()
            return all(
                lead in rows and f"callback/{lead}/rep-7" in results_by_action(rows[lead]) for lead in LEADS
            )

        await worker.until_async(armed, "every callback is armed")
        await worker.kill9()
    assert await engine.cluster.commits(engine.group("worker"), engine.topic(LEAD_LOG)) == {}
    before = await engine.journal()
    end = [f"end-{n}" for n in range(5)]
    assert {partition_of(lead.encode()) for lead in end} == set(range(PARTITIONS))
    await engine.tell(*(lead_arrival(lead) for lead in end))
    async with engine.worker(INSTANCE="worker-0") as worker:

        async def rung() -> bool:
            rows = await engine.rows()
            return set(end) <= rows.keys() and not any(callbacks(rows[lead]) for lead in LEADS)

        await worker.until_async(rung, "every callback has rung")
        worker.signal(signal.SIGTERM)
        assert await worker.exit_code() == 0
    journal = await engine.journal()
    # The earlier records are unchanged, and each event of the log has exactly one record.
    assert contents(before).items() <= contents(journal).items()
    written = Counter((record.partition, row.off) for record, row in journal)
    assert set(written.values()) == {1}
    ends = await engine.cluster.ends(engine.topic(LEAD_LOG))
    assert set(written) == {(partition, off) for partition, end in ends.items() for off in range(end)}
    rung_once = Counter(
        record.key.decode()
        for record, row in journal
        if isinstance(row, LeadRow)
        for decision in row.decisions
        if type(decision).__name__ == "CallbackDue"
    )
    assert rung_once == Counter(LEADS)
    # A graceful stop has committed everything.
    await engine.cluster.commits_reach(engine.group("worker"), engine.topic(LEAD_LOG), ends)


async def test_two_workers_that_come_and_go_decide_each_event_once(engine: Engine) -> None:
    """During graceful rebalances under load, one worker joins and one leaves.

    No event is decided twice, and none is missing.
    """
    leads = [f"lead-{n}" for n in range(300)]
    await engine.tell(queue())
    async with engine.worker(COMMIT_SECONDS=600) as first:
        await first.until_async(lambda: journal_has(engine, 1), "the first one works")
        sending = asyncio.create_task(slowly(engine, leads))
        async with engine.worker(COMMIT_SECONDS=600) as second:
            await second.until_async(lambda: journal_has(engine, len(leads) // 2), "half is done")
            first.signal(signal.SIGTERM)
            assert await first.exit_code() == 0
            await sending
            await second.until_async(lambda: journal_has(engine, 2 * len(leads)), "all is done")
    rows = await engine.rows()
    for lead in leads:
        assert results_by_action(rows[lead]) == {f"claim/{lead}/rep-7": "won"}
    written = Counter((record.partition, row.off) for record, row in await engine.journal())
    assert set(written.values()) == {1}


async def slowly(engine: Engine, leads: list[str]) -> None:
    """Send arrivals and claims in portions."""
    for begin in range(0, len(leads), 50):
        portion = leads[begin : begin + 50]
        await engine.tell(
            *(lead_arrival(lead) for lead in portion), *(requested_action(lead, "claim") for lead in portion)
        )


async def journal_has(engine: Engine, least: int) -> bool:
    """Return whether the journal has the given number of records of leads and queues."""
    ends = await engine.cluster.ends(engine.topic(LEAD_JOURNAL))
    return sum(ends.values()) >= least


def callbacks(row: LeadRow | DirectoryRow | None) -> int:
    """Return how many callbacks of a row are still pending."""
    if not isinstance(row, LeadRow) or row.lead is None:
        return 0
    return sum(deadline.kind is DeadlineKind.CALLBACK for deadline in row.lead.deadlines)


def contents(journal: list[tuple[Any, LeadRow | DirectoryRow]]) -> dict[tuple[int, int], tuple[bytes, bytes]]:
    """Return the record at each place of the journal."""
    return {(record.partition, record.offset): (record.key, record.value) for record, _ in journal}
