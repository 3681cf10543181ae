"""Makes all reps claim the same leads at once. One rep gets each lead; everybody else is told who (Q8)."""

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from assurance.load.client import LoadClient, RequestedAction
from assurance.load.operation_history import OperationHistory
from board.reader import Reader
from models.errors import RetryableError, RuntimeFailure
from models.ids import lead_id
from models.results import Result
from streams.settings import Settings

READY_SECONDS: Final = 120.0
"""How long the leads may take to reach their queue."""
RESEND_SECONDS: Final = 30.0
"""When to send an action again. Answers are slow in a storm, and repeats would only make it longer."""
AT_ONCE: Final = 2_000
"""How many leads are sent without waiting for the one before."""
PAGE: Final = 20
"""How far down the list a rep of a race looks."""
LOOK_SECONDS: Final = 0.05
EMPTY_LOOKS: Final = 3
"""A list that was empty this often in a row counts as empty."""


class StormResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a storm or a race, in claims. `told_first`: losers who were told the winning one.

    `unknown`: claims whose answer never came. `winners`: wins by rep.
    """

    leads: int
    won: int
    lost: int
    told_first: int
    refused: int
    unknown: int
    seconds: float
    winners: dict[str, int]


async def storm(
    settings: Settings,
    *,
    leads: int = 2000,
    reps: int = 5,
    org: str = "storm",
    seed: int = 0,
    history: OperationHistory | None = None,
) -> StormResult:
    """Send leads to a claimable queue. Then all reps claim each of them at the same moment.

    The org is open (it publishes no reps), and only the storm uses it. Raises TimeoutError where the leads do not
    reach their queue, and RuntimeFailure where Kafka is unreachable.
    """
    run = uuid.uuid4().hex[:8]
    people = [f"rep-{n}" for n in range(1, reps + 1)]
    async with LoadClient(
        settings,
        org=org,
        history=history,
        follow_queues=True,
        resend_seconds=RESEND_SECONDS,
        patience_seconds=READY_SECONDS,
    ) as client:
        await client.publish(
            "queue", "storm", queue("storm", "StormResult", columns=["state", "loan_amount"])
        )
        messages = [arrival(org, f"{run}-{n}", n) for n in range(leads)]
        for start in range(0, leads, AT_ONCE):
            await asyncio.gather(*(client.arrive(message) for message in messages[start : start + AT_ONCE]))
        ids = [lead_id(org, "storm", message["external_id"], message) for message in messages]
        await client.until_in("storm", set(ids), READY_SECONDS)
        claims = [(lead, rep) for lead in ids for rep in people]
        source = random.Random(seed)  # noqa: S311  # seeded so that a run can be repeated
        for start in range(0, len(claims), reps):  # each rep comes first at some leads
            crowd = claims[start : start + reps]
            source.shuffle(crowd)
            claims[start : start + reps] = crowd
        began = time.monotonic()
        requested = await asyncio.gather(
            *(client.ask("claim", lead, rep, queue_id="storm") for lead, rep in claims)
        )
        return _sum_results(leads, requested, time.monotonic() - began)


async def race(
    settings: Settings,
    *,
    reps: int | Sequence[str] = 12,
    org: str = "default",
    pause_seconds: float = 0.0,
    seed: int = 0,
    history: OperationHistory | None = None,
) -> StormResult:
    """Let reps read the board's claimable queues and claim what they see until nothing is left.

    `reps`: how many, or their ids. `pause_seconds`: how long a rep looks at a list before claiming, on average.
    Raises RuntimeFailure where Kafka or the board is unreachable for long.
    """
    people = [f"rep-{n}" for n in range(1, reps + 1)] if isinstance(reps, int) else list(reps)
    reader = Reader.at(settings.redis_url)
    began = time.monotonic()
    try:
        async with LoadClient(settings, org=org, history=history) as client:
            runs = await asyncio.gather(
                *(
                    _run(client, reader, rep, pause_seconds, random.Random(f"{seed}/{rep}"))  # noqa: S311
                    for rep in people
                )
            )
    finally:
        await reader.close()
    requested = [request for run in runs for request in run]
    return _sum_results(
        len({request.action["lead_id"] for request in requested}), requested, time.monotonic() - began
    )


async def _run(
    client: LoadClient, reader: Reader, rep: str, pause_seconds: float, source: random.Random
) -> list[RequestedAction]:
    """Claim until every claimable list was empty several times in a row."""
    requested: list[RequestedAction] = []
    empty = 0
    skipped: set[str] = set()
    while empty < EMPTY_LOOKS:
        picked = await _pick_lead(reader, client.org, skipped, source)
        if picked is None:
            empty += 1
            await asyncio.sleep(LOOK_SECONDS)
            continue
        empty = 0
        queue_id, lead = picked
        if pause_seconds:
            await asyncio.sleep(source.expovariate(1 / pause_seconds))
        request = await client.ask("claim", lead, rep, queue_id=queue_id)
        requested.append(request)
        if request.result in (Result.REFUSED, Result.WON):
            skipped.add(lead)  # not allowed for this rep, or theirs while the board still shows it
    return requested


async def _pick_lead(
    reader: Reader, org: str, skipped: set[str], source: random.Random, seconds: float = 30.0
) -> tuple[str, str] | None:
    """Pick a lead near the top of a claimable list. Return None when all are empty."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            queues = [info for info in await reader.queues(org) if info.claimable and info.size]
            source.shuffle(queues)
            for info in queues:
                page = await reader.page(org, info.queue_id, limit=PAGE + len(skipped))
                rows = [row.lead_id for row in page.rows if row.lead_id not in skipped][:PAGE]
                if rows:
                    return info.queue_id, source.choice(rows)
        except RetryableError as away:
            if time.monotonic() > give_up:
                raise RuntimeFailure(away.what, f"{away.reason}, for {seconds:g} s") from away
            await asyncio.sleep(LOOK_SECONDS)
        else:
            return None


def _sum_results(leads: int, requested: Sequence[RequestedAction], seconds: float) -> StormResult:
    winner = {
        request.action["lead_id"]: request.action["rep_id"]
        for request in requested
        if request.result is Result.WON
    }
    losses = [request for request in requested if request.result is Result.LOST]
    winners: dict[str, int] = {}
    for rep in winner.values():
        winners[rep] = winners.get(rep, 0) + 1
    return StormResult(
        leads=leads,
        won=sum(request.result is Result.WON for request in requested),
        lost=len(losses),
        told_first=sum(
            request.answer is not None and request.answer.owner == winner.get(request.action["lead_id"])
            for request in losses
        ),
        refused=sum(request.result is Result.REFUSED for request in requested),
        unknown=sum(request.result is None for request in requested),
        seconds=round(seconds, 3),
        winners=dict(sorted(winners.items())),
    )


def queue(queue_id: str, name: str, **more: Any) -> dict[str, Any]:
    """Return a claimable queue that takes every lead without an owner, as it is published."""
    return {
        "queue_id": queue_id,
        "name": name,
        "claimable": True,
        "inclusion": {"combinator": "and", "rules": [{"field": "owned", "operator": "=", "value": False}]},
        **more,
    }


def arrival(org: str, external_id: str, n: int) -> dict[str, Any]:
    """Return one lead as its vendor sends it."""
    return {
        "vendor": "storm",
        "org": org,
        "external_id": external_id,
        "first_name": "Jeremy",
        "last_name": f"Jones {n}",
        "email": f"jones-{external_id}@storm.example",  # each a different person, or they would be one lead (R6)
        "state": ("RI", "MA", "CT")[n % 3],
        "loan_purpose": "purchase",
        "loan_amount": 200_000 + 1_000 * (n % 400),
    }
