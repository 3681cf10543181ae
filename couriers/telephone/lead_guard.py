"""Checks again, at the moment of dialling, that a lead may be called (N6).

The engine decided it when the rep pressed or clicked, and the request may have waited since. So the quiet hours of the
org are compared with the clock, and what the do-not-contact list got lately is looked up. A request that is older than
`FRESH_SECONDS` is not carried out; the engine is asked again, which also knows whether the lead is silenced now.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from couriers.port import Request
from models.errors import Refused, RuleErrors
from models.facts import Facts
from models.public import Notification
from models.roster import WeekSpan
from rules.calendar.quiet_hours import quiet_until
from rules.inbound.do_not_contact import accept_listing
from streams.clients import follow
from streams.settings import Settings
from streams.topics import DO_NOT_CONTACT

FRESH_SECONDS: Final = 5.0
"""How old a request to connect may be when the lead is dialled. What the lead's log learned meanwhile is not known."""
NEWEST: Final = 10_000
"""How many of the newest records of the do-not-contact list are kept. The engine has applied earlier ones."""
QUIET_HOURS: Final = "quiet_hours"
SUPPRESSED: Final = "suppressed"
NO_PHONE: Final = "no_phone"


class LeadGuard:
    """Says whether leads may be dialled. Run `follow` as a task. `clock` returns aware datetimes."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._listed: OrderedDict[tuple[str, str], bool] = OrderedDict()
        """(org, handle) -> whether it is on the list, in the order of the records."""

    async def follow(self, settings: Settings) -> None:
        """Follow the do-not-contact list until cancelled. Raises ConfigError."""
        async with aclosing(follow(settings, DO_NOT_CONTACT, newest=NEWEST)) as batches:
            async for batch in batches:
                for record in batch.records:
                    self.take(record)

    def take(self, record: Any) -> None:
        """Take a record of the do-not-contact list. One that cannot be read changes nothing."""
        at = datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC)
        try:
            accepted = accept_listing(
                record.key, record.value, dict(record.headers), version=record.offset, at=at
            )
        except (Refused, ValidationError):
            return  # intake sends it to the dead letters
        self._listed[accepted.org, accepted.handle] = accepted.reason is not None
        self._listed.move_to_end((accepted.org, accepted.handle))
        while len(self._listed) > NEWEST:
            self._listed.popitem(last=False)

    def is_stale(self, request: Request) -> bool:
        """Return whether the engine must be asked again before the lead is dialled."""
        return (self._clock() - request.requested_at).total_seconds() > FRESH_SECONDS

    def refusal(self, request: Request) -> str | None:
        """Return why the lead of a request to connect must not be called now; None if it may be."""
        about = request.notification
        phone = about.data.get("phone")
        if not isinstance(phone, str) or not phone:
            return NO_PHONE
        if about.data.get("may_call") is False or self._listed.get((request.org, f"phone/{phone}")):
            return SUPPRESSED
        spans = tuple(
            WeekSpan(days=tuple(span.days), from_=span.from_, to=span.to)
            for span in request.settings.quiet_hours
        )
        try:
            quiet = quiet_until(spans, _facts(about, phone), self._clock())
        except RuleErrors:
            return None  # the publication was checked, so this is rare; the engine knows the hours too
        return QUIET_HOURS if quiet is not None else None


def _facts(about: Notification, phone: str) -> Facts:
    location: dict[str, Any] = about.data.get("place") or {}
    return Facts(
        vendor="",
        org=about.org or "default",
        phone=phone,
        zip=location.get("zip"),
        state=location.get("state"),
        time_zone=location.get("time_zone"),
    )
