"""Every topic there is, once: its name, its shape, who writes it. Provisioned and checked before anything starts.

Faust creates only internal topics, with counts of its own, and a send to a missing topic hangs (FAUST.md 12); so
nothing here is left to it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from models import public
from models.errors import ConfigError, RuntimeFailure
from streams.settings import Settings

LEAD_ARRIVALS: Final = "lead-arrivals"
LEAD_ACTIONS: Final = "lead-actions"
DIRECTORY: Final = "directory"
DO_NOT_CONTACT: Final = "do-not-contact"
LEAD_LOG: Final = "lead-log"
LEAD_JOURNAL: Final = "lead-journal"
ORG_LOG: Final = public.ORG_LOG
ORG_JOURNAL: Final = "org-journal"
ASSIGNMENTS: Final = public.ASSIGNMENTS
LEAD_EXCEPTIONS: Final = public.LEAD_EXCEPTIONS
LEAD_DECISIONS: Final = public.LEAD_DECISIONS
QUEUE_CHANGES: Final = public.QUEUE_CHANGES
NOTIFICATIONS: Final = public.NOTIFICATIONS
DEAD_LETTERS: Final = public.DEAD_LETTERS

WORKER_GROUP: Final = "firstclaim-worker"
RELAY_GROUP: Final = "firstclaim-relay"
"""The consumer groups of `firstclaim worker` and `firstclaim relay`."""

_DAY_MS: Final = str(24 * 60 * 60 * 1000)
_WEEK_MS: Final = str(7 * 24 * 60 * 60 * 1000)
MAX_DEAD_LETTER_BYTES: Final = 2 * 1024 * 1024
"""As much as any topic takes by default, and the headers that say why it is here."""
_COMPACTED: Final = {"cleanup.policy": "compact", "min.compaction.lag.ms": _DAY_MS}
_FOREVER: Final = {"cleanup.policy": "delete", "retention.ms": "-1"}
_A_WEEK: Final = {"cleanup.policy": "delete", "retention.ms": _WEEK_MS}


@dataclass(frozen=True)
class Topic:
    """One topic. `partitions` None: as many as the settings say; `checked`: configs that must be as they are here."""

    name: str
    says: str
    partitions: int | None = None
    config: dict[str, str] = field(default_factory=dict)
    checked: frozenset[str] = frozenset({"cleanup.policy"})


TOPICS: Final[tuple[Topic, ...]] = (
    Topic(LEAD_ARRIVALS, "vendors' leads, as they send them", config=_A_WEEK),
    Topic(LEAD_ACTIONS, "what people and CRMs ask for", config=_A_WEEK),
    # One partition: publications have one order, and their offset is their version.
    Topic(DIRECTORY, "what admins publish", partitions=1, config={"cleanup.policy": "compact"}),
    # Likewise: the newest of one phone or address counts, whoever partitions how.
    Topic(
        DO_NOT_CONTACT,
        "phones and mail addresses that are not to be contacted",
        partitions=1,
        config={"cleanup.policy": "compact"},
    ),
    Topic(
        LEAD_LOG,
        "everything that happens to a lead, in the order that counts",
        # The broker says who was first and what time it is (DESIGN.md, the journal).
        config={**_A_WEEK, "message.timestamp.type": "LogAppendTime"},
        checked=frozenset({"cleanup.policy", "message.timestamp.type"}),
    ),
    # A day's lag keeps every decision long enough for a reader that was away to see it (FAUST.md, what we do).
    Topic(
        LEAD_JOURNAL,
        "each event's outcome: the lead's row and what was decided",
        config=_COMPACTED,
        checked=frozenset({"cleanup.policy", "min.compaction.lag.ms"}),
    ),
    Topic(
        ORG_LOG,
        "everything that happens to an org: who asks for a rep, who has a lead, who comes and goes",
        config={**_A_WEEK, "message.timestamp.type": "LogAppendTime"},
        checked=frozenset({"cleanup.policy", "message.timestamp.type"}),
    ),
    Topic(
        ORG_JOURNAL,
        "each event's outcome: the rows of reps, groups and leads it changed, and what was decided",
        config=_COMPACTED,
        checked=frozenset({"cleanup.policy", "min.compaction.lag.ms"}),
    ),
    Topic(ASSIGNMENTS, "who has which lead now", config={"cleanup.policy": "compact"}),
    Topic(LEAD_EXCEPTIONS, "leads a manager must decide", config={"cleanup.policy": "compact"}),
    Topic(LEAD_DECISIONS, "one answer for each action", config=_A_WEEK),
    Topic(QUEUE_CHANGES, "what enters, leaves and moves in the lists", config=_A_WEEK),
    Topic(NOTIFICATIONS, "mail, push and call requests", config=_A_WEEK),
    Topic(
        DEAD_LETTERS,
        "what could not be accepted, with the reason",
        config={**_FOREVER, "max.message.bytes": str(MAX_DEAD_LETTER_BYTES + 1024)},
    ),
)
BY_NAME: Final = {topic.name: topic for topic in TOPICS}


def partitions_of(name: str, settings: Settings) -> int:
    """Return how many partitions a topic has."""
    return BY_NAME[name].partitions or settings.partitions


async def provision(settings: Settings) -> Settings:
    """Create what is missing and check what is there; return the settings with the partitions there are.

    How many partitions there are is settled when the topics are made: a setting that was not given follows the
    cluster, one that was given and differs is refused.

    Raises `ConfigError` that names topic, setting, what it is and what it must be: a log whose timestamps are the
    clients', or a journal with another number of partitions, would decide wrongly and never say so.
    """
    admin = AIOKafkaAdminClient(**settings.aiokafka_options())
    try:
        await admin.start()
        present = set(await admin.list_topics())
        if LEAD_LOG in present:
            settings = await _as_made(admin, settings)
        missing = [topic for topic in TOPICS if topic.name not in present]
        if missing:
            await _create(admin, missing, settings)
        await _check(admin, settings)
    except KafkaError as error:
        raise RuntimeFailure("Kafka", f"topics could not be provisioned: {error!r}") from error
    finally:
        await admin.close()
    return settings


async def as_made(settings: Settings) -> Settings:
    """Return the settings with the partitions there are; unchanged where the topics are not made yet.

    Raises `RuntimeFailure` where Kafka is away.
    """
    admin = AIOKafkaAdminClient(**settings.aiokafka_options())
    try:
        await admin.start()
        return await _as_made(admin, settings) if LEAD_LOG in await admin.list_topics() else settings
    except KafkaError as error:
        raise RuntimeFailure("Kafka", f"{settings.kafka_bootstrap_servers}: {error}") from error
    finally:
        await admin.close()


async def _as_made(admin: AIOKafkaAdminClient, settings: Settings) -> Settings:
    (log,) = await admin.describe_topics([LEAD_LOG])
    found = len(log["partitions"])
    if found and found != settings.partitions and not settings.given("partitions"):
        return settings.model_copy(update={"partitions": found})
    return settings


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic], settings: Settings) -> None:
    new = [
        NewTopic(
            topic.name,
            topic.partitions or settings.partitions,
            settings.replication_factor,
            topic_configs=topic.config,
        )
        for topic in topics
    ]
    response = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        # Two processes may start at once: the other one created it.
        if code and error is not TopicAlreadyExistsError:
            raise RuntimeFailure("Kafka", f"topic {name} could not be created: {error.__name__}")


async def _check(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    await _wait_until_known(admin)
    for described in await admin.describe_topics([topic.name for topic in TOPICS]):
        name, found = described["topic"], len(described["partitions"])
        expected = partitions_of(name, settings)
        if found != expected:
            raise ConfigError(
                "FIRSTCLAIM_PARTITIONS", f"topic {name} has {found} partitions, the settings say {expected}"
            )
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in TOPICS]
    for response in await admin.describe_configs(resources):
        for _code, _message, _type, name, entries in response.resources:
            values = {entry[0]: entry[1] for entry in entries}
            topic = BY_NAME[name]
            for key in sorted(topic.checked):
                if values.get(key) != topic.config[key]:
                    raise ConfigError(
                        f"topic {name}", f"{key} is {values.get(key)!r}, it must be {topic.config[key]!r}"
                    )


async def _wait_until_known(admin: AIOKafkaAdminClient, deadline_seconds: float = 20) -> None:
    """Wait until every topic has leaders: a topic just created is not at once in the broker's answers."""
    async with asyncio.timeout(deadline_seconds):
        while True:
            described = await admin.describe_topics([topic.name for topic in TOPICS])
            if all(
                topic["error_code"] == 0
                and topic["partitions"]
                and all(partition["leader"] >= 0 for partition in topic["partitions"])
                for topic in described
            ):
                return
            await asyncio.sleep(0.05)
