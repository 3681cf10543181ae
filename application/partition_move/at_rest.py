"""Finds out whether processes run on a cluster, and whether somebody wrote to it while a move read or wrote it.

Kafka knows the members of consumer groups, and so whether workers, relays, sinks and couriers run. Boards and consoles
join no group. A board writes to no topic; what a console has written is noticed by the ends of the topics.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Final

from aiokafka import TopicPartition

from application.dead_letter_marks import read_marks
from application.lag import BOARD, Lags
from couriers.channels import NAMES, group_of, turn_group_of
from couriers.mail.digest_requests import GROUP as DIGEST_GROUP
from models.errors import RuntimeFailure
from sink.consumer import GROUP as SINK_GROUP
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS, RELAY_GROUP, TOPICS, WORKER_GROUP

Say = Callable[[str], None]
Ends = Mapping[TopicPartition, int]

PROCESSES: Final = {
    WORKER_GROUP: "worker",
    RELAY_GROUP: "relay",
    SINK_GROUP: "sink",
    **{group_of(name): f"courier --channel {name}" for name in NAMES},
    **{turn_group_of(name): f"courier --channel {name}" for name in NAMES},
    DIGEST_GROUP: "courier --channel mail",
}
"""Consumer group -> the command whose processes join it."""
STOP_SECONDS: Final = 60.0
"""How long Kafka may take to notice that the processes have stopped: longer than a session."""
LOOK_SECONDS: Final = 0.5


async def running(lags: Lags) -> list[str]:
    """Return the commands whose processes run on the cluster, such as `worker`. Raises KafkaError."""
    members = await lags.members(PROCESSES)
    return list(dict.fromkeys(PROCESSES[group] for group, count in members.items() if count))


async def check_stopped(lags: Lags, say: Say, seconds: float | None = None) -> None:
    """Wait until no process runs. Raises `RuntimeFailure` with their names after `seconds` (default `STOP_SECONDS`)."""
    loop = asyncio.get_running_loop()
    until, is_announced = loop.time() + (STOP_SECONDS if seconds is None else seconds), False
    while processes := await running(lags):
        names = ", ".join(f"firstclaim {name}" for name in processes)
        if loop.time() > until:
            raise RuntimeFailure("Kafka", f"{names}: still runs; stop all processes first")
        if not is_announced:
            is_announced = True
            say(f"waiting until Kafka notices that {names} stopped")
        await asyncio.sleep(LOOK_SECONDS)


async def check_done(lags: Lags) -> None:
    """Raise `RuntimeFailure` with the stages that have something to do."""
    await lags.of_stages()
    behind = {stage: count for stage, count in (await lags.of_stages()).items() if stage != BOARD and count}
    if behind:
        stages = ", ".join(f"{stage} ({count} records)" for stage, count in behind.items())
        reason = (
            "start the processes, stop what sends, wait until `firstclaim status` shows no lag, and stop them"
        )
        raise RuntimeFailure("Kafka", f"messages are still unprocessed in {stages}: {reason}")


async def letters_left(settings: Settings) -> tuple[int, int]:
    """Return how many dead letters there are, and how many of them are open. Raises `RetryableError`."""
    marks = await read_marks(settings)
    letters = still_open = 0
    async with aclosing(read_topic(settings, DEAD_LETTERS)) as records:
        async for record in records:
            letters += 1
            still_open += f"{record.partition}:{record.offset}" not in marks
    return letters, still_open


async def ends_of_all(lags: Lags) -> Ends:
    """Return where each partition of each topic ends. Raises KafkaError."""
    return await lags.ends(*(topic.name for topic in TOPICS))


def check_unmoved(before: Ends, after: Ends) -> None:
    """Raise `RuntimeFailure` with the topics that got records meanwhile."""
    written = sorted({tp.topic for tp, end in after.items() if end != before.get(tp, 0)})
    if written:
        reason = "got records during the move: stop the consoles and whatever sends, and begin again"
        raise RuntimeFailure(", ".join(written), reason)
