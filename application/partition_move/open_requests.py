"""Finds the requests of `notifications` that no courier has finished, such as a mail for after a rep's quiet times."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import msgspec

from couriers.channels import NAMES, fate_name_of, group_of, kind_of
from models.public import DELIVERIES, NOTIFICATIONS, Delivery, Notification
from streams import clients
from streams.settings import Settings
from streams.topic_reader import read_topic

_REQUEST: Final = msgspec.json.Decoder(Notification)
_FATE: Final = msgspec.json.Decoder(Delivery)


class CourierChannel(NamedTuple):
    """A channel whose courier ever ran. `passed`: partition -> the offset up to which it has finished."""

    kind: str
    name: str
    passed: Mapping[int, int]


class OpenRequests:
    """Selects records of `notifications`. `delivered`: (request, channel) of every fate; `channels`: who delivers."""

    def __init__(self, channels: Sequence[CourierChannel], delivered: AbstractSet[tuple[str, str]]) -> None:
        self._channels = channels
        self._delivered = delivered
        self._waiting: set[str] = set()

    def is_open(self, record: Any) -> bool:
        """Tell whether a courier still has to deliver a request, or to take back one that it has to deliver."""
        request = _read(_REQUEST, record.value)
        if request is None:
            return False
        identity = request.notification_id
        if request.withdrawn:
            return identity in self._waiting
        is_waiting = any(
            channel.kind == request.kind
            and record.offset >= channel.passed.get(record.partition, 0)
            and (identity, channel.name) not in self._delivered
            for channel in self._channels
        )
        if is_waiting:
            self._waiting.add(identity)
        return is_waiting


async def open_requests(settings: Settings) -> list[Any]:
    """Return the records of requests that a courier still has to deliver, and of their withdrawals, in order.

    Those of a channel whose courier never ran are left out. Raises `RetryableError`, KafkaError.
    """
    passed = await _courier_positions(settings)
    if not passed:
        return []
    delivered: set[tuple[str, str]] = set()
    async with aclosing(read_topic(settings, DELIVERIES)) as records:
        async for record in records:
            fate = _read(_FATE, record.value)
            if fate is not None:
                delivered.add((fate.notification_id, fate.channel))
    channels = [CourierChannel(kind_of(name), fate_name_of(name), passed[name]) for name in passed]
    selected = OpenRequests(channels, delivered)
    async with aclosing(read_topic(settings, NOTIFICATIONS)) as records:
        return [record async for record in records if selected.is_open(record)]


async def _courier_positions(settings: Settings) -> dict[str, dict[int, int]]:
    """Return channel -> partition -> the offset up to which its couriers have finished, for couriers that ever ran."""
    positions: dict[str, dict[int, int]] = {}
    async with clients.started_client(clients.admin(settings)) as admin:
        for name in NAMES:
            for tp, at in (await admin.list_consumer_group_offsets(group_of(name))).items():
                if tp.topic == NOTIFICATIONS and at.offset >= 0:
                    positions.setdefault(name, {})[tp.partition] = at.offset
    return positions


def _read(decoder: msgspec.json.Decoder[Any], value: bytes | None) -> Any:
    try:
        return decoder.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
