"""Forces races that otherwise happen once in a thousand starts."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from streams.app import StageApp
from streams.patches.fetcher import PREFETCH_BACKOFF_SECONDS
from tests.streams.faust.apps.base import send_report

TOPIC = os.environ.get("TOPIC", "")


def resumed_with_events_in_the_buffer(app: StageApp) -> None:
    """Delay the final seek of a recovery until events wait in the agent's buffer; then the flow is resumed."""
    consumer: Any = app.consumer
    seek = consumer.perform_seek

    async def perform_seek() -> None:
        await seek()
        if app.rebalancing:
            send_report(seeking=True)
            while _waiting(app) < int(os.environ["WAITING"]):  # Faust's queues have no event for it
                await asyncio.sleep(0.01)

    consumer.perform_seek = perform_seek


def fetched_before_it_is_paused(app: StageApp) -> None:
    """Delay an assignment until the fetcher runs between assigning partitions and pausing them."""
    fetched = asyncio.Event()
    consumer: Any = app.consumer
    callback = consumer.callback

    async def fetched_message(message: Any) -> None:
        if message.topic == TOPIC:
            fetched.set()
        await callback(message)

    consumer.callback = fetched_message
    agents: Any = app.agents
    rebalanced = agents.on_rebalance
    # The fetcher looks for something to fetch once a second. If nothing prevents the fetch, it happens.
    patience = 30.0 if os.environ.get("WITHOUT") else 2.5

    async def on_rebalance(revoked: Any, assigned: Any) -> None:
        if app.rebalancing_count > 1 and assigned:
            fetched.clear()  # events of an earlier assignment
            try:
                await asyncio.wait_for(fetched.wait(), patience)
            except TimeoutError:
                send_report(paused_first=True)
        await rebalanced(revoked, assigned)

    agents.on_rebalance = on_rebalance


def tables_say_how_long_they_wait(app: StageApp) -> None:
    """Report each wait of the tables' start, and do not wait."""
    tables: Any = app.tables

    async def sleep(seconds: float) -> None:
        send_report(tables_wait=seconds)

    tables.sleep = sleep


def turns_that_take_long(app: StageApp) -> None:
    """Let each turn of the loop take longer than the time that aiokafka waits for records to be taken."""

    async def keep_busy() -> None:
        while True:
            time.sleep(2 * PREFETCH_BACKOFF_SECONDS)  # noqa: ASYNC251  # the loop must not run meanwhile
            await asyncio.sleep(0)

    app.task(keep_busy)


def fetch_overtaken_by_a_rebalance(app: StageApp) -> None:
    """Delay a fetch that began before a rebalance until it is served from the assignment after it."""
    consumer: Any = app.consumer
    getmany = consumer._getmany
    agents: Any = app.agents
    rebalanced = agents.on_rebalance
    served = asyncio.Event()

    async def _getmany(active_partitions: Any, timeout: float) -> Any:  # noqa: ARG001, ASYNC109
        before = app.rebalancing_count
        records = await getmany(active_partitions, 20.0)
        if app.rebalancing_count != before:
            served.set()
        return records

    async def on_rebalance(*args: Any) -> None:
        if app.rebalancing_count > 1:
            send_report(rebalancing=True)
            await served.wait()
        await rebalanced(*args)

    consumer._getmany = _getmany
    agents.on_rebalance = on_rebalance


def fetched_for_no_partition(app: StageApp) -> None:
    """Pause the last partition between the request for a fetch and its start, as happens when a recovery ends."""
    consumer: Any = app.consumer
    getmany = consumer._getmany

    async def fetch() -> Any:
        return await getmany(set(), 0.1)

    _once_in_recovery(app, fetch)


def delivered_while_it_seeks(app: StageApp) -> None:
    """Delay the seek that ends a recovery until events are given, after everything was taken and dropped.

    Do so twice.
    """
    consumer: Any = app.consumer
    seek, callback = consumer.seek_to_committed, consumer.callback
    delivered = asyncio.Event()

    async def fetch() -> Any:
        thread = consumer._thread
        fetcher = thread._ensure_consumer()._fetcher
        return await thread.call_thread(fetcher.fetched_records, set(), timeout=0.1)

    _once_in_recovery(app, fetch)

    async def fetched_message(message: Any) -> None:
        await callback(message)
        if message.topic == TOPIC:
            delivered.set()

    async def until_delivered() -> None:
        delivered.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(delivered.wait(), 2.5)

    async def seek_to_committed() -> Any:
        send_report(seeking=True)
        await until_delivered()
        committed = await seek()
        await until_delivered()
        return committed

    consumer.callback = fetched_message
    consumer.seek_to_committed = seek_to_committed


def _once_in_recovery(app: StageApp, fetch: Callable[[], Awaitable[Any]]) -> None:
    """Fetch the topic's events once while the journal is read, and discard them."""
    consumer: Any = app.consumer
    getmany, seek = consumer._getmany, consumer.perform_seek
    happened = False
    fetching = asyncio.Lock()

    async def perform_seek() -> None:
        # A fetch that is still under way would take what the seek brings back, and nobody would put it back.
        async with fetching:
            await seek()
        send_report(sought=_offsets(consumer._read_offset))

    async def fetch_alone() -> dict[Any, Any]:
        async with fetching:
            return dict(await fetch()) if app.in_recovery else {}

    async def _getmany(active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109  # Faust's signature
        nonlocal happened
        if happened or not app.in_recovery:
            return await getmany(active_partitions, timeout)
        happened = True
        records: dict[Any, Any] = {}
        for _ in range(20):
            if not any(tp.topic == TOPIC for tp in records):
                # Faust may cancel this call. The fetch goes on, so the seek still waits for its end.
                records |= await asyncio.shield(asyncio.ensure_future(fetch_alone()))
        send_report(
            fetched=True,
            taken=_offsets(
                {tp: (messages[0].offset, messages[-1].offset) for tp, messages in records.items()}
            ),
        )
        return records

    consumer._getmany = _getmany
    consumer.perform_seek = perform_seek


def _offsets(by_partition: dict[Any, Any]) -> dict[str, Any]:
    return {f"{tp.topic}/{tp.partition}": offsets for tp, offsets in by_partition.items()}


def _waiting(app: StageApp) -> int:
    return sum(channel.queue.qsize() for channel in app.topics if TOPIC in channel.topics)
