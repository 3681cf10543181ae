"""Ends on `calls` what a dead courier left open, and rings again for offers that are still open (N1, N4).

A request whose fate is `sent` is not delivered again after a restart. Its call died with the courier, though: the
adapter hangs up the channels. So the legs get an end, and reps whose telephones rang are called again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from aiokafka.errors import KafkaError

from couriers.deliverer import DEFAULT_ORG
from couriers.directory import CourierDirectory
from couriers.port import DeliveryError, Request
from couriers.requests import refused_by_rep
from couriers.usefulness import useful_until
from models.public import Call, Notification
from streams.clients import consumer as make_consumer
from streams.clients import stop_consumer
from streams.retries import WRITE_FATE
from streams.settings import Settings
from streams.topics import CALLS, NOTIFICATIONS

_log = structlog.get_logger(__name__)

LONGEST_SECONDS: Final = 5 * 3600.0
"""How far back open legs are looked for: longer than the longest call."""
RING_AGAIN_SECONDS: Final = 600.0
"""How far back requests are looked for that may still be useful."""
MIN_SECONDS: Final = 3.0
"""An offer that ends sooner does not ring again."""
RING: Final = "ring"
_POLL_MS: Final = 500
_CALL: Final = msgspec.json.Decoder(Call)
_REQUEST: Final = msgspec.json.Decoder(Notification)
Leg = tuple[str, str]


async def open_legs(settings: Settings, system: str) -> dict[Leg, Call]:
    """Return the last record of each leg of a telephone system that has not ended. Raises KafkaError."""
    legs: dict[Leg, Call] = {}
    async for record in _since(settings, CALLS, LONGEST_SECONDS):
        call = _read(_CALL, record.value)
        if call is None or call.system != system:
            continue
        if call.event == "ended":
            legs.pop((call.call_id, call.leg), None)
        else:
            legs[call.call_id, call.leg] = call
    return legs


async def recover(
    settings: Settings,
    system: str,
    directory: CourierDirectory,
    write: Callable[[Call], Awaitable[None]],
    send: Callable[[Request], Awaitable[Any]],
    knows: Callable[[str], bool],
) -> None:
    """End the legs that were open at the start, then ring again where an offer is still open.

    `knows`: whether this process itself has the call with this id, because it rings again already.
    """
    legs: dict[Leg, Call] = {}

    async def look() -> None:
        legs.update(await open_legs(settings, system))

    await WRITE_FATE.run(KafkaError, f"read {CALLS}", look)
    legs = {leg: call for leg, call in legs.items() if not knows(call.call_id)}
    now = datetime.now(UTC)
    for call in legs.values():
        await write(msgspec.structs.replace(call, event="ended", at=now, digit=None, reason="lost"))
    rang = {call.notification_id for call in legs.values() if call.leg == "rep" and call.event != "pressed"}
    if legs:
        _log.warning("legs of a dead courier were ended", legs=len(legs))
    if not rang:
        return
    await directory.caught_up.wait()
    await asyncio.gather(
        *(_ring_again(request, directory, send) for request in await _still_asked(settings, rang)),
    )


async def _still_asked(settings: Settings, ids: set[str]) -> list[tuple[Notification, datetime]]:
    """Return those of the requests for a ring that are not withdrawn, with the time of each."""
    requests: dict[str, tuple[Notification, datetime]] = {}

    async def look() -> None:
        async for record in _since(settings, NOTIFICATIONS, RING_AGAIN_SECONDS):
            request = _read(_REQUEST, record.value)
            if request is None or request.notification_id not in ids or request.template != RING:
                continue
            if request.withdrawn:
                requests.pop(request.notification_id, None)
            else:
                at = datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC)
                requests[request.notification_id] = (request, at)

    await WRITE_FATE.run(KafkaError, f"read {NOTIFICATIONS}", look)
    return list(requests.values())


async def _ring_again(
    request: tuple[Notification, datetime],
    directory: CourierDirectory,
    send: Callable[[Request], Awaitable[Any]],
) -> None:
    about, at = request
    org, until = about.org or DEFAULT_ORG, useful_until(about, at)
    rep = directory.rep(org, about.rep_id)
    useful = (until - datetime.now(UTC)).total_seconds() >= MIN_SECONDS
    if rep is None or not rep.active or not useful or refused_by_rep(rep, about):
        return
    try:
        await send(Request(about, rep, directory.settings(org), org, at, until))
    except DeliveryError as error:
        _log.warning("not rung again", notification=about.notification_id, reason=str(error))


async def _since(settings: Settings, topic: str, seconds: float) -> AsyncIterator[Any]:
    """Yield the records of the last seconds, up to the end at the time of the call. Raises KafkaError."""
    begin_ms = int((time.time() - seconds) * 1000)
    consumer = make_consumer(settings, topic, reset="none")
    try:
        await consumer.start()
        topic_partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(topic_partitions)
        starts = await consumer.offsets_for_times(dict.fromkeys(topic_partitions, begin_ms))
        unread = {tp for tp in topic_partitions if starts[tp] is not None and starts[tp].offset < ends[tp]}
        consumer.unsubscribe()
        consumer.assign(sorted(unread))
        for tp in unread:
            consumer.seek(tp, starts[tp].offset)
        while unread:
            # Without the names of partitions it would raise for those that were left out: they have no position.
            for records in (await consumer.getmany(*unread, timeout_ms=_POLL_MS)).values():
                for record in records:
                    yield record
            unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
    finally:
        await stop_consumer(consumer)


def _read(decoder: msgspec.json.Decoder[Any], value: bytes | None) -> Any:
    try:
        return decoder.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
