"""Twelve reps at their desks: they look at the lists, race for a lead, and work what they won."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Final

from console.board.reader import Reader
from console.load import Client
from models.decisions import Result
from models.errors import Later

TOP: Final = 12
"""Reps claim near the top of a list, so they meet."""
LOOK_SECONDS: Final = 0.4
"""How long a rep looks at a list before claiming, on average."""
WORK_SECONDS: Final = 1.5
"""How long a rep works a lead before saying what came of it, on average."""
IDLE_SECONDS: Final = 0.25


async def work(client: Client, reader: Reader, rep_id: str, *, hurry: bool) -> None:
    """Claim and work leads until cancelled. `hurry`: only claim, as fast as the answers come."""
    source = random.Random(rep_id)  # noqa: S311  # a rep of a demo is to be the same each time
    while True:
        lead = await _pick(reader, client.org, source)
        if lead is None:
            await asyncio.sleep(IDLE_SECONDS)
            continue
        queue_id, lead_id = lead
        if not hurry:
            await asyncio.sleep(source.expovariate(1 / LOOK_SECONDS))
        claimed = await client.ask("claim", lead_id, rep_id, queue_id=queue_id)
        if claimed.result is Result.WON and not hurry:
            await _work(client, lead_id, rep_id, source)


async def _pick(reader: Reader, org: str, source: random.Random) -> tuple[str, str] | None:
    try:
        queues = [info for info in await reader.queues(org) if info.claimable and info.size]
        if not queues:
            return None
        queue = source.choices(queues, [info.size for info in queues])[0]
        rows = (await reader.page(org, queue.queue_id, limit=TOP)).rows
    except Later:
        return None
    return (queue.queue_id, source.choice(rows).lead_id) if rows else None


async def _work(client: Client, lead_id: str, rep_id: str, source: random.Random) -> None:
    """Open the lead, which locks it, and say what came of it (D1, D2, D4)."""
    if source.random() < 0.5:  # noqa: PLR2004  # the other half is left for later, as people do
        return
    await client.ask("view", lead_id, rep_id)
    await asyncio.sleep(source.expovariate(1 / WORK_SECONDS))
    what = source.random()
    if what < 0.2:  # noqa: PLR2004  # one in five asks to be called again
        at = datetime.now(UTC) + timedelta(seconds=source.uniform(5, 30))
        await client.ask("callback", lead_id, rep_id, at=at.isoformat())
    else:
        outcome = source.choice(("no_answer", "left_message", "interested", "closed_won"))
        await client.ask("outcome", lead_id, rep_id, outcome=outcome)
