"""Rings all phones at once. Every rep presses 1, one rep gets the lead, and all others are told so (S1, S3)."""

import asyncio
import random
import time
import uuid
from collections import Counter
from contextlib import aclosing
from typing import Final

import msgspec

from application.directory.objects import Value
from assurance.load.client import LoadClient, RequestedAction
from assurance.load.operation_history import OperationHistory
from assurance.load.storms import READY_SECONDS, RESEND_SECONDS, arrival
from models.ids import lead_id
from models.public import Notification
from models.results import Result
from rules.queues.rule_book import Key
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import NOTIFICATIONS

PRESS_SECONDS: Final = 0.010
"""Each rep presses at a random moment within this time. The machine's own delay is measured on top."""
WITHIN_MS: Final = 20.0
ORG: Final = "ring"
GROUP: Final = "everybody"
RING_SECONDS: Final = 120
"""A ring's length. No ring may expire while the machine is busy; the first answer ends it at once."""

_NOTIFICATIONS: Final = msgspec.json.Decoder(Notification)


class RingsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result. `won`: rings with one winner.

    `told_no_longer`: the losers who were told who has the lead. `mails`: rings for which the winner, and nobody else,
    gets one mail. `withdrawn`: calls that were withdrawn, the winner's too (it rings elsewhere). `within_20_ms`: rings
    whose first and last press were sent within 20 ms; `pressed_within_ms`: that time, median and maximum.
    `winners`: wins by rep.
    """

    rings: int
    reps: int
    won: int
    told_no_longer: int
    mails: int
    withdrawn: int
    unknown: int
    within_20_ms: int
    pressed_within_ms: tuple[float, float]
    seconds: float
    winners: dict[str, int]


async def ring(
    settings: Settings,
    *,
    rings: int = 500,
    reps: int = 50,
    org: str = ORG,
    seed: int = 0,
    history: OperationHistory | None = None,
) -> RingsResult:
    """Ring all reps for one lead after the other, as a phone rings once at a time (S4). All reps press 1.

    What `objects` returns for these reps must be published and known. Raises TimeoutError where a lead does not ring,
    and RuntimeFailure where Kafka is unreachable.
    """
    run = uuid.uuid4().hex[:8]
    people = rep_ids_of(reps)
    source = random.Random(seed)  # noqa: S311  # seeded so that a run can be repeated
    began = time.monotonic()
    crowds: list[list[RequestedAction]] = []
    async with LoadClient(
        settings,
        org=org,
        history=history,
        follow_queues=True,
        resend_seconds=RESEND_SECONDS,
        patience_seconds=READY_SECONDS,
    ) as client:
        for n in range(rings):
            message = {**arrival(org, f"{run}-{n}", n), "campaign": GROUP}
            await client.arrive(message)
            lead = lead_id(org, "storm", message["external_id"], message)
            epochs = await client.until_offered(lead, set(people), READY_SECONDS)
            crowd = [_press(client, lead, rep, epochs[rep], source) for rep in people]
            crowds.append(list(await asyncio.gather(*crowd)))
    return await _sum_results(settings, crowds, time.monotonic() - began)


def objects(reps: int) -> dict[Key, Value]:
    """Return what the org publishes: its reps, and one group in which every phone rings."""
    people = rep_ids_of(reps)
    members = [{"rep_id": rep_id} for rep_id in people]
    return {
        **{("rep", rep_id): {"rep_id": rep_id} for rep_id in people},
        ("group", GROUP): {"method": "ring_all", "ring_seconds": RING_SECONDS, "members": members},
        ("campaign", GROUP): {"group_id": GROUP},
    }


def rep_ids_of(reps: int) -> list[str]:
    """Return the ids of this many reps."""
    return [f"rep-{n}" for n in range(1, reps + 1)]


async def _press(
    client: LoadClient, lead: str, rep: str, epoch: int, source: random.Random
) -> RequestedAction:
    await asyncio.sleep(source.uniform(0, PRESS_SECONDS))
    return await client.ask("press_one", lead, rep, epoch=epoch)


async def _sum_results(
    settings: Settings, crowds: list[list[RequestedAction]], seconds: float
) -> RingsResult:
    winner: dict[str, str] = {}
    losers = unknown = 0
    spreads = []
    for crowd in crowds:
        won = [request.action["rep_id"] for request in crowd if request.result is Result.WON]
        if len(won) == 1:
            winner[crowd[0].action["lead_id"]] = won[0]
            losers += sum(
                request.result is Result.LOST
                and request.answer is not None
                and request.answer.owner == won[0]
                for request in crowd
            )
        unknown += sum(request.result is None for request in crowd)
        pressed = [request.invoked_at for request in crowd]
        spreads.append(round((max(pressed) - min(pressed)) * 1000, 1))
    spreads.sort()
    mails, withdrawn = await _count_mails(settings, winner)
    return RingsResult(
        rings=len(crowds),
        reps=len(crowds[0]),
        won=len(winner),
        told_no_longer=losers,
        mails=mails,
        withdrawn=withdrawn,
        unknown=unknown,
        within_20_ms=sum(spread <= WITHIN_MS for spread in spreads),
        pressed_within_ms=(spreads[len(spreads) // 2], spreads[-1]),
        seconds=round(seconds, 1),
        winners=dict(sorted(Counter(winner.values()).items())),
    )


async def _count_mails(settings: Settings, winner: dict[str, str]) -> tuple[int, int]:
    """Return how many leads cause one mail, to the winner only, and how many calls are withdrawn.

    Requests with the same id are sent once, however often they occur. Waits until there is a mail for each lead.
    """
    give_up = time.monotonic() + READY_SECONDS
    while True:
        mails: dict[str, set[tuple[str, str]]] = {lead: set() for lead in winner}
        withdrawn: set[str] = set()
        async with aclosing(read_topic(settings, NOTIFICATIONS)) as records:
            async for record in records:
                notification = _NOTIFICATIONS.decode(record.value)
                if notification.lead_id not in winner:
                    continue
                if notification.withdrawn:
                    withdrawn.add(notification.notification_id)
                elif notification.kind == "email":
                    mails[notification.lead_id].add((notification.notification_id, notification.rep_id))
        if all(mails.values()) or time.monotonic() > give_up:
            correct = sum([rep for _, rep in received] == [winner[lead]] for lead, received in mails.items())
            return correct, len(withdrawn)
        await asyncio.sleep(1.0)
