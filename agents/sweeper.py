"""Re-evaluates leads after new rules, in slices so small that a claim never waits behind them (Q6).

The sweeper only searches for leads that the rules would change. It appends an event for each to the lead's log, and the
state machine decides there. A sweep interrupted by a crash or a rebalance starts again after recovery, from the rows.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from models.events import Event, RulesChanged
from rules.lead.lead_partition import LeadPartition
from streams.receipts import Acker
from streams.stage_table import JournalTable

_log = structlog.get_logger(__name__)

SLICE_SECONDS: Final = 0.004
"""How long a sweep examines leads before it yields to the agent."""
SLICE_EVENTS: Final = 100
"""How many events a slice appends. The next slice waits until these are decided, which takes about 10 ms."""
PATIENCE_SECONDS: Final = 5.0
"""How long a sweep waits for a slice. Behind a long log it may take longer; appending more then does no harm."""
BEHIND_EVENTS_SECONDS: Final = 0.08
"""How long a sweep after a recovery waits between two slices while the worker has events to decide. It then takes at
most a twentieth of the worker's time. An idle worker sweeps without a pause."""
REBALANCING_SECONDS: Final = 0.05
"""How often a waiting sweep checks whether a rebalance has ended."""


class SweptStage(Protocol):
    """The parts of the leads stage that a sweep needs."""

    table: JournalTable
    acker: Acker

    @property
    def rebalancing(self) -> bool:
        """Whether partitions are being moved, so that this worker may not write."""

    def append(self, partition: int, event: Event) -> None:
        """Append an event to the log of a partition."""


class Sweeper:
    """Sweeps the requested (partition, org) pairs, one at a time."""

    def __init__(self, stage: SweptStage) -> None:
        self._stage = stage
        self._requested: dict[tuple[int, str], frozenset[str] | None] = {}
        self._running: tuple[tuple[int, str], frozenset[str] | None] | None = None
        self._after_recovery: set[tuple[int, str]] = set()
        self._wake = asyncio.Event()
        self._undecided: set[tuple[int, bytes]] = set()
        self._all_decided = asyncio.Event()
        self._generation = 0

    def request(self, partition: int, org: str, campaigns: Iterable[str] = ()) -> None:
        """Request a sweep of an org's leads in a partition. `campaigns`: only waiting leads that name one of these.

        A sweep of the same leads that is requested or running is joined with it.
        """
        key, selected = (partition, org), frozenset(campaigns) or None
        selections = [self._requested[key]] if key in self._requested else []
        if self._running is not None and self._running[0] == key:
            selections.append(self._running[1])
        for other in selections:
            selected = None if selected is None or other is None else selected | other
        self._requested[key] = selected
        self._after_recovery.discard(key)
        self._wake.set()

    def request_after_recovery(self, partition: int, org: str) -> None:
        """Request a sweep for what an interrupted one may have left. Events go first (`BEHIND_EVENTS_SECONDS`).

        Most such sweeps find nothing, and they read every row while the events that came meanwhile wait.
        """
        key = (partition, org)
        for_new_rules = key in self._requested and key not in self._after_recovery
        self.request(partition, org)
        if not for_new_rules:
            self._after_recovery.add(key)

    def decided(self, partition: int, key: bytes) -> None:
        """Record that the event of one lead has been decided."""
        self._undecided.discard((partition, key))
        if not self._undecided:
            self._all_decided.set()

    def forget(self) -> None:
        """Stop at once and drop every request: partitions are being revoked, and recovery requests all sweeps."""
        self._generation += 1
        self._requested.clear()
        self._after_recovery.clear()
        self._undecided.clear()
        self._all_decided.set()

    async def run(self) -> None:
        """Run requested sweeps until cancelled."""
        while True:
            await self._wake.wait()
            while self._requested:
                # Between a revocation and the end of the next recovery this worker may not write.
                while self._stage.rebalancing:  # noqa: ASYNC110  # Faust has no event for its end
                    await asyncio.sleep(REBALANCING_SECONDS)
                if not self._requested:
                    break
                partition, org = self._next()
                campaigns = self._requested.pop((partition, org))
                self._running = ((partition, org), campaigns)
                await self._sweep(partition, org, campaigns)
                self._running = None
            self._wake.clear()

    async def _sweep(self, partition: int, org: str, campaigns: frozenset[str] | None) -> None:
        leads = self._stage.table.rows.of(partition)
        looked = appended = 0
        generation, began = self._generation, time.monotonic()
        slice_began = began
        keys = list(leads.rows) if campaigns is None else leads.waiting.keys(org, sorted(campaigns))
        for key in keys:
            if generation != self._generation or (partition, org) in self._requested:
                return  # the partition is revoked, or newer rules came and another sweep is requested
            looked += 1
            event = self._stale(leads, key, org)
            if event is not None:
                self._stage.append(partition, event)
                appended += 1
                self._undecided.add((partition, key))
            if len(self._undecided) >= SLICE_EVENTS:
                await self._until_decided()
                slice_began = time.monotonic()
            elif time.monotonic() - slice_began > SLICE_SECONDS:
                await asyncio.sleep(self._pause_seconds((partition, org)))
                slice_began = time.monotonic()
        seconds = time.monotonic() - began
        _log.info("swept", partition=partition, org=org, leads=looked, appended=appended, seconds=seconds)

    def _next(self) -> tuple[int, str]:
        """Return the sweep to run next. New rules come before the sweeps after a recovery."""
        new_rules = (request for request in self._requested if request not in self._after_recovery)
        return next(new_rules, None) or next(iter(self._requested))

    def _pause_seconds(self, swept: tuple[int, str]) -> float:
        """Return how long to wait before the next slice: only a turn of the loop while new rules wait for a sweep."""
        all_are_behind = swept in self._after_recovery and self._requested.keys() <= self._after_recovery
        return BEHIND_EVENTS_SECONDS if all_are_behind and self._stage.acker.waiting > 0 else 0

    def _stale(self, leads: LeadPartition, key: bytes, org: str) -> RulesChanged | None:
        try:
            return leads.stale(key, org, datetime.now(UTC))
        except Exception:  # noqa: BLE001  # one lead must not stop the others, nor the worker at every start
            _log.exception("a lead could not be compared with the rules", key=key)
            return None

    async def _until_decided(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._undecided:
                    self._all_decided.clear()
                    await self._all_decided.wait()
        except TimeoutError:
            self._undecided.clear()
