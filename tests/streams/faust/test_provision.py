"""Topics are created and checked before anything starts (faust.md 12).

A wrong topic is named with its required config.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import UnknownTopicOrPartitionError

from models.errors import ConfigError, RetryableError, RuntimeFailure
from models.record_size import MAX_OVERHEAD_BYTES, MAX_RECORD_BYTES
from streams import clients, topic_configs, topics
from streams.patches.topic_admin import TopicAdmin
from streams.settings import Settings
from streams.topics import as_made, partitions_of, provision
from tests.fixtures.servers import unique
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.streams.faust.cluster import Cluster

pytestmark = [pytest.mark.kafka]

PARTITIONS = 3


@pytest.fixture
def prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the prefix of all topics in this test."""
    prefix = unique("made")
    renamed = tuple(replace(topic, name=f"{prefix}-{topic.name}") for topic in topics.TOPICS)
    monkeypatch.setattr(topics, "TOPICS", renamed)
    monkeypatch.setattr(topics, "BY_NAME", {topic.name: topic for topic in renamed})
    return prefix


def settings(cluster: Cluster, **values: object) -> Settings:
    """Return settings for this broker."""
    return Settings.read(kafka_bootstrap_servers=cluster.address, **values)


async def add_partitions(cluster: Cluster, name: str, count: int) -> None:
    """Raise the number of a topic's partitions, as an operator does, and wait until the broker confirms it."""
    async with cluster.admin() as admin:
        await admin.create_partitions({name: NewPartitions(count)})

        async def partitions_exist() -> bool:
            (description,) = await admin.describe_topics([name])
            return len(description["partitions"]) == count and all(
                partition["leader"] >= 0 for partition in description["partitions"]
            )

        await eventually(partitions_exist, f"{name} has {count} partitions")


async def configuration(cluster: Cluster, name: str) -> dict[str, str]:
    """Return a topic's configs from the broker."""
    async with cluster.admin() as admin:
        (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {entry[0]: entry[1] for entry in response.resources[0][4]}


async def test_two_at_once_make_every_topic_as_it_must_be_and_a_third_finds_it_so(
    cluster: Cluster, prefix: str
) -> None:
    own_settings = settings(cluster, partitions=PARTITIONS)
    await asyncio.gather(provision(own_settings), provision(own_settings))
    assert (await provision(own_settings)).partitions == PARTITIONS
    for topic in topics.TOPICS:
        assert len(await cluster.ends(topic.name)) == partitions_of(topic.name, own_settings)
        config = await configuration(cluster, topic.name)
        assert topic.config.items() <= config.items()
    assert len(topics.TOPICS) == 21
    assert (await configuration(cluster, f"{prefix}-lead-log"))["message.timestamp.type"] == "LogAppendTime"


async def test_partitions_that_were_not_given_follow_the_cluster_and_those_given_are_checked(
    cluster: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIRSTCLAIM_PARTITIONS", raising=False)
    assert await as_made(settings(cluster)) == settings(cluster)  # no topic exists yet
    await provision(settings(cluster, partitions=PARTITIONS))
    assert (await provision(settings(cluster))).partitions == PARTITIONS
    assert (await as_made(settings(cluster))).partitions == PARTITIONS
    reason = rf"FIRSTCLAIM_PARTITIONS: topic {prefix}-\S+ has 3 partitions, the settings say 5"
    with pytest.raises(ConfigError, match=reason):
        await provision(settings(cluster, partitions=5))


@pytest.mark.parametrize(
    ("name", "config", "reason"),
    [
        ("lead-log", {}, "message.timestamp.type is 'CreateTime', it must be 'LogAppendTime'"),
        (
            "lead-journal",
            {"min_compaction_lag_ms": "86400000"},
            "cleanup.policy is 'delete', it must be 'compact'",
        ),
        (
            "lead-journal",
            {"cleanup_policy": "compact"},
            "min.compaction.lag.ms is '0', it must be '86400000'",
        ),
        ("assignments", {}, "cleanup.policy is 'delete', it must be 'compact'"),
        (
            "lead-decisions",
            {"cleanup_policy": "compact"},
            "cleanup.policy is 'compact', it must be 'delete'",
        ),
    ],
)
async def test_a_topic_that_is_not_as_it_must_be_is_refused_by_name(
    cluster: Cluster, prefix: str, name: str, config: dict[str, str], reason: str
) -> None:
    """A log with the clients' timestamps would lead to wrong decisions without any error."""
    await cluster.create(f"{prefix}-{name}", PARTITIONS, **config)
    with pytest.raises(ConfigError) as error:
        await provision(settings(cluster, partitions=PARTITIONS))
    assert str(error.value) == f"topic {prefix}-{name}: {reason}"


@pytest.mark.parametrize("name", ["lead-arrivals", "lead-actions", "directory", "do-not-contact"])
async def test_p8_an_inbound_topic_with_the_clients_time_is_given_the_brokers(
    cluster: Cluster, prefix: str, name: str
) -> None:
    """Other configs that an operator set stay unchanged."""
    compacted = {"cleanup_policy": "compact"} if name in ("directory", "do-not-contact") else {}
    topic = await cluster.create(
        f"{prefix}-{name}", 1, message_timestamp_type="CreateTime", segment_ms="7654321", **compacted
    )
    await provision(settings(cluster, partitions=PARTITIONS))
    config = await configuration(cluster, topic)
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert config["segment.ms"] == "7654321"


async def test_a_topic_that_takes_less_than_we_write_takes_as_much(cluster: Cluster, prefix: str) -> None:
    """A cluster with a small `message.max.bytes` ended each worker at its first batch, again after each start."""
    small = {"max_message_bytes": "20000"}
    for name, config in {
        "org-log": {"message_timestamp_type": "LogAppendTime", **small},
        "lead-decisions": small,
        "queue-changes": {"max_message_bytes": "5000000"},
        "dead-letters": {"max_message_bytes": "1048588"},
    }.items():
        await cluster.create(f"{prefix}-{name}", PARTITIONS, **config)
    await provision(settings(cluster, partitions=PARTITIONS))
    takes = {
        topic.name.removeprefix(f"{prefix}-"): int(
            (await configuration(cluster, topic.name))["max.message.bytes"]
        )
        for topic in topics.TOPICS
    }
    assert (takes["org-log"], takes["lead-decisions"]) == (1_048_576, 1_048_576)
    assert takes["queue-changes"] == 5_000_000, "what takes more stays as it is"
    assert takes["dead-letters"] > topics.MAX_DEAD_LETTER_BYTES
    assert min(takes.values()) > MAX_RECORD_BYTES + MAX_OVERHEAD_BYTES


@pytest.mark.usefixtures("prefix")
async def test_a_topic_that_may_not_be_made_to_take_more_is_named_with_the_command(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provision(settings(cluster, partitions=PARTITIONS))
    first, *others = topics.TOPICS
    monkeypatch.setattr(topics, "TOPICS", (replace(first, at_least={"max.message.bytes": 2**31}), *others))
    with pytest.raises(ConfigError) as error:
        await provision(settings(cluster, partitions=PARTITIONS))
    message = str(error.value)
    assert message.startswith(
        f"topic {first.name}: max.message.bytes is '1048588', it must be '2147483648' or more"
    )
    assert message.endswith(f"--entity-name {first.name} --add-config max.message.bytes=2147483648")


@pytest.mark.usefixtures("prefix")
async def test_p8_a_broker_that_does_not_let_us_is_named_with_the_command_that_mends_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provision(settings(cluster, partitions=PARTITIONS))
    first, *others = topics.TOPICS
    impossible = {**first.config, "message.timestamp.type": "VendorsTime"}
    monkeypatch.setattr(topics, "TOPICS", (replace(first, config=impossible), *others))
    with pytest.raises(ConfigError) as error:
        await provision(settings(cluster, partitions=PARTITIONS))
    message = str(error.value)
    assert message.startswith(
        f"topic {first.name}: message.timestamp.type is 'LogAppendTime', it must be 'VendorsTime'"
    )
    assert "the broker does not let us set it (Invalid" in message
    command = f"kafka-configs.sh --alter --entity-type topics --entity-name {first.name} --add-config"
    assert message.endswith(f": {command} message.timestamp.type=VendorsTime")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("directory", "each of its records has the offset as its version."),
        ("do-not-contact", "each of its records has the offset as its version."),
        ("audit", "each record must come after those that were written before it."),
        ("dead-letter-marks", "each letter's newest mark must follow those before it."),
    ],
)
async def test_p9_a_topic_of_one_order_has_one_partition_and_its_reason_is_its_own(
    cluster: Cluster, prefix: str, name: str, why: str
) -> None:
    await cluster.create(f"{prefix}-{name}", 6, cleanup_policy="compact")
    with pytest.raises(ConfigError) as error:
        await provision(settings(cluster, partitions=PARTITIONS))
    message = str(error.value)
    assert message.startswith(f"topic {prefix}-{name}: has 6 partitions, it must have 1: ")
    assert why in message
    assert f"kafka-topics.sh --delete --topic {prefix}-{name}" in message


@pytest.mark.parametrize(
    "name",
    ["lead-arrivals", "lead-actions", "lead-decisions", "queue-changes", "notifications", "dead-letters"],
)
async def test_p9_a_count_that_somebody_raised_is_adopted_where_that_is_harmless(
    cluster: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("FIRSTCLAIM_PARTITIONS", raising=False)
    await provision(settings(cluster, partitions=PARTITIONS))
    await add_partitions(cluster, f"{prefix}-{name}", PARTITIONS + 2)
    for provisioned in (await provision(settings(cluster)), await as_made(settings(cluster))):
        assert provisioned.partitions == PARTITIONS
        assert partitions_of(f"{prefix}-{name}", provisioned) == PARTITIONS + 2
        others = {topic.name for topic in topics.TOPICS} - {f"{prefix}-{name}"}
        assert {partitions_of(other, provisioned) for other in others} == {1, PARTITIONS}
    assert (await provision(settings(cluster, partitions=PARTITIONS))).adopted


@pytest.mark.parametrize(
    "name",
    [
        "directory",
        "lead-log",
        "lead-journal",
        "org-log",
        "org-journal",
        "assignments",
        "lead-exceptions",
        "vendor-reports",
    ],
)
async def test_p9_a_count_that_somebody_raised_is_refused_where_it_harms(
    cluster: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The error names the topic that was raised, and not the others."""
    monkeypatch.delenv("FIRSTCLAIM_PARTITIONS", raising=False)
    await provision(settings(cluster, partitions=PARTITIONS))
    await add_partitions(cluster, f"{prefix}-{name}", PARTITIONS + 2)
    must = 1 if name == "directory" else PARTITIONS
    with pytest.raises(ConfigError) as error:
        await provision(settings(cluster))
    assert str(error.value).startswith(
        f"topic {prefix}-{name}: has {PARTITIONS + 2} partitions, it must have {must}: each "
    )
    assert f"a copy that has {must}" in str(error.value)


async def test_p9_a_topic_of_ours_with_too_few_partitions_is_refused_with_the_command(
    cluster: Cluster, prefix: str
) -> None:
    await cluster.create(f"{prefix}-lead-decisions", 1)
    with pytest.raises(ConfigError) as error:
        await provision(settings(cluster, partitions=PARTITIONS))
    assert f"kafka-topics.sh --alter --topic {prefix}-lead-decisions --partitions {PARTITIONS}" in str(
        error.value
    )


async def test_p9_vendors_topics_made_beforehand_are_taken_as_they_are(cluster: Cluster, prefix: str) -> None:
    """The number of partitions, twelve or one, does not matter, because intake writes every message under a new key."""
    await cluster.create(f"{prefix}-lead-arrivals", 12)
    await cluster.create(f"{prefix}-lead-actions", 1)
    provisioned = await provision(settings(cluster, partitions=PARTITIONS))
    assert provisioned.adopted == {f"{prefix}-lead-arrivals": 12, f"{prefix}-lead-actions": 1}


async def test_configs_are_asked_for_again_until_the_broker_knows_a_new_topic(cluster: Cluster) -> None:
    """Before, one of three brokers that had not heard of a new topic ended the start of a process."""
    late = topic_configs.Topic(unique("late"), "a topic of the test", config={"cleanup.policy": "delete"})
    refused = 0

    class CountingAdmin(TopicAdmin):
        async def configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
            nonlocal refused
            try:
                return await super().configs(names)
            except UnknownTopicOrPartitionError:
                refused += 1
                raise

    admin: CountingAdmin = clients.admin(settings(cluster), CountingAdmin)
    await admin.start()
    try:
        check = asyncio.create_task(
            topic_configs.check_configs(admin, [late], lambda topic: topic.config, {})
        )
        await eventually(lambda: refused or check.done(), "the broker says that it does not know the topic")
        await admin.create_topics([NewTopic(late.name, 1, 1)])
        await check
        never = replace(late, name="no-such-topic")
        with pytest.raises(RetryableError, match="after 1 s a broker does not know topic no-such-topic"):
            await topic_configs.check_configs(
                admin, [late, never], lambda topic: topic.config, {}, deadline_seconds=1
            )
    finally:
        await admin.close()


async def test_a_kafka_that_is_away_is_said_to_be_away(unused_tcp_port: int) -> None:
    absent_kafka = Settings.read(kafka_bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    for ask in (provision, as_made):
        with pytest.raises(
            RuntimeFailure, match=rf"^Kafka: does not answer at 127\.0\.0\.1:{unused_tcp_port}; "
        ):
            await ask(absent_kafka)


async def test_topics_that_get_no_leader_are_named_with_what_to_check(
    cluster: Cluster,
    prefix: str,
) -> None:
    """The topics of this prefix do not exist, so their partitions have no leader, as while a broker is away."""
    admin = clients.admin(settings(cluster), TopicAdmin)
    await admin.start()
    try:
        message = rf"partitions without a leader: .*{prefix}-lead-arrivals.*; are all brokers running\?"
        with pytest.raises(RetryableError, match=message):
            await topics._wait_until_known(admin, deadline_seconds=0.5)
    finally:
        await admin.close()
