"""A response is read whole, however its bytes come, and the end of a connection is an error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import clients
from streams.patches.response_reading import ChunkProtocol
from tests.fixtures.servers import unique
from tests.streams.faust.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterable


def protocol() -> ChunkProtocol:
    """Return a protocol without a connection."""
    loop = asyncio.get_running_loop()
    return ChunkProtocol(loop.create_future(), asyncio.StreamReader(loop=loop), loop=loop)


@given(chunks=st.lists(st.binary(max_size=12), max_size=12), data=st.data())
def test_each_part_is_read_whole_however_the_bytes_come(chunks: list[bytes], data: Any) -> None:
    sent = b"".join(chunks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    parts = [sent[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]

    async def read() -> list[bytes]:
        reader = protocol()

        async def send(pieces: Iterable[bytes]) -> None:
            for piece in pieces:
                reader.data_received(piece)
                await asyncio.sleep(0)

        sending = asyncio.create_task(send(chunks))
        found = [await reader.exactly(len(part)) for part in parts]
        await sending
        return found

    assert asyncio.run(read()) == parts


async def test_a_chunk_that_is_a_response_is_not_copied() -> None:
    reader, response = protocol(), bytes(100_000)
    reader.data_received(response)
    assert await reader.exactly(len(response)) is response


async def test_the_end_amid_a_response_is_an_error_after_what_is_whole() -> None:
    reader = protocol()
    reader.data_received(b"whole, part")
    reader.eof_received()
    assert await reader.exactly(6) == b"whole,"
    with pytest.raises(asyncio.IncompleteReadError, match="5 bytes read on a total of 9"):
        await reader.exactly(9)


async def test_a_lost_connection_is_the_error_of_whoever_waits() -> None:
    reader = protocol()
    waiting = asyncio.create_task(reader.exactly(4))
    await asyncio.sleep(0)
    reader.connection_lost(ConnectionResetError("reset"))
    with pytest.raises(ConnectionResetError, match="reset"):
        await waiting


async def test_a_size_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="says it has -1 bytes"):
        await protocol().exactly(-1)


@pytest.mark.kafka
async def test_no_client_of_ours_reads_by_the_stream(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[int] = []
    feed = asyncio.StreamReader.feed_data

    def noted(reader: asyncio.StreamReader, data: bytes) -> None:
        fed.append(len(data))
        feed(reader, data)

    cluster = Cluster(kafka)
    topic = await cluster.create(unique("responses"), 1)
    monkeypatch.setattr(asyncio.StreamReader, "feed_data", noted)
    values = [bytes([n % 251]) * (n * 37 % 90_000) for n in range(100)]
    producer = clients.producer(cluster.settings)
    async with clients.started_client(producer):
        for value in values:
            await producer.send_and_wait(topic, value)
    consumer = clients.consumer(cluster.settings, topic, reset="earliest")
    async with clients.started_client(consumer):
        assert [(await consumer.getone()).value for _ in values] == values
    assert fed == []
