"""Writes mails of accounts: a welcome, and a link to set a forgotten password (N2).

They have a secret, so they never go through Kafka: the console sends them itself, with the mail courier's settings.
They wait in memory. A console that stops loses them; the person or the admin asks again.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog

from couriers.mail.layout import MailContent, lay_out
from couriers.mail.settings import MailSettings
from couriers.mail.smtp import SmtpPool
from couriers.port import LaterError
from models.errors import FirstclaimError
from models.publication import SettingsObject
from models.publication_reach import MailObject
from rules.queues.rule_book import OrgRules
from streams.retries import SEND_ACCOUNT_MAIL
from web.errors import HttpProblem
from web.store.account import Account
from web.store.password_links import PasswordLinks

_log = structlog.get_logger(__name__)

MAX_WAITING: Final = 200
"""How many mails wait or are being sent at most."""
SENDERS: Final = 2
FORGOTTEN_LASTS: Final = timedelta(hours=1)
"""How long the link to set a forgotten password is valid."""
Work = Callable[[], Awaitable[None]]


class AccountMails:
    """Sends the mails one after the other. `available`: whether a mail server is set up.

    `unsubscribe_key`: signs the links that end digests; None without one.
    """

    def __init__(self, settings: MailSettings, links: PasswordLinks, console_url: str) -> None:
        self._settings = settings
        self._links = links
        self._console_url = console_url.rstrip("/")
        self._waiting: asyncio.Queue[Work] = asyncio.Queue(MAX_WAITING)
        self._pool = SmtpPool(settings)
        self.available = settings.host is not None
        self.unsubscribe_key = settings.unsubscribe_secret

    async def run(self) -> None:
        """Send what waits until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(SENDERS):
                    group.create_task(self._send_all())
        finally:
            await self._pool.close()

    def later(self, work: Work) -> None:
        """Let work run soon. Raises 503 if too many wait."""
        try:
            self._waiting.put_nowait(work)
        except asyncio.QueueFull as error:
            raise HttpProblem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "busy",
                "too many mails wait; try again in 10 s",
                headers={"Retry-After": "10"},
            ) from error

    async def welcome(self, account: Account, name: str, rules: OrgRules, lasts: timedelta) -> None:
        """Send a new person the link to set a password. `lasts`: how long it is valid."""
        await self._send_link(
            account,
            rules,
            lasts,
            MailContent(
                heading="Welcome",
                name=name,
                opening=f"You have an account. You sign in with {account.email}.",
                closing="Choose your password by clicking the button below. "
                f"The link works once, for {_duration(lasts)}.",
                button="Choose a Password",
            ),
        )

    async def forgotten(self, account: Account, name: str, rules: OrgRules) -> None:
        """Send a person the link to set a new password."""
        await self._send_link(
            account,
            rules,
            FORGOTTEN_LASTS,
            MailContent(
                heading="Set a New Password",
                name=name,
                opening="Somebody asked to set a new password for your account. If it was not you, do nothing: "
                "your password stays as it is.",
                closing=f"The link works once, for {_duration(FORGOTTEN_LASTS)}. "
                "It ends every session that you are signed in with.",
                button="Set a New Password",
            ),
        )

    async def _send_all(self) -> None:
        while True:
            work = await self._waiting.get()
            try:
                await work()
            except FirstclaimError as error:
                _log.warning("a mail of an account was not sent", reason=str(error))
            except Exception:  # noqa: BLE001  # the next mail must be sent
                _log.exception("a mail of an account was not sent")

    async def _send_link(
        self, account: Account, rules: OrgRules, lasts: timedelta, content: MailContent
    ) -> None:
        org = mail_settings(rules)
        secret = await asyncio.to_thread(lambda: self._links.make(account.email, lasts=lasts))
        console = (org.console_url or self._console_url).rstrip("/")
        link = f"{console}/set-password?token={quote(secret)}"
        digest = hashlib.sha256(secret.encode()).hexdigest()[:40]
        host = parseaddr(self._settings.sender)[1].rpartition("@")[2]
        mail, sender = lay_out(
            org,
            replace(content, link=link),
            subject=f"{content.heading} at {org.lender or 'firstclaim'}",
            sender=self._settings.sender,
            message_id=f"<{digest}@{host}>",
        )
        async for attempt in SEND_ACCOUNT_MAIL.attempts(LaterError, "mail of an account"):
            with attempt:
                await self._pool.send(mail, sender, account.email)


def mail_settings(rules: OrgRules) -> MailObject:
    """Return an org's settings for mails."""
    published = rules.objects.get(("settings", "settings"))
    value = None if published is None else published.value
    return MailObject() if value is None else SettingsObject.model_validate(value).mail


def _duration(lasts: timedelta) -> str:
    hours = round(lasts.total_seconds() / 3_600)
    return "an hour" if hours == 1 else f"{hours} hours"
