"""Measures (`bench offer`) how long after a lead's arrival its offer is on `notifications`, and how long each hop is.

Vendors' messages come one by one, evenly spaced, and each lead is offered to the next rep of a group by round robin. A
raw aiokafka loop, which is one hop, is measured in turns with us on the same broker, at the same rate. Times are
milliseconds by the probe's own clock, from just before a message is sent until its result is read. The result is the
median over the rounds of each round's p50 and p99, without the warm-up.

The nine hops of an offer are read afterwards, from the timestamps of the records of its trace: intake, org (which
lead it is), org relay, lead (who is asked), relay, org (who gets it), org relay, lead (the offer), relay. They have a
resolution of one millisecond.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import uvloop

from assurance.load import LoadClient
from bench import workload
from bench.probe import Message, Percentiles, Probe, percentiles
from bench.testbed import Say, Testbed, ignore_progress, open_testbed, start_when_ready
from bench.topic_watch import Ends, Watch, watching
from models.codec import encode_event
from models.errors import StartFailed
from models.ids import lead_id
from streams.topics import LEAD_ARRIVALS, LEAD_JOURNAL, LEAD_LOG, NOTIFICATIONS, ORG_JOURNAL, ORG_LOG
from streams.tracing import trace_of

ORG: Final = "default"
REPS: Final = 100
RAW: Final = ("bench-raw-claims", "bench-raw-state", "bench-raw-decisions")
WAY: Final = (
    (LEAD_ARRIVALS, "arrival"),
    (ORG_LOG, "intake"),
    (ORG_JOURNAL, "org: whose arrival"),
    (LEAD_LOG, "org relay"),
    (LEAD_JOURNAL, "lead: asks for a rep"),
    (ORG_LOG, "relay"),
    (ORG_JOURNAL, "org: which rep"),
    (LEAD_LOG, "org relay, the answer"),
    (LEAD_JOURNAL, "lead: the offer"),
    (NOTIFICATIONS, "relay, the request"),
)
"""The topics of an offer's way, each with the process that writes there."""


class _Request(msgspec.Struct):
    lead_id: str
    template: str
    withdrawn: bool


class _Answer(msgspec.Struct):
    action_id: str


_REQUEST: Final = msgspec.json.Decoder(_Request)
_ANSWER: Final = msgspec.json.Decoder(_Answer)


def _offered(value: bytes) -> str | None:
    request = _REQUEST.decode(value)
    return request.lead_id if request.template == "lead_offered" and not request.withdrawn else None


def _answered(value: bytes) -> str:
    return _ANSWER.decode(value).action_id


def run(
    *,
    per_s: float = 100,
    seconds: float = 20,
    warm_seconds: float = 3,
    repeats: int = 3,
    progress: Say = ignore_progress,
    settings: Any = None,
) -> dict[str, Any]:
    """Return {offer_p50_ms, offer_p99_ms, raw_p50_ms, raw_p99_ms, ratio_p99, hops}.

    `hops`: for each hop its name and the p50 and p99 of its milliseconds, over all rounds. `per_s`: arrivals per
    second; `seconds`: the length of each round, after `warm_seconds` that do not count; `repeats`: rounds of each.
    Raises FirstclaimError if a process fails or a lead stays without an offer.
    """
    warm = int(per_s * warm_seconds)
    count = warm + int(per_s * seconds)
    with open_testbed(settings, say=progress) as testbed:
        rounds, hops = uvloop.run(_measure(testbed, per_s, warm, count, repeats, progress))
    figures: dict[str, Any] = {
        f"{name}_p{percent}_ms": round(statistics.median(result[percent] for result in rounds[name]), 2)
        for name in ("offer", "raw")
        for percent in (50, 99)
    }
    figures["ratio_p99"] = round(figures["offer_p99_ms"] / figures["raw_p99_ms"], 2)
    return {**figures, "hops": hops, "per_s": per_s, "seconds": seconds, "repeats": repeats}


Hops = list[tuple[str, float, float]]


async def _measure(
    testbed: Testbed, per_s: float, warm: int, count: int, repeats: int, say: Say
) -> tuple[dict[str, list[Percentiles]], Hops]:
    await testbed.create(*RAW)
    start_when_ready(testbed.child("relay", "bench.launch", "relay", ready=True))
    start_when_ready(testbed.child("worker", "bench.launch", "worker", ready=True))
    testbed.child("raw", "bench.peers.raw", *RAW, "latency").launch()
    async with LoadClient(testbed.settings) as client:
        await _publish(client)
    claims = _claims(count * repeats)
    rounds: dict[str, list[Percentiles]] = {"offer": [], "raw": []}
    read_as = {NOTIFICATIONS: _offered, RAW[-1]: _answered}
    async with (
        watching(testbed.settings) as watch,
        Probe(testbed.settings, per_s, warm, read_as) as probe,
    ):
        await probe.round(_arrivals(0, warm + 1), LEAD_ARRIVALS, (NOTIFICATIONS,))
        begin = await watch.ends(*_topics())
        for n in range(repeats):
            turns = (
                ("raw", RAW[0], RAW[-1], claims[n * count : (n + 1) * count]),
                ("offer", LEAD_ARRIVALS, NOTIFICATIONS, _arrivals((n + 1) * count, count)),
            )
            for name, log, seen_on, messages in turns:
                latencies = (await probe.round(messages, log, (seen_on,)))[seen_on]
                rounds[name].append(latencies)
                say(f"{name} {n + 1}/{repeats}: p50 {latencies[50]:.1f} ms, p99 {latencies[99]:.1f} ms")
        hops = await _hops(watch, begin, await watch.ends(*_topics()))
    return rounds, hops


async def _publish(client: LoadClient) -> None:
    reps = [f"rep-{number}" for number in range(REPS)]
    for rep in reps:
        await client.publish("rep", rep, {"rep_id": rep, "name": rep})
    members = [{"rep_id": rep} for rep in reps]
    terms = {"group_id": "all", "method": "round_robin", "members": members, "claim_window_seconds": 3600}
    await client.publish("group", "all", terms)
    await client.publish("campaign", "all", {"campaign_id": "all", "group_id": "all", "default": True})


def _claims(count: int) -> list[Message]:
    claims = workload.claims(workload.lead_ids(max(1, count // 4)), count)
    return [(claim.cause, claim.lead_id.encode(), encode_event(claim)) for claim in claims]


def _arrivals(first: int, count: int) -> list[Message]:
    """Return so many arrivals. No two have the same phone or address, so each is a lead of its own."""
    arrivals = []
    for number in range(first, first + count):
        external = f"offer-{number}"
        message = {
            "vendor": "acme",
            "external_id": external,
            "org": ORG,
            "first_name": "Ana",
            "last_name": "Silva",
            "email": f"{external}@leads.bench.net",
            "phone": f"+1401{2_000_000 + number}",
            "state": "RI",
            "loan_amount": 310_000,
        }
        arrivals.append((lead_id(ORG, "acme", external, {}), external.encode(), msgspec.json.encode(message)))
    return arrivals


def _topics() -> list[str]:
    return sorted({topic for topic, _ in WAY})


async def _hops(watch: Watch, begin: Ends, end: Ends) -> Hops:
    """Return how long each hop of the offers took, from the records of their traces."""
    stamps: defaultdict[bytes, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    async for record in watch.records(begin, end):
        stamps[trace_of(record)][record.topic].append(record.timestamp)
    took: list[list[float]] = [[] for _ in WAY[1:]]
    for by_topic in stamps.values():
        if (way := _times_of_offer(by_topic)) is not None:
            for hop, before, after in zip(took, way, way[1:], strict=False):
                hop.append(float(after - before))
    if not took[0]:
        raise StartFailed("worker", "no offer has a whole trace")
    ranked = [percentiles(times) for times in took]
    return [(name, ranks[50], ranks[99]) for (_, name), ranks in zip(WAY[1:], ranked, strict=True)]


def _times_of_offer(by_topic: Mapping[str, list[int]]) -> list[int] | None:
    """Return the times of one offer's records in the order of its way; None if the trace is another's or not whole."""
    times_left = {topic: sorted(times) for topic, times in by_topic.items()}
    way = []
    for topic, _ in WAY:
        if not times_left.get(topic):
            return None
        way.append(times_left[topic].pop(0))
    return way
