"""Measures (`bench scale`) claims per second of one, two and three workers, with few and many partitions.

Each point has its own leads and claims. The processes of one side are started, and their group has settled with all of
them, before the claims are written. The rate is the rate of the answers by the broker's append time, from the first to
the last (`bench.topic_watch.Rate`); writing the claims is a part of the work that the machine does meanwhile.

- ours: `agents.worker.run` with the worker's stages, as in `bench claims`. An answer is a record of the journal.
- raw: as many processes of `bench.peers.raw`, in one consumer group.

Both sides share the machine's cores with the broker. So the curve shows where it bends on this machine, and whether
ours bends earlier than the raw loop's. `scale --offers` is `bench.scale_offers`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from bench import workload
from bench.claims import take_in, won, won_in_row
from bench.group_ready import group_ready
from bench.testbed import Say, Testbed, ignore_progress, open_testbed
from bench.topic_watch import Watch, count, watching
from models.errors import StartFailed
from runtime import ChildProcess
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL, LEAD_LOG, WORKER_GROUP

CLAIMS_OF_A_LEAD: Final = 4


def run(
    *,
    claims: int = 20_000,
    workers: Sequence[int] = (1, 2, 3),
    partitions: Sequence[int] = (8, 32),
    progress: Say = ignore_progress,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return {ours_of_one, raw_of_one, points}.

    A point is {partitions, workers, ours_per_s, raw_per_s, ours_of_one, raw_of_one}. `ours_of_one` is the rate as a
    multiple of one worker's with as many partitions, and `raw_of_one` likewise. Outside the points they are the
    highest ones. `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if a process fails,
    or does not answer with exactly one win for each lead.
    """
    points: list[dict[str, Any]] = []
    for number in partitions:
        with open_testbed(settings, partitions=number, say=progress) as testbed:
            rates = asyncio.run(_Curve(testbed, claims, progress).measure(workers))
        first = rates[workers[0]]
        points += [
            {
                "partitions": number,
                "workers": n,
                **{f"{side}_per_s": round(rate) for side, rate in of_n.items()},
                **{f"{side}_of_one": round(rate / first[side], 2) for side, rate in of_n.items()},
            }
            for n, of_n in rates.items()
        ]
    highest = {name: max(point[name] for point in points) for name in ("ours_of_one", "raw_of_one")}
    return {"points": points, **highest, "claims": claims}


class _Curve:
    def __init__(self, testbed: Testbed, claims: int, say: Say) -> None:
        self.testbed, self.claims, self.say = testbed, claims, say
        self.leads = claims // CLAIMS_OF_A_LEAD

    async def measure(self, workers: Sequence[int]) -> dict[int, dict[str, float]]:
        """Return number of workers -> {ours, raw}, in claims per second."""
        rates: dict[int, dict[str, float]] = {}
        async with watching(self.testbed.settings) as watch:
            await take_in(self.testbed, watch, self.leads * len(workers), self.say)
            for at, n in enumerate(workers):
                ids = workload.lead_ids(self.leads, first=at * self.leads)
                claims = workload.records(workload.claims(ids, self.claims))
                rates[n] = {
                    "raw": await self.raw(watch, n, claims),
                    "ours": await self.ours(watch, n, claims),
                }
                sides = ", ".join(f"{side} {rate:,.0f}" for side, rate in rates[n].items())
                self.say(f"{self.testbed.settings.partitions} partitions, {n} workers: {sides} claims/s")
        return rates

    async def ours(self, watch: Watch, n: int, claims: list[workload.Record]) -> float:
        children = [
            self.testbed.child(f"worker-{n}-{number}", "bench.launch", "worker", ready=True)
            for number in range(n)
        ]
        return await self.timed(watch, children, WORKER_GROUP, (LEAD_LOG, LEAD_JOURNAL), claims, won_in_row)

    async def raw(self, watch: Watch, n: int, claims: list[workload.Record]) -> float:
        name = f"scale-raw-{n}"
        topics = f"{name}-claims", f"{name}-state", f"{name}-decisions"
        await self.testbed.create(*topics)
        children = [
            self.testbed.child(f"{name}-{number}", "bench.peers.raw", *topics, "throughput")
            for number in range(n)
        ]
        return await self.timed(watch, children, f"raw-{topics[0]}", (topics[0], topics[-1]), claims, won)

    async def timed(
        self,
        watch: Watch,
        children: Sequence[ChildProcess],
        group: str,
        topics: tuple[str, str],
        claims: list[workload.Record],
        is_win: Callable[[bytes], bool],
    ) -> float:
        """Start the processes, write the claims once the group has settled, and return the rate of the answers."""
        request_topic, answers = topics
        try:
            for child in children:
                child.launch()
            await group_ready(self.testbed.settings, group, children)
            begin = await watch.ends(answers)
            await workload.append(self.testbed.settings, request_topic, claims)
            end = await watch.until(answers, sum(begin.values()) + self.claims, children[0])
        finally:
            for child in children:
                child.stop()
        rate, wins = await count(watch.records(begin, end), is_win)
        if wins != self.leads:
            raise StartFailed(group, f"said {wins} times won, there are {self.leads} leads")
        if not rate:
            raise StartFailed(
                group, f"answered all {self.claims} claims within a millisecond: measure more claims"
            )
        return rate
