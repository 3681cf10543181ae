"""Sends one mail for each request over SMTP, as the mail channel (N2)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.utils import parseaddr
from typing import Final

from couriers.directory import CourierDirectory
from couriers.mail.digest_requests import ExceptionDigests
from couriers.mail.mail_messages import compose
from couriers.mail.settings import MailSettings
from couriers.mail.smtp import SmtpPool
from couriers.port import Channel, FateName, Kind, Report, Request, SendReceipt, UndeliverableError
from models.errors import ConfigError
from models.public import Notification
from streams.settings import Settings

KIND: Final[Kind] = "email"
SEND_SECONDS: Final = 20.0
"""How long one mail may take, with connecting. A mail may come at most this long after its offer was over."""


class MailChannel:
    """Sends each request of kind `email` to the rep's address. What was sent cannot be withdrawn."""

    kind: Kind = KIND
    name: FateName = "email"
    send_seconds = SEND_SECONDS

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._pool = SmtpPool(settings)
        self.concurrency = settings.connections

    async def send(self, request: Request) -> SendReceipt:
        """Send a mail. A repeat of a request has the same Message-ID."""
        recipient = parseaddr(request.rep.email or "")[1]
        if "@" not in recipient:
            raise UndeliverableError(self._pool.provider, f"rep {request.rep.rep_id} has no mail address")
        mail, sender = compose(
            request, self._settings, message_id(request.notification, self._settings.sender)
        )
        answer = await self._pool.send(mail, sender, recipient)
        return SendReceipt(self._pool.provider, answer)

    async def withdraw(self, notification: Notification) -> bool:
        """Return False, because a mail cannot be taken back."""
        del notification
        return False

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()


def message_id(notification: Notification, sender: str) -> str:
    """Return the Message-ID of a request. It names no lead and no rep."""
    digest = hashlib.sha256(notification.notification_id.encode()).hexdigest()[:40]
    return f"<{digest}@{parseaddr(sender)[1].rpartition('@')[2]}>"


def _digesting(settings: Settings, mail: MailSettings) -> Iterator[asyncio.Task[None]]:
    """Start what makes the managers' digests. A failure of it stops no mail."""
    if mail.digest_minutes > 0:
        directory = CourierDirectory(settings)
        digests = ExceptionDigests(settings, directory, mail.digest_minutes * 60)
        yield asyncio.create_task(directory.follow())
        yield asyncio.create_task(digests.run())


@asynccontextmanager
async def open_channel(settings: Settings, report: Report) -> AsyncIterator[Channel]:
    """Open the mail channel. Raises ConfigError without a server."""
    del report
    mail = MailSettings.read()
    if mail.host is None:
        raise ConfigError("FIRSTCLAIM_SMTP_HOST", "is missing; the mail courier needs an SMTP server")
    mail.tls()
    _ = mail.secret
    _ = mail.unsubscribe_secret
    channel = MailChannel(mail)
    running = list(_digesting(settings, mail))
    try:
        yield channel
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await channel.close()
