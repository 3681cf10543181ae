"""Shows each request in the rep's browsers, also with no page open, and takes it back, as the push channel (N3)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from couriers.port import (
    BouncedError,
    Channel,
    FateName,
    Kind,
    LaterError,
    Report,
    Request,
    SendReceipt,
    UndeliverableError,
    UnwantedError,
)
from couriers.push.push_messages import PushMessage, shown_message, withdrawal_message
from couriers.push.push_service import PushResult, PushService, host_of
from couriers.push.settings import PushSettings
from couriers.push.subscriptions import Subscriptions
from models.errors import ConfigError
from models.public import Notification
from models.push_subscription import PushSubscription
from streams.settings import Settings

KIND: Final[Kind] = "push"
SEND_SECONDS: Final = 20.0
PROVIDER: Final = "web push"
WITHDRAWALS: Final = 3
"""How often a withdrawal is tried, one second apart."""
DEFAULT_ORG: Final = "default"


class PushChannel:
    """Sends each request of kind `push` to the rep's browsers. One that took it is enough."""

    kind: Kind = KIND
    name: FateName = "push"
    send_seconds = SEND_SECONDS

    def __init__(
        self,
        settings: PushSettings,
        subscriptions: Subscriptions,
        service: PushService,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._subscriptions = subscriptions
        self._service = service
        self._clock = clock
        self.concurrency = settings.connections

    async def send(self, request: Request) -> SendReceipt:
        """Send a message to each of the rep's browsers. A repeat replaces what the browser shows."""
        self._subscriptions.check()
        if not self._subscriptions.caught_up.is_set():
            raise LaterError(PROVIDER, "the browsers are being read")
        browsers = self._subscriptions.of(request.org, request.rep.rep_id)
        if not browsers:
            raise UnwantedError(PROVIDER, f"no browser of rep {request.rep.rep_id} takes push messages")
        message = shown_message(request, self._settings.console_url, self._clock())
        results = await self._post_all(browsers, message)
        gone_browsers = [browser for browser, result, _ in results if result is PushResult.GONE]
        for browser in gone_browsers:
            await self._subscriptions.remove(browser)
        removed = f"; removed because they take none any more: {len(gone_browsers)}" if gone_browsers else ""
        receivers = [(browser, reply) for browser, result, reply in results if result is PushResult.TAKEN]
        if receivers:
            browser, reply = receivers[0]
            return SendReceipt(
                host_of(browser), f"{len(receivers)} of {len(results)} browsers: {reply}{removed}"
            )
        for failure, error in ((PushResult.LATER, LaterError), (PushResult.REFUSED, UndeliverableError)):
            for browser, result, reply in results:
                if result is failure:
                    raise error(host_of(browser), f"{reply}{removed}")
        browser, _, reply = results[0]
        raise BouncedError(host_of(browser), f"{reply}{removed}")

    async def withdraw(self, notification: Notification) -> bool:
        """Let the rep's browsers close what they show. Return whether one of them took that."""
        message = withdrawal_message(notification)
        org = notification.org or DEFAULT_ORG
        remaining = self._subscriptions.of(org, notification.rep_id)
        is_taken = False
        for attempt in range(WITHDRAWALS):
            if attempt:
                await asyncio.sleep(1.0)
            results = await self._post_all(remaining, message)
            is_taken = is_taken or any(result is PushResult.TAKEN for _, result, _ in results)
            remaining = [browser for browser, result, _ in results if result is PushResult.LATER]
            if not remaining:
                break
        return is_taken

    async def _post_all(
        self, browsers: list[PushSubscription], message: PushMessage
    ) -> list[tuple[PushSubscription, PushResult, str]]:
        results = await asyncio.gather(*(self._service.post(browser, message) for browser in browsers))
        return [(browser, result, reply) for browser, (result, reply) in zip(browsers, results, strict=True)]


@asynccontextmanager
async def open_channel(settings: Settings, report: Report) -> AsyncIterator[Channel]:
    """Open the push channel. Raises ConfigError without a VAPID key."""
    del report
    push = PushSettings.read()
    key = push.vapid
    if key is None:
        raise ConfigError(
            "FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE",
            "is missing; the push courier needs a VAPID key, and `firstclaim push-key` makes one",
        )
    subscriptions = Subscriptions(settings)
    following = asyncio.create_task(subscriptions.follow())
    subscriptions.following = following
    try:
        async with PushService(push, key) as service:
            yield PushChannel(push, subscriptions, service)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
