"""Defines the port between the delivery frame and a channel: what a channel gets and returns, and how it fails (N1)."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol, runtime_checkable

from models.errors import FirstclaimError
from models.public import Fate, Notification
from models.publication import RepObject, SettingsObject
from streams.settings import Settings

Kind = Literal["email", "push", "call"]
"""The kind of a request, as on `notifications`."""
FateName = Literal["email", "push", "call", "chat"]
"""The name of a channel on `deliveries`. It is the kind of its requests, or its `FATE_NAME`."""

MAX_DETAIL: Final = 500
"""The most characters of a fate's reason."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to deliver. `rep` and `settings`: the newest publications of the directory, never None.

    `requested_at`: when the request was written to Kafka. `until`: the instant from which it is useless; a channel must
    not begin to deliver after it. All instants are aware.
    """

    notification: Notification
    rep: RepObject
    settings: SettingsObject
    org: str
    requested_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """What a channel did. `detail`: the provider's words."""

    provider: str
    detail: str = ""
    status: Literal["sent", "delivered"] = "sent"


class DeliveryError(FirstclaimError):
    """A channel could not deliver a request. `reason`: the provider's words; `provider`: who said them."""

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider}: {reason}")
        self.provider = provider
        self.reason = reason


class LaterError(DeliveryError):
    """The provider refuses this request for now (greylisting, a full mailbox, a busy line). It is tried again."""


class ProviderDownError(LaterError):
    """The provider does not answer or refuses everything. All requests wait; none of them is lost."""


class UnwantedError(DeliveryError):
    """The rep or the org does not want this request by this channel, so nothing is sent."""


class BouncedError(DeliveryError):
    """The provider says that the rep's address does not exist or refuses messages. It is not tried again."""


class UndeliverableError(DeliveryError):
    """The request can never be delivered by this channel. It is not tried again."""


Report = Callable[[Notification, Fate, str, str], Awaitable[None]]
"""Publishes a later fate of a request that was sent: (notification, status, provider, detail). Returns when it is
durable."""


class Channel(Protocol):
    """One way to reach a rep. The frame calls `send` from at most `concurrency` tasks at a time.

    `send` delivers one request. It must return or raise within `send_seconds`, or it is cancelled and tried again. It
    may be called a second time for the same `notification_id`: after a failure, and after the process was killed before
    its fate was recorded. It passes the id to the provider as idempotency key where there is one. Raises DeliveryError;
    any other exception counts as `LaterError`.

    `withdraw` is called if the request ended while `send` runs, after it was sent, and, after a restart, perhaps for a
    request that was never sent. It takes back what can be taken back, and returns whether it did so.
    """

    kind: Kind
    name: FateName
    concurrency: int
    send_seconds: float

    async def send(self, request: Request) -> SendReceipt:
        """Deliver a request."""
        ...

    async def withdraw(self, notification: Notification) -> bool:
        """Take a request back, if this is possible."""
        ...


@runtime_checkable
class WatchesProvider(Protocol):
    """A channel that knows whether its provider is there before a request comes."""

    def tell_of_provider(self, news: Callable[[str | None], None]) -> None:
        """Call `news` with the reason when the provider is away, and with None when it answers again."""
        ...


Open = Callable[[Settings, Report], AbstractAsyncContextManager[Channel]]
"""Opens a channel: what a file of `couriers.channels` has as `open_channel`. Raises ConfigError."""
