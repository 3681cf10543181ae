"""Finds the requests of `notifications` that no courier has finished, such as a mail for after a rep's quiet times."""

from contextlib import aclosing
from typing import Any, Final

import msgspec

from couriers.channels import NAMES, fate_name_of, group_of, kind_of
from models.public import DELIVERIES, NOTIFICATIONS, Delivery, Notification
from streams import clients
from streams.settings import Settings
from streams.topic_reader import read_topic

_REQUEST: Final = msgspec.json.Decoder(Notification)
_FATE: Final = msgspec.json.Decoder(Delivery)


async def open_requests(settings: Settings) -> list[Any]:
    """Return the records of requests that a courier still has to deliver, and of their withdrawals, in order.

    The requests of a channel whose courier never ran are left out. Raises `RetryableError`, KafkaError.
    """
    passed = await _passed(settings)
    if not passed:
        return []
    told: set[tuple[str, str]] = set()
    async with aclosing(read_topic(settings, DELIVERIES)) as records:
        async for record in records:
            fate = _read(_FATE, record.value)
            if fate is not None:
                told.add((fate.notification_id, fate.channel))
    channels = [(kind_of(name), fate_name_of(name), passed[name]) for name in passed]
    found: list[Any] = []
    waiting: set[str] = set()
    async with aclosing(read_topic(settings, NOTIFICATIONS)) as records:
        async for record in records:
            request = _read(_REQUEST, record.value)
            if request is None:
                continue
            identity = request.notification_id
            is_open = any(
                kind == request.kind
                and record.offset >= at.get(record.partition, 0)
                and (identity, channel) not in told
                for kind, channel, at in channels
            )
            if (is_open and not request.withdrawn) or (request.withdrawn and identity in waiting):
                waiting.add(identity)
                found.append(record)
    return found


async def _passed(settings: Settings) -> dict[str, dict[int, int]]:
    """Return channel -> partition -> the offset up to which its couriers have finished, for couriers that ever ran."""
    found: dict[str, dict[int, int]] = {}
    async with clients.started(clients.admin(settings)) as admin:
        for name in NAMES:
            for place, at in (await admin.list_consumer_group_offsets(group_of(name))).items():
                if place.topic == NOTIFICATIONS and at.offset >= 0:
                    found.setdefault(name, {})[place.partition] = at.offset
    return found


def _read(decoder: msgspec.json.Decoder[Any], value: bytes | None) -> Any:
    try:
        return decoder.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
