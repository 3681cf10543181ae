"""Patches how Faust's consumer fetches: only committed records, from all partitions, without dropped records."""

import asyncio
from typing import Any, Final

import aiokafka.consumer.fetcher as aiokafka_fetcher
import faust.transport.drivers.aiokafka as driver

from streams.patches import record_reader, response_reading, tls_close
from streams.patches.fetched_messages import give_messages

FETCH_SLICE_SECONDS: Final = 0.1
"""How long a fetch may wait for partitions that are no longer those in use."""
RECOVERY_SLICE_SECONDS: Final = 0.005
"""The same while a recovery reads changelogs. The first events wait that long for its end."""
IDLE_SECONDS: Final = 0.001
"""How long a fetcher that may not fetch now waits before it checks again."""
PREFETCH_BACKOFF_SECONDS: Final = 0.001
PARTIAL_FETCH_WAIT_MS: Final = 10
"""How long a broker holds a fetch that leaves a partition out, if it has no records for the others. A fetch does not
ask for partitions whose earlier records are still waiting. With Faust's 1,500 ms, a claim could wait that long for the
one before it. The fetches of a recovery leave out the topics of events, which are read when it ends."""
TURNS_TO_TAKE: Final = 5
"""Turns of the loop that a fetch waits for records to be taken. Whoever waits for them takes them in the third."""
FULL_FETCH_WAIT_MS: Final = 250
"""How long a broker holds a fetch that asks for every partition in use. A record of any of them ends it at once, so the
wait delays no record. Only a seek or a rebalance may wait for its end."""


def put_back_overtaken() -> None:
    """Put back the records of a fetch that was outdated, or was for no partition (docs/faust.md 19)."""
    fetch_records = driver.AIOKafkaConsumerThread._fetch_records

    async def _fetch_records(self: Any, consumer: Any, active_partitions: Any, **options: Any) -> Any:
        """Fetch for one assignment. Records that belong to a later one are put back, in the same turn of the loop.

        A fetch waits up to a second. It ends early if a rebalance or a seek begins, or other partitions are in use: at
        the end of a recovery it would wait for the changelogs, while the first events have come. Records that it has
        got by then are not delivered. The seek that follows goes to the committed offset, and does nothing if there is
        none.
        """
        # Use a copy: a rebalance and the end of a recovery empty the caller's set, and aiokafka takes an empty set as
        # all partitions. Records of other partitions would be lost, and later ones would be delivered first.
        in_use = set(active_partitions)
        before = _assignment_generation(self.consumer)
        if not in_use or getattr(self.consumer, "_held", 0) > 0:
            await asyncio.sleep(IDLE_SECONDS)
            return {}
        consumer._fetcher._in_use = in_use
        recovers = consumer._fetcher._recovers = _has_changelogs(self.consumer, in_use)
        remaining = options.pop("timeout", None) or 0.0
        while True:
            wait = min(remaining, RECOVERY_SLICE_SECONDS if recovers else FETCH_SLICE_SECONDS)
            records = await fetch_records(self, consumer, in_use, timeout=wait, **options)
            remaining -= wait
            if records or remaining <= 0 or _assignment_generation(self.consumer) != before:
                break
            if not self.consumer.flow_active or set(active_partitions) != in_use:
                break
        if self.consumer.flow_active and _assignment_generation(self.consumer) == before:
            return records
        assignment = consumer._subscription.subscription.assignment
        for tp, fetched in records.items():
            if tp in assignment.tps:
                state = assignment.state_value(tp)
                # Do not seek forward: another seek may have gone further back in the meantime.
                if state.has_valid_position and state.position > fetched[0].offset:
                    consumer.seek(tp, fetched[0].offset)
        return {}

    driver.AIOKafkaConsumerThread._fetch_records = _fetch_records


def _has_changelogs(consumer: Any, partitions: set[Any]) -> bool:
    """Tell whether some of these partitions are changelogs, which are in use only during a recovery.

    Faust would use those of a table with a `recovery_buffer_size` of 1 afterwards, too. None of ours has it.
    """
    return not consumer.app.tables.recovery.active_tps.isdisjoint(partitions)


def _assignment_generation(consumer: Any) -> tuple[int, int]:
    """Return a value that changes when records fetched earlier must no longer be delivered."""
    return consumer.app.consumer_generation_id, getattr(consumer, "_times_held", 0)


def read_committed() -> None:
    """Read only committed records, as messages, with a stand-in for each batch or record that cannot be read."""
    record_reader.install()
    response_reading.install()
    tls_close.install()
    create = driver.AIOKafkaConsumerThread._create_worker_consumer

    def _create_worker_consumer(self: Any, transport: Any) -> Any:
        consumer = create(self, transport)
        consumer._isolation_level = "read_committed"
        consumer._value_deserializer = give_messages
        return consumer

    driver.AIOKafkaConsumerThread._create_worker_consumer = _create_worker_consumer


def prefetch_other_partitions() -> None:
    """Fetch other partitions of a node while one partition's records wait to be taken."""
    init = aiokafka_fetcher.Fetcher.__init__
    get_actions_per_node = aiokafka_fetcher.Fetcher._get_actions_per_node

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.update(prefetch_backoff=PREFETCH_BACKOFF_SECONDS, fetch_max_wait_ms=PARTIAL_FETCH_WAIT_MS)
        self._in_use, self._recovers = None, False
        init(self, *args, **kwargs)

    def _get_actions_per_node(self: Any, assignment: Any) -> Any:
        partial = _leaves_a_partition_out(self, assignment)
        full_wait_ms = getattr(
            self, "_idle_wait_ms", FULL_FETCH_WAIT_MS
        )  # of a follower: `hold_idle_fetches`
        self._fetch_max_wait_ms = PARTIAL_FETCH_WAIT_MS if partial else full_wait_ms
        return get_actions_per_node(self, assignment)

    aiokafka_fetcher.Fetcher.__init__ = __init__
    aiokafka_fetcher.Fetcher._get_actions_per_node = _get_actions_per_node


def fetch_after_taking() -> None:
    """Send the next fetch when those who wait for records have taken them (docs/faust.md 36)."""
    proc_fetch_request = aiokafka_fetcher.Fetcher._proc_fetch_request

    async def _proc_fetch_request(self: Any, assignment: Any, node_id: Any, request: Any) -> Any:
        """Handle a response, and wake who waits. The next fetch is sent afterwards, and asks for every partition."""
        has_records = await proc_fetch_request(self, assignment, node_id, request)
        if not has_records or not self._fetch_waiters:
            return has_records  # whoever takes records has not taken the earlier ones yet
        waiting = _waiting_records(self, assignment)
        for waiter in tuple(self._fetch_waiters):
            self._notify(waiter)
        try:
            for _ in range(TURNS_TO_TAKE):
                await asyncio.sleep(0)
                now_waiting = _waiting_records(self, assignment)
                if not now_waiting:
                    return False  # nobody has to be woken for them
                if now_waiting != waiting:
                    break  # a part was taken, as much as is taken at once
        except asyncio.CancelledError:
            return False  # as aiokafka: the fetcher is being closed, or its partitions are revoked
        return has_records

    aiokafka_fetcher.Fetcher._proc_fetch_request = _proc_fetch_request


def _waiting_records(fetcher: Any, assignment: Any) -> dict[Any, Any]:
    """Return the partitions in use whose records wait to be taken, each with the position of its next record."""
    in_use = getattr(fetcher, "_in_use", None)  # of another patch
    return {
        tp: assignment.state_value(tp)._position
        for tp in fetcher._records
        if tp in assignment.tps and (in_use is None or tp in in_use)
    }


def _leaves_a_partition_out(fetcher: Any, assignment: Any) -> bool:
    """Tell whether a fetch that is sent now does not ask for all partitions in use.

    The partitions in use are those that Faust takes records of; for another consumer, all that it is assigned. A worker
    is also assigned its journal's partitions, and takes nothing of them after a recovery.
    """
    if fetcher._recovers:
        return True
    for tp in assignment.tps if fetcher._in_use is None else fetcher._in_use & assignment.tps:
        state = assignment.state_value(tp)
        if tp in fetcher._records or state.paused or not state.has_valid_position:
            return True
    return False
