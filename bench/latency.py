"""Measures (`bench latency`) how long a claim waits for its record and its answer at a steady rate, beside a raw loop.

One probe appends claims one by one, evenly spaced, and reads their results, for the raw loop and for us in turns on the
same broker. All processes run the whole time. Times are milliseconds by the probe's own clock, from just before a claim
is sent until its record is read. `journal` and `raw` are one hop (claim -> journal record, claim -> answer of the raw
loop), `answer` is two (claim -> journal record -> relay -> `lead-decisions`). The result is the median over the rounds
of each round's p50 and p99, without the warm-up.
"""

import statistics
from typing import Any, Final

import msgspec
import uvloop

from bench import workload
from bench.probe import Percentiles, Probe
from bench.testbed import Say, Testbed, ignore_progress, open_testbed, start_when_ready
from bench.topic_watch import watching
from models.codec import encode_event
from streams.settings import Settings
from streams.topics import LEAD_DECISIONS, LEAD_JOURNAL, LEAD_LOG

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
    progress: Say = ignore_progress,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return {journal_p50_ms, journal_p99_ms, answer_p50_ms, answer_p99_ms, raw_p50_ms, raw_p99_ms} and ratios of p99.

    `per_s`: claims per second; `seconds`: the length of each round, after `warm_seconds` that do not count; `repeats`:
    rounds of each. `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if a process
    fails or a claim stays unanswered.
    """
    warm = int(per_s * warm_seconds)
    count = warm + int(per_s * seconds)
    with open_testbed(settings, say=progress) as testbed:
        rounds = uvloop.run(_measure(testbed, per_s, warm, count, repeats, progress))
    figures: dict[str, Any] = {
        f"{name}_p{percent}_ms": round(statistics.median(result[percent] for result in rounds[name]), 2)
        for name in ("journal", "answer", "raw")
        for percent in (50, 99)
    }
    figures["ratio_journal_p99"] = round(figures["journal_p99_ms"] / figures["raw_p99_ms"], 2)
    figures["ratio_answer_p99"] = round(figures["answer_p99_ms"] / figures["raw_p99_ms"], 2)
    return {**figures, "per_s": per_s, "seconds": seconds, "repeats": repeats}


async def _measure(
    testbed: Testbed, per_s: float, warm: int, count: int, repeats: int, say: Say
) -> dict[str, list[Percentiles]]:
    ids = workload.lead_ids(max(1, count * repeats // 4))
    claims = iter(workload.claims(ids, count * repeats))
    await testbed.create(*RAW)
    say(f"taking in {len(ids):,} leads")
    arrivals = workload.records([workload.queue(), *map(workload.arrival, ids)])
    await workload.append(testbed.settings, LEAD_LOG, arrivals)
    start_when_ready(testbed.child("relay", "bench.launch", "relay", ready=True))
    worker = start_when_ready(testbed.child("worker", "bench.launch", "worker", ready=True))
    testbed.child("raw", "bench.peers.raw", *RAW, "latency").launch()
    async with watching(testbed.settings) as watch:
        await watch.until(LEAD_JOURNAL, len(arrivals) - 1 + testbed.settings.partitions, worker)
    rounds: dict[str, list[Percentiles]] = {name: [] for name in NAMES.values()}
    async with Probe(testbed.settings, per_s, warm, READ_AS) as probe:
        for n in range(repeats):
            batch = [
                (claim.cause, claim.lead_id.encode(), encode_event(claim))
                for claim in (next(claims) for _ in range(count))
            ]
            for log, seen_on in ((RAW[0], RAW[-1:]), (LEAD_LOG, (LEAD_JOURNAL, LEAD_DECISIONS))):
                for topic, latencies in (await probe.round(batch, log, seen_on)).items():
                    rounds[NAMES[topic]].append(latencies)
                    say(
                        f"{NAMES[topic]} {n + 1}/{repeats}: p50 {latencies[50]:.1f} ms, p99 {latencies[99]:.1f} ms"
                    )
    return rounds
