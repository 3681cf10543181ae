"""Simulates reps: they claim new leads, open leads to work on, and forget some that they opened (D1-D4, Q8)."""

import asyncio
import random
from collections import deque
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from assurance.load.client import LoadClient
from assurance.load.offer_reader import Offers, ReceivedOffer
from models.activities import ActivityKind
from models.results import Result

NEWEST: Final = 40
"""How many of the newest leads of a kind reps look at. It is small, so that they compete."""
SOON_SECONDS: Final = (1.0, 6.0)
"""When a promised call is due, in seconds from now."""
IMPATIENT_SECONDS: Final = 1.0
"""After so long some reps stop waiting and never learn whether they have won."""
WORKED: Final = ("no_answer", "left_message", "interested", "not_interested")
CLOSED: Final = ("closed_won", "closed_won", "do_not_contact")
"""Outcomes that close a lead. The last one also forbids contact (M8)."""
MOVES: Final = ("reassign", "unassign", "redistribute", "reopen", "update")
CORRECTIONS: Final = (
    {"state": "MA", "zip": "02139"},
    {"state": "Rhode Island"},
    {"loan_amount": "$310,000", "loan_purpose": "refinance"},
    {"first_name": "Jeremy", "credit_score": None},
    {"phone": "(401) 419-4247"},
    {"email": None},
    {"email": "jeremy@x.org", "silenced": "yes"},
    {"silenced": "no"},
)
"""What people correct of leads (M2). Some correct many leads to the same phone or mail address."""
MANAGED: Final = {
    "assign": 5,
    "ignore": 3,
    "unignore": 2,
    "reassign": 4,
    "unassign": 2,
    "redistribute": 2,
    "reopen": 2,
    "update": 4,
    "consent": 2,
    "merge": 1,
    "split": 1,
}
"""A manager's action -> its share."""


class QueueWork(StrEnum):
    """What is to be done with a lead, by the queue it is in."""

    CLAIM = "claim"
    OPEN = "open"
    DECIDE = "decide"
    """No queue takes it. It is an exception, for a manager (E1)."""
    OFFER = "offer"
    """Its campaign's group distributes it. The rep with the offer takes it, or the offer moves on (R3, S1, S5)."""


class Leads:
    """The leads that people know of, newest last."""

    def __init__(self) -> None:
        self._newest: dict[QueueWork, deque[str]] = {work: deque(maxlen=NEWEST) for work in QueueWork}

    def add(self, work: QueueWork, lead_id: str) -> None:
        """Add a lead that has been sent."""
        self._newest[work].append(lead_id)

    def pick(self, work: QueueWork, source: random.Random) -> str | None:
        """Return one of the newest leads. Half of the time it is the very newest."""
        newest = self._newest[work]
        if not newest:
            return None
        return newest[-1] if source.random() < 0.5 else source.choice(newest)  # noqa: PLR2004


def _person(rep_id: str) -> dict[str, Any]:
    return {"rep_id": rep_id, "name": rep_id.title(), "email": f"{rep_id}@lender.example"}


class SimulatedPeople:
    """Reps and one manager who work `leads` until `over` is set. Each has its own random source, seeded by `seed`.

    `pause_seconds`: between two actions of one rep, on average. `published`: whether the org is to publish them, with
    their roles.
    """

    def __init__(
        self,
        client: LoadClient,
        leads: Leads,
        *,
        reps: int,
        seed: int,
        pause_seconds: float = 0.2,
        offers: Offers | None = None,
    ) -> None:
        self._client = client
        self._offers = offers
        self.leads = leads
        self._pause = pause_seconds
        self._seed = seed
        self.reps = [f"rep-{n}" for n in range(1, reps + 1)]
        self.managers = ["manager-1"]
        self._merged: deque[tuple[str, str]] = deque(maxlen=NEWEST)
        """(lead, the one it was merged into), the newest last. A manager takes some of them out again (K5)."""
        self.over = asyncio.Event()

    def objects(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return (kind, id, value) of each person, to be published."""
        return [
            ("rep", rep_id, {**_person(rep_id), "role": role, "teams": ["west"]})
            for role, ids in (("rep", self.reps), ("manager", self.managers))
            for rep_id in ids
        ]

    async def work(self) -> None:
        """Work until `over` is set. Every action that began is finished or given up."""
        async with asyncio.TaskGroup() as group:
            for rep_id in self.reps:
                group.create_task(self._rep(rep_id))
            for rep_id in self.managers:
                group.create_task(self._manager(rep_id))

    async def _rep(self, rep_id: str) -> None:
        source = random.Random(f"{self._seed}/{rep_id}")  # noqa: S311  # seeded so that a run can be repeated
        while not self.over.is_set():
            offer = self._offers.take(rep_id) if self._offers else None
            if offer is not None:
                await self._answer(rep_id, offer, source)
                continue
            work = source.choices([QueueWork.CLAIM, QueueWork.OPEN], [4, 6])[0]
            lead_id = self.leads.pick(work, source)
            if lead_id is None:
                await asyncio.sleep(self._pause)
            elif work is QueueWork.CLAIM:
                await self._claim(rep_id, lead_id, source)
            else:
                await self._open(rep_id, lead_id, source)
            await asyncio.sleep(source.expovariate(1 / self._pause))

    async def _claim(self, rep_id: str, lead_id: str, source: random.Random) -> None:
        """Claim a lead, and sometimes work it at once after winning (Q8)."""
        # One claim in ten is sent twice at once, as by a double click. For another one in ten the rep does not wait.
        request = await self._client.ask(
            "claim",
            lead_id,
            rep_id,
            twice=source.random() < 0.1,  # noqa: PLR2004
            patience_seconds=IMPATIENT_SECONDS if source.random() < 0.1 else None,  # noqa: PLR2004
        )
        if request.result is Result.WON and source.random() < 0.3:  # noqa: PLR2004  # three in ten
            await self._open(rep_id, lead_id, source)

    async def _open(self, rep_id: str, lead_id: str, source: random.Random) -> None:
        """Open a lead. If it opens, do one of the actions that follow, or forget it (D1-D4)."""
        ask = self._client.ask
        opened = await ask("view", lead_id, rep_id)
        if opened.result is not Result.DONE:
            return
        await asyncio.sleep(source.uniform(0, self._pause))
        action = source.choices(
            ["outcome", "close", "release", "later", "someday", "note", "activity", "claim_now", "forget"],
            [20, 4, 14, 20, 8, 6, 8, 10, 18],
        )[0]
        match action:
            case "outcome":
                await ask("outcome", lead_id, rep_id, outcome=source.choice(WORKED))
            case "close":
                await ask("outcome", lead_id, rep_id, outcome=source.choice(CLOSED))
            case "release":
                await ask("release", lead_id, rep_id, twice=source.random() < 0.1)  # noqa: PLR2004
            case "later":
                at = datetime.now(UTC) + timedelta(seconds=source.uniform(*SOON_SECONDS))
                await ask("callback", lead_id, rep_id, at=at.isoformat())
            case "someday":
                await ask("callback", lead_id, rep_id)
            case "note":
                await ask("note", lead_id, rep_id, note="asked to be called in the evening")
                await ask("claim_now", lead_id, rep_id)
            case "activity":
                await ask("activity", lead_id, rep_id, kind=source.choice(list(ActivityKind)))
                await ask("release", lead_id, rep_id)
            case "claim_now":
                await ask("claim_now", lead_id, rep_id)
            case _:
                pass  # the lock expires (D2)

    async def _answer(self, rep_id: str, offer: ReceivedOffer, source: random.Random) -> None:
        """Take an offer, work it at once, decline it, look at it, or let it expire; some are late (R3, S1-S5)."""
        ask, about = self._client.ask, (offer.lead_id, rep_id)
        take = {"ring": "press_one", "new_lead_button": "claim"}.get(offer.template, "accept")
        await asyncio.sleep(source.expovariate(1 / self._pause))
        action = source.choices(
            ["take", "note", "activity", "later", "decline", "view", "forget"], [40, 8, 8, 8, 14, 10, 20]
        )[0]
        match action:
            case "take":
                twice = source.random() < 0.1  # noqa: PLR2004  # one in ten presses twice
                request = await ask(take, *about, epoch=offer.epoch, twice=twice)
                if request.result is Result.WON and offer.template == "ring":
                    await ask(source.choice(["connect", "hang_up", "dial"]), *about, epoch=offer.epoch)
            case "note":
                await ask("note", *about, note="called at once")
            case "activity":
                await ask("activity", *about, kind=source.choice(list(ActivityKind)))
            case "later":
                at = datetime.now(UTC) + timedelta(seconds=source.uniform(*SOON_SECONDS))
                await ask("callback", *about, at=at.isoformat())
            case "decline":
                await ask("decline", *about, epoch=offer.epoch)
            case "view":
                await ask("view", *about)  # no action: the window continues (R2)
            case _:
                pass

    async def _manager(self, rep_id: str) -> None:
        """Assign exceptions, ignore them and bring them back, and move leads, sometimes too late (E3, E4, D6, M1)."""
        source = random.Random(f"{self._seed}/{rep_id}")  # noqa: S311  # likewise
        while not self.over.is_set():
            work = source.choices(
                [QueueWork.DECIDE, QueueWork.CLAIM, QueueWork.OPEN, QueueWork.OFFER], [6, 3, 3, 3]
            )[0]
            lead_id = self.leads.pick(work, source)
            if lead_id is not None:
                await self._manage(rep_id, lead_id, source)
            await asyncio.sleep(source.expovariate(1 / self._pause))

    async def _manage(self, rep_id: str, lead_id: str, source: random.Random) -> None:
        """Do one of a manager's actions with a lead. One move in ten is sent twice at once."""
        action = source.choices(list(MANAGED), list(MANAGED.values()))[0]
        if action in ("merge", "split"):
            await (self._merge if action == "merge" else self._split)(rep_id, source)
            return
        fields: dict[str, Any] = {}
        if action in ("assign", "reassign"):
            fields["to_rep_id"] = source.choice(self.reps)
        if action == "update":
            fields["facts"] = source.choice(CORRECTIONS)
        if action in (*MOVES, "consent"):
            fields["why"] = "the load moves leads"
        twice = action in MOVES and source.random() < 0.1  # noqa: PLR2004
        await self._client.ask(action, lead_id, rep_id, twice=twice, **fields)

    async def _merge(self, rep_id: str, source: random.Random) -> None:
        """Merge two leads that their groups distribute. One merge in ten is sent twice at once (K5)."""
        lead_id, into = (self.leads.pick(QueueWork.OFFER, source) for _ in range(2))
        if lead_id is None or into is None or lead_id == into:
            return
        twice = source.random() < 0.1  # noqa: PLR2004
        fields: dict[str, Any] = {"into_lead_id": into, "why": "the load merges leads"}
        request = await self._client.ask("merge", lead_id, rep_id, twice=twice, **fields)
        if request.answer is None or request.result is Result.DONE:
            self._merged.append((lead_id, into))

    async def _split(self, rep_id: str, source: random.Random) -> None:
        """Take one of the merged leads out again (K5)."""
        if not self._merged:
            return
        lead_id, into = source.choice(self._merged)
        self._merged.remove((lead_id, into))
        fields: dict[str, Any] = {"inquiry_id": lead_id, "why": "the load takes leads out"}
        await self._client.ask("split", into, rep_id, twice=source.random() < 0.1, **fields)  # noqa: PLR2004
