"""Reads the browsers of each rep from the topic `push-subscriptions`, and removes expired ones from it (N3)."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from aiokafka.errors import KafkaError

from couriers import metrics
from models.push_subscription import PushSubscription
from streams.clients import Producer, follow, started_client
from streams.clients import producer as make_producer
from streams.settings import Settings
from streams.topics import PUSH_SUBSCRIPTIONS

_log = structlog.get_logger(__name__)

MAX_PER_REP: Final = 10
"""How many browsers of one rep get messages: those that asked last."""
MAX_BROWSERS: Final = 100_000
"""How many browsers of all reps are kept. A further one is not taken, and the log says so."""
_DECODER: Final = msgspec.json.Decoder(PushSubscription)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Subscriptions:
    """The browsers of all reps.

    `caught_up` is set once the topic was read to its end. `following`: the task that runs `follow`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all: dict[str, PushSubscription] = {}
        self._of_rep: dict[tuple[str, str], set[str]] = {}
        self.caught_up = asyncio.Event()
        self.following: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Raise the error that ended the following, if one did."""
        if self.following is not None and self.following.done():
            self.following.result()

    def of(self, org: str, rep_id: str) -> list[PushSubscription]:
        """Return a rep's browsers, those that asked last first, at most `MAX_PER_REP`."""
        subscriptions = [self._all[key] for key in self._of_rep.get((org, rep_id), ())]
        return sorted(subscriptions, key=_asked_at, reverse=True)[:MAX_PER_REP]

    async def follow(self) -> None:
        """Follow the topic until cancelled. While Kafka is away, the last state stays in use. Raises ConfigError."""
        async with aclosing(follow(self._settings, PUSH_SUBSCRIPTIONS)) as batches:
            async for batch in batches:
                for record in batch.records:
                    self.take(record.key, record.value)
                metrics.BROWSERS.set(len(self._all))
                if batch.caught_up:
                    self.caught_up.set()

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Take a record of the topic. A record that is unreadable, or has the key of another browser, is ignored."""
        if key is None:
            return
        name = key.decode(errors="replace")
        if not value:
            self._drop(name)
            return
        try:
            subscription = _DECODER.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        if subscription.key != name:
            return
        self._drop(name)
        if len(self._all) >= MAX_BROWSERS:
            _log.warning(
                "too many browsers", most=MAX_BROWSERS, org=subscription.org, rep_id=subscription.rep_id
            )
            return
        self._all[name] = subscription
        self._of_rep.setdefault((subscription.org, subscription.rep_id), set()).add(name)

    def _drop(self, name: str) -> None:
        former = self._all.pop(name, None)
        if former is not None:
            names = self._of_rep[former.org, former.rep_id]
            names.discard(name)
            if not names:
                del self._of_rep[former.org, former.rep_id]

    async def remove(self, subscription: PushSubscription) -> None:
        """Remove a browser that its push service does not know any more. Without Kafka it is removed another time."""
        self._drop(subscription.key)
        try:
            await write_subscription(self._settings, subscription.key, None)
        except KafkaError as error:
            _log.warning("a browser was not removed", reason=repr(error))


def _asked_at(subscription: PushSubscription) -> datetime:
    at = subscription.at
    return at if at.tzinfo else _NEVER


async def write_subscription(settings: Settings, key: str, subscription: PushSubscription | None) -> None:
    """Write a browser to the topic, None to remove it. Return when it is durable. Raises KafkaError."""
    producer: Producer = make_producer(settings, idempotent=False)
    value: Any = None if subscription is None else msgspec.json.encode(subscription)
    async with started_client(producer) as running:
        await running.send_and_wait(PUSH_SUBSCRIPTIONS, value, key=key.encode())
