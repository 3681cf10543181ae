"""Composes push messages: what a browser shows, and what takes it back (N3)."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec

from couriers.mail.mail_texts import OTHERWISE, WORDS
from couriers.port import Request
from couriers.wording import UNNAMED, lead_name, local_time, one_line, page_of, source_of, zone_of
from models.public import Notification

URGENT: Final = frozenset({"lead_offered", "ring", "new_lead_button", "lock_freed", "callback_due"})
"""The templates for which a push service wakes a sleeping device."""
WITHDRAWAL_SECONDS: Final = 3_600
"""How long a push service keeps a withdrawal for a device that is away."""
LONGEST_SECONDS: Final = 24 * 3_600
OWN_QUEUE: Final = "/queues/mine"
_TOPIC_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class PushMessage:
    """A message to a browser. `content`: JSON for the service worker. `ttl_seconds`: how long it may be kept.

    `topic`: a message of the same topic replaces it at the push service, if it was not delivered yet.
    """

    content: bytes
    ttl_seconds: int
    urgency: Literal["high", "normal"]
    topic: str


def shown_message(request: Request, console_url: str | None, now: datetime) -> PushMessage:
    """Return the message that shows a request. The lead's name is in it only if the org has names in subjects.

    A notification is shown on locked screens, as a mail's subject is.
    """
    notification, org = request.notification, request.settings.mail
    data, texts = notification.data, WORDS.get(notification.template, OTHERWISE)
    own_texts = org.words.get(notification.template)
    name = lead_name(data)
    facts = [
        name if org.names_in_subjects and name != UNNAMED else "",
        source_of(data),
        _until(request),
        one_line(data.get("why")),
    ]
    console = (org.console_url or console_url or "").rstrip("/")
    value = {
        "tag": tag_of(notification),
        "title": (own_texts and own_texts.subject) or texts.subject,
        "body": " · ".join(fact for fact in facts if fact),
        "url": f"{console}{_path(request, is_own=texts.is_own)}",
        "lead_id": notification.lead_id,
        "until": request.until.isoformat(),
    }
    ttl_seconds = max(0, min(LONGEST_SECONDS, int((request.until - now).total_seconds())))
    return PushMessage(
        content=msgspec.json.encode(value),
        ttl_seconds=ttl_seconds,
        urgency="high" if notification.template in URGENT else "normal",
        topic=topic_of(notification),
    )


def withdrawal_message(notification: Notification) -> PushMessage:
    """Return the message that takes a request back from the browsers that show it."""
    value = {"tag": tag_of(notification), "withdrawn": True}
    return PushMessage(msgspec.json.encode(value), WITHDRAWAL_SECONDS, "high", topic_of(notification))


def tag_of(notification: Notification) -> str:
    """Return the name of a request's notification in the browser. It names no lead and no rep."""
    return hashlib.sha256(notification.notification_id.encode()).hexdigest()[:40]


def topic_of(notification: Notification) -> str:
    """Return the topic of a request: 32 characters of base64url (RFC 8030 5.4)."""
    digest = hashlib.sha256(notification.notification_id.encode()).digest()
    return urlsafe_b64encode(digest[:_TOPIC_BYTES]).decode()


def _path(request: Request, *, is_own: bool) -> str:
    """Return the page that a click opens. Every page shows the rep's offers."""
    return (
        OWN_QUEUE if request.notification.template == "new_lead_button" else page_of(request, is_own=is_own)
    )


def _until(request: Request) -> str:
    until = local_time(request.notification.data.get("until"), zone_of(request))
    return f"yours until {until}" if until else ""
