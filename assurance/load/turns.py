"""Sends leads through round robin while reps come and go. Each rep takes the leads it is offered (R3, R7)."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from application.directory.objects import Value
from assurance.load.client import LoadClient
from assurance.load.offer_reader import Offers
from assurance.load.rings import rep_ids_of
from assurance.load.storms import READY_SECONDS, RESEND_SECONDS, arrival
from models.ids import lead_id
from models.results import Result
from rules.queues.rule_book import Key
from streams.settings import Settings

ORG: Final = "turns"
EVEN: Final = "even"
WEIGHTED: Final = "weighted"
WEIGHTS: Final = {"rep-1": 5, "rep-2": 1, "rep-3": 1}
COME_AND_GO: Final = 2
"""How many of the even group's reps, its last ones, are absent, leave the roster and return. The others stay."""
WINDOW_SECONDS: Final = 3600
"""The window of an offer. No window may expire while the machine is busy; each rep takes an offer at once."""
AT_ONCE: Final = 250
"""How many leads are sent without waiting for the one before."""
ON_THE_WAY: Final = 2_000
"""The most leads that are not taken yet. At this number sending pauses."""
LOOK_SECONDS: Final = 0.02
FAR: Final = "2035-01-01T00:00:00Z"


class TurnsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result: `leads` that arrived, `taken` by the reps offered to, `edits` of directory and roster meanwhile."""

    leads: int
    taken: int
    edits: int
    seconds: float


def objects(reps: int) -> dict[Key, Value]:
    """Return what the org publishes: its reps, a group in which they take turns, and one with weights."""
    people = rep_ids_of(reps)
    return {
        **{("rep", rep_id): {"rep_id": rep_id} for rep_id in people},
        ("group", EVEN): _group([{"rep_id": rep_id} for rep_id in people]),
        ("group", WEIGHTED): _group([{"rep_id": rep_id, "weight": n} for rep_id, n in WEIGHTS.items()]),
        ("campaign", EVEN): {"group_id": EVEN},
        ("campaign", WEIGHTED): {"group_id": WEIGHTED},
    }


async def turns(settings: Settings, *, leads: int = 10_000, reps: int = 12) -> TurnsResult:
    """Send leads to the even group, one in six more to the weighted one, and edit the even roster meanwhile.

    What `objects` returns for these reps must be published and known. Raises TimeoutError where a lead is not taken
    in the end.
    """
    run, began = uuid.uuid4().hex[:8], time.monotonic()
    people = rep_ids_of(reps)
    taken_ids: set[str] = set()
    async with (
        LoadClient(
            settings, org=ORG, resend_seconds=RESEND_SECONDS, patience_seconds=READY_SECONDS
        ) as client,
        _reps_taking_offers(client, people, taken_ids, leads) as offers,
    ):
        await offers.following.wait()
        ids: list[str] = []
        edits = _edits(people)
        published = 0
        for start in range(0, leads, AT_ONCE):
            while published < len(edits) and start * (len(edits) + 1) >= (published + 1) * leads:
                kind, object_id, value = edits[published]
                await client.publish(kind, object_id, value)
                published += 1
            messages = [_message(run, n, EVEN) for n in range(start, min(leads, start + AT_ONCE))]
            messages += [_message(run, n, WEIGHTED) for n in range(start, min(leads, start + AT_ONCE), 6)]
            await asyncio.gather(*(client.arrive(message) for message in messages))
            ids += [lead_id(ORG, "storm", message["external_id"], message) for message in messages]
            await _wait_until_taken(set(ids), taken_ids, ON_THE_WAY)
        for kind, object_id, value in edits[published:]:
            await client.publish(kind, object_id, value)
        await _wait_until_taken(set(ids), taken_ids, 0)
    return TurnsResult(
        leads=len(ids), taken=len(taken_ids), edits=len(edits), seconds=round(time.monotonic() - began, 1)
    )


def steady(reps: int) -> list[str]:
    """Return the reps that are available throughout."""
    return rep_ids_of(reps)[:-COME_AND_GO]


def _edits(people: list[str]) -> list[tuple[str, str, Value]]:
    """Return the publications during the run, in order: an absence and a return, and four other rosters."""
    *others, away, leaver = people
    absent = {"rep_id": away, "absences": [{"from": "2020-01-01T00:00:00Z", "to": FAR}]}
    newcomer = "newcomer"

    def roster(*members: str) -> tuple[str, str, Value]:
        return "group", EVEN, {"group_id": EVEN, **_group([{"rep_id": rep_id} for rep_id in members])}

    return [
        ("rep", away, absent),
        roster(*others, away),
        ("rep", away, {"rep_id": away}),
        roster(leaver, *others, away),
        ("rep", newcomer, {"rep_id": newcomer}),
        roster(*reversed(people), newcomer),
        ("rep", away, absent),
        roster(*people),
        ("rep", away, {"rep_id": away}),
    ]


def _group(members: list[dict[str, Any]]) -> Value:
    return {"method": "round_robin", "claim_window_seconds": WINDOW_SECONDS, "members": members}


def _message(run: str, n: int, campaign: str) -> dict[str, Any]:
    return {**arrival(ORG, f"{run}-{campaign}-{n}", n), "campaign": campaign}


@asynccontextmanager
async def _reps_taking_offers(
    client: LoadClient, people: list[str], taken_ids: set[str], leads: int
) -> AsyncIterator[Offers]:
    """Make every rep take what it is offered until the block ends."""
    offers = Offers(client.settings, capacity=leads)
    tasks = [asyncio.create_task(offers.follow())]
    for rep_id in (*people, "newcomer"):
        tasks += [asyncio.create_task(_take(client, offers, rep_id, taken_ids)) for _ in range(4)]
    try:
        yield offers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _take(client: LoadClient, offers: Offers, rep_id: str, taken_ids: set[str]) -> None:
    while True:
        offer = offers.take(rep_id)
        if offer is None:
            await asyncio.sleep(LOOK_SECONDS)
            continue
        request = await client.ask("accept", offer.lead_id, rep_id, epoch=offer.epoch)
        if request.result is Result.WON:
            taken_ids.add(offer.lead_id)


async def _wait_until_taken(untaken: set[str], taken_ids: set[str], most: int) -> None:
    """Wait until at most `most` are left. Raises TimeoutError after a while without progress."""
    before, give_up = len(untaken), time.monotonic() + READY_SECONDS
    while len(untaken := untaken - taken_ids) > most:
        if len(untaken) < before:
            before, give_up = len(untaken), time.monotonic() + READY_SECONDS
        if time.monotonic() > give_up:
            raise TimeoutError(f"{len(untaken)} leads are not taken after {READY_SECONDS:g} s")
        await asyncio.sleep(LOOK_SECONDS)
