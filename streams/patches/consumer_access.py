"""Reads and sets private state of aiokafka's and Faust's consumers. None of these functions is a patch of `PATCHES`."""

import copy
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import READ_UNCOMMITTED

ANSWER_MS: Final = 10_000
"""How long a broker may take to return the end offsets of its partitions."""
IDLE_FETCH_WAIT_MS: Final = 2_000
"""How long a broker may hold a fetch for which it has no records. A record of any partition in it ends it at once."""


async def high_watermarks(consumer: AIOKafkaConsumer, topic_partitions: Iterable[Any]) -> dict[Any, int]:
    """Return the ends of partitions, open transactions included; `end_offsets` of our consumers excludes those."""
    # The copy of the fetcher asks as `read_uncommitted`. The consumer itself keeps its isolation level.
    asker = copy.copy(consumer._fetcher)
    asker._isolation_level = READ_UNCOMMITTED
    ends: dict[Any, int] = await asker.end_offsets(list(topic_partitions), ANSWER_MS)
    return ends


def hold_idle_fetches(consumer: AIOKafkaConsumer) -> None:
    """Let brokers hold fetches for `IDLE_FETCH_WAIT_MS`, so that a consumer of quiet topics sends few of them.

    A fetch that leaves out a partition is held as briefly as before, because a record of that partition does not end
    it. For a started consumer that neither seeks nor asks for offsets any more: both wait for the end of the fetch.
    """
    fetcher: Any = consumer._fetcher
    get_actions, usual_ms = fetcher._get_actions_per_node, fetcher._fetch_max_wait_ms
    fetcher._idle_wait_ms = IDLE_FETCH_WAIT_MS  # where the patch `prefetch` decides how long a fetch is held

    def _get_actions_per_node(assignment: Any) -> Any:
        states = [(tp, assignment.state_value(tp)) for tp in assignment.tps]
        asks_for_all = all(
            tp not in fetcher._records and state.has_valid_position and not state.paused
            for tp, state in states
        )
        fetcher._fetch_max_wait_ms = IDLE_FETCH_WAIT_MS if asks_for_all else usual_ms
        return get_actions(assignment)

    fetcher._get_actions_per_node = _get_actions_per_node


def heard_at(consumer: Any) -> float:
    """Return when a broker has last answered on a connection of a consumer, in seconds of a monotonic clock."""
    connections = consumer._client._conns.values()
    return max((connection._last_action for connection in connections), default=0.0)


def network_client(consumer: AIOKafkaConsumer) -> Any:
    """Return the client with which a consumer sends its requests, to send our own requests or to close it."""
    return consumer._client


async def close_producer(producer: Any) -> None:
    """Close the connections of a producer whose `stop` did not end."""
    if producer._sender is not None:
        await producer._sender.close()
    await producer.client.close()


async def group_commits(
    consumer: AIOKafkaConsumer, topic_partitions: Iterable[Any]
) -> dict[Any, tuple[int, str]]:
    """Return the committed offset and metadata of each partition that has one; `committed` returns no metadata."""
    committed = await consumer._coordinator.fetch_committed_offsets(list(topic_partitions))
    return {tp: (at.offset, at.metadata or "") for tp, at in committed.items() if at.offset >= 0}


async def committed_offsets(faust_consumer: Any, topic_partitions: list[Any]) -> Any:
    """Return the committed offset and metadata of each partition for a Faust consumer's group."""
    thread = faust_consumer._thread  # Faust has no public access to a commit's metadata
    coordinator = thread._ensure_consumer()._coordinator
    return await thread.call_thread(coordinator.fetch_committed_offsets, topic_partitions)


def progress(faust_consumer: Any, tp: Any) -> tuple[int | None, int | None]:
    """Return the offset that Faust has committed in a partition and the last one it has delivered; None if none."""
    return faust_consumer._committed_offset.get(tp), faust_consumer._read_offset.get(tp)


def crash_event(app: Any) -> Any:
    """Return the event that is set when a Faust app has crashed."""
    return app._crashed


def group_refusal(app: Any) -> BaseException | None:
    """Return why a Faust app's group is refused, else None. Faust itself does not check this and waits."""
    thread = getattr(app.consumer, "_thread", None)
    coordinator = getattr(getattr(thread, "_consumer", None), "_coordinator", None)
    error = getattr(coordinator, "_pending_exception", None)
    return error if isinstance(error, BaseException) else None
