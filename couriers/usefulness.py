"""Says from when a request is useless: at the end of its offer's window, or a time after it was requested (N1)."""

from datetime import UTC, datetime, timedelta
from typing import Final

from models.public import Notification

USEFUL: Final[dict[str, timedelta]] = {
    "lead_offered": timedelta(hours=1),
    "ring": timedelta(minutes=2),
    "new_lead_button": timedelta(hours=1),
    "connect": timedelta(minutes=1),
    "lead_calls": timedelta(minutes=1),
    "lock_freed": timedelta(hours=1),
    "callback_due": timedelta(hours=4),
    "exception_digest": timedelta(hours=4),
}
"""template -> how long a request is useful if it has no window (`until`)."""
OTHERWISE: Final = timedelta(hours=24)
"""How long a request of another template is useful. Nobody needs to hear of it days later."""


def useful_until(notification: Notification, requested_at: datetime) -> datetime:
    """Return the instant from which a request is useless. An unreadable window counts as none."""
    window = notification.data.get("until")
    if isinstance(window, str):
        try:
            until = datetime.fromisoformat(window)
        except ValueError:
            until = None
        if until is not None:
            return until if until.tzinfo else until.replace(tzinfo=UTC)
    return requested_at + USEFUL.get(notification.template, OTHERWISE)
