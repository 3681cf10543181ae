"""Measures (`bench reach`) how long after a lead's arrival its reps' telephones ring, and the engine's share of it.

A real Asterisk rings SIP telephones on this machine. Each lead comes when the telephones of the one before are silent
again, so nothing waits in line. Times are milliseconds by the probe's own clock, from just before the arrival is sent:
`engine` until the first request of the ring is read from `notifications`, `first` until the first telephone got its
INVITE, `all` until the last one did. So `first` minus `engine` is the courier's and Asterisk's share. A rep without
a telephone takes each lead, and the telephones stop ringing. `make telephony` fetches Asterisk.
"""

import asyncio
import math
import time
from typing import Any, Final

import msgspec
import uvloop

from assurance.load import LoadClient
from bench.testbed import Say, Testbed, ignore_progress, open_testbed, start_when_ready
from models.errors import StartFailed
from models.ids import lead_id
from runtime.asterisk import AsteriskServer, espeak_command
from runtime.sip_phones import SipPhones
from streams import clients
from streams.settings import Settings
from streams.topics import NOTIFICATIONS

PATIENCE_SECONDS: Final = 30.0
"""A telephone that does not ring within this time has failed."""
ORG: Final = "default"
TAKER: Final = "taker"
"""A rep of the group without a telephone. A winner's own telephone would ring on."""
_WARM: Final = 5


class _Request(msgspec.Struct):
    lead_id: str
    template: str
    withdrawn: bool


_REQUEST: Final = msgspec.json.Decoder(_Request)


def run(
    *, leads: int = 200, reps: int = 4, progress: Say = ignore_progress, settings: Settings | None = None
) -> dict[str, Any]:
    """Return {engine_p50_ms, engine_p99_ms, first_p50_ms, first_p99_ms, all_p50_ms, all_p99_ms, leads, reps}.

    `leads`: how many arrivals are measured, after a few that warm up; `reps`: how many telephones ring for each.
    Raises FirstclaimError if a process fails or a telephone does not ring, ConfigError without an Asterisk.
    """
    with (
        open_testbed(settings, say=progress) as testbed,
        AsteriskServer(testbed.folder / "asterisk") as asterisk,
    ):
        return uvloop.run(_measure(testbed, asterisk, leads, reps, progress))


class _Probe:
    """What is seen of the lead that was sent last."""

    def __init__(self) -> None:
        self.lead = ""
        self.requested: float | None = None
        self.rang: dict[str, float] = {}
        self.changed = asyncio.Event()

    def rings(self, user: str, at: float) -> None:
        """Note that a telephone got an INVITE."""
        self.rang.setdefault(user, at)
        self.changed.set()

    async def follow(self, settings: Settings, ready: asyncio.Event) -> None:
        """Note the first request of each lead until cancelled."""
        consumer = clients.consumer(settings, NOTIFICATIONS)
        await consumer.start()
        try:
            await consumer.seek_to_end()
            for tp in consumer.assignment():
                await consumer.position(tp)
            ready.set()
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    now = time.perf_counter()
                    for record in records:
                        request = _REQUEST.decode(record.value)
                        if request.lead_id == self.lead and request.template == "ring":
                            self.requested = self.requested or now
                            self.changed.set()
        finally:
            await consumer.stop()


async def _measure(
    testbed: Testbed, asterisk: AsteriskServer, leads: int, reps: int, say: Say
) -> dict[str, Any]:
    probe, ready = _Probe(), asyncio.Event()
    phones = SipPhones(on_ring=probe.rings)
    await phones.start()
    following = asyncio.create_task(probe.follow(testbed.settings, ready))
    try:
        start_when_ready(testbed.child("relay", "bench.launch", "relay", ready=True))
        start_when_ready(testbed.child("worker", "bench.launch", "worker", ready=True))
        courier = testbed.child("courier", "cli", "courier", "--channel", "call", ready=True, option="--port")
        courier.environment = {
            **(courier.environment or {}),
            "FIRSTCLAIM_TELEPHONE_ARI_URL": asterisk.address,
            "FIRSTCLAIM_TELEPHONE_PASSWORD": asterisk.password,
            "FIRSTCLAIM_TELEPHONE_ESPEAK": espeak_command(),
            "FIRSTCLAIM_TELEPHONE_LATE_SECONDS": "0.1",
        }
        async with LoadClient(testbed.settings) as client:
            await _publish(client, phones, reps)
            start_when_ready(courier)
            await ready.wait()
            samples = []
            for number in range(leads + _WARM):
                times = await _measure_lead(client, probe, phones, number, reps)
                if number >= _WARM:
                    samples.append(times)
                if number % 50 == _WARM:
                    say(f"lead {number}: the first telephone rang after {times['first']:.1f} ms")
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        phones.stop()
    figures: dict[str, Any] = {
        f"{name}_p{percent}_ms": round(_percentile([sample[name] for sample in samples], percent), 1)
        for name in ("engine", "first", "all")
        for percent in (50, 99)
    }
    return {**figures, "leads": leads, "reps": reps}


async def _publish(client: LoadClient, phones: SipPhones, reps: int) -> None:
    names = [f"rep-{number}" for number in range(1, reps + 1)]
    for rep in names:
        await client.publish("rep", rep, {"rep_id": rep, "telephone": phones.uri(rep)})
    await client.publish("rep", TAKER, {"rep_id": TAKER})
    members = [{"rep_id": rep} for rep in (*names, TAKER)]
    terms = {"group_id": "all", "method": "ring_all", "members": members, "ring_seconds": 60}
    await client.publish("group", "all", terms)
    await client.publish("campaign", "all", {"campaign_id": "all", "group_id": "all", "default": True})


async def _measure_lead(
    client: LoadClient, probe: _Probe, phones: SipPhones, number: int, reps: int
) -> dict[str, float]:
    """Send a lead, wait until every telephone rings, take it, and wait until they are silent."""
    external = f"reach-{number}"
    probe.lead, probe.requested = lead_id(ORG, "acme", external, {}), None
    probe.rang.clear()
    arrival = {"vendor": "acme", "external_id": external, "org": ORG, "last_name": "Jones"}
    began = time.perf_counter()
    await client.arrive(arrival)

    def all_ring() -> bool:
        return len(probe.rang) == reps and probe.requested is not None

    await _wait_until(probe.changed, all_ring, f"lead {number}: {len(probe.rang)} of {reps} telephones rang")
    assert probe.requested is not None  # noqa: S101  # it was waited for
    times = {
        "engine": (probe.requested - began) * 1000,
        "first": (min(probe.rang.values()) - began) * 1000,
        "all": (max(probe.rang.values()) - began) * 1000,
    }
    await client.ask("press_one", probe.lead, TAKER)
    give_up = time.perf_counter() + PATIENCE_SECONDS
    while phones.open_calls:
        if time.perf_counter() > give_up:
            raise StartFailed("courier", f"lead {number}: {phones.open_calls} telephones ring for ever")
        await asyncio.sleep(0.01)
    return times


async def _wait_until(changed: asyncio.Event, holds: Any, reason: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                changed.clear()
                await changed.wait()
    except TimeoutError as error:
        raise StartFailed("courier", reason) from error


def _percentile(values: list[float], percent: int) -> float:
    """Return the smallest value that so many percent of all do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]
