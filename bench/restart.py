"""Measures (`bench restart`) after a kill -9 of one of two workers the time until its partitions answer claims again.

A supervisor restarts it at once, as `firstclaim up` does. Meanwhile a probe claims leads of every partition,
`PROBE_SECONDS` apart, and reads `lead-decisions`. The result is the seconds from the kill to the answer of the first
claim sent after it, for the partition that waits longest. It is measured with `static` membership (each worker has its
own name in the group and gets its partitions back when it returns) and without (`dynamic`: the group reassigns its
partitions when the session of 6 s has expired). It is the median over kills; the two workers are killed in turns.

Two raw aiokafka loops (`bench.peers.raw`, with the same session and heartbeat) are killed in the same way on the same
broker. A raw loop that comes back reads no state, takes over no lease and is not asked whether it is ready.
"""

import asyncio
import os
import signal
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from bench import workload
from bench.group_ready import group_ready
from bench.peers.raw import group_of
from bench.testbed import READY_SECONDS, Say, Testbed, ignore_progress, open_testbed
from models.codec import encode_event
from models.errors import StartFailed
from runtime import Supervisor
from streams import clients
from streams.settings import Settings
from streams.topics import LEAD_DECISIONS, LEAD_LOG

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS: Final = 2
PROBE_SECONDS: Final = 0.05
"""The interval between two claims on the same partition, which is the precision of the measurement."""
LEADS: Final = 512
"""These are claimed in turns, so that no row grows with the answers of a long outage."""
CLAIMS: Final = 1_000_000
"""More claims than one mode sends per lead, so that no claim of the other mode is repeated."""
PATIENCE_SECONDS: Final = 60.0
MODES: Final = ("dynamic", "static")
RAW: Final = ("bench-raw-claims", "bench-raw-state", "bench-raw-decisions")


class _Answer(msgspec.Struct):
    action_id: str


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def run(
    *, repeats: int = 3, progress: Say = ignore_progress, settings: Settings | None = None
) -> dict[str, Any]:
    """Return {dynamic_s, static_s, raw_dynamic_s, raw_static_s} in seconds, the ratios, and the single runs.

    `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if a process fails, or a
    partition is not back within `PATIENCE_SECONDS`.
    """
    runs: dict[str, list[float]] = {}
    with open_testbed(settings, say=progress) as testbed:
        asyncio.run(testbed.create(*RAW))
        asyncio.run(
            workload.append(
                testbed.settings,
                LEAD_LOG,
                workload.records([workload.queue(), *map(workload.arrival, workload.lead_ids(LEADS))]),
            )
        )
        relay = testbed.child("relay", "bench.launch", "relay", ready=True)
        with Supervisor([relay], say=progress) as relays:
            relays.wait_ready(READY_SECONDS)
            for n, mode in enumerate(MODES):
                runs[mode] = _workers_killed(testbed, mode, repeats, n * CLAIMS, progress)
                runs[f"raw_{mode}"] = _raw_loops_killed(testbed, mode, repeats, n * CLAIMS, progress)
                for name in (mode, f"raw_{mode}"):
                    progress(f"{name}: " + ", ".join(f"{duration:.1f} s" for duration in runs[name]))
    medians = {name: statistics.median(durations) for name, durations in runs.items()}
    return {
        **{f"{name}_s": round(median, 2) for name, median in medians.items()},
        **{f"ratio_{mode}": round(medians[mode] / medians[f"raw_{mode}"], 2) for mode in MODES},
        "repeats": repeats,
        "runs": {name: [round(duration, 2) for duration in durations] for name, durations in runs.items()},
    }


def _workers_killed(testbed: Testbed, mode: str, repeats: int, first: int, say: Say) -> list[float]:
    workers = [
        testbed.child(name, "bench.launch", "worker", *([name] if mode == "static" else []), ready=True)
        for name in (f"{mode}-{number}" for number in range(WORKERS))
    ]
    with Supervisor(workers, say=say) as supervisor:
        supervisor.wait_ready(READY_SECONDS)
        return asyncio.run(_kills(supervisor, repeats, partial(_Probe, testbed.settings, first)))


def _raw_loops_killed(testbed: Testbed, mode: str, repeats: int, first: int, say: Say) -> list[float]:
    claims, _, decisions = RAW
    loops = [
        testbed.child(name, "bench.peers.raw", *RAW, "latency", *([name] if mode == "static" else []))
        for name in (f"raw-{mode}-{number}" for number in range(WORKERS))
    ]
    with Supervisor(loops, say=say) as supervisor:
        asyncio.run(group_ready(testbed.settings, group_of(claims), loops))
        probe = partial(_Probe, testbed.settings, first, claims=claims, answers=decisions)
        return asyncio.run(_kills(supervisor, repeats, probe))


async def _kills(supervisor: Supervisor, repeats: int, make_probe: "Callable[[], _Probe]") -> list[float]:
    durations = []
    async with make_probe() as probe:
        for n in range(repeats):
            await probe.back_after(time.monotonic())
            name = list(supervisor.states())[n % WORKERS]
            pid = supervisor.states()[name].pid
            if pid is None:
                raise StartFailed(name, "does not run, so it cannot be killed")
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            durations.append(await probe.back_after(killed) - killed)
            await asyncio.to_thread(supervisor.wait_ready, READY_SECONDS)
    return durations


class _Probe:
    """Claims on every partition, and the times at which each answer was read (monotonic). `first`: the first number.

    `claims`, `answers`: the topics.
    """

    def __init__(
        self, settings: Settings, first: int, *, claims: str = LEAD_LOG, answers: str = LEAD_DECISIONS
    ) -> None:
        self._first = first
        self._topic = claims
        self._producer = clients.producer(settings, idempotent=False)
        self._consumer = clients.consumer(settings, answers)
        self._leads: dict[int, list[str]] = {n: [] for n in range(settings.partitions)}
        for lead_id in workload.lead_ids(LEADS):
            self._leads[clients.partition_of(lead_id.encode(), settings.partitions)].append(lead_id)
        self._open: dict[str, tuple[int, float]] = {}
        self._answered: dict[int, list[tuple[float, float]]] = {n: [] for n in self._leads}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        await self._consumer.start()
        self._tasks = [asyncio.create_task(self._claim()), asyncio.create_task(self._read())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._consumer.stop()
        await self._producer.stop()

    async def back_after(self, moment: float) -> float:
        """Return the time by which every partition had answered a claim sent after `moment`. Raises StartFailed."""
        while True:
            first = [
                min((at for sent, at in answers if sent > moment), default=None)
                for answers in self._answered.values()
            ]
            times = [at for at in first if at is not None]
            if len(times) == len(first):
                return max(times)
            if time.monotonic() - moment > PATIENCE_SECONDS:
                raise StartFailed("worker", f"{len(first) - len(times)} partitions are not back")
            await asyncio.sleep(PROBE_SECONDS)

    async def _claim(self) -> None:
        n = self._first
        while True:
            for partition, leads in self._leads.items():
                claim = workload.claim(leads[n % len(leads)], n)
                self._open[claim.cause] = (partition, time.monotonic())
                await self._producer.send(
                    self._topic, encode_event(claim), claim.lead_id.encode(), partition=partition
                )
            n += 1
            await asyncio.sleep(PROBE_SECONDS)

    async def _read(self) -> None:
        async for record in self._consumer:
            pending = self._open.pop(_ANSWER.decode(record.value).action_id, None)
            if pending is not None:
                partition, sent = pending
                self._answered[partition].append((sent, time.monotonic()))
