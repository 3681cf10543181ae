"""Each patch prevents a loss or slowness of stock Faust. Every test runs with and without it and shows both results.

If the loss is a race, the program under test forces it (apps/races.py).
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from models.codec import encode_row
from models.lead import LeadRow
from streams.process_exit import ExitCode
from tests.fixtures.servers import unique
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.streams.faust.cluster import Cluster
    from tests.streams.faust.conftest import Launch
    from tests.streams.faust.program import Program

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def with_and_without(patch: str, scenario: Callable[[str], Awaitable[Any]]) -> tuple[Any, Any]:
    """Return the results of a scenario with all patches and without this one. Both run at the same time."""
    return tuple(await asyncio.gather(scenario(""), scenario(patch)))


def received_events(*programs: Program) -> list[tuple[int, int]]:
    """Return (partition, offset) of the events that these programs got, in order."""
    return [tuple(report["got"]) for program in programs for report in program.reports if "got" in report]


def row(off: int) -> bytes:
    """Return a journal row."""
    return encode_row(LeadRow(off=off, seq=1, lead=None, at=datetime.now(UTC), cause=f"cause/{off}"))


async def test_stream_buffers_events_that_wait_when_a_recovery_ends_are_handled(
    cluster: Cluster, launch: Launch
) -> None:
    """Fact 3: stock Faust empties buffers that were never suspended, and drops the copies that it fetches again."""

    async def scenario(without: str) -> list[int]:
        topic, journal = await cluster.create(unique("p1"), 1), await cluster.create(unique("p1-journal"), 1)
        await cluster.send(topic, [(0, b"key", b"%d" % n) for n in range(10)])
        await cluster.send(
            journal, [(0, b"key", row(0))]
        )  # something to recover: else nothing is fetched yet
        reader = launch(
            "reader",
            TOPIC=topic,
            JOURNAL=journal,
            FIRSTCLAIM_PARTITIONS=1,
            WITHOUT=without,
            GATE=1,
            RACE="resumed_with_events_in_the_buffer",
            WAITING=9,
        )
        async with reader:
            await reader.wait_for_report(seeking=True)
            await reader.wait_for_report(owns=[0])
            reader.tell(open=True)
            await cluster.send(topic, [(0, b"key", b"10")])
            await reader.wait_for_report(got=[0, 10])
            return [offset for _, offset in received_events(reader)]

    # `fetch_hold` prevents the same loss in another way. Without it, only `stream_buffers` keeps what waits in the
    # buffer.
    patched, unpatched = await asyncio.gather(scenario("fetch_hold"), scenario("fetch_hold stream_buffers"))
    assert list(dict.fromkeys(patched)) == list(range(11))
    assert unpatched == [0, 10]


async def test_commit_cap_the_commit_does_not_pass_an_event_in_flight(
    cluster: Cluster, launch: Launch
) -> None:
    """Fact 4: acks come out of order, and stock Faust commits past the event in flight."""

    async def scenario(without: str) -> int | None:
        topic, group = await cluster.create(unique("p2")), unique("p2")
        await cluster.send(topic, [*[(0, None, b"%d" % n) for n in range(5)], (1, None, b"0")])
        async with launch("reader", TOPIC=topic, GROUP=group, HOLD=1, WITHOUT=without) as reader:
            await reader.until(lambda: len(received_events(reader)) == 6, "all six are given")
            reader.tell(ack=[[0, 3], [0, 1], [1, 0]])
            # Partition 1 is committed, so everything that was acked before has been considered.
            await cluster.commits_reach(group, topic, {1: 1})
            committed = await cluster.committed(group, topic)
            if not without:
                reader.tell(ack=[[0, 0]])
                await cluster.commits_reach(group, topic, {0: 2})
                reader.tell(ack=[[0, 4], [0, 2]])
                await cluster.commits_reach(group, topic, {0: 5})
            return committed

    patched, unpatched = await with_and_without("commit_cap", scenario)
    assert patched is None
    assert unpatched is not None


async def test_commit_cap_and_drain_commits_go_on_after_a_repeat_and_over_holes(
    cluster: Cluster, launch: Launch
) -> None:
    """Committed events may come again, and offsets may be missing, also right after the first one (compaction)."""
    topic, group = await cluster.create(unique("holes")), unique("holes")
    await cluster.send_with_holes(topic, 0, [b"0", b"2", b"4"])
    async with launch("reader", TOPIC=topic, GROUP=group) as reader:
        # The end of the last transaction is passed too.
        await cluster.commits_reach(group, topic, {0: 6})
        reader.tell(rewind=0)
        await reader.until(lambda: Counter(received_events(reader))[0, 4] == 2, "all is given again")
        await cluster.send_with_holes(topic, 0, [b"6", b"8"])
        await cluster.commits_reach(group, topic, {0: 10})
        # This reader also gets the stand-ins for the ends of transactions, at odd offsets. A stage passes over them.
        records = [position for position in received_events(reader) if not position[1] % 2]
        assert records == [(0, offset) for offset in (0, 2, 4, 0, 2, 4, 6, 8)]


async def test_message_drain_one_commit_passes_all_holes(cluster: Cluster, launch: Launch) -> None:
    """Faust's commits end at each hole. A vendor with more transactions than commits would leave them behind."""
    topic, group = await cluster.create(unique("holes")), unique("holes")
    count = 40
    await cluster.send_with_holes(topic, 0, [b"%d" % n for n in range(count)])
    async with launch("reader", TOPIC=topic, GROUP=group, COMMIT_SECONDS=600) as reader:
        records = {(0, 2 * n) for n in range(count)}
        await reader.until(lambda: records <= set(received_events(reader)), "it has handled all records")
        reader.signal(signal.SIGTERM)  # it commits once, at its end
        await reader.exit_code()
    committed, _ = (await cluster.commits(group, topic))[0]
    assert committed >= 2 * count - 1  # the marker of the last transaction may come after the end


async def test_commit_on_revoke_a_graceful_rebalance_replays_nothing(
    cluster: Cluster, launch: Launch
) -> None:
    """Fact 5: events are acked and not yet committed when a second member joins. Stock Faust forgets the acks first."""

    async def scenario(without: str) -> tuple[dict[int, int], set[int]]:
        topic, group = await cluster.create(unique("p3")), unique("p3")
        await cluster.send(topic, [(n % 2, None, b"%d" % n) for n in range(20)])
        environment = {"TOPIC": topic, "GROUP": group, "COMMIT_SECONDS": 600, "WITHOUT": without}
        async with launch("reader", **environment) as first:
            # Two members that join together would share the partitions before anything is acked.
            await first.until(lambda: len(received_events(first)) == 20, "the first member has handled all")
            async with launch("reader", **environment) as second:
                await second.until(
                    lambda: partitions_owned(first) == partitions_owned(second) == 1, "both own one"
                )
                commits = {p: offset for p, (offset, _) in (await cluster.commits(group, topic)).items()}
                await cluster.send(topic, [(0, None, b"end"), (1, None, b"end")])
                await second.until(
                    lambda: {(0, 10), (1, 10)} <= set(received_events(first, second)), "all is handled"
                )
                return commits, set(Counter(received_events(first, second)).values())

    patched, unpatched = await with_and_without("commit_on_revoke", scenario)
    assert patched == ({0: 10, 1: 10}, {1})
    assert unpatched[0] == {}
    assert max(unpatched[1]) == 2


async def test_overtaken_fetch_what_an_overtaken_fetch_took_is_given_back(
    cluster: Cluster, launch: Launch
) -> None:
    """A fetch waits through a rebalance and is served from the next assignment.

    If nothing is committed, events are lost.
    """

    async def scenario(without: str) -> list[tuple[int, int]]:
        topic, group = await cluster.create(unique("p4")), unique("p4")
        environment = {"TOPIC": topic, "GROUP": group, "WITHOUT": without}
        async with launch("reader", **environment, RACE="fetch_overtaken_by_a_rebalance") as first:
            await first.wait_for_report(owns=[0, 1])
            async with launch("reader", **environment) as second:
                await first.wait_for_report(rebalancing=True)
                await cluster.send(topic, [(partition, None, b"x") for partition in (0, 1)])
                await first.until(
                    lambda: partitions_owned(first) == partitions_owned(second) == 1, "both own one"
                )
                await cluster.send(topic, [(partition, None, b"end") for partition in (0, 1)])
                await first.until(
                    lambda: {(0, 1), (1, 1)} <= set(received_events(first, second)), "the last are handled"
                )
                return sorted(set(received_events(first, second)))

    patched, unpatched = await with_and_without("overtaken_fetch", scenario)
    assert patched == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert len(unpatched) == 3  # the first member's first event is missing


async def test_pause_on_assignment_a_spare_worker_fetches_nothing_before_it_knows_what_it_got(
    cluster: Cluster, launch: Launch
) -> None:
    """The flow of a worker without partitions is open.

    Stock Faust delivers before tables and agents know the assignment.
    """

    async def scenario(without: str) -> int | None:
        topic, journal = await cluster.create(unique("p5"), 1), await cluster.create(unique("p5-journal"), 1)
        await cluster.send(topic, [(0, b"key", b"0")])
        await cluster.send(journal, [(0, b"key", row(0))])
        environment = {
            "TOPIC": topic,
            "JOURNAL": journal,
            "GROUP": unique("p5"),
            "FIRSTCLAIM_PARTITIONS": 1,
            "WITHOUT": without,
            "RACE": "fetched_before_it_is_paused",
        }
        async with launch("reader", **environment) as first, launch("reader", **environment) as second:
            # A partition that is being reassigned belongs to nobody, so both workers are asked at the same moment.
            owner, spare = await second.until(
                lambda: next(
                    (
                        (owner, other)
                        for owner, other in ((first, second), (second, first))
                        if owner.newest_value("owns") == [0] and other.newest_value("owns") == []
                    ),
                    None,
                ),
                "one of them owns the partition and the other none",
            )
            owner.signal(signal.SIGTERM)
            await cluster.send(topic, [(0, b"key", b"1")])
            await eventually(
                lambda: spare.ended or (0, 1) in received_events(spare), "it is handled, or the spare ends"
            )
            result: int | None = spare.ended or spare.reports_with(got=[0, 1])[0]["row"]
            return result

    patched, unpatched = await with_and_without("pause_on_assignment", scenario)
    assert patched == 0
    # If the partition is new to the worker, Faust's conductor fails. If it had it before, the table is empty.
    assert unpatched in {ExitCode.SOFTWARE, None}


async def test_drain_a_rebalance_while_the_buffer_is_full_loses_nothing(
    cluster: Cluster, launch: Launch
) -> None:
    """More records wait than the buffer takes, and a second member joins.

    No event of the old generation reaches an agent.
    """
    topic, group = await cluster.create(unique("full")), unique("full")
    await cluster.send(topic, [(n % 2, None, b"%d" % n) for n in range(1000)])
    environment = {"TOPIC": topic, "GROUP": group, "BULKS": 1}
    async with launch("reader", **environment, GATE=1, BUFFERED=50) as first:
        await first.until(lambda: received_events(first), "the first is given")
        async with launch("reader", **environment) as second:
            await first.until(
                lambda: partitions_owned(first) == partitions_owned(second) == 1, "both own one"
            )
            at_the_rebalance = len(received_events(first))
            first.tell(open=True)
            await first.until(lambda: len(set(received_events(first, second))) == 1000, "all are handled")
            assert at_the_rebalance < 500  # the buffer was full
            assert not first.reports_with(stale=True)
            assert not second.reports_with(stale=True)
            assert {partition for partition, _ in received_events(first)[at_the_rebalance:]} == set(
                first.newest_value("owns")
            )
            assert max(Counter(received_events(first, second)).values()) == 1
            await cluster.commits_reach(group, topic, {0: 500, 1: 500})


async def test_drain_slurp_and_prefetch_work_without_a_task_for_each_record(
    cluster: Cluster, launch: Launch
) -> None:
    """Fact 17, 18: tasks are counted, not timed. Recovery gives the same rows with and without the patches."""

    async def scenario(without: str) -> dict[str, Any]:
        topic, journal = await cluster.create(unique("count")), await cluster.create(unique("count-journal"))
        rows = [(n % 2, b"key-%d" % (n % 7), row(n)) for n in range(1000)]
        zombie = [(n % 2, b"key-%d" % (n % 7), row(n)) for n in range(900, 950)]
        await cluster.send(journal, [*rows, *zombie, (0, b"bad", b"\xff"), (0, b"key-3", None)])
        environment = {"TOPIC": topic, "JOURNAL": journal, "COUNT": 1, "WITHOUT": without}
        async with launch("reader", **environment) as reader:
            await reader.wait_for_report(owns=[0, 1])
            recovery = await request_counts(reader)
            await cluster.send(topic, [(n % 2, None, b"%d" % n) for n in range(1000)])
            await reader.until(lambda: len(received_events(reader)) == 1000, "all are handled")
            events = await request_counts(reader)
            rows_found = await reader.wait_for_report(unreadable=1)
        return {
            "recovery": recovery["tasks"],
            "events": events["tasks"] - recovery["tasks"],
            "longest_backoff": events["longest_backoff"],
            "recovered": rows_found["recovered"],
            "regressions": rows_found["regressions"],
        }

    fast, slow = await with_and_without("message_drain changelog_reading prefetch", scenario)
    assert fast["recovery"] < 700
    assert slow["recovery"] > 1000
    assert fast["events"] < 300
    assert slow["events"] > 2000
    assert fast["longest_backoff"] <= 0.001
    assert slow["longest_backoff"] > 0.05
    newest: dict[str, dict[str, int]] = {"0": {}, "1": {}}
    for n in range(1000):
        newest[str(n % 2)][f"key-{n % 7}"] = n
    del newest["0"]["key-3"]
    assert fast["recovered"] == slow["recovered"] == newest
    assert fast["regressions"] == slow["regressions"] > 0


async def request_counts(reader: Program) -> dict[str, Any]:
    """Request the figures."""
    before = len([report for report in reader.reports if "tasks" in report])
    reader.tell(count=True)
    await reader.until(
        lambda: len([report for report in reader.reports if "tasks" in report]) > before, "it counts"
    )
    return [report for report in reader.reports if "tasks" in report][-1]


def partitions_owned(reader: Program) -> int:
    """Return how many partitions a reader owns now."""
    return len(reader.newest_value("owns") or ())


async def test_table_start_tables_start_without_a_wait(cluster: Cluster, launch: Launch) -> None:
    """Fact 33: stock Faust waits a second at every start, for tables that an app might add after it."""

    async def scenario(without: str) -> list[float]:
        topic, journal = await cluster.create(unique("t"), 1), await cluster.create(unique("t-journal"), 1)
        reader = launch(
            "reader",
            TOPIC=topic,
            JOURNAL=journal,
            FIRSTCLAIM_PARTITIONS=1,
            WITHOUT=without,
            RACE="tables_say_how_long_they_wait",
        )
        async with reader:
            await cluster.send(topic, [(0, b"key", b"0")])
            await reader.wait_for_report(got=[0, 0])
        return [report["tables_wait"] for report in reader.reports if "tables_wait" in report]

    assert await with_and_without("table_start", scenario) == ([], [1.0])
