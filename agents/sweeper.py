"""New rules reach the leads they concern in slices small enough that a claim never waits behind them (Q6).

A sweep only looks; what it finds it tells the lead's log, and the machine decides there. A sweep that is cut off by a
crash or a rebalance is begun again after recovery, from the rows.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from models.events import RulesChanged
from models.lead import Lead, LeadRow
from rules.queues.reevaluation import is_stale

if TYPE_CHECKING:
    from agents.leads import LeadsStage
    from rules.queues.rule_book import OrgRules

_log = structlog.get_logger(__name__)

SLICE_SECONDS: Final = 0.004
"""How long a sweep looks at leads before it yields to the agent."""
SLICE_EVENTS: Final = 100
"""How many leads are told in one go; the next go waits until these are decided: some 10 ms of work."""
PATIENCE_SECONDS: Final = 5.0
"""How long a go is waited for: behind a long log it may take its time, and nothing is lost by telling more."""
REBALANCING_SECONDS: Final = 0.05
"""How often a sweep that waits for the end of a rebalance looks again."""


class Sweeper:
    """Sweeps requested (partition, org) pairs, one at a time."""

    def __init__(self, stage: "LeadsStage") -> None:
        self._stage = stage
        self._wanted: dict[tuple[int, str], None] = {}
        self._wake = asyncio.Event()
        self._undecided: set[tuple[int, bytes]] = set()
        self._decided = asyncio.Event()
        self._life = 0

    def request(self, partition: int, org: str) -> None:
        """Ask for a sweep of an org's leads in a partition."""
        self._wanted[partition, org] = None
        self._wake.set()

    def applied(self, partition: int, key: bytes) -> None:
        """One told lead has been decided."""
        self._undecided.discard((partition, key))
        if not self._undecided:
            self._decided.set()

    def forget(self) -> None:
        """Stop at once, and want nothing: the partitions go, and after recovery everything is asked for anew."""
        self._life += 1
        self._wanted.clear()
        self._undecided.clear()
        self._decided.set()

    async def run(self) -> None:
        """Sweep whatever is requested, for ever."""
        while True:
            await self._wake.wait()
            while self._wanted:
                # Between a revocation and the end of the recovery after it nothing is ours to write.
                while self._stage.busy:  # noqa: ASYNC110  # Faust has no event for its end
                    await asyncio.sleep(REBALANCING_SECONDS)
                if not self._wanted:
                    break
                (partition, org) = next(iter(self._wanted))
                del self._wanted[partition, org]
                await self._sweep(partition, org)
            self._wake.clear()

    async def _sweep(self, partition: int, org: str) -> None:
        stage = self._stage
        began, told, looked, life = time.monotonic(), 0, 0, self._life
        slice_began = began
        for key in list(stage.table.rows.of(partition)):
            book = stage.books.get(partition)
            if book is None or life != self._life or (partition, org) in self._wanted:
                return  # the partition went, or newer rules came: that sweep does it
            row = stage.find(partition, key)
            looked += 1
            if isinstance(row, LeadRow) and row.lead is not None and row.lead.facts.org == org:
                rules = book.org(org)
                if _stale(row.lead, rules):
                    lead_id = row.lead.lead_id
                    stage.tell(
                        partition,
                        RulesChanged(
                            lead_id=lead_id, cause=f"rules/{lead_id}/{rules.version}", version=rules.version
                        ),
                    )
                    told += 1
                    self._undecided.add((partition, key))
            if len(self._undecided) >= SLICE_EVENTS:
                await self._until_decided()
                slice_began = time.monotonic()
            elif time.monotonic() - slice_began > SLICE_SECONDS:
                await asyncio.sleep(0)
                slice_began = time.monotonic()
        _log.info(
            "swept", partition=partition, org=org, leads=looked, told=told, seconds=time.monotonic() - began
        )

    async def _until_decided(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._undecided:
                    self._decided.clear()
                    await self._decided.wait()
        except TimeoutError:
            self._undecided.clear()


def _stale(lead: Lead, rules: "OrgRules") -> bool:
    try:
        return is_stale(lead, rules, datetime.now(UTC))
    except Exception:  # noqa: BLE001  # one lead must not stop the others, nor the worker whenever it starts
        _log.exception("a lead could not be looked at", lead=lead.lead_id)
        return False
