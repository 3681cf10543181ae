"""Measures (`bench claims`) claims per second of our worker, a raw aiokafka loop and Quix Streams, one process each.

All read the same claims, byte for byte. The claims are written before the start, to topics with the same four
partitions on the same broker. Four reps want each lead, and one gets it. The contestants take turns, `repeats` times,
and the result is the median. Each rate is the rate of the answers by the broker's append time, from the first to the
last (`bench.topic_watch.Rate`).

- ours: `agents.worker.run` with the worker's stages. The claimable queue and the leads exist before and are recovered
  from the journal. Each claim's row, answer and reasons are one journal record. An event is acked when it is durable;
  commits run every second. From the second repeat on the worker does more than the counted claims: the relay of the
  previous repeat told the org who has each lead, so the worker also decides an event for every fourth claim and writes
  three records of `org-journal` for it.
- compiled: the same with the compiled core, if there is one that fits (`make compiled`). It has leads of its own.
- raw, raw_tuned: `bench.peers.raw`; its answer and its state are two records.
- quix: `bench.peers.quix`.

`answers_per_s` is the rate on `lead-decisions` of our relay, a separate process, for the same journal. It reads those
records of `org-journal` at the same time. `compiled_answers_per_s`: that of a compiled relay, for the compiled worker's
journal.
"""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from bench import workload
from bench.testbed import Say, Testbed, ignore_progress, open_testbed, start_when_ready
from bench.topic_watch import Watch, count, watching
from models.errors import ConfigError, StartFailed
from runtime import ChildProcess
from streams import compiled_core
from streams.settings import Settings
from streams.topics import LEAD_DECISIONS, LEAD_JOURNAL, LEAD_LOG

Begin = Mapping[TopicPartition, int]


class _Decision(msgspec.Struct):
    result: str | None = None


class _Row(msgspec.Struct):
    decisions: tuple[_Decision, ...] = ()


_ROW: Final = msgspec.json.Decoder(_Row)
_ANSWER: Final = msgspec.json.Decoder(_Decision)


def run(
    *,
    claims: int = 40_000,
    leads: int = 10_000,
    repeats: int = 3,
    progress: Say = ignore_progress,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return the rates: {ours_per_s, raw_per_s, quix_per_s, ratio_raw, ratio_quix} and more, in claims per second.

    `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if a contestant fails, or does
    not answer with exactly one win for each lead.
    """
    with open_testbed(settings, say=progress) as testbed:
        rates = asyncio.run(_Claims(testbed, claims, leads, progress).measure(repeats))
    medians = {name: statistics.median(samples) for name, samples in rates.items()}
    ours = medians["ours"]
    return {
        **{f"{name}_per_s": round(rate) for name, rate in medians.items()},
        "ratio_raw": round(ours / medians["raw"], 3),
        "ratio_raw_tuned": round(ours / medians["raw_tuned"], 3),
        "ratio_quix": round(ours / medians["quix"], 3),
        "claims": claims,
        "leads": leads,
        "repeats": repeats,
        "runs": {name: [round(rate) for rate in samples] for name, samples in rates.items()},
    }


class _Claims:
    def __init__(self, testbed: Testbed, claims: int, leads: int, say: Say) -> None:
        self.testbed, self.claims, self.leads, self.say = testbed, claims, leads, say
        self.has_core = bool(compiled_core.usable()[0])

    async def measure(self, repeats: int) -> dict[str, list[float]]:
        rates: dict[str, list[float]] = {}
        async with watching(self.testbed.settings) as watch:
            rounds = repeats * (2 if self.has_core else 1)
            await take_in(self.testbed, watch, self.leads * rounds, self.say)
            for n in range(repeats):
                claims = self.claims_of(n)
                contestants: dict[str, Callable[[], Awaitable[float]]] = {
                    "raw": partial(self.raw, watch, n, claims, "throughput"),
                    "ours": partial(self.ours, watch, claims),
                    "quix": partial(self.quix, watch, n, claims),
                    "raw_tuned": partial(self.raw, watch, n, claims, "tuned"),
                    "answers": partial(self.relay, watch),
                }
                if self.has_core:
                    fresh_claims = self.claims_of(repeats + n)
                    contestants["compiled"] = partial(
                        self.ours, watch, fresh_claims, core=compiled_core.REQUIRED
                    )
                    contestants["compiled_answers"] = partial(self.relay, watch, core=compiled_core.REQUIRED)
                for name, contest in contestants.items():
                    rate = await contest()
                    rates.setdefault(name, []).append(rate)
                    self.say(f"{name} {n + 1}/{repeats}: {rate:,.0f} claims/s")
        return rates

    def claims_of(self, part: int) -> list[workload.Record]:
        """Return the claims of one part of the leads."""
        ids = workload.lead_ids(self.leads, first=part * self.leads)
        return workload.records(workload.claims(ids, self.claims))

    async def ours(
        self, watch: Watch, claims: list[workload.Record], *, core: str = compiled_core.OFF
    ) -> float:
        begin = await watch.ends(LEAD_JOURNAL)
        await workload.append(self.testbed.settings, LEAD_LOG, claims)
        name = f"worker-{len(self.testbed.children)}"
        worker = self.testbed.child(name, "bench.launch", "worker", ready=True, core=core)
        return await self.timed(watch, worker, LEAD_JOURNAL, begin, won_in_row)

    async def relay(self, watch: Watch, *, core: str = compiled_core.OFF) -> float:
        """Measure the relay over the journal of the claims just answered."""
        begin = await watch.ends(LEAD_DECISIONS)
        name = f"relay-{len(self.testbed.children)}"
        relay = self.testbed.child(name, "bench.launch", "relay", ready=True, core=core)
        return await self.timed(watch, relay, LEAD_DECISIONS, begin, won)

    async def raw(self, watch: Watch, n: int, claims: list[workload.Record], kind: str) -> float:
        name = f"bench-raw-{kind}-{n}"
        topics = f"{name}-claims", f"{name}-state", f"{name}-decisions"
        await self.testbed.create(*topics)
        await workload.append(self.testbed.settings, topics[0], claims)
        peer = self.testbed.child(name, "bench.peers.raw", *topics, kind)
        return await self.timed(watch, peer, topics[-1], await watch.ends(topics[-1]), won)

    async def quix(self, watch: Watch, n: int, claims: list[workload.Record]) -> float:
        if self.testbed.settings.kafka_security_protocol != "PLAINTEXT":
            reason = "must be PLAINTEXT here: that is how the Quix Streams peer is set up"
            raise ConfigError("KAFKA_SECURITY_PROTOCOL", reason)
        name = f"bench-quix-{n}"
        topics = f"{name}-claims", f"{name}-decisions"
        await self.testbed.create(*topics)
        await workload.append(self.testbed.settings, topics[0], claims)
        folder = str(self.testbed.folder / f"{name}-state")
        peer = self.testbed.child(name, "bench.peers.quix", *topics, folder)
        # Quix names its changelog topic; it is deleted with the others.
        self.testbed.topics.append(f"changelog__quix-{topics[0]}--{topics[0]}--default")
        return await self.timed(watch, peer, topics[-1], await watch.ends(topics[-1]), won)

    async def timed(
        self, watch: Watch, child: ChildProcess, topic: str, begin: Begin, won: Callable[[bytes], bool]
    ) -> float:
        """Start a contestant, wait until it has answered all claims, stop it, and return its rate."""
        child.launch()
        try:
            end = await watch.until(topic, sum(begin.values()) + self.claims, child)
        finally:
            child.stop()
        rate, wins = await count(watch.records(begin, end), won)
        if wins != self.leads:
            raise StartFailed(child.name, f"said {wins} times won, there are {self.leads} leads")
        return rate


async def take_in(testbed: Testbed, watch: Watch, leads: int, say: Say) -> None:
    """Publish the queue, and let our worker process the leads of all rounds."""
    say(f"taking in {leads:,} leads")
    arrivals = map(workload.arrival, workload.lead_ids(leads))
    await workload.append(testbed.settings, LEAD_LOG, workload.records([workload.queue(), *arrivals]))
    worker = start_when_ready(testbed.child("worker-0", "bench.launch", "worker", ready=True))
    log = await watch.ends(LEAD_LOG)
    await watch.until(LEAD_JOURNAL, sum(log.values()), worker)
    worker.stop()


def won(value: bytes) -> bool:
    """Return whether an answer says that the claim won."""
    return _ANSWER.decode(value).result == "won"


def won_in_row(value: bytes) -> bool:
    """Return whether a row of the journal says that its claim won."""
    return any(decision.result == "won" for decision in _ROW.decode(value).decisions)
