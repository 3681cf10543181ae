"""Writes what mails, push messages and chats share: a lead's name, texts of one line, and local times (N2, N3)."""

from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from couriers.port import Request

UNNAMED: Final = "a lead without a name"
MAX_VALUE: Final = 200
"""The most characters of a fact in a message."""


def lead_name(data: dict[str, Any]) -> str:
    """Return the lead's name, or `UNNAMED`."""
    parts = [one_line(data.get("first_name")), one_line(data.get("last_name"))]
    return " ".join(part for part in parts if part) or UNNAMED


def source_of(data: dict[str, Any]) -> str:
    """Return where the lead comes from: its campaign, or else its vendor."""
    return one_line(data.get("campaign")) or one_line(data.get("vendor"))


def one_line(value: Any) -> str:
    """Return a value as one line of at most `MAX_VALUE` characters; empty for none and for lists."""
    if value is None or isinstance(value, dict | list):
        return ""
    return " ".join(str(value).split())[:MAX_VALUE]


def zone_of(request: Request) -> tzinfo:
    """Return the rep's time zone, else the org's, else UTC."""
    for name in (request.rep.time_zone, request.settings.time_zone):
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                continue
    return UTC


def local_time(value: Any, zone: tzinfo) -> str:
    """Return an instant as the rep's wall clock shows it; empty if there is none."""
    if not isinstance(value, str):
        return ""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return ""
    at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone)
    return f"{at:%A, %B} {at.day}, {at:%I:%M %p %Z}".replace(" 0", " ")


def page_of(request: Request, *, is_own: bool) -> str:
    """Return the path of the console's page: the lead's own, or with `is_own` False the rep's leads."""
    if not is_own or not request.notification.lead_id:
        return "/my-leads"
    return f"/leads/{quote(request.notification.lead_id, safe='')}"
