"""When a recovery ends, Faust fetches for no partition, which means all, and delivers while it seeks. Both lose events.

Each happens once in some hundred starts; the program under test forces it (apps/races.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from models.codec import encode_row
from models.lead import LeadRow
from runtime.process import end_of
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from tests.streams.faust.cluster import Cluster
    from tests.streams.faust.conftest import Launch

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def check_reads(
    expected: set[int],
    cluster: Cluster,
    launch: Launch,
    race: str,
    *,
    without: str = "",
    committed: int | None,
) -> None:
    """Expect offsets that a reader gets, of ten existing events and two that come during its recovery."""
    topic, journal = await cluster.create(unique("seek"), 1), await cluster.create(unique("seek-journal"), 1)
    group = unique("seek")
    await cluster.send(topic, [(0, b"key", b"%d" % n) for n in range(10)])
    row = LeadRow(off=0, seq=1, lead=None, at=datetime.now(UTC), cause="cause")
    await cluster.send(journal, [(0, b"key", encode_row(row))])  # something to recover
    if committed is not None:
        await cluster.commit(group, topic, {0: committed})
        await cluster.commits_reach(group, topic, {0: committed})
    reader = launch(
        "reader",
        TOPIC=topic,
        JOURNAL=journal,
        GROUP=group,
        FIRSTCLAIM_PARTITIONS=1,
        WITHOUT=without,
        RACE=race,
    )
    async with reader:
        await reader.wait_for_report(fetched=True)
        await cluster.send(topic, [(0, b"key", b"10")])
        await reader.wait_for_report(owns=[0])
        await reader.wait_for_report(got=[0, 10])
        await cluster.send(topic, [(0, b"key", b"11")])
        await reader.wait_for_report(got=[0, 11])
        values = {report["got"][1] for report in reader.reports if "got" in report}
        assert values == expected, f"{reader.reports}{end_of(reader.log)}"


async def test_overtaken_fetch_a_fetch_for_no_partition_takes_nothing(
    cluster: Cluster, launch: Launch
) -> None:
    """To aiokafka an empty set of partitions means all. If nothing is committed yet, no seek brings the events back."""
    race = "fetched_for_no_partition"
    await check_reads(set(range(12)), cluster, launch, race, committed=None)
    await check_reads({10, 11}, cluster, launch, race, without="overtaken_fetch", committed=None)


async def test_fetch_hold_nothing_is_delivered_while_a_recovery_seeks(
    cluster: Cluster, launch: Launch
) -> None:
    """An event is delivered and then sought back.

    The second copy counts as delivered, is dropped, and the gap is acked.
    """
    race = "delivered_while_it_seeks"
    await check_reads(set(range(2, 12)), cluster, launch, race, committed=2)
    await check_reads({10, 11}, cluster, launch, race, without="fetch_hold", committed=2)
