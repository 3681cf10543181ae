"""What we ask of aiokafka's and Faust's consumers and have to reach into them for. No patch of `PATCHES` is here."""

import copy
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import READ_UNCOMMITTED

ANSWER_MS: Final = 10_000
"""How long a broker may take to say where its partitions end."""


async def high_watermarks(consumer: AIOKafkaConsumer, places: Iterable[Any]) -> dict[Any, int]:
    """Return where partitions end, open transactions included; `end_offsets` of our consumers stops before those."""
    # The question is asked as a consumer of everything would ask it; what the consumer itself reads stays as it is.
    asker = copy.copy(consumer._fetcher)
    asker._isolation_level = READ_UNCOMMITTED
    ends: dict[Any, int] = await asker.end_offsets(list(places), ANSWER_MS)
    return ends


def network_client(consumer: AIOKafkaConsumer) -> Any:
    """Return the client with which a consumer sends its requests, to send some of our own, or to close it."""
    return consumer._client


async def committed_offsets(faust_consumer: Any, places: list[Any]) -> Any:
    """Return by partition what a Faust consumer's group has committed, with its metadata."""
    thread = faust_consumer._thread  # Faust offers no other way to a commit's metadata
    coordinator = thread._ensure_consumer()._coordinator
    return await thread.call_thread(coordinator.fetch_committed_offsets, places)


def progress(faust_consumer: Any, place: Any) -> tuple[int | None, int | None]:
    """Return of a partition the offset that Faust has committed and the last one it has delivered, None before."""
    return faust_consumer._committed_offset.get(place), faust_consumer._read_offset.get(place)


def crash_event(app: Any) -> Any:
    """Return the event that is set when a Faust app cannot go on."""
    return app._crashed


def group_refusal(app: Any) -> BaseException | None:
    """Return why a Faust app's group is refused, None where it is not: Faust never asks aiokafka, and waits."""
    thread = getattr(app.consumer, "_thread", None)
    coordinator = getattr(getattr(thread, "_consumer", None), "_coordinator", None)
    error = getattr(coordinator, "_pending_exception", None)
    return error if isinstance(error, BaseException) else None
