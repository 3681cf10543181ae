"""A sweep after a recovery lets events go first; a sweep for new rules does not wait for them (Q6)."""

from __future__ import annotations

import asyncio
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from agents import sweeper
from agents.sweeper import BEHIND_EVENTS_SECONDS, SLICE_SECONDS, Sweeper
from rules.lead.lead_partition import LeadPartition
from streams.receipts import Acker
from tests.agents.conftest import START, lead_arrival, queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import pytest

    from models.events import DirectoryPublished, LeadArrived, RulesChanged

LEADS = [f"lead-{n}" for n in range(20)]


class Swept:
    """A partition of leads with current rules, and the pauses of a sweep over it. Each lead takes a whole slice."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leads = LeadPartition(0)
        events: list[DirectoryPublished | LeadArrived] = [queue(), *map(lead_arrival, LEADS)]
        for off, event in enumerate(events):
            outcome = self.leads.decide(event.lead_id.encode() or b"queue", event, off=off, at=START)
            assert outcome is not None
            self.leads.accept(outcome)
        self.acker = Acker()
        rows = SimpleNamespace(of=lambda _: self.leads)
        stage: Any = SimpleNamespace(
            table=SimpleNamespace(rows=rows), acker=self.acker, rebalancing=False, append=None
        )
        self.sweeper = Sweeper(stage)
        self.pauses: list[float] = []
        self.then: Callable[[], None] | None = None
        clock = count(step=2 * SLICE_SECONDS)
        yields = asyncio.sleep

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            if self.then is not None:
                self.then()
            await yields(0)

        monkeypatch.setattr(sweeper, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        monkeypatch.setattr(asyncio, "sleep", pause)

    async def run(self) -> list[float]:
        """Run what is requested to its end; return the pauses between the slices."""
        running = asyncio.create_task(self.sweeper.run())
        while self.sweeper._wake.is_set():
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        running.cancel()
        return self.pauses

    def event(self) -> Any:
        """Let an event arrive that is not decided yet; return its receipt."""
        message = SimpleNamespace(topic="lead-log", partition=0, offset=99, timestamp=START.timestamp())
        return self.acker.take(SimpleNamespace(message=message, ack=lambda: None))


async def test_q6_a_sweep_after_a_recovery_lets_events_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = Swept(monkeypatch)
    receipt = swept.event()
    swept.sweeper.request_after_recovery(0, "default")

    def decided() -> None:
        if len(swept.pauses) == 5:
            receipt.settle()

    swept.then = decided
    pauses = await swept.run()
    assert pauses == [BEHIND_EVENTS_SECONDS] * 5 + [0] * (len(pauses) - 5)
    assert len(pauses) >= len(LEADS)


async def test_q6_a_sweep_for_new_rules_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = Swept(monkeypatch)
    swept.event()
    swept.sweeper.request(0, "default")
    assert set(await swept.run()) == {0}


async def test_q6_new_rules_of_an_org_come_before_the_sweeps_after_a_recovery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the sweep that runs hurries up, so that they come soon."""
    swept = Swept(monkeypatch)
    swept.event()
    for org in ("default", "other", "third"):
        swept.sweeper.request_after_recovery(0, org)
    swept.sweeper.request_after_recovery(1, "fourth")
    ran: list[str] = []
    stale = swept.leads.stale

    def watched(key: bytes, org: str, now: datetime) -> RulesChanged | None:
        if not ran or ran[-1] != org:
            ran.append(org)
        return stale(key, org, now)

    monkeypatch.setattr(swept.leads, "stale", watched)

    def published() -> None:
        if len(swept.pauses) == 3:
            swept.sweeper.request(0, "third")

    swept.then = published
    pauses = await swept.run()
    assert ran == ["default", "third", "other", "fourth"]
    rest_of_default = pauses[3 : len(LEADS)]
    assert set(rest_of_default) == {0}


async def test_q6_new_rules_end_the_waiting_of_a_sweep_after_a_recovery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept = Swept(monkeypatch)
    swept.event()
    swept.sweeper.request_after_recovery(0, "default")

    def published() -> None:
        if len(swept.pauses) == 3:
            swept.sweeper.request(0, "default")

    swept.then = published
    pauses = await swept.run()
    assert pauses[:3] == [BEHIND_EVENTS_SECONDS] * 3
    assert set(pauses[3:]) == {0}
    assert len(pauses) >= 3 + len(LEADS)
