"""A process that was stopped for longer than its lease writes nothing more and exits with 75 (docs/faust.md 9, 13)."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.membership_lease import SAFE_SHARE, Lease
from streams.process_exit import ExitCode
from tests.fixtures.servers import unique
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from tests.streams.faust.cluster import Cluster
    from tests.streams.faust.conftest import Launch
    from tests.streams.faust.program import Program


class _Ended(Exception):  # noqa: N818  # it stands for the end of the process
    pass


@pytest.fixture
def exit_codes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Return a list of exit codes, so that this process continues instead of exiting."""
    messages: list[tuple[int, str]] = []

    def leave(code: int, field: str, reason: str) -> None:
        messages.append((code, f"{field}: {reason}"))
        raise _Ended

    monkeypatch.setattr("streams.membership_lease.leave", leave)
    return messages


def test_a_lease_counts_from_when_a_heartbeat_was_sent_and_never_goes_back() -> None:
    lease, now = Lease(6.0), time.monotonic()
    assert lease.seconds == SAFE_SHARE * 6.0
    assert not lease.fresh  # before the first answer
    lease.renew(now - 1)
    assert lease.fresh
    lease.renew(now - 100)  # a late answer to an earlier heartbeat
    assert lease.fresh
    assert lease.renewed_at == now - 1


def test_a_lease_too_old_ends_the_process_and_says_where(exit_codes: list[tuple[int, str]]) -> None:
    lease = Lease(6_000.0)  # long, so that a delay between two lines of the test changes nothing
    lease.renew(time.monotonic() - 4_400)
    lease.check("append to here")
    lease.renewed_at = time.monotonic() - 4_600
    with pytest.raises(_Ended):
        lease.check("append to here")
    assert [code for code, _ in exit_codes] == [ExitCode.LEASE_LOST]
    assert re.search(
        r"append to here: last good heartbeat 46\d\d\.\d s ago, lease 4500\.0 s", exit_codes[0][1]
    )


@pytest.mark.parametrize(
    ("member", "heartbeat_age", "slept", "ends_it"),
    [
        (True, 5.0, 5.0, True),  # stopped and resumed
        (True, 5.0, 0.1, False),  # the broker is away: what was being sent may be sent again
        (True, 0.5, 5.0, False),  # the loop was busy, and the membership was kept
        (False, 0.0, 5.0, False),  # not a member yet, so nothing can be lost
    ],
)
def test_what_is_on_its_way_is_held_only_by_a_process_that_slept(
    exit_codes: list[tuple[int, str]], member: bool, heartbeat_age: float, slept: float, ends_it: bool
) -> None:
    lease = Lease(6.0)
    if member:
        lease.renew(time.monotonic() - heartbeat_age)
    lease.awake_at = time.monotonic() - slept
    if ends_it:
        with pytest.raises(_Ended):
            lease.tick()
    else:
        before = time.monotonic()
        lease.tick()
        assert lease.awake_at >= before
    assert bool(exit_codes) is ends_it


@pytest.mark.kafka
@pytest.mark.slow
async def test_a_worker_stopped_beyond_its_lease_exits_75_and_writes_nothing_after(
    cluster: Cluster, launch: Launch
) -> None:
    """Three cases: stopped with open events, stopped with a batch being sent, and the result without the lease."""
    with_events, with_batch, zombie = await asyncio.gather(
        stopped_with_events(cluster, launch, fence="lease"),
        stopped_with_a_batch(cluster, launch),
        stopped_with_events(cluster, launch, fence="none"),
    )
    assert with_events == (ExitCode.LEASE_LOST, [b"new"] * 10)
    assert with_batch == (ExitCode.LEASE_LOST, [])
    # Fact 9: the old owner's rows are behind the new owner's.
    assert zombie == (None, [b"new"] * 10 + [b"old"] * 10)


async def stopped_with_events(
    cluster: Cluster, launch: Launch, *, fence: str
) -> tuple[int | None, list[bytes | None]]:
    """Stop a worker with ten open events until another one has handled them; return its exit code and all rows."""
    topic, output, group = (
        await cluster.create(unique("lease"), 1),
        await cluster.create(unique("out"), 1),
        unique("g"),
    )
    environment = {"TOPIC": topic, "OUT": output, "GROUP": group, "FIRSTCLAIM_PARTITIONS": 1}
    async with launch("copier", **environment, BY="old", GATE=1, FENCE=fence) as old:
        await old.wait_for_report(ready=True)
        await cluster.send(topic, [(0, None, b"%d" % n) for n in range(10)])
        await old.wait_for_report(first=0)
        old.signal(signal.SIGSTOP)
        async with launch("copier", **environment, BY="new") as new:
            await new.until(lambda: new.reports_with(ready=True), "the other one takes over")
            await cluster.records_once(output, lambda rows: len(rows) == 10, "it has done all ten")
            old.tell(open=True)
            old.signal(signal.SIGCONT)
            if fence == "lease":
                ended: int | None = await old.exit_code()
            else:
                ended = None
                await cluster.records_once(output, lambda rows: len(rows) == 20, "the zombie writes")
            return ended, [record.value for record in await cluster.records(output)]


async def stopped_with_a_batch(cluster: Cluster, launch: Launch) -> tuple[int, list[bytes | None]]:
    """Stop a worker between the check of the lease and the sending of a batch; return its exit code and all rows."""
    topic, output = await cluster.create(unique("lease"), 1), await cluster.create(unique("out"), 1)
    group = unique("group")
    async with launch(
        "copier", TOPIC=topic, OUT=output, GROUP=group, BY="old", STOP_SENDING=1, FIRSTCLAIM_PARTITIONS=1
    ) as old:
        await old.wait_for_report(ready=True)
        await cluster.send(topic, [(0, None, b"0")])
        await eventually(lambda: is_stopped(old), "it stops itself")
        await cluster.group_is_empty(group)
        old.signal(signal.SIGCONT)
        return await old.exit_code(), [record.value for record in await cluster.records(output)]


def is_stopped(program: Program) -> bool:
    """Return whether the kernel has stopped a program."""
    return Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.kafka
async def test_without_the_patch_no_heartbeat_renews_a_lease(cluster: Cluster, launch: Launch) -> None:
    topic, output = await cluster.create(unique("lease"), 1), await cluster.create(unique("out"), 1)
    await cluster.send(topic, [(0, None, b"0")])
    async with launch(
        "copier", TOPIC=topic, OUT=output, WITHOUT="lease_renewal", FIRSTCLAIM_PARTITIONS=1
    ) as copier:
        assert await copier.exit_code() == ExitCode.LEASE_LOST
    assert await cluster.records(output) == []
