"""What Faust's consumer fetches: committed records, from all partitions, and nothing that nobody takes."""

import asyncio
from typing import Any, Final

import aiokafka.consumer.fetcher as aiokafka_fetcher
import faust.transport.drivers.aiokafka as driver

from streams.patches import record_reader
from streams.unreadable import give_stand_ins

IDLE_SECONDS: Final = 0.001
"""How soon a fetcher that may not fetch now looks again."""
PREFETCH_BACKOFF_SECONDS: Final = 0.001
FETCH_WAIT_MS: Final = 10
"""How long a broker holds a fetch it has nothing for. Meanwhile it is not asked for the partitions whose records were
waiting to be taken when the fetch left: with Faust's 1,500 ms a claim could wait as long for the one before it."""


def put_back_overtaken() -> None:
    """Put back what a fetch took that was overtaken, or was for no partition (docs/faust.md 19)."""
    fetch_records = driver.AIOKafkaConsumerThread._fetch_records

    async def _fetch_records(self: Any, consumer: Any, active_partitions: Any, **options: Any) -> Any:
        """Fetch for one assignment: what was taken out of the next one is put back, in the same turn of the loop.

        A fetch waits up to a second, through a rebalance or a seek if need be. What it returns then, nobody takes any
        more; the seek that follows goes to what is committed, and to nowhere where nothing is.
        """
        # A set of its own: the caller's is emptied by a rebalance and when a recovery ends, and to aiokafka an empty
        # one means all. Nobody would take those, and what comes after them would be delivered first.
        wanted = set(active_partitions)
        before = _era(self.consumer)
        if not wanted or getattr(self.consumer, "_held", 0) > 0:
            await asyncio.sleep(IDLE_SECONDS)
            return {}
        records = await fetch_records(self, consumer, wanted, **options)
        if self.consumer.flow_active and _era(self.consumer) == before:
            return records
        assignment = consumer._subscription.subscription.assignment
        for tp, taken in records.items():
            if tp in assignment.tps:
                state = assignment.state_value(tp)
                # Unless a seek has put it even further back meanwhile.
                if state.has_valid_position and state.position > taken[0].offset:
                    consumer.seek(tp, taken[0].offset)
        return {}

    driver.AIOKafkaConsumerThread._fetch_records = _fetch_records


def _era(consumer: Any) -> tuple[int, int]:
    """Return what changes when what was fetched before must not be delivered any more."""
    return consumer.app.consumer_generation_id, getattr(consumer, "_times_held", 0)


def read_committed() -> None:
    """Read only what was committed, and get a stand-in for each batch or record that cannot be read."""
    record_reader.install()
    create = driver.AIOKafkaConsumerThread._create_worker_consumer

    def _create_worker_consumer(self: Any, transport: Any) -> Any:
        consumer = create(self, transport)
        consumer._isolation_level = "read_committed"
        consumer._value_deserializer = give_stand_ins
        return consumer

    driver.AIOKafkaConsumerThread._create_worker_consumer = _create_worker_consumer


def prefetch_other_partitions() -> None:
    """Ask a node for other partitions while one partition's records wait to be taken."""
    init = aiokafka_fetcher.Fetcher.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.update(prefetch_backoff=PREFETCH_BACKOFF_SECONDS, fetch_max_wait_ms=FETCH_WAIT_MS)
        init(self, *args, **kwargs)

    aiokafka_fetcher.Fetcher.__init__ = __init__
