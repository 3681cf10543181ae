"""Says which configs a topic must have, and checks and corrects those of an existing topic."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiokafka.errors import UnknownTopicOrPartitionError

from models.errors import ConfigError, RetryableError
from streams.partition_counts import Shape
from streams.patches.topic_admin import TopicAdmin

_log = structlog.get_logger(__name__)

RETENTION: Final = "retention.ms"
MAX_BYTES: Final = "max.message.bytes"
DEFAULT_MOST_BYTES: Final = 1_048_576
"""About what a broker takes by default. We write batches of up to 1,000,000 bytes and their headers."""


@dataclass(frozen=True)
class Topic:
    """One topic. `shape`: how many partitions it may have.

    `harm`: why another number does harm, said of each record or key; only topics whose number is fixed have it.
    `checked`: configs that must have the value given here; another value is refused. `mended`: configs that are set to
    the value given here if they differ. `replaced`: values of an earlier version; a config that still has one is set to
    the value given here. `at_least`: configs that are set to this number if they are smaller, because a broker that
    takes less (`message.max.bytes`) refuses what we write again and again.
    """

    name: str
    says: str
    shape: Shape = Shape.KEYED
    config: dict[str, str] = field(default_factory=dict)
    checked: frozenset[str] = frozenset({"cleanup.policy"})
    mended: frozenset[str] = frozenset()
    replaced: dict[str, str] = field(default_factory=dict)
    at_least: dict[str, int] = field(default_factory=lambda: {MAX_BYTES: DEFAULT_MOST_BYTES})
    harm: str = ""

    @property
    def partitions(self) -> int | None:
        """The fixed number of partitions; None: the number in the settings."""
        return 1 if self.shape is Shape.ONE else None


async def check_configs(
    admin: TopicAdmin,
    topics: Iterable[Topic],
    config_of: Callable[[Topic], dict[str, str]],
    also_mended: Mapping[str, str],
    *,
    deadline_seconds: float = 20,
) -> None:
    """Check the configs of existing topics, and set those that may be set.

    `config_of`: the configs that a topic must have. `also_mended`: topic -> a further config to set. Raises
    `ConfigError` with topic, config, both values and the remedy. Raises `RetryableError` if a broker does not know one
    of the topics for `deadline_seconds`.
    """
    topics = tuple(topics)
    configs_by_topic = await _configs_once_known(admin, [topic.name for topic in topics], deadline_seconds)
    for topic in topics:
        config = config_of(topic)
        mended = topic.mended | ({also_mended[topic.name]} if topic.name in also_mended else set())
        for key in sorted(topic.checked | mended | topic.replaced.keys()):
            value, expected = configs_by_topic[topic.name].get(key), config[key]
            if value == expected or value != topic.replaced.get(key, value):
                continue
            if key not in mended and key not in topic.replaced:
                raise ConfigError(f"topic {topic.name}", f"{key} is {value!r}, it must be {expected!r}")
            await _set(admin, topic.name, key, value, expected)
        for key, minimum in topic.at_least.items():
            value = configs_by_topic[topic.name].get(key)
            if value is not None and int(value) < minimum:
                await _set(admin, topic.name, key, value, str(minimum), or_more=True)


async def _configs_once_known(
    admin: TopicAdmin, names: list[str], deadline_seconds: float
) -> dict[str, dict[str, str]]:
    """Return each topic's configs, once the broker that is asked knows all of them.

    Any broker may be asked. One of several hears of a new topic later than the others.
    """
    unknown: object = "?"
    try:
        async with asyncio.timeout(deadline_seconds):
            while True:  # Kafka sends no event
                try:
                    return await admin.configs(names)
                except UnknownTopicOrPartitionError as error:
                    unknown = error.args[0] if error.args else unknown
                    await asyncio.sleep(0.05)
    except TimeoutError as error:
        reason = f"after {deadline_seconds:g} s a broker does not know topic {unknown}"
        raise RetryableError(
            "Kafka", f"{reason}; are all brokers running, and do they reach the controller?"
        ) from error


async def _set(
    admin: TopicAdmin, topic: str, key: str, value: str | None, expected: str, *, or_more: bool = False
) -> None:
    """Set a config, and wait until the broker uses it. Raises `ConfigError` with the remedy if we may not."""
    if refusal := await admin.set_config(topic, key, expected):
        command = f"kafka-configs.sh --alter --entity-type topics --entity-name {topic}"
        requirement = f"must be {expected!r}{' or more' if or_more else ''}"
        raise ConfigError(
            f"topic {topic}",
            f"{key} is {value!r}, it {requirement}, and the broker does not let us set it ({refusal}):"
            f" {command} --add-config {key}={expected}",
        )
    _log.warning("a topic's config was set", topic=topic, config=key, was=value, now=expected)
    await _wait_until_set(admin, topic, key, expected)


async def _wait_until_set(
    admin: TopicAdmin, topic: str, key: str, expected: str, deadline_seconds: float = 20
) -> None:
    """Wait until the broker uses a config that the controller has accepted. Raises `RetryableError`."""
    current: str | None = None
    try:
        async with asyncio.timeout(deadline_seconds):
            while True:  # Kafka sends no event
                current = (await _configs_once_known(admin, [topic], deadline_seconds))[topic].get(key)
                if current == expected:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        reason = f"topic {topic}: {key} was set to {expected!r} and is still {current!r} after {deadline_seconds:g} s"
        raise RetryableError("Kafka", f"{reason}; look at the log of the controller") from error
