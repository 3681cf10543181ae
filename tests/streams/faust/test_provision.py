"""Topics are made and checked before anything starts (FAUST.md 12); what does not fit is named, with how it must be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from models.errors import ConfigError, RuntimeFailure
from streams import topics
from streams.settings import Settings
from streams.topics import as_made, partitions_of, provision
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from tests.streams.faust.cluster import Cluster

pytestmark = [pytest.mark.kafka]

PARTITIONS = 3


@pytest.fixture
def prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what stands before the names of all topics in this test."""
    prefix = unique("made")
    renamed = tuple(replace(topic, name=f"{prefix}-{topic.name}") for topic in topics.TOPICS)
    monkeypatch.setattr(topics, "TOPICS", renamed)
    monkeypatch.setattr(topics, "BY_NAME", {topic.name: topic for topic in renamed})
    monkeypatch.setattr(topics, "LEAD_LOG", f"{prefix}-{topics.LEAD_LOG}")
    return prefix


def settings(cluster: Cluster, **given: object) -> Settings:
    """Return settings at this broker."""
    return Settings.read(kafka_bootstrap_servers=cluster.address, **given)


async def configuration(cluster: Cluster, name: str) -> dict[str, str]:
    """Return a topic's configs as the broker has them."""
    async with cluster.admin() as admin:
        (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {entry[0]: entry[1] for entry in response.resources[0][4]}


async def test_two_at_once_make_every_topic_as_it_must_be_and_a_third_finds_it_so(
    cluster: Cluster, prefix: str
) -> None:
    wanted = settings(cluster, partitions=PARTITIONS)
    await asyncio.gather(provision(wanted), provision(wanted))
    assert (await provision(wanted)).partitions == PARTITIONS
    for topic in topics.TOPICS:
        assert len(await cluster.ends(topic.name)) == partitions_of(topic.name, wanted)
        found = await configuration(cluster, topic.name)
        assert topic.config.items() <= found.items()
    assert len(topics.TOPICS) == 15
    assert (await configuration(cluster, f"{prefix}-lead-log"))["message.timestamp.type"] == "LogAppendTime"


async def test_partitions_that_were_not_given_follow_the_cluster_and_those_given_are_checked(
    cluster: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIRSTCLAIM_PARTITIONS", raising=False)
    assert await as_made(settings(cluster)) == settings(cluster)  # nothing is made yet
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
    """A log whose timestamps are the clients' would decide wrongly and never say so."""
    await cluster.create(f"{prefix}-{name}", PARTITIONS, **config)
    with pytest.raises(ConfigError) as error:
        await provision(settings(cluster, partitions=PARTITIONS))
    assert str(error.value) == f"topic {prefix}-{name}: {reason}"


async def test_a_kafka_that_is_away_is_said_to_be_away(unused_tcp_port: int) -> None:
    away = Settings.read(kafka_bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    with pytest.raises(RuntimeFailure, match=r"^Kafka: topics could not be provisioned"):
        await provision(away)
    with pytest.raises(RuntimeFailure, match=rf"^Kafka: 127\.0\.0\.1:{unused_tcp_port}"):
        await as_made(away)
