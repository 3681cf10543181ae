"""An open transaction that nobody ends is named, and readers of the partition stop where it begins."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from agents.published_watermark import PublishedWatermark
from streams.topic_reader import extent, read_positions
from streams.transactions import held_partitions
from tests.fixtures.batches import Given, append, built, with_checksum
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.streams.faust.cluster import Cluster

if TYPE_CHECKING:
    from streams.settings import Settings

pytestmark = pytest.mark.kafka


def transaction(settings: Settings, name: str) -> Producer:
    """Return a librdkafka producer in a transaction."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": name})
    producer.init_transactions(30)
    producer.begin_transaction()
    return producer


def send(producer: Producer, topic: str, *values: bytes, **more: Any) -> None:
    """Append to partition 0."""
    for value in values:
        producer.produce(topic, value, partition=0, **more)
    assert producer.flush(PATIENCE_SECONDS) == 0


async def test_p7_a_hanging_transaction_is_named_and_holds_nobody_who_reads_to_the_end(
    settings: Settings,
) -> None:
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic, name = await cluster.create(unique("held"), 1), unique("sleeper")
    await cluster.send(topic, [(0, b"k", b"before")])
    hanging = transaction(settings, name)
    send(hanging, topic, b"one", b"two")
    await cluster.send(topic, [(0, b"k", b"behind")])
    assert [r.value for r in await cluster.records(topic)] == [b"before"]
    assert await extent(settings, topic) == {0: (0, 1)}
    (held_partition,) = await held_partitions(settings, [topic, "no-such-topic"], longer_than=timedelta(0))
    assert (held_partition.topic, held_partition.partition, held_partition.offset, held_partition.end) == (
        topic,
        0,
        1,
        4,
    )
    assert held_partition.transactional_id == name
    assert held_partition.since is not None
    assert f"{topic}-0: an open transaction holds back 3 records from offset 1 on" in str(held_partition)
    assert name in str(held_partition)
    assert await held_partitions(settings, [topic], longer_than=timedelta(hours=1)) == []
    hanging.abort_transaction(30)
    assert await held_partitions(settings, [topic], longer_than=timedelta(0)) == []
    assert [r.value for r in await cluster.records(topic)] == [b"before", b"behind"]


async def test_reading_ends_where_the_last_offsets_hold_nothing_that_can_be_read(settings: Settings) -> None:
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic = await cluster.create(unique("end"), 1)
    await cluster.send(topic, [(0, b"k", b"first")])
    aborted = transaction(settings, unique("aborted"))
    send(aborted, topic, b"one")
    aborted.abort_transaction(30)
    unreadable = built([(b"k", b"v", [("NAME", b"")])])
    assert await append(cluster.address, topic, with_checksum(unreadable.replace(b"NAME", b"\xffAME"))) == 0
    committed = transaction(settings, unique("committed"))
    send(committed, topic, b"last")
    committed.commit_transaction(30)
    assert [(r.offset, r.value) for r in await cluster.records(topic)] == [(0, b"first"), (4, b"last")]
    positions = [(0, offset) for offset in range(6)]
    assert [r.offset for r in await read_positions(settings, topic, positions)] == [0, 4]


async def test_a_relay_finds_its_last_message_behind_what_others_wrote(settings: Settings) -> None:
    cluster = Cluster(settings.kafka_bootstrap_servers)
    topic = await cluster.create(unique("told"), 1)
    own_records: list[Given] = [(b"k", b"", [("ce_id", b"lead-log-0-7-1")])]
    assert await append(cluster.address, topic, built(own_records)) == 0
    foreign = transaction(settings, unique("foreign"))
    send(foreign, topic, b"theirs")
    foreign.commit_transaction(30)
    hanging = transaction(settings, unique("hanging"))
    send(hanging, topic, b"theirs")
    assert await append(cluster.address, topic, built([(b"k", b"", [("ce_id", b"lead-log-0-8-0")])])) == 0
    published = PublishedWatermark([topic], [])
    await published.read(settings, [0])
    assert published.has(topic, 0, 8, 0)
    hanging.abort_transaction(30)
    await published.read(settings, [0])
    assert published.has(topic, 0, 8, 0)
    assert not published.has(topic, 0, 8, 1)
