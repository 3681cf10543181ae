"""Prepares a request for its channel: the rep and the settings as they are now, and what the rep wants (N1, N8)."""

from datetime import datetime
from typing import Final, Literal

from couriers.directory import CourierDirectory
from couriers.pending import NOBODY, OVER_REASON, OverError, PendingRequest, WithdrawnError
from couriers.port import LaterError, Request, UndeliverableError
from models.errors import RuleErrors
from models.public import Notification
from models.publication import RepObject
from models.roster import WeekSpan
from rules.calendar.schedule import is_open, next_change, week

Sort = Literal["offers", "assignments", "inquiries", "callbacks", "digests"]
SORTS: Final[dict[str, Sort]] = {
    "lead_offered": "offers",
    "ring": "offers",
    "new_lead_button": "offers",
    "lead_assigned": "assignments",
    "lead_reassigned": "assignments",
    "lead_claimed": "assignments",
    "lock_freed": "assignments",
    "new_inquiry": "inquiries",
    "lead_calls": "inquiries",
    "callback_due": "callbacks",
    "exception_digest": "digests",
}
"""template -> the kind of news in `RepObject.notify`. What a rep asks for, such as `connect`, always comes."""

DIRECTORY_SECONDS: Final = 30.0
"""How long after a request its rep may be missing here: the engine may have read the publication of the rep earlier."""


def request_of(pending: PendingRequest, directory: CourierDirectory, now: datetime) -> Request:
    """Return the request with the directory's newest publications. Raises what ends it."""
    if pending.withdrawn:
        raise WithdrawnError(OVER_REASON)
    if now >= pending.until:
        raise OverError
    rep = _rep(pending, directory, now)
    if unwanted := refused_by_rep(rep, pending.notification):
        raise WithdrawnError(unwanted)
    settings = directory.settings(pending.org)
    return Request(pending.notification, rep, settings, pending.org, pending.requested_at, pending.until)


def _rep(pending: PendingRequest, directory: CourierDirectory, now: datetime) -> RepObject:
    rep_id = pending.notification.rep_id
    rep = directory.rep(pending.org, rep_id)
    if rep is None and (now - pending.requested_at).total_seconds() < DIRECTORY_SECONDS:
        raise LaterError(NOBODY, f"rep {rep_id} is not in the directory yet")
    if rep is None or not rep.active:
        raise UndeliverableError(NOBODY, f"rep {rep_id} is not in the directory or has left")
    return rep


def refused_by_rep(rep: RepObject, notification: Notification) -> str | None:
    """Return why the rep does not want a request in this way; None if the rep wants it."""
    sort = SORTS.get(notification.template)
    if sort is None:
        return None
    kinds = getattr(rep.notify, sort)
    return (
        None
        if kinds is None or notification.kind in kinds
        else f"the rep wants no {notification.kind} of {sort}"
    )


def quiet_seconds(pending: PendingRequest, directory: CourierDirectory, now: datetime) -> float:
    """Return how long the rep is not to be disturbed; 0 if the rep may be now.

    Raises WithdrawnError if the request is useless by then, UndeliverableError for an unknown rep, and LaterError if
    that may change soon.
    """
    rep = _rep(pending, directory, now)
    if not rep.notify.quiet_times or pending.notification.template not in SORTS:
        return 0.0
    zone = rep.time_zone or directory.settings(pending.org).time_zone or "UTC"
    try:
        times = week(
            WeekSpan(days=tuple(span.days), from_=span.from_, to=span.to) for span in rep.notify.quiet_times
        )
        if not is_open(times, zone, now):
            return 0.0
        ends = next_change(times, zone, now)
    except RuleErrors:
        return 0.0  # the zone is unknown here; the publication was checked, so this is rare
    if ends is None or ends >= pending.until:
        raise WithdrawnError("the request expires before the rep's quiet times end")
    return (ends - now).total_seconds()
