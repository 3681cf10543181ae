"""Sends what a rep gets as push message also to the chats that the org chose, as the chat channel (N3)."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from couriers.chat.chat_service import is_address, post
from couriers.chat.settings import ChatSettings
from couriers.mail.mail_texts import OTHERWISE, WORDS
from couriers.port import (
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
from couriers.wording import UNNAMED, lead_name, local_time, one_line, page_of, source_of, zone_of
from models.public import Notification
from models.publication_reach import ChatService
from streams.settings import Settings

KIND: Final[Kind] = "push"
FATE_NAME: Final[FateName] = "chat"
SEND_SECONDS: Final = 30.0
PROVIDER: Final = "chat"
REMEMBERED: Final = 20_000
"""How many messages are remembered, so that a retry for one chat does not repeat them in another one."""


class ChatChannel:
    """Sends each request of kind `push` to the org's chats. What was sent cannot be withdrawn."""

    kind: Kind = KIND
    name: FateName = FATE_NAME
    send_seconds = SEND_SECONDS

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        self.concurrency = settings.connections
        self._delivered: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def send(self, request: Request) -> SendReceipt:
        """Send a message to each chat that wants it and did not take it yet."""
        services = [service for service in request.settings.chat.services if _wants(service, request)]
        if not services:
            raise UnwantedError(PROVIDER, f"org {request.org} has no chat for this")
        title, body = _text(request, self._settings.console_url)
        unknown = []
        for chat in services:
            recipient = (request.notification.notification_id, chat.secret)
            if recipient in self._delivered:
                continue
            url = self._settings.address(request.org, chat.secret)
            if url is None or not is_address(url):
                unknown.append(chat.secret)
                continue
            is_taken, reply = await post(url, title, body)
            if not is_taken:
                raise LaterError(chat.secret, reply or "it did not take the message")
            self._remember(recipient)
        if len(unknown) == len(services):
            raise UndeliverableError(PROVIDER, f"the courier knows no address of {', '.join(unknown)}")
        missing = f"; no address of {', '.join(unknown)}" if unknown else ""
        return SendReceipt(PROVIDER, f"{len(services) - len(unknown)} of {len(services)} chats{missing}")

    async def withdraw(self, notification: Notification) -> bool:
        """Return False, because a message to a chat cannot be taken back."""
        del notification
        return False

    def _remember(self, recipient: tuple[str, str]) -> None:
        self._delivered[recipient] = None
        while len(self._delivered) > REMEMBERED:
            self._delivered.popitem(last=False)


def _wants(service: ChatService, request: Request) -> bool:
    """Return whether a chat gets a request."""
    is_for_rep = service.reps is None or request.rep.rep_id in service.reps or "*" in service.reps
    return is_for_rep and (service.templates is None or request.notification.template in service.templates)


def _text(request: Request, console_url: str | None) -> tuple[str, str]:
    """Return title and body. The lead's name is in it only if the org has names in subjects."""
    notification, org = request.notification, request.settings.mail
    texts = WORDS.get(notification.template, OTHERWISE)
    own_texts = org.words.get(notification.template)
    name = lead_name(notification.data)
    until = local_time(notification.data.get("until"), zone_of(request))
    console = (org.console_url or console_url or "").rstrip("/")
    lines = [
        name if org.names_in_subjects and name != UNNAMED else "",
        source_of(notification.data),
        f"until {until}" if until else "",
        one_line(notification.data.get("why")),
        f"{console}{page_of(request, is_own=texts.is_own)}" if console else "",
    ]
    rep_name = request.rep.name or request.rep.rep_id
    return f"{rep_name}: {(own_texts and own_texts.subject) or texts.subject}", "\n".join(
        line for line in lines if line
    )


@asynccontextmanager
async def open_channel(settings: Settings, report: Report) -> AsyncIterator[Channel]:
    """Open the chat channel. Raises ConfigError for a wrong setting."""
    del settings, report
    yield ChatChannel(ChatSettings.read())
