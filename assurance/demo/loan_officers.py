"""Simulates loan officers: they answer offers, compete for leads in the lists, and work the leads they won."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Final

from assurance.load import LoadClient
from assurance.load.offer_reader import Offers, ReceivedOffer
from board.reader import Reader
from models.errors import RetryableError
from models.results import Result

TOP: Final = 12
"""How far down a list reps claim. It is short, so that they compete."""
LEFT: Final = 25
"""How many leads of a list are left to people who sign in to the console."""
LOOK_SECONDS: Final = 0.4
"""How long a rep looks at a list before claiming, on average."""
WORK_SECONDS: Final = 1.5
"""How long a rep works a lead before reporting the result, on average."""
RING_SECONDS: Final = (6.0, 12.0)
"""How long a rep lets the phone ring, at least and at most. A visitor of the demo has time to press 1 first."""
IDLE_SECONDS: Final = 0.25


async def work(client: LoadClient, reader: Reader, rep_id: str, offers: Offers, *, hurry: bool) -> None:
    """Take offers, claim and work leads until cancelled. `hurry`: only claim, as fast as the answers come."""
    source = random.Random(rep_id)  # noqa: S311  # a rep behaves the same in each demo
    while True:
        if (offer := offers.take(rep_id)) is not None:
            await _answer(client, offer, source, hurry=hurry)
            continue
        lead = await _pick(reader, client.org, source, leave=0 if hurry else LEFT)
        if lead is None:
            await asyncio.sleep(IDLE_SECONDS)
            continue
        queue_id, lead_id = lead
        if not hurry:
            await asyncio.sleep(source.expovariate(1 / LOOK_SECONDS))
        claimed = await client.ask("claim", lead_id, rep_id, queue_id=queue_id)
        if claimed.result is Result.WON and not hurry:
            await _work_lead(client, lead_id, rep_id, source)


async def _answer(client: LoadClient, offer: ReceivedOffer, source: random.Random, *, hurry: bool) -> None:
    """Take what is offered, decline it, or let its window expire (R3, S1)."""
    rings = offer.template == "ring"
    draw = source.random()
    if draw < 0.15:  # noqa: PLR2004  # some are busy
        return
    action = "decline" if draw < 0.25 else "press_one" if rings else "accept"  # noqa: PLR2004
    await asyncio.sleep(
        source.uniform(*RING_SECONDS) if rings and not hurry else source.expovariate(1 / LOOK_SECONDS)
    )
    await client.ask(action, offer.lead_id, offer.rep_id, epoch=offer.epoch)


async def _pick(reader: Reader, org: str, source: random.Random, *, leave: int) -> tuple[str, str] | None:
    try:
        queues = [info for info in await reader.queues(org) if info.claimable and info.size > leave]
        if not queues:
            return None
        queue = source.choices(queues, [info.size for info in queues])[0]
        rows = (await reader.page(org, queue.queue_id, limit=TOP)).rows
    except RetryableError:
        return None
    return (queue.queue_id, source.choice(rows).lead_id) if rows else None


async def _work_lead(client: LoadClient, lead_id: str, rep_id: str, source: random.Random) -> None:
    """Open the lead, which locks it, and report the result (D1, D2, D4)."""
    if source.random() < 0.5:  # noqa: PLR2004  # the other half is left for later
        return
    await client.ask("view", lead_id, rep_id)
    await asyncio.sleep(source.expovariate(1 / WORK_SECONDS))
    draw = source.random()
    if draw < 0.2:  # noqa: PLR2004  # one in five asks to be called again
        at = datetime.now(UTC) + timedelta(seconds=source.uniform(5, 30))
        await client.ask("callback", lead_id, rep_id, at=at.isoformat())
    else:
        outcome = source.choice(("no_answer", "left_message", "interested", "closed_won"))
        await client.ask("outcome", lead_id, rep_id, outcome=outcome)
