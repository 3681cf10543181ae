"""Writes the browsers that receive push messages of reps to Kafka, for the push courier (N3)."""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from datetime import UTC, datetime
from typing import Final

from aiokafka.errors import KafkaError

from couriers.push.settings import PushSettings
from couriers.push.subscriptions import write_subscription
from models.errors import RetryableError
from models.push_subscription import PushSubscription
from streams.kafka_refusals import failure
from streams.settings import Settings
from web.errors import HttpProblem
from web.services.limits import RateLimit, check

CHANGES_PER_SECOND: Final = 0.1
CHANGES_AT_ONCE: Final = 20
"""How often one person may turn browsers on and off."""
POINT_BYTES: Final = 65
SECRET_BYTES: Final = 16


class PushBrowsers:
    """Turns browsers on and off. `public_key`: with which browsers subscribe; None if push is not set up."""

    def __init__(self, settings: Settings, push: PushSettings) -> None:
        self._settings = settings
        self._push = push
        self.public_key = push.browsers_key
        self._limit = RateLimit(CHANGES_PER_SECOND, CHANGES_AT_ONCE)

    async def turn_on(self, org: str, rep_id: str, endpoint: str, p256dh: str, auth: str) -> str:
        """Send a rep's push messages to a browser, and those of nobody else. Return the browser's id.

        Raises 404 if push is not set up, 422 for a wrong value, 429 and 503.
        """
        if self.public_key is None:
            raise HttpProblem(404, "not-found", "push messages are not set up here")
        if not self._push.trusts(endpoint):
            raise HttpProblem(
                422,
                "invalid",
                "endpoint: is not the address of a push service that FIRSTCLAIM_PUSH_SERVICES names",
            )
        for name, value, size in (("p256dh", p256dh, POINT_BYTES), ("auth", auth, SECRET_BYTES)):
            if _size(value) != size:
                raise HttpProblem(422, "invalid", f"keys.{name}: must be {size} bytes in base64url")
        check(self._limit, f"{org}/{rep_id}")
        browser = PushSubscription(
            org=org, rep_id=rep_id, endpoint=endpoint, p256dh=p256dh, auth=auth, at=datetime.now(UTC)
        )
        await self._write(browser.key, browser)
        return browser.key

    async def turn_off(self, org: str, rep_id: str, subscription_id: str) -> None:
        """Send no more push messages to a browser. Only the browser knows its id. Raises 429 and 503."""
        check(self._limit, f"{org}/{rep_id}")
        await self._write(subscription_id, None)

    async def _write(self, key: str, browser: PushSubscription | None) -> None:
        try:
            await write_subscription(self._settings, key, browser)
        except KafkaError as error:
            reason = f"the browser was not noted: {error!r}"
            raise await failure(self._settings, error, reason) from error
        except TimeoutError as error:
            raise RetryableError("Kafka", "did not answer in time") from error


def _size(text: str) -> int:
    """Return the number of bytes of a text in base64url; -1 for another text."""
    try:
        return len(urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)))
    except (Base64Error, ValueError):
        return -1
