"""Declares every topic once: name, shape, writer, configs. They are created and checked before any stage starts.

Faust creates only internal topics, with its own partition counts, and a send to a missing topic hangs
(docs/faust.md 12). Therefore Faust creates none of these topics.
"""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

from aiokafka.admin import NewTopic
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from models import audit, public
from models.errors import ConfigError, RetryableError, RuntimeFailure
from streams.clients import admin as make_admin
from streams.kafka_refusals import ACLS, failure
from streams.partition_counts import Shape, check_counts, settings_of_cluster
from streams.patches.topic_admin import TopicAdmin
from streams.settings import Settings
from streams.topic_configs import MAX_BYTES, RETENTION, Topic, check_configs

LEAD_ARRIVALS: Final = "lead-arrivals"
LEAD_ACTIONS: Final = "lead-actions"
DIRECTORY: Final = "directory"
DO_NOT_CONTACT: Final = public.DO_NOT_CONTACT
LEAD_LOG: Final = "lead-log"
LEAD_JOURNAL: Final = "lead-journal"
ORG_LOG: Final = public.ORG_LOG
ORG_JOURNAL: Final = "org-journal"
ASSIGNMENTS: Final = public.ASSIGNMENTS
LEAD_EXCEPTIONS: Final = public.LEAD_EXCEPTIONS
LEAD_DECISIONS: Final = public.LEAD_DECISIONS
QUEUE_CHANGES: Final = public.QUEUE_CHANGES
NOTIFICATIONS: Final = public.NOTIFICATIONS
DELIVERIES: Final = public.DELIVERIES
CALLS: Final = public.CALLS
VENDOR_REPORTS: Final = public.VENDOR_REPORTS
DEAD_LETTERS: Final = public.DEAD_LETTERS
ERASURES: Final = public.ERASURES
DEAD_LETTER_MARKS: Final = "dead-letter-marks"
AUDIT: Final = audit.AUDIT
PUSH_SUBSCRIPTIONS: Final = "push-subscriptions"

WORKER_GROUP: Final = "firstclaim-worker"
RELAY_GROUP: Final = "firstclaim-relay"
"""The consumer groups of `firstclaim worker` and `firstclaim relay`."""

MIN_IN_SYNC: Final = "min.insync.replicas"
IN_SYNC: Final = 2
REPLICAS_THAT_MAY_LOSE_ONE: Final = 3
"""With this many copies, `IN_SYNC` brokers have a record before it is acknowledged, and any one broker may be away."""

_DAY_MS: Final = str(24 * 60 * 60 * 1000)
_CENTURY_MS: Final = str(100 * 365 * 24 * 60 * 60 * 1000)
_WEEK_MS: Final = str(7 * 24 * 60 * 60 * 1000)
MAX_DEAD_LETTER_BYTES: Final = 2 * 1024 * 1024
"""The default maximum of any topic, plus the headers with the reason."""
_BROKERS_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
"""Retention and `created_at` use the broker's clock. A vendor's timestamp may be in seconds, or in 1970."""
_COMPACTED: Final = {
    "cleanup.policy": "compact",
    "min.compaction.lag.ms": _DAY_MS,
    "max.compaction.lag.ms": _WEEK_MS,
}
"""What a newer record replaced is readable for a week at most (docs/erasure.md)."""
_COMPACTED_PUBLIC: Final = {"cleanup.policy": "compact", "max.compaction.lag.ms": _WEEK_MS}
_REPORTS_MS: Final = str(400 * 24 * 60 * 60 * 1000)
"""How long a vendor's report of one hour is kept after its last change."""
_MONTH_MS: Final = str(30 * 24 * 60 * 60 * 1000)
_FOR_EVER_MS: Final = "-1"
_A_WEEK: Final = {"cleanup.policy": "delete", "retention.ms": _WEEK_MS, "segment.ms": _DAY_MS}
"""A segment is deleted as a whole, so no record is older than retention and segment together: eight days."""


def _inbound(name: str, says: str, shape: Shape, config: dict[str, str]) -> Topic:
    """Return a topic that others write to. It may already exist, with the clients' timestamps."""
    return Topic(name, says, shape, {**config, **_BROKERS_TIME}, mended=frozenset(_BROKERS_TIME))


_OFFSET_IS_VERSION: Final = "of its records has the offset as its version"
_WHOLE_LOG: Final = "lead or org must find its whole log in one of them"
_NEWEST_OF_LEAD: Final = "lead's newest record must follow those before it"
_ONE_ORDER: Final = "record must come after those that were written before it"

TOPICS: Final[tuple[Topic, ...]] = (
    _inbound(LEAD_ARRIVALS, "vendors' leads, as they send them", Shape.ANY, _A_WEEK),
    _inbound(LEAD_ACTIONS, "what people and CRMs ask for", Shape.ANY, _A_WEEK),
    # One partition: publications have one order, and their offset is their version.
    # Tombstones are kept: an org that ever had a rep is closed, and a reader that starts later must learn this.
    replace(
        _inbound(
            DIRECTORY,
            "what admins publish",
            Shape.ONE,
            {"cleanup.policy": "compact", "delete.retention.ms": _CENTURY_MS},
        ),
        mended=frozenset({*_BROKERS_TIME, "delete.retention.ms"}),
        harm=_OFFSET_IS_VERSION,
    ),
    # One partition, because the newest record of a phone or address counts, however a client partitions.
    replace(
        _inbound(
            DO_NOT_CONTACT,
            "phones and mail addresses that are not to be contacted",
            Shape.ONE,
            _COMPACTED_PUBLIC,
        ),
        harm=_OFFSET_IS_VERSION,
    ),
    Topic(
        LEAD_LOG,
        "everything that happens to a lead, in the order that counts",
        shape=Shape.ENGINE,
        harm=_WHOLE_LOG,
        # The broker decides the order and the time (docs/design.md, the journal).
        config={**_A_WEEK, **_BROKERS_TIME},
        checked=frozenset({"cleanup.policy", "message.timestamp.type"}),
    ),
    # A compaction lag of a day keeps every decision for readers that were away (docs/faust.md, what we do).
    Topic(
        LEAD_JOURNAL,
        "each event's outcome: the lead's row and what was decided",
        shape=Shape.ENGINE,
        harm=_WHOLE_LOG,
        config=_COMPACTED,
        checked=frozenset({"cleanup.policy", "min.compaction.lag.ms"}),
    ),
    Topic(
        ORG_LOG,
        "everything that happens to an org: who asks for a rep, who has a lead, who comes and goes",
        shape=Shape.ENGINE,
        harm=_WHOLE_LOG,
        config={**_A_WEEK, **_BROKERS_TIME},
        checked=frozenset({"cleanup.policy", "message.timestamp.type"}),
    ),
    Topic(
        ORG_JOURNAL,
        "each event's outcome: the rows of reps, groups and leads it changed, and what was decided",
        shape=Shape.ENGINE,
        harm=_WHOLE_LOG,
        config=_COMPACTED,
        checked=frozenset({"cleanup.policy", "min.compaction.lag.ms"}),
    ),
    Topic(ASSIGNMENTS, "who has which lead now", config=_COMPACTED_PUBLIC, harm=_NEWEST_OF_LEAD),
    Topic(LEAD_EXCEPTIONS, "leads a manager must decide", config=_COMPACTED_PUBLIC, harm=_NEWEST_OF_LEAD),
    Topic(LEAD_DECISIONS, "one answer for each action", Shape.MORE, _A_WEEK),
    Topic(QUEUE_CHANGES, "what enters, leaves and moves in the lists", Shape.MORE, _A_WEEK),
    Topic(NOTIFICATIONS, "mail, push and call requests", Shape.MORE, _A_WEEK),
    Topic(DELIVERIES, "the fate of each request: sent, bounced, withdrawn", Shape.MORE, _A_WEEK),
    Topic(CALLS, "what happened to each leg of each telephone call", Shape.MORE, _A_WEEK),
    # The key is org, vendor and hour. The newest record of an hour counts.
    Topic(
        VENDOR_REPORTS,
        "what became of what each vendor sent, by the hour",
        config={**_COMPACTED_PUBLIC, "cleanup.policy": "compact,delete", "retention.ms": _REPORTS_MS},
        harm="hour's newest report of a vendor must follow those before it",
    ),
    # Dead letters hold what vendors sent, so they expire. An operator may set another retention, but not "for ever".
    Topic(
        DEAD_LETTERS,
        "what could not be accepted, with the reason",
        Shape.MORE,
        {
            "cleanup.policy": "delete",
            "retention.ms": _MONTH_MS,
            "segment.ms": _DAY_MS,
            MAX_BYTES: str(MAX_DEAD_LETTER_BYTES + 1024),
        },
        replaced={"retention.ms": _FOR_EVER_MS},
        at_least={MAX_BYTES: MAX_DEAD_LETTER_BYTES + 1024},
    ),
    # The key is the dead letter's position. The newest mark of a letter counts.
    Topic(
        DEAD_LETTER_MARKS,
        "which dead letters are dealt with: replayed or skipped",
        Shape.ONE,
        {"cleanup.policy": "compact"},
        harm="letter's newest mark must follow those before it",
    ),
    # The key is the receipt's id. Receipts are kept for ever: they have no personal data.
    Topic(
        ERASURES,
        "who was erased by whom: receipts without personal data",
        Shape.ONE,
        {"cleanup.policy": "compact"},
        harm=_ONE_ORDER,
    ),
    # The key is the browser. The newest record says whose it is; an empty one removes it.
    Topic(
        PUSH_SUBSCRIPTIONS,
        "which browsers of which reps receive push messages",
        Shape.ONE,
        _COMPACTED_PUBLIC,
        harm="browser's newest record must follow those before it",
    ),
    # One partition, so that acts have one order. Never compacted; how long it is kept is a setting.
    Topic(
        AUDIT,
        "who did what: sign-ins, publications, exports, and whatever else an admin must be able to look up",
        Shape.ONE,
        {"cleanup.policy": "delete", **_BROKERS_TIME},
        checked=frozenset({"cleanup.policy", *_BROKERS_TIME}),
        harm=_ONE_ORDER,
    ),
)
BY_NAME: Final = {topic.name: topic for topic in TOPICS}


def partitions_of(name: str, settings: Settings) -> int:
    """Return a topic's number of partitions: the cluster's, if it was raised and that is harmless."""
    return settings.adopted.get(name) or BY_NAME[name].partitions or settings.partitions


def config_of(topic: Topic, settings: Settings) -> dict[str, str]:
    """Return the configs with which a topic is created. Copies, and the retention of `audit`, are settings."""
    config = dict(topic.config)
    if settings.replication_factor >= REPLICAS_THAT_MAY_LOSE_ONE:
        config[MIN_IN_SYNC] = str(IN_SYNC)
    if topic.name == AUDIT:
        config[RETENTION] = str(settings.audit_days * int(_DAY_MS))
    return config


async def provision(settings: Settings) -> Settings:
    """Create missing topics and check existing ones; return the settings with the cluster's partition counts.

    The number of partitions is fixed when the topics are created. If the setting was not given, it follows the cluster;
    if it was given and differs, it is refused. A raised count is adopted if it is harmless. Inbound topics with the
    clients' timestamps are changed to the broker's, and topics that take less than we write take as much.

    Raises `ConfigError` with the topic, the setting, its value, the required value and the remedy. A log with the
    clients' timestamps, or a journal with another number of partitions, would lead to wrong decisions without an error.
    """
    admin: TopicAdmin = make_admin(settings, TopicAdmin)
    try:
        await admin.start()
        present = await _counts(admin)
        settings = settings_of_cluster(settings, _shapes(), present)
        check_counts(settings, _shapes(), present, {topic.name: topic.harm for topic in TOPICS})
        missing = [topic for topic in TOPICS if topic.name not in present]
        if missing:
            await _create(admin, missing, settings)
        present = await _wait_until_known(admin)
        check_counts(settings, _shapes(), present, {topic.name: topic.harm for topic in TOPICS})
        # A retention that nobody set in this process's environment stays as it was created.
        set_here = {AUDIT: RETENTION} if settings.given("audit_days") else {}
        await check_configs(admin, TOPICS, partial(config_of, settings=settings), set_here)
        return settings_of_cluster(settings, _shapes(), present)
    except (KafkaError, TimeoutError) as error:
        reason = _no_answer(settings, error) or f"topics could not be provisioned: {error!r}"
        raise await failure(settings, error, reason) from error
    finally:
        await admin.close()


async def as_made(settings: Settings) -> Settings:
    """Return the settings with the cluster's partition counts; unchanged if the topics do not exist yet.

    Raises `RuntimeFailure` if Kafka is away.
    """
    admin: TopicAdmin = make_admin(settings, TopicAdmin)
    try:
        await admin.start()
        return settings_of_cluster(settings, _shapes(), await _counts(admin))
    except KafkaError as error:
        reason = _no_answer(settings, error) or f"{settings.kafka_bootstrap_servers}: {error}"
        raise await failure(settings, error, reason) from error
    finally:
        await admin.close()


def _no_answer(settings: Settings, error: Exception) -> str | None:
    if not isinstance(error, KafkaConnectionError):
        return None
    return f"does not answer at {settings.kafka_bootstrap_servers}; KAFKA_BOOTSTRAP_SERVERS says where it is"


def _shapes() -> dict[str, Shape]:
    return {topic.name: topic.shape for topic in TOPICS}


async def _counts(admin: TopicAdmin) -> dict[str, int]:
    """Return the partition counts of those of our topics that exist."""
    existing = set(await admin.list_topics())
    names = [topic.name for topic in TOPICS if topic.name in existing]
    if not names:
        return {}
    described = await admin.describe_topics(names)
    return {
        description["topic"]: len(description["partitions"])
        for description in described
        if description["partitions"]
    }


async def _create(admin: TopicAdmin, topics: list[Topic], settings: Settings) -> None:
    new = [
        NewTopic(
            topic.name,
            topic.partitions or settings.partitions,
            settings.replication_factor,
            topic_configs=config_of(topic, settings),
        )
        for topic in topics
    ]
    response = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if issubclass(error, TopicAuthorizationFailedError):
            reason = f"topic {name} does not exist or is not visible, and this client may not create it"
            raise ConfigError(
                ACLS, f"{reason}: let an operator run `firstclaim topics`, and see `firstclaim acls`"
            )
        # Two processes may start at once, and the other one may have created it.
        if code and error is not TopicAlreadyExistsError:
            raise RuntimeFailure("Kafka", f"topic {name} could not be created: {error.__name__}")


async def _wait_until_known(admin: TopicAdmin, deadline_seconds: float = 20) -> dict[str, int]:
    """Wait until every topic has leaders; return the partition counts.

    A new topic is not at once in a broker's metadata. Raises `RetryableError` with the topics that have no leader.
    """
    names = [topic.name for topic in TOPICS]
    without = names
    try:
        async with asyncio.timeout(deadline_seconds):
            while True:  # Kafka sends no event
                described = await admin.describe_topics(names)
                without = [
                    topic["topic"]
                    for topic in described
                    if topic["error_code"] != 0
                    or not topic["partitions"]
                    or any(partition["leader"] < 0 for partition in topic["partitions"])
                ]
                if not without:
                    return {topic["topic"]: len(topic["partitions"]) for topic in described}
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        reason = f"after {deadline_seconds:g} s these topics have partitions without a leader: {', '.join(without)}"
        raise RetryableError("Kafka", f"{reason}; are all brokers running?") from error
