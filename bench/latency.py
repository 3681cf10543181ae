"""`bench latency`: how long a claim waits at a steady rate for its record and for its answer, compared with a raw loop.

One probe appends claims one by one, evenly spaced, and reads their results, for the raw loop and for us in turns on the
same broker. All processes run the whole time. Times are milliseconds by the probe's own clock, from just before a claim
is sent until its record is read. `journal` and `raw` are one hop (claim -> journal record, claim -> answer of the raw
loop), `answer` is two (claim -> journal record -> relay -> `lead-decisions`). The result is the median over the rounds
of each round's p50 and p99, without the warm-up.

The probe's consumers are aiokafka's with its defaults. They take records as they come, so a fetch is always open for
every partition, and neither `fetch_max_wait_ms` nor the prefetch backoff (0.1 s) delays a record.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any, Final, Self

import msgspec
import uvloop

from bench import workload
from bench.testbed import Say, Testbed, open_testbed, quiet, started
from bench.topic_watch import watching
from models.codec import encode_event
from models.errors import StartFailed
from models.events import ActionRequested
from streams import clients
from streams.clients import Consumer
from streams.settings import Settings
from streams.topics import LEAD_DECISIONS, LEAD_JOURNAL, LEAD_LOG

PATIENCE_SECONDS: Final = 30.0
"""A claim that is not answered within this time has failed."""
RAW: Final = ("bench-raw-claims", "bench-raw-state", "bench-raw-decisions")


class _Row(msgspec.Struct):
    cause: str


class _Answer(msgspec.Struct):
    action_id: str


def _cause(value: bytes) -> str:
    return _ROW.decode(value).cause


def _action(value: bytes) -> str:
    return _ANSWER.decode(value).action_id


_ROW: Final = msgspec.json.Decoder(_Row)
_ANSWER: Final = msgspec.json.Decoder(_Answer)
READ_AS: Final = {LEAD_JOURNAL: _cause, LEAD_DECISIONS: _action, RAW[-1]: _action}
NAMES: Final = {LEAD_JOURNAL: "journal", LEAD_DECISIONS: "answer", RAW[-1]: "raw"}


def run(
    *,
    per_s: float = 100,
    seconds: float = 20,
    warm_seconds: float = 2,
    repeats: int = 3,
    progress: Say = quiet,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return {journal_p50_ms, journal_p99_ms, answer_p50_ms, answer_p99_ms, raw_p50_ms, raw_p99_ms} and ratios of p99.

    `per_s`: claims per second; `seconds`: the length of each round, after `warm_seconds` that do not count; `repeats`:
    rounds of each. `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if a process
    fails or a claim stays unanswered.
    """
    warm = int(per_s * warm_seconds)
    count = warm + int(per_s * seconds)
    with open_testbed(settings, say=progress) as here:
        rounds = uvloop.run(_measure(here, per_s, warm, count, repeats, progress))
    told: dict[str, Any] = {
        f"{name}_p{percent}_ms": round(statistics.median(one[percent] for one in rounds[name]), 2)
        for name in ("journal", "answer", "raw")
        for percent in (50, 99)
    }
    told["ratio_journal_p99"] = round(told["journal_p99_ms"] / told["raw_p99_ms"], 2)
    told["ratio_answer_p99"] = round(told["answer_p99_ms"] / told["raw_p99_ms"], 2)
    return {**told, "per_s": per_s, "seconds": seconds, "repeats": repeats}


Percentiles = dict[int, float]


async def _measure(
    here: Testbed, per_s: float, warm: int, count: int, repeats: int, say: Say
) -> dict[str, list[Percentiles]]:
    ids = workload.lead_ids(max(1, count * repeats // 4))
    claims = iter(workload.claims(ids, count * repeats))
    await here.create(*RAW)
    say(f"taking in {len(ids):,} leads")
    arrivals = workload.records([workload.queue(), *map(workload.arrival, ids)])
    await workload.append(here.settings, LEAD_LOG, arrivals)
    started(here.child("relay", "bench.launch", "relay", ready=True))
    worker = started(here.child("worker", "bench.launch", "worker", ready=True))
    here.child("raw", "bench.peers.raw", *RAW, "latency").launch()
    async with watching(here.settings) as watch:
        await watch.until(LEAD_JOURNAL, len(arrivals) - 1 + here.settings.partitions, worker)
    rounds: dict[str, list[Percentiles]] = {name: [] for name in NAMES.values()}
    async with _Probe(here.settings, per_s, warm) as probe:
        for n in range(repeats):
            batch = [next(claims) for _ in range(count)]
            for log, seen_on in ((RAW[0], RAW[-1:]), (LEAD_LOG, (LEAD_JOURNAL, LEAD_DECISIONS))):
                for topic, found in (await probe.round(batch, log, seen_on)).items():
                    rounds[NAMES[topic]].append(found)
                    say(f"{NAMES[topic]} {n + 1}/{repeats}: p50 {found[50]:.1f} ms, p99 {found[99]:.1f} ms")
    return rounds


class _Probe:
    """A producer, and one consumer for each topic with answers."""

    def __init__(self, settings: Settings, per_s: float, warm: int) -> None:
        self._pause = 1 / per_s
        self._warm = warm
        self._partitions = settings.partitions
        self._producer = clients.producer(settings, idempotent=False)
        self._consumers = {topic: clients.consumer(settings, topic) for topic in READ_AS}
        self._seen: dict[str, dict[str, float]] = {topic: {} for topic in READ_AS}
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        for topic, consumer in self._consumers.items():
            await consumer.start()
            await consumer.seek_to_end()
            # Determine the start position before the first claim, not at the first fetch.
            for place in consumer.assignment():
                await consumer.position(place)
            self._readers.append(asyncio.create_task(self._read(topic, consumer)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for consumer in self._consumers.values():
            await consumer.stop()
        await self._producer.stop()

    async def _read(self, topic: str, consumer: Consumer) -> None:
        read, seen = READ_AS[topic], self._seen[topic]
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.perf_counter()
                for record in records:
                    seen.setdefault(read(record.value), now)

    async def round(
        self, claims: list[ActionRequested], log: str, seen_on: tuple[str, ...]
    ) -> dict[str, Percentiles]:
        """Send the claims to a log, evenly spaced; return the percentiles for each topic on which they were seen."""
        sent: dict[str, float] = {}
        records = [(claim.cause, claim.lead_id.encode(), encode_event(claim)) for claim in claims]
        due = time.perf_counter()
        for action_id, key, value in records:
            due += self._pause
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent[action_id] = time.perf_counter()
            await self._producer.send(log, value, key, partition=clients.partition_of(key, self._partitions))
        counted = [action_id for action_id, _, _ in records[self._warm :]]
        return {topic: _percentiles(await self._waits(topic, sent, counted)) for topic in seen_on}

    async def _waits(self, topic: str, sent: dict[str, float], counted: list[str]) -> list[float]:
        """Return how long each counted claim took, in milliseconds."""
        seen, give_up = self._seen[topic], time.perf_counter() + PATIENCE_SECONDS
        while missing := [action_id for action_id in counted if action_id not in seen]:
            if time.perf_counter() > give_up:
                raise StartFailed(NAMES[topic], f"{len(missing)} of {len(counted)} claims stay unseen")
            await asyncio.sleep(0.1)
        return [(seen[action_id] - sent[action_id]) * 1000 for action_id in counted]


def _percentiles(waits: list[float]) -> Percentiles:
    return dict(_ranked(sorted(waits)))


def _ranked(waits: list[float]) -> Iterator[tuple[int, float]]:
    for percent in (50, 99):
        yield percent, waits[min(len(waits) - 1, len(waits) * percent // 100)]
