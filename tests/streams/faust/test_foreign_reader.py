"""What the journal writer appends is read by kcat, which has a librdkafka of its own and checks each batch."""

from __future__ import annotations

import asyncio
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import pytest
import uvloop

from streams.journal import MAX_BATCH_BYTES, JournalWriter
from streams.patches.filling_batch import FillingBatch
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.foreign.clients import KCAT
from tests.streams.faust.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.kafka]

PARTITIONS: Final = 4
RECORDS: Final = 12_000


def read_with_kcat(address: str, topic: str) -> dict[int, list[tuple[str, str, str]]]:
    """Return key, headers and value of each record, by partition."""
    command = [KCAT, "-C", "-q", "-b", address, "-t", topic, "-o", "beginning", "-e", "-X", "check.crcs=true"]
    output = subprocess.run(
        [*command, "-f", "%p\x1f%k\x1f%h\x1f%s\n"],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    ).stdout
    found = defaultdict(list)
    for line in output.splitlines():
        partition, key, headers, value = line.split("\x1f")
        found[int(partition)].append((key, headers, value))
    return found


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_batches_of_several_partitions_are_read_whole_and_in_order(
    kafka_with_topics: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    topic = unique("foreign")

    async def write(cluster: Cluster) -> None:
        await cluster.create(topic, PARTITIONS)
        writer = JournalWriter(cluster.settings)
        await writer.start()
        for n in range(RECORDS):  # more than one batch takes, and more than a socket takes at once
            writer.add(
                topic, n % PARTITIONS, key=b"%d" % n, value=b"v" * (n % 1_500), headers=[("n", b"%d" % n)]
            )
        await writer.stop()

    assert RECORDS * 700 > 3 * MAX_BATCH_BYTES * PARTITIONS
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(write(Cluster(kafka_with_topics)))
    read = read_with_kcat(kafka_with_topics, topic)
    for partition in range(PARTITIONS):
        assert read[partition] == [
            (str(n), f"n={n}", "v" * (n % 1_500)) for n in range(partition, RECORDS, PARTITIONS)
        ]


async def test_the_socket_gets_the_batches_that_were_built(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Any] = []
    sent: list[Any] = []
    build, write = FillingBatch._build, asyncio.StreamWriter.writelines

    def noted_build(batch: Any) -> Any:
        buffer = build(batch)
        built.append(buffer)
        return buffer

    def noted_write(writer: Any, data: Any) -> None:
        sent.extend(data)
        write(writer, data)

    monkeypatch.setattr(FillingBatch, "_build", noted_build)
    monkeypatch.setattr(asyncio.StreamWriter, "writelines", noted_write)
    topic = await cluster.create(unique("uncopied"), 1)
    writer = JournalWriter(cluster.settings)
    await writer.start()
    for n in range(2_000):
        writer.add(topic, 0, key=b"%d" % n, value=bytes(700))
    await writer.stop()
    assert len(built) > 2
    assert all(any(piece is batch for piece in sent) for batch in built)
