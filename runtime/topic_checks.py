"""Checks for `firstclaim doctor` whether our topics exist, and how many brokers keep each record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from models.errors import FirstclaimError
from runtime.checks import Check
from streams.clients import admin as make_admin
from streams.patches.topic_admin import TopicAdmin
from streams.topics import IN_SYNC, MIN_IN_SYNC, REPLICAS_THAT_MAY_LOSE_ONE, TOPICS

if TYPE_CHECKING:
    from streams.settings import Settings

TOPICS_CHECK: Final = "Kafka topics"
COPIES_CHECK: Final = "Kafka copies"
_SECONDS: Final = 15
_MAX_NAMED: Final = 5
"""How many topics a finding names; of the others only the number is given."""


@dataclass(frozen=True)
class TopicReplication:
    """How a topic is kept: on how many brokers at least, and how many of them must have a record (`MIN_IN_SYNC`)."""

    replicas: int
    in_sync: int


def topics(settings: Settings) -> list[Check]:
    """Check our topics. A finding never raises. Call it where no event loop runs."""
    try:
        brokers, topics_by_name = asyncio.run(_replication(settings))
    except (FirstclaimError, KafkaError, TimeoutError) as error:
        hint = "sign in as a user that may describe our topics (`firstclaim acls --for operator`)"
        return [Check(TOPICS_CHECK, ok=False, detail=str(error) or "no answer", hint=hint)]
    return judge_topics(brokers, topics_by_name)


def judge_topics(brokers: int, topics_by_name: dict[str, TopicReplication]) -> list[Check]:
    """Return the checks of a cluster. `brokers`: how many it has. `topics_by_name`: those of our topics that exist."""
    if not topics_by_name:
        return [Check(TOPICS_CHECK, ok=True, detail="none yet; `firstclaim topics` makes them")]
    missing = [topic.name for topic in TOPICS if topic.name not in topics_by_name]
    if missing:
        presence = Check(
            TOPICS_CHECK, ok=False, detail=f"{_listed(missing)} missing", hint="run firstclaim topics"
        )
    else:
        presence = Check(TOPICS_CHECK, ok=True, detail=f"all {len(topics_by_name)} are there")
    return [presence, _copies(brokers, topics_by_name)]


def _copies(brokers: int, topics_by_name: dict[str, TopicReplication]) -> Check:
    under_replicated = sorted(
        name
        for name, replication in topics_by_name.items()
        if replication.replicas < REPLICAS_THAT_MAY_LOSE_ONE
    )
    unsafe = sorted(name for name, replication in topics_by_name.items() if replication.in_sync < IN_SYNC)
    if brokers == 1:
        detail = (
            "one broker keeps every record: what its disk loses is lost, and while it is away nothing goes on"
        )
        return Check(COPIES_CHECK, ok=True, detail=detail)
    if brokers < REPLICAS_THAT_MAY_LOSE_ONE:
        detail = f"{brokers} brokers: while one is away, nothing can be kept by {IN_SYNC}"
        hint = f"{REPLICAS_THAT_MAY_LOSE_ONE} brokers go on when one is lost"
        return Check(COPIES_CHECK, ok=False, detail=detail, hint=hint)
    if under_replicated:
        requirement = f"kept by fewer than {REPLICAS_THAT_MAY_LOSE_ONE} of {brokers} brokers"
        hint = (
            "kafka-reassign-partitions.sh adds replicas; new topics get FIRSTCLAIM_REPLICATION_FACTOR of them"
        )
        return Check(COPIES_CHECK, ok=False, detail=f"{_listed(under_replicated)} {requirement}", hint=hint)
    if unsafe:
        detail = (
            f"{_listed(unsafe)} with {MIN_IN_SYNC} below {IN_SYNC}: one broker alone may acknowledge a record"
        )
        hint = (
            "kafka-configs.sh --alter --entity-type topics --entity-name TOPIC "
            f"--add-config {MIN_IN_SYNC}={IN_SYNC}"
        )
        return Check(COPIES_CHECK, ok=False, detail=detail, hint=hint)
    replicas, in_sync = (
        min(replication.replicas for replication in topics_by_name.values()),
        min(replication.in_sync for replication in topics_by_name.values()),
    )
    detail = f"{replicas} brokers or more keep each record, and {in_sync} have it before it is acknowledged"
    return Check(COPIES_CHECK, ok=True, detail=detail)


def _listed(names: list[str]) -> str:
    more_text = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f"{', '.join(names[:_MAX_NAMED])}{more_text}"


async def _replication(settings: Settings) -> tuple[int, dict[str, TopicReplication]]:
    async with asyncio.timeout(_SECONDS):
        admin: TopicAdmin = make_admin(settings, TopicAdmin)
        try:
            await admin.start()
            brokers = len((await admin.describe_cluster())["brokers"])
            existing = set(await admin.list_topics())
            names = [topic.name for topic in TOPICS if topic.name in existing]
            if not names:
                return brokers, {}
            configs = await admin.configs(names)
            return brokers, {
                description["topic"]: TopicReplication(
                    replicas=min(len(partition["replicas"]) for partition in description["partitions"]),
                    in_sync=int(configs[description["topic"]].get(MIN_IN_SYNC, "1")),
                )
                for description in await admin.describe_topics(names)
                if description["partitions"]
            }
        finally:
            await admin.close()
