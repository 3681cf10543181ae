"""The patches that make Faust faster do not change what an agent receives."""

from __future__ import annotations

import asyncio
import runpy
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import patches
from streams.app import BULK, bulks, make_app, raw_topic
from streams.patches.message_delivery import RUN, UncountedEvent, _fetched, at_once
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

PARTITION = TP("lead-log", 3)
STOCK = runpy.run_module("faust.transport.consumer")
"""Faust's own consumer, without any patch made in this process."""


def message(key: bytes | None = b"lead", value: bytes | None = b"{}", offset: int = 7) -> ConsumerMessage:
    return ConsumerMessage("lead-log", 3, offset, 1.5, 1, [("ce_id", b"1")], key, value, None, tp=PARTITION)


@pytest.fixture
def app(tmp_path: Any) -> Any:
    """Return an app with all patches, not started, with its flow open."""
    app = make_app("pace", Settings.read(state_dir=tmp_path))
    app.flow_control.resume()
    return app


@pytest.mark.parametrize("value", [b"{}", b"", None, b"\xff\x00"])
async def test_bytes_reach_the_agent_as_they_are_and_are_not_decoded(app: Any, value: bytes | None) -> None:
    """The patch `message_handler`: without it, the channel's `decode` is called."""
    topic = raw_topic(app, "lead-log")

    async def decode(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    topic.decode = decode
    record = message(value=value)
    await app.topics._build_handler(PARTITION, {topic})(record)
    event = topic.queue.get_nowait()
    assert (event.key, event.value, event.message) == (b"lead", value, record)
    assert record.refcount == 1
    assert topic.queue.empty()


async def test_an_agents_event_is_as_faust_makes_it_and_its_ack_is_the_messages(app: Any) -> None:
    """The patch `message_handler`: the message is acked with its consumer, once."""
    topic, record = raw_topic(app, "lead-log"), message()
    app.topics._acking_topics.add(record.topic)
    await app.topics._build_handler(PARTITION, {topic})(record)
    event = topic.queue.get_nowait()
    stock = app.conf.Event(app, record.key, record.value, record.headers, record)
    names = ("app", "key", "value", "headers", "message", "acked")
    assert [getattr(event, name) for name in names] == [getattr(stock, name) for name in names]
    assert isinstance(event, app.conf.Event)
    assert (event.ack(), event.ack()) == (True, False)
    assert record.acked
    assert app.consumer._acked[PARTITION] == [record.offset]


@pytest.mark.parametrize("committed", [None, 3])
async def test_events_are_acked_together_as_each_alone(
    app: Any, tmp_path: Any, committed: int | None
) -> None:
    """Offset 5 is acked twice, and 2 may be committed already."""
    others: Any = make_app("alone", Settings.read(state_dir=tmp_path))
    for target in (app, others):
        target.topics._acking_topics.add(PARTITION.topic)
        target.consumer._committed_offset[PARTITION] = committed
    together, alone = ([message(offset=offset) for offset in (2, 3, 4, 5, 5)] for _ in range(2))
    for record in together:
        record.tracked = True
        app.consumer.track_message(record)
    for record in alone:
        others.consumer.track_message(record)
        UncountedEvent(others, record).ack()
    app.ack_together([UncountedEvent(app, record) for record in together])
    for name in ("_acked", "_acked_index", "_n_acked"):
        assert getattr(app.consumer, name) == getattr(others.consumer, name)
    unacked, expected = (
        {record.offset for record in target.consumer._unacked_messages} for target in (app, others)
    )
    assert unacked == expected
    assert all(record.acked for record in together)


async def test_a_rebalance_waits_until_the_last_event_of_each_partition_is_acked(app: Any) -> None:
    """Faust waits for what it tracks: the first event, which it takes itself, and the last ones of a batch."""
    app.topics._acking_topics.add(PARTITION.topic)
    stream = app.stream(raw_topic(app, PARTITION.topic))
    records = [
        ConsumerMessage(
            PARTITION.topic, n % 2, n, 1.5, 1, [], b"lead", b"{}", None, tp=TP(PARTITION.topic, n % 2)
        )
        for n in range(BULK)
    ]
    for record in records:
        record.refcount, record.generation_id = 1, app.consumer_generation_id
        stream.channel.queue.put_nowait(UncountedEvent(app, record))
    batch = await anext(bulks(app, stream))
    assert [event.message for event in batch] == records
    waits_for = app.consumer._unacked_messages
    assert set(waits_for) == {records[0], *records[-2:]}
    app.ack_together([event for event in batch if event.message.partition == 0])
    assert set(waits_for) == {records[-1]}
    app.ack_together([event for event in batch[:-1] if event.message.partition == 1])
    assert set(waits_for) == {records[-1]}
    app.ack_together(batch[-1:])
    assert not waits_for


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.integers(5, 20)) | st.integers(0, 9).map(lambda n: set(range(6, 6 + n))),
    st.sampled_from([None, 4, 5, 6, 12]),
    st.sampled_from([None, 3, 8, 9, 21]),
    st.sampled_from([(), (4, 6), (8, 12)]),
)
def test_acked_offsets_are_committed_as_faust_commits_them(
    app: Any, acked: set[int], committed: int | None, in_flight: int | None, gap: tuple[int, int] | tuple[()]
) -> None:
    """The patch `commit_cap`: up to the first one in flight, and otherwise as far as Faust does."""
    consumer, stock = app.consumer, SimpleNamespace()
    for one in (consumer, stock):
        one._acked = defaultdict(list, {PARTITION: sorted(acked, key=lambda offset: offset % 3)})
        one._acked_index = defaultdict(set, {PARTITION: set(acked)})
        one._committed_offset = {PARTITION: committed}
        one._gap = defaultdict(STOCK["IntervalTree"])
        if gap:
            one._gap[PARTITION].addi(*gap)
    cap = in_flight if in_flight is not None and in_flight not in acked else None
    cap = None if cap is None or cap < (committed or 0) else cap
    consumer._delivered[PARTITION] = {*acked} if in_flight is None else {*acked, in_flight}
    if cap is not None:
        stock._acked[PARTITION] = [offset for offset in stock._acked[PARTITION] if offset < cap]
    expected = STOCK["Consumer"]._new_offset(stock, PARTITION)
    if cap is not None and expected is not None:
        expected = min(expected, cap)
    assert consumer._new_offset(PARTITION) == expected
    if cap is None:
        assert (consumer._acked, consumer._acked_index) == (stock._acked, stock._acked_index)


async def test_what_two_agents_want_both_get(app: Any) -> None:
    """Faust's own handler does that, and the patch does not replace it."""
    first, second = (
        raw_topic(app, "lead-log"),
        app.topic("lead-log", value_type=bytes, value_serializer="raw"),
    )
    record = message()
    await app.topics._build_handler(PARTITION, {first, second})(record)
    assert first.queue.qsize() == second.queue.qsize() == 1
    assert record.refcount == 2
    app.ack_together([first.queue.get_nowait()])
    assert not record.acked  # the other agent has not handled it
    app.ack_together([second.queue.get_nowait()])
    assert record.acked


async def test_nothing_is_delivered_while_the_flow_is_suspended(app: Any) -> None:
    """A rebalance suspends the flow. Messages delivered then would be handled by a worker that no longer owns them."""
    topic = raw_topic(app, "lead-log")
    handle = app.topics._build_handler(PARTITION, {topic})
    app.flow_control.suspend()
    delivering = handle(message())
    delivering.send(None)
    assert topic.queue.empty()
    delivering.close()


async def test_a_message_is_delivered_without_a_coroutine_only_while_its_agent_may_get_it(app: Any) -> None:
    """The patches `message_handler` and `handler_lookup`: whoever is told False must await the handler instead."""
    topic, conductor = raw_topic(app, "lead-log"), app.topics
    conductor._tp_to_callback[PARTITION] = conductor._build_handler(PARTITION, {topic})
    deliver = at_once(conductor.on_message)
    assert deliver([message()])
    assert topic.queue.qsize() == 1
    app.flow_control.suspend()
    assert not deliver([message()])
    app.flow_control.resume()
    topic.queue.clear()
    await conductor._tp_to_callback_lock.acquire()
    assert not deliver([message()])
    conductor._tp_to_callback_lock.release()
    conductor._tp_to_callback[PARTITION] = conductor._build_handler(
        PARTITION, {topic, raw_topic(app, "lead-log")}
    )
    assert not deliver([message()])
    assert topic.queue.empty()
    assert not at_once(print)([message()])


async def test_a_message_delivered_without_a_coroutine_is_in_flight_until_it_is_acked(app: Any) -> None:
    """The patch `commit_cap`: its offset is not committed before."""
    topic, record = raw_topic(app, "lead-log"), message()
    app.topics._acking_topics.add(record.topic)
    app.topics._tp_to_callback[PARTITION] = app.topics._build_handler(PARTITION, {topic})
    assert at_once(app.consumer.callback)([record])
    assert app.consumer._delivered[PARTITION] == {record.offset}


async def test_a_message_waits_while_the_handlers_are_changed(app: Any) -> None:
    """The patch `handler_lookup`: Faust holds a lock while it replaces the handlers."""
    topic, conductor = raw_topic(app, "lead-log"), app.topics
    await conductor._tp_to_callback_lock.acquire()
    waiting = asyncio.create_task(conductor.on_message(message()))
    await asyncio.sleep(0)
    assert not waiting.done()
    conductor._tp_to_callback[PARTITION] = conductor._build_handler(PARTITION, {topic})
    conductor._tp_to_callback_lock.release()
    await waiting
    assert topic.queue.qsize() == 1


async def test_a_message_takes_no_lock_otherwise(app: Any) -> None:
    """The patch `handler_lookup`: without it the lock is acquired."""
    topic, conductor = raw_topic(app, "lead-log"), app.topics
    conductor._tp_to_callback[PARTITION] = conductor._build_handler(PARTITION, {topic})

    async def acquire() -> bool:
        raise AssertionError("locked")

    conductor._tp_to_callback_lock.acquire = acquire
    await conductor.on_message(message())
    assert topic.queue.qsize() == 1


patches.apply()


class Fetched:
    """A consumer with fetched records of three partitions. The third must not be delivered now."""

    def __init__(self, offsets: Iterable[int] = range(RUN + 2)) -> None:
        self.app = SimpleNamespace(consumer_generation_id=4)
        self.should_stop, self.flow_active, self.sought = False, True, 0
        self.scheduler = DefaultSchedulingStrategy()  # type: ignore[abstract]  # Faust makes it like this
        self._buffered_partitions: set[TP] = set()
        self.places = [TP("lead-log", n) for n in range(3)]
        self.records = [SimpleNamespace(offset=offset) for offset in offsets]

    async def _wait_next_records(self, _: float) -> tuple[dict[TP, list[Any]], set[TP]]:
        return dict.fromkeys(self.places, self.records), set(self.places[:2])

    def _to_message(self, tp: TP, record: Any) -> tuple[int, int]:
        return tp.partition, record.offset

    async def perform_seek(self) -> None:
        self.sought += 1


async def given_by(consumer: Any) -> list[list[tuple[int, int]]]:
    """Return the messages that a consumer gives for one fetch, together as they are delivered."""
    return [messages async for _, messages in _fetched(consumer)]


def run_of(partition: int, *offsets: int) -> list[tuple[int, int]]:
    return [(partition, offset) for offset in offsets]


async def test_what_was_fetched_is_given_in_turns_of_our_partitions() -> None:
    first, rest = range(RUN), range(RUN, RUN + 2)
    turns = [run_of(0, *first), run_of(1, *first), run_of(0, *rest), run_of(1, *rest)]
    assert await given_by(Fetched()) == turns


@pytest.mark.parametrize(
    "offsets", [[3], [0, 2, 3, 4], [0, 1, 2, 9], [5, 7, 9, 11], [*range(RUN), *range(RUN + 7, 2 * RUN + 9)]]
)
async def test_messages_given_together_have_consecutive_offsets(offsets: list[int]) -> None:
    """Compaction and the ends of transactions leave offsets out. No record is left out, and the order is theirs."""
    runs = [run for run in await given_by(Fetched(offsets)) if run[0][0] == 0]
    assert [offset for run in runs for _, offset in run] == offsets
    for run in runs:
        first = run[0][1]
        assert run == run_of(0, *range(first, first + len(run)))
        assert len(run) <= RUN


@pytest.mark.parametrize("change", ["generation", "flow"])
async def test_what_was_fetched_before_a_rebalance_is_not_given_after_it(change: str) -> None:
    consumer, batches = Fetched(), []
    async for _, messages in _fetched(consumer):
        batches.append(messages)
        if change == "generation":
            consumer.app.consumer_generation_id += 1
        else:
            consumer.flow_active = False
    assert batches == [run_of(0, *range(RUN))]


async def test_what_was_fetched_while_the_flow_was_suspended_is_sought_again() -> None:
    consumer = Fetched()
    consumer.flow_active = False
    assert await given_by(consumer) == []
    assert consumer.sought == 1
