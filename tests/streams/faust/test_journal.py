"""What the journal writer reports as durable is in Kafka, once and in order. If it cannot write, the process ends."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.record.memory_records import MemoryRecords

from models.errors import PermanentError
from models.record_size import MAX_RECORD_BYTES, check_size
from streams import journal
from streams.journal import MAX_BATCH_BYTES, JournalWriter
from streams.process_exit import ExitCode
from streams.receipts import Acker, Receipt
from streams.settings import Settings
from streams.topics import provision
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.waiting import eventually
from tests.streams.faust.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from runtime.kafka import KafkaBroker
    from tests.streams.faust.conftest import Launch

pytestmark = [pytest.mark.kafka]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Yield a broker that these tests stop and kill. It has the topics that a program reads when it starts."""
    with make_kafka(tmp_path_factory.mktemp("journal") / "kafka") as broker:
        asyncio.run(provision(Settings.read(kafka_bootstrap_servers=broker.bootstrap)))
        yield broker


@pytest.fixture
def own_cluster(broker: KafkaBroker) -> Cluster:
    """Return a client's view of that broker."""
    return Cluster(broker.bootstrap)


@pytest.fixture
async def writer(own_cluster: Cluster) -> AsyncIterator[JournalWriter]:
    """Yield a writer to that broker."""
    writer = JournalWriter(own_cluster.settings)
    await writer.start()
    yield writer
    await writer.stop()


def receipt() -> tuple[Receipt, list[int]]:
    """Return the receipt of an event whose handler is done after its first record, and the list for its ack."""
    acked: list[int] = []
    message = SimpleNamespace(topic="log", partition=0, offset=1, headers=[])
    return Acker().take(SimpleNamespace(message=message, ack=lambda: acked.append(1))), acked


async def test_order_is_kept_within_a_partition_and_small_records_share_batches(
    own_cluster: Cluster, writer: JournalWriter, broker: KafkaBroker
) -> None:
    topic = await own_cluster.create(unique("order"), 3)
    for n in range(3000):
        writer.add(topic, n % 3, key=b"%d" % n, value=b"x" * (n % 700))
        if n % 250 == 0:
            await asyncio.sleep(0)
    assert writer.waiting > 0
    await writer.settled()
    assert writer.waiting == 0
    records = await own_cluster.records(topic)
    for partition in range(3):
        keys = [int(record.key) for record in records if record.partition == partition]
        assert keys == list(range(partition, 3000, 3))
    assert len(batches(broker, topic)) < 100


async def test_a_batch_fills_until_the_sender_takes_it_and_records_are_there_once(
    own_cluster: Cluster, writer: JournalWriter, broker: KafkaBroker
) -> None:
    """While a write request is under way, the records behind it share one batch. Later ones are numbered after it."""
    topic = await own_cluster.create(unique("filling"), 1)
    writer.add(topic, 0, key=b"0", value=b"")
    await writer.settled()
    producer: Any = writer._producer
    broker.suspend()
    try:
        writer.add(topic, 0, key=b"1", value=b"")
        await eventually(lambda: producer._sender._in_flight, "a batch is on its way")
        for n in range(2, 40):
            writer.add(topic, 0, key=b"%d" % n, value=b"")
            await asyncio.sleep(0)
    finally:
        broker.resume()
    await writer.settled()
    writer.add(topic, 0, key=b"40", value=b"")
    await writer.settled()
    assert [record.key for record in await own_cluster.records(topic)] == [b"%d" % n for n in range(41)]
    assert [len(keys) for keys in batches(broker, topic)] == [1, 1, 38, 1]


async def test_the_lease_is_checked_again_for_records_behind_the_first_check(
    own_cluster: Cluster, writer: JournalWriter, broker: KafkaBroker
) -> None:
    """The lease may have expired since the batch was handed to the sender."""
    topic = await own_cluster.create(unique("lease"), 1)
    writer.add(topic, 0, key=b"first", value=b"")
    await writer.settled()
    checked: list[str] = []
    writer._lease = SimpleNamespace(check=checked.append, check_awake=checked.append)  # type: ignore[assignment]
    producer: Any = writer._producer
    broker.suspend()
    try:
        writer.add(topic, 0, key=b"0", value=b"")
        await eventually(lambda: producer._sender._in_flight, "a batch is on its way")
        writer.add(topic, 0, key=b"1", value=b"")
        await eventually(lambda: len(checked) == 2, "the second batch is handed over")
        writer.add(topic, 0, key=b"2", value=b"")
    finally:
        broker.resume()
    await writer.settled()
    assert checked == [f"append to {topic}-0"] * 3


async def test_records_added_together_are_in_one_batch(
    own_cluster: Cluster, writer: JournalWriter, broker: KafkaBroker
) -> None:
    """Groups are written whole or not at all. A group that does not fit into the current batch begins a new one."""
    topic = await own_cluster.create(unique("together"), 1)
    for group in range(60):
        together = [(b"%d" % group, b"x" * (1000 + 700 * group)) for _ in range(5)]
        writer.add_together(topic, 0, together)
        writer.add(topic, 0, key=b"alone", value=b"x" * 5000)
    await writer.settled()
    groups: dict[bytes, set[int]] = {}
    for number, keys in enumerate(batches(broker, topic)):
        for key in keys:
            groups.setdefault(key, set()).add(number)
    alone = groups.pop(b"alone")
    assert len(groups) == 60
    assert all(len(numbers) == 1 for numbers in groups.values())
    assert len(alone) > 5


async def test_a_refused_batch_leaves_nothing_and_ends_the_process(cluster: Cluster, launch: Launch) -> None:
    """One of its records is larger than the topic allows. None of the others is written, and the events come again."""
    topic, group = await cluster.create(unique("refused"), 1), unique("refused")
    output = await cluster.create(unique("out"), 1, max_message_bytes="2000")
    environment = {
        "TOPIC": topic,
        "OUT": output,
        "GROUP": group,
        "INSTANCE": "copier-0",
        "FIRSTCLAIM_PARTITIONS": 1,
    }
    async with launch("copier", **environment, GATE=1, BY="x" * 300) as copier:
        await cluster.send(topic, [(0, None, b"%d" % n) for n in range(10)])
        await copier.wait_for_report(ready=True)
        copier.tell(open=True)
        assert await copier.exit_code() == ExitCode.SOFTWARE
    assert "MessageSizeTooLarge" in copier.log.read_text()
    keys_written = {record.key for record in await cluster.records(output)}
    assert len(keys_written) <= 1  # the first event may have arrived alone and left alone
    assert await cluster.committed(group, topic) in {None, 1}
    async with launch("copier", **environment, BY="small") as copier:
        await cluster.records_once(
            output, lambda rows: {row.key for row in rows} == {b"%d" % n for n in range(10)}, "all are there"
        )


async def test_a_record_no_broker_takes_is_refused_before_it_is_added(
    own_cluster: Cluster, writer: JournalWriter
) -> None:
    """It would be refused again after each restart, together with its batch and the records beside it."""
    topic = await own_cluster.create(unique("large"), 1)
    writer.add(topic, 0, key=b"before", value=b"")
    with pytest.raises(PermanentError, match=r"record_too_large: \d+ bytes; 1000000 are allowed"):
        writer.add(topic, 0, key=b"key", value=b"x" * MAX_RECORD_BYTES)
    with pytest.raises(
        PermanentError, match=r"record_too_large: \d+ bytes in 2 records, more than a batch takes"
    ):
        writer.add_together(
            topic, 0, [(b"a", b"x" * (MAX_BATCH_BYTES // 2)), (b"b", b"x" * (MAX_BATCH_BYTES // 2))]
        )
    largest = MAX_RECORD_BYTES - check_size(b"key", b"")
    writer.add(
        topic, 0, key=b"key", value=b"x" * largest
    )  # larger than one of our batches, but the broker takes it
    await writer.settled()
    assert [record.key for record in await own_cluster.records(topic)] == [b"before", b"key"]


async def test_nothing_is_acked_before_it_is_durable_and_what_waits_is_bounded(
    own_cluster: Cluster, writer: JournalWriter, broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await own_cluster.create(unique("durable"), 1)
    writer.add(topic, 0, key=b"first", value=b"")
    await writer.settled()
    monkeypatch.setattr(journal, "MAX_WAITING", 50)
    promise, acked = receipt()
    broker.suspend()
    try:
        writer.add(topic, 0, key=b"promised", value=b"", receipt=promise)
        promise.settle()
        for n in range(48):
            writer.add(topic, 0, key=b"%d" % n, value=b"")
        await asyncio.wait_for(writer.room(), 1)
        writer.add(topic, 0, key=b"the fiftieth", value=b"")
        room = asyncio.create_task(writer.room())
        producer: Any = writer._producer
        await eventually(lambda: producer._sender._in_flight, "a batch is on its way")
        assert not promise.settled
        assert not acked
        assert not room.done()
        assert writer.waiting == 50
    finally:
        broker.resume()
    await room
    await writer.settled()
    assert promise.settled
    assert acked == [1]
    assert len(await own_cluster.records(topic)) == 51


@pytest.mark.slow
async def test_a_broker_away_for_less_than_the_timeout_loses_and_repeats_nothing(
    own_cluster: Cluster, writer: JournalWriter, broker: KafkaBroker
) -> None:
    topic = await own_cluster.create(unique("away"), 2)
    for n in range(100):
        writer.add(topic, n % 2, key=b"%d" % n, value=b"")
    await asyncio.sleep(0)
    broker.kill9()
    for n in range(100, 200):
        writer.add(topic, n % 2, key=b"%d" % n, value=b"")
    await asyncio.to_thread(broker.start)
    await asyncio.wait_for(writer.settled(), 60)
    records = await own_cluster.records(topic)
    for partition in range(2):
        keys = [int(record.key) for record in records if record.partition == partition]
        assert keys == list(range(partition, 200, 2))


@pytest.mark.slow
async def test_a_broker_away_for_longer_ends_the_process_and_the_events_come_again(
    own_cluster: Cluster, launch: Launch, broker: KafkaBroker
) -> None:
    """`producer request 20 s` (docs/faust.md), here 3 s. This is less than the lease, so the writer gives up first."""
    topic, output = await own_cluster.create(unique("gone"), 1), await own_cluster.create(unique("out"), 1)
    group = unique("gone")
    environment: dict[str, object] = {
        "KAFKA_BOOTSTRAP_SERVERS": own_cluster.address,
        "TOPIC": topic,
        "OUT": output,
        "GROUP": group,
        "INSTANCE": "copier-0",
        "FIRSTCLAIM_PARTITIONS": 1,
        "REQUEST_TIMEOUT_MS": 3000,
    }
    async with launch("copier", **environment, GATE=1) as copier:
        await copier.wait_for_report(ready=True)
        await own_cluster.send(topic, [(0, None, b"%d" % n) for n in range(10)])
        await copier.wait_for_report(first=0)
        broker.kill9()
        copier.tell(open=True)
        assert await copier.exit_code() == ExitCode.SOFTWARE
    assert "append to out-" in copier.log.read_text()
    await asyncio.to_thread(broker.start)
    async with launch("copier", **environment) as copier:
        await own_cluster.records_once(
            output, lambda rows: {int(row.key) for row in rows} == set(range(10)), "all are copied"
        )
        await own_cluster.commits_reach(group, topic, {0: 10})
        copier.signal(signal.SIGTERM)
        assert await copier.exit_code() == 0


def batches(broker: KafkaBroker, topic: str) -> list[list[bytes]]:
    """Return the keys in each record batch of a topic, as stored on the broker's disk."""
    batch_keys = []
    for log in sorted(Path(broker.folder, "data").glob(f"{topic}-*/*.log")):
        records = MemoryRecords(log.read_bytes())
        while records.has_next():
            batch_keys.append([record.key for record in records.next_batch()])
    return batch_keys
