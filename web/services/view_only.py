"""Tells whether a person opens leads without locking them (D5)."""

import asyncio
from typing import Final

from web.auth import Person
from web.console_services import Services

VIEW_ONLY: Final = "view_only"
"""The preference `{"on": true}`: leads open without a lock, and nothing changes (D5). For managers and admins."""


async def views_only(parts: Services, person: Person) -> bool:
    """Say whether the person opens leads without locking them (D5)."""
    if not person.oversees:
        return False
    chosen = await asyncio.to_thread(parts.preferences.get, person.org, person.rep_id, VIEW_ONLY)
    return chosen.get("on") is True
