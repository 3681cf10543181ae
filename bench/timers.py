"""Measures (`bench timers`) how late deadlines are handled beside a million others, and how a herd delays claims.

The journal is filled with leads whose owner promised a call: most in a year, some spread over a while at a steady rate,
and a herd at one instant. Then a worker recovers them. Lateness is the time from the instant that is due until the
record of its decision is in the journal, by the broker's clock. Meanwhile claims of other leads come at a steady rate:
first while nothing is due, then in the spread, then in the herd. Their times are from just before a claim is sent until
its record is read from the journal, by the probe's own clock.

A worker that recovers as many leads shows first how long that takes, so that the second one is ready in time.
The rows are copies of one lead's record with other ids and times. The engine's worker made none of them, and no org
knows them; what the worker does when they are due is the same.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import uvloop

from bench import workload
from bench.probe import Message, Percentiles, Probe, percentiles
from bench.testbed import Say, Testbed, ignore_progress, open_testbed, start_when_ready
from bench.topic_watch import Ends, Watch, watching
from models.codec import encode_event
from models.errors import StartFailed
from models.events import ActionRequested, Event
from rules.lead.lead_partition import LeadPartition
from streams import clients
from streams.journal import JournalWriter
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL, LEAD_LOG

CLAIMS_PER_S: Final = 100
QUIET_SECONDS: Final = 10
"""How long claims are measured before anything is due."""
FIRST_CLAIMED: Final = 10_000_000
"""The number of the first lead that is claimed. No lead with a deadline has such a number."""
YIELD_EVERY: Final = 500
PATIENCE_SECONDS: Final = 60.0
"""How long the measurement waits for the next deadline to be handled."""


class _Row(msgspec.Struct):
    cause: str


_ROW: Final = msgspec.json.Decoder(_Row)


def _cause(value: bytes) -> str:
    return _ROW.decode(value).cause


def run(
    *,
    pending: int = 1_000_000,
    per_s: int = 1_000,
    seconds: float = 20,
    herd: int = 100_000,
    progress: Say = ignore_progress,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return {lateness_p50_ms, lateness_p99_ms, herd_seconds, claims_p99_ms, spread_claims_p99_ms, herd_claims_p99_ms}.

    `claims_p99_ms`: while nothing is due; also `…_p50_ms` and `…_max_ms` of each. `herd_seconds`: until the last one is
    handled. `pending`: deadlines in a year; `per_s` and `seconds`: the spread; `herd`: due at one instant. Raises
    FirstclaimError if a process fails, or if the worker is not ready when the first deadline is due.
    """
    with open_testbed(settings, say=progress) as testbed:
        return uvloop.run(_measure(testbed, pending, per_s, seconds, herd, progress))


async def _measure(
    testbed: Testbed, pending: int, per_s: int, seconds: float, herd: int, say: Say
) -> dict[str, Any]:
    due = per_s * int(seconds)
    spread, crowd = range(pending, pending + due), range(pending + due, pending + due + herd)
    claimed = workload.lead_ids(int(CLAIMS_PER_S * (QUIET_SECONDS + seconds + 60)) // 4, first=FIRST_CLAIMED)
    say(f"writing {pending + due + herd:,} leads")
    await workload.append(testbed.settings, LEAD_LOG, workload.records([workload.queue()]))
    lead = _Lead()
    in_a_year = datetime.now(UTC) + timedelta(days=365)
    await lead.write(testbed.settings, range(crowd.stop), lambda _: in_a_year)
    took = await _recovered(testbed, "worker-0", claimed)
    begin = datetime.now(UTC) + timedelta(seconds=2 * took + QUIET_SECONDS + 10)
    at_once = begin + timedelta(seconds=seconds + 5)
    say(f"recovered in {took:.1f} s; writing what is due soon")
    await lead.write(testbed.settings, spread, lambda n: begin + timedelta(seconds=(n - pending) / per_s))
    await lead.write(testbed.settings, crowd, lambda _: at_once)
    await _recovered(testbed, "worker", ())
    if (seconds_left := (begin - datetime.now(UTC)).total_seconds()) < QUIET_SECONDS:
        raise StartFailed(
            "worker", f"was ready {QUIET_SECONDS - seconds_left:.0f} s too late, after {took:.0f} s before"
        )
    claims = iter(
        (claim.cause, claim.lead_id.encode(), encode_event(claim))
        for n in range(4)
        for claim in (workload.claim(lead_id, n) for lead_id in claimed)
    )
    figures: dict[str, Any] = {"pending": pending, "per_s": per_s, "herd": herd}
    async with (
        watching(testbed.settings) as watch,
        Probe(testbed.settings, CLAIMS_PER_S, 0, {LEAD_JOURNAL: _cause}) as probe,
    ):
        from_here = await watch.ends(LEAD_JOURNAL)
        for name, until in (
            ("", begin - timedelta(seconds=1)),
            ("spread_", begin + timedelta(seconds=seconds)),
            ("herd_", at_once + timedelta(seconds=5 + herd / 10_000)),
        ):
            start = at_once if name == "herd_" else begin if name == "spread_" else datetime.now(UTC)
            await asyncio.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds() - 0.5))
            length = min((until - datetime.now(UTC)).total_seconds(), max(seconds, QUIET_SECONDS))
            batch: list[Message] = [next(claims) for _ in range(int(CLAIMS_PER_S * length))]
            times = (await probe.round(batch, LEAD_LOG, (LEAD_JOURNAL,)))[LEAD_JOURNAL]
            figures |= {f"{name}claims_{_name(rank)}_ms": round(value, 1) for rank, value in times.items()}
            say(
                f"{name or 'quiet_'}claims: {times[50]:.1f} ms, p99 {times[99]:.1f}, longest {times[100]:.1f}"
            )
        lateness, herd_seconds = await _handled(watch, from_here, lead, pending, due, herd, at_once)
    figures |= {f"lateness_{_name(rank)}_ms": round(value, 1) for rank, value in lateness.items()}
    return {**figures, "herd_seconds": round(herd_seconds, 2)}


async def _recovered(testbed: Testbed, name: str, leads: Sequence[str]) -> float:
    """Start a worker, and take leads in; return the seconds until it was ready. All but the last one are stopped."""
    began = time.perf_counter()
    worker = start_when_ready(testbed.child(name, "bench.launch", "worker", ready=True), seconds=600)
    took = time.perf_counter() - began
    if leads:
        async with watching(testbed.settings) as watch:
            before = await watch.ends(LEAD_JOURNAL)
            await workload.append(testbed.settings, LEAD_LOG, workload.records(map(workload.arrival, leads)))
            await watch.until(LEAD_JOURNAL, sum(before.values()) + len(leads), worker)
        worker.stop()
    return took


def _name(rank: int) -> str:
    return "max" if rank == 100 else f"p{rank}"


class _Lead:
    """One lead's record, of which all rows are copies. `due`: id -> when it is due, for those that were written."""

    def __init__(self) -> None:
        self._id = workload.lead_ids(1, first=-1)[0]
        self._at = datetime(2031, 1, 2, 17, 0, 0, 123456, tzinfo=UTC)
        self.due: dict[str, datetime] = {}
        claim = workload.claim(self._id, 0)
        promise = ActionRequested(
            lead_id=self._id, cause="promise", action="callback", rep_id=claim.rep_id, at=self._at
        )
        events: list[Event] = [workload.queue(), workload.arrival(self._id), claim, promise]
        partition, value = LeadPartition(0), b""
        for off, event in enumerate(events):
            at = workload.BEGAN + timedelta(days=2)
            outcome = partition.decide(event.lead_id.encode(), event, off=off, at=at)
            if outcome is None or outcome.row is None or outcome.failure is not None:
                raise StartFailed("worker", "the lead of the measurement could not be made")
            partition.accept(outcome)
            value = outcome.value
        # The log's first record in each partition is the queue. So offset 0 is before everything that follows.
        self._value = value.replace(b'"off":3,', b'"off":0,', 1)

    async def write(self, settings: Settings, numbers: range, due_of: Any) -> None:
        """Append a record for each number to the journal."""
        writer = JournalWriter(settings)
        await writer.start()
        for n, (lead_id, at) in enumerate(self._leads(numbers, due_of)):
            key = lead_id.encode()
            value = self._value.replace(self._id.encode(), key).replace(_text(self._at), _text(at))
            target = clients.partition_of(key, settings.partitions)
            writer.add(LEAD_JOURNAL, target, key=key, value=value)
            if n % YIELD_EVERY == 0:
                await writer.room()
                await asyncio.sleep(0)
        await writer.stop()

    def _leads(self, numbers: range, due_of: Any) -> Iterator[tuple[str, datetime]]:
        for n in numbers:
            (lead_id,) = workload.lead_ids(1, first=n)
            self.due[lead_id] = due_of(n)
            yield lead_id, self.due[lead_id]


def _text(at: datetime) -> bytes:
    """Return an instant as rows have it."""
    return msgspec.json.encode(at.replace(microsecond=at.microsecond or 1))[1:-1]


async def _handled(
    watch: Watch, begin: Ends, lead: _Lead, pending: int, due: int, herd: int, at_once: datetime
) -> tuple[Percentiles, float]:
    """Return how late the spread's deadlines were handled, in ms, and when the herd's last one was, in seconds.

    Raises StartFailed if none was handled for `PATIENCE_SECONDS` and some are left.
    """
    spread = set(workload.lead_ids(due, first=pending))
    crowd = set(workload.lead_ids(herd, first=pending + due))
    late: dict[str, float] = {}
    last = 0.0
    remaining, give_up = due + herd, time.monotonic() + PATIENCE_SECONDS
    while True:
        end = await watch.ends(LEAD_JOURNAL)
        async for record in watch.records(begin, end):
            name = (record.key or b"").decode()
            at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
            if name in spread and record.value is not None and _cause(record.value).startswith("deadline/"):
                late.setdefault(name, (at - lead.due[name]).total_seconds() * 1000)
            elif name in crowd:
                crowd.discard(name)
                last = max(last, (at - at_once).total_seconds())
        begin = end
        if not crowd and len(late) == due:
            return percentiles(list(late.values())), last
        if (now_left := len(crowd) + due - len(late)) < remaining:
            remaining, give_up = now_left, time.monotonic() + PATIENCE_SECONDS
        if time.monotonic() > give_up:
            raise StartFailed(
                "worker", f"{len(crowd)} of the herd and {due - len(late)} others are not handled"
            )
        await asyncio.sleep(0.5)
