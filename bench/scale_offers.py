"""`bench scale --offers`: offers per second of one, two and three workers, for one org and for many orgs.

All events of one org are decided in one partition, so one org has one worker's speed at most, and many orgs spread over
all workers. Each lead is offered to the next of ten reps by round robin. One relay publishes for all workers. The rate
is the number of leads by the time from the first arrival on `lead-arrivals` to the last offer on `notifications`, by
the records' timestamps. All arrivals are written when the processes are ready, so nothing waits for a vendor.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from application.directory.publish import publish
from bench import workload
from bench.group_ready import group_ready
from bench.testbed import Say, Testbed, ignore_progress, open_testbed
from bench.topic_watch import Watch, watching
from models.errors import StartFailed
from rules.outbound.notifications import OFFERS
from streams.settings import Settings
from streams.topics import LEAD_ARRIVALS, NOTIFICATIONS, RELAY_GROUP, WORKER_GROUP

if TYPE_CHECKING:
    from runtime import ChildProcess

REPS: Final = 10
METHOD: Final = "round_robin"
TEMPLATE, KINDS = OFFERS[METHOD]


class _Request(msgspec.Struct):
    template: str
    kind: str
    withdrawn: bool = False


_REQUEST: Final = msgspec.json.Decoder(_Request)


def is_offer(value: bytes) -> bool:
    """Return whether a request of `notifications` tells a rep of an offer, for the first kind only."""
    request = _REQUEST.decode(value)
    return (request.template, request.kind, request.withdrawn) == (TEMPLATE, KINDS[0], False)


def run(
    *,
    arrivals: int = 4_000,
    workers: Sequence[int] = (1, 2, 3),
    orgs: Sequence[int] = (1, 100),
    partitions: int = 8,
    progress: Say = ignore_progress,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return {of_one, points}. A point is {orgs, workers, offers_per_s, of_one}.

    `of_one` is the rate as a multiple of one worker's with as many orgs; outside the points the highest one.
    `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if a process fails, or if a lead
    is not offered exactly once.
    """
    with open_testbed(settings, partitions=partitions, say=progress) as testbed:
        points = asyncio.run(_Curve(testbed, arrivals, progress).measure(workers, orgs))
    return {"points": points, "of_one": max(point["of_one"] for point in points), "arrivals": arrivals}


class _Curve:
    def __init__(self, testbed: Testbed, arrivals: int, say: Say) -> None:
        self.testbed, self.arrivals, self.say = testbed, arrivals, say
        self._first = 0

    async def measure(self, workers: Sequence[int], orgs: Sequence[int]) -> list[dict[str, Any]]:
        """Return a point {orgs, workers, offers_per_s, of_one} for each pair, `of_one` beside one worker's rate."""
        points: list[dict[str, Any]] = []
        async with watching(self.testbed.settings) as watch:
            for number in orgs:
                names = [f"org-{number}-{n}" for n in range(number)]
                for name in names:
                    await publish(self.testbed.settings, name, _directory())
                await self._rate(
                    watch, workers[0], names
                )  # not counted: each org's directory is new to the workers
                rates = [await self._rate(watch, n, names) for n in workers]
                points += [
                    {
                        "orgs": number,
                        "workers": n,
                        "offers_per_s": round(rate),
                        "of_one": round(rate / rates[0], 2),
                    }
                    for n, rate in zip(workers, rates, strict=True)
                ]
        return points

    async def _rate(self, watch: Watch, n: int, orgs: Sequence[str]) -> float:
        """Start the processes, write the arrivals, and return the rate of the offers."""
        name = f"offers-{len(orgs)}-{n}"
        relay = self.testbed.child(f"{name}-relay", "bench.launch", "relay", ready=True)
        workers: list[ChildProcess] = [
            self.testbed.child(f"{name}-worker-{number}", "bench.launch", "worker", ready=True)
            for number in range(n)
        ]
        expected = self.arrivals * len(KINDS)
        try:
            for child in (relay, *workers):
                child.launch()
            await group_ready(self.testbed.settings, WORKER_GROUP, workers)
            await group_ready(self.testbed.settings, RELAY_GROUP, [relay])
            begin, before = await watch.ends(NOTIFICATIONS), await watch.ends(LEAD_ARRIVALS)
            await workload.append(self.testbed.settings, LEAD_ARRIVALS, self._messages(orgs))
            end = await watch.until(NOTIFICATIONS, sum(begin.values()) + expected, workers[0])
        finally:
            for child in (*workers, relay):
                child.stop()
        arrived = [
            record.timestamp async for record in watch.records(before, await watch.ends(LEAD_ARRIVALS))
        ]
        requests = [record async for record in watch.records(begin, end)]
        offers = sum(is_offer(request.value) for request in requests)
        if offers != self.arrivals:
            raise StartFailed(name, f"offered {offers} of {self.arrivals} leads")
        rate: float = 1000 * offers / max(1, max(request.timestamp for request in requests) - min(arrived))
        self.say(f"{len(orgs)} orgs, {n} workers: {rate:,.0f} offers/s")
        return rate

    def _messages(self, orgs: Sequence[str]) -> list[workload.Record]:
        """Return the next arrivals, in turn for each org. No two have the same phone or address."""
        first, self._first = self._first, self._first + self.arrivals
        return [_arrival(number, orgs[number % len(orgs)]) for number in range(first, self._first)]


def _arrival(number: int, org: str) -> workload.Record:
    external = f"scale-{number}"
    message = {
        "vendor": "acme",
        "external_id": external,
        "org": org,
        "first_name": "Ana",
        "last_name": "Silva",
        "email": f"{external}@leads.bench.net",
        "phone": f"+1401{2_000_000 + number}",
        "state": "RI",
        "loan_amount": 310_000,
    }
    return external.encode(), msgspec.json.encode(message)


def _directory() -> dict[tuple[str, str], dict[str, Any]]:
    reps = [f"rep-{number}" for number in range(REPS)]
    group = {
        "method": METHOD,
        "members": [{"rep_id": rep} for rep in reps],
        "claim_window_seconds": 3600,
    }
    return {
        **{("rep", rep): {"name": rep} for rep in reps},
        ("group", "all"): group,
        ("campaign", "all"): {"group_id": "all", "default": True},
    }
