"""Defines the scopes that a token needs for the events of the stream. The stream itself needs `queues:read`."""

from typing import Final

EVENT_SCOPES: Final = {
    "leads": "leads:read",
    "acted": "leads:read",
    "moved": "leads:read",
    "calls": "leads:read",
    "exceptions": "exceptions:read",
    "directory": "directory:read",
    "operations": "operations:read",
    "dead_letters": "operations:read",
}
"""Event -> the scope that a page needs for it. Other events are changes of lists."""
ALL_SCOPES: Final = frozenset(EVENT_SCOPES.values())


def may_hear(event: str, scopes: frozenset[str]) -> bool:
    """Say whether a page with these scopes gets an event."""
    return event not in EVENT_SCOPES or EVENT_SCOPES[event] in scopes
