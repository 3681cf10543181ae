"""A relay starts where the public topics end, whatever its predecessor had committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import NewTopic

from agents.published_watermark import PublishedWatermark
from streams import clients
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from streams.settings import Settings

pytestmark = pytest.mark.kafka


async def create_topics(settings: Settings, *topics: str) -> None:
    """Create topics of two partitions."""
    admin = clients.admin(settings)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 2, 1) for topic in topics])
    finally:
        await admin.close()


async def test_what_is_public_already_is_known_by_its_id(settings: Settings) -> None:
    topic, other = unique("told"), unique("told")
    await create_topics(settings, topic, other)
    async with clients.producer(settings) as producer:
        for partition, off, n in ((0, 7, 0), (0, 7, 2), (1, 3, 1)):
            ce_id = f"lead-log-{partition}-{off}-{n}".encode()
            await producer.send_and_wait(topic, b"", partition=partition, headers=[("ce_id", ce_id)])
        await producer.send_and_wait(other, b"", partition=1, headers=[("ce_id", b"somebody else's")])
    published = PublishedWatermark([topic, other], [])
    await published.read(settings, [0, 1])
    assert published.has(topic, 0, 7, 2)
    assert published.has(topic, 0, 6, 9)
    assert not published.has(topic, 0, 7, 3)
    assert not published.has(topic, 0, 8, 0)
    assert published.has(topic, 1, 3, 1)
    assert not published.has(topic, 1, 3, 2)
    assert not published.has(other, 0, 0, 0)  # the partition is empty
    assert not published.has(other, 1, 0, 0)  # its records are not ours


async def test_partitions_that_are_not_ours_any_more_are_forgotten(settings: Settings) -> None:
    topic = unique("told")
    await create_topics(settings, topic)
    async with clients.producer(settings) as producer:
        await producer.send_and_wait(topic, b"", partition=0, headers=[("ce_id", b"lead-log-0-5-0")])
    published = PublishedWatermark([topic], [])
    await published.read(settings, [0])
    assert published.has(topic, 0, 5, 0)
    await published.read(settings, [])
    assert not published.has(topic, 0, 5, 0)


async def test_m8_a_topic_that_all_partitions_share_is_known_for_each_of_them(settings: Settings) -> None:
    """The do-not-contact list has one partition. A repeated listing would undo what a person changed since (M8)."""
    topic = unique("told")
    await create_topics(settings, topic)
    async with clients.producer(settings) as producer:
        for source, off, n in ((1, 9, 0), (0, 4, 1), (1, 3, 0), (2, 8, 0), (1, 3, 2)):
            headers = [("ce_id", f"lead-log-{source}-{off}-{n}".encode())]
            await producer.send_and_wait(topic, None, key=b"k", partition=0, headers=headers)
        await producer.send_and_wait(topic, None, key=b"k", partition=0)  # a person's own record
    published = PublishedWatermark([], [topic])
    await published.read(settings, [0, 1])
    assert published.has(topic, 0, 4, 1)
    assert not published.has(topic, 0, 4, 2)
    assert published.has(topic, 1, 3, 2)
    assert not published.has(topic, 1, 4, 0)
    assert not published.has(topic, 2, 0, 0)  # that partition is another relay's
