"""Collects the demo's figures: answers as they come, and queues, lags and phases twice a second."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from application.lag import Lags
from application.status import exceptions_by_reason, phases
from assurance.load.offer_reader import Offers
from board.reader import Reader
from models.errors import RetryableError
from streams.clients import follow
from streams.settings import Settings
from streams.topics import DEAD_LETTERS, LEAD_ARRIVALS, LEAD_DECISIONS

LOOK_SECONDS: Final = 0.5
LAST: Final = 9
TAKES: Final = frozenset({"claim", "accept", "press_one"})
"""The actions by which reps try to get a lead. The counts of won and lost are of these."""


@dataclass
class LiveFigures:
    """The figures on the screen. `offers`: made so far, by template. `exceptions`: open ones, by reason (E1)."""

    began: float = field(default_factory=time.monotonic)
    first_claim_after: float | None = None
    arrivals: int = 0
    dead_letters: int = 0
    results: Counter[str] = field(default_factory=Counter)
    winners: Counter[str] = field(default_factory=Counter)
    phases: dict[str, int] = field(default_factory=dict)
    exceptions: dict[str, int] = field(default_factory=dict)
    offers: Counter[str] = field(default_factory=Counter)
    queues: list[tuple[str, str, int]] = field(default_factory=list)
    lag: dict[str, int] = field(default_factory=dict)
    last: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LAST))

    @property
    def locks(self) -> int:
        """The number of leads that somebody has open."""
        return self.phases.get("locked", 0) + self.phases.get("working", 0)

    @property
    def waiting(self) -> int:
        """The number of leads in claimable queues."""
        return sum(size for _, _, size in self.queues)


class FigureCollector:
    """Updates `seen` from a running stack."""

    def __init__(self, settings: Settings, reader: Reader, offers: Offers) -> None:
        self.figures = LiveFigures(offers=offers.made)
        self._settings = settings
        self._reader = reader

    async def answers(self) -> None:
        """Follow the answers until cancelled."""
        async with aclosing(follow(self._settings, LEAD_DECISIONS, from_end=True)) as batches:
            async for batch in batches:
                for record in batch.records:
                    self._count(msgspec.json.decode(record.value))

    def _count(self, answer: dict[str, Any]) -> None:
        if answer["type"] in TAKES:
            self.figures.results[answer["result"]] += 1
            if answer["result"] == "won":
                self.figures.winners[answer["rep_id"]] += 1
                if self.figures.first_claim_after is None:
                    self.figures.first_claim_after = time.monotonic() - self.figures.began
        self.figures.last.append(answer)

    async def report_state(self) -> None:
        """Read queues, lags and phases until cancelled."""
        lags = Lags(self._settings)
        await lags.start()
        try:
            while True:
                self.figures.lag = await lags.of_stages()
                ends = await lags.ends(LEAD_ARRIVALS, DEAD_LETTERS)
                begins = await lags.begins(LEAD_ARRIVALS, DEAD_LETTERS)
                counts: Counter[str] = Counter()
                for tp, end in ends.items():
                    counts[tp.topic] += end - begins[tp]
                self.figures.arrivals, self.figures.dead_letters = counts[LEAD_ARRIVALS], counts[DEAD_LETTERS]
                self.figures.phases = await asyncio.to_thread(phases, self._settings.database_url)
                self.figures.exceptions = await asyncio.to_thread(
                    exceptions_by_reason, self._settings.database_url
                )
                with contextlib.suppress(RetryableError):
                    self.figures.queues = [
                        (info.queue_id, info.name, info.size) for info in await self._reader.queues("default")
                    ]
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await lags.close()
