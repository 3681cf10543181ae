"""What Faust reads: what was committed, with stand-ins for what cannot be read, and its tables to their end."""

from typing import Any, Final

import aiokafka.consumer.fetcher as aiokafka_fetcher
import faust.transport.drivers.aiokafka as driver

from streams.fetching import install
from streams.transactions import high_watermarks
from streams.unreadable import give_stand_ins

PREFETCH_BACKOFF_SECONDS: Final = 0.001
FETCH_WAIT_MS: Final = 10
"""How long a broker holds a fetch it has nothing for. Meanwhile it is not asked for the partitions whose records were
waiting to be taken when the fetch left: with Faust's 1,500 ms a claim could wait as long for the one before it."""


def committed() -> None:
    """Read only what was committed, and get a stand-in for each batch or record that cannot be read."""
    install()
    create = driver.AIOKafkaConsumerThread._create_worker_consumer

    def _create_worker_consumer(self: Any, transport: Any) -> Any:
        consumer = create(self, transport)
        consumer._isolation_level = "read_committed"
        consumer._value_deserializer = give_stand_ins
        return consumer

    driver.AIOKafkaConsumerThread._create_worker_consumer = _create_worker_consumer


def highwaters() -> None:
    """Recover a table up to its changelog's last record, and not to where somebody's open transaction begins.

    Our rows are in no transaction. Those behind such a beginning are not given before it ends; a table without them
    would decide anew what was decided.
    """

    async def _highwaters(self: Any, partitions: list[Any]) -> dict[Any, int]:
        return await high_watermarks(self._ensure_consumer(), partitions)

    driver.AIOKafkaConsumerThread._highwaters = _highwaters


def prefetch() -> None:
    """Ask a node for other partitions while one partition's records wait to be taken."""
    init = aiokafka_fetcher.Fetcher.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.update(prefetch_backoff=PREFETCH_BACKOFF_SECONDS, fetch_max_wait_ms=FETCH_WAIT_MS)
        init(self, *args, **kwargs)

    aiokafka_fetcher.Fetcher.__init__ = __init__
