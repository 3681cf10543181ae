"""Says in words what happened in a lead's telephone calls, and whether reps call from the console (N4, N7)."""

import asyncio
from typing import Any, Final

import msgspec

from models.public import Call
from rules.outbound.call_text import call_text
from sink import queries
from sink.db_errors import translated_errors
from sink.queries import Row
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.names import Names

ROWS: Final = 500
"""How many of the newest records of calls are read."""
SHOWN: Final = 20
"""How many of the newest calls the page lists. A ring to a whole group is a call for each rep."""


class CallShown(Model):
    """One call in words. `at`: when it began, ISO 8601."""

    at: str
    call_id: str
    text: str


async def calls_shown(parts: Services, person: Person, lead_id: str) -> list[CallShown]:
    """Return a lead's newest calls, newest first."""

    def read() -> list[Row]:
        with translated_errors("CRM database"), parts.crm.connect() as connection:
            return queries.calls(connection, lead_id, ROWS)

    names = Names(parts.directory.org(person.org))
    calls: dict[str, list[Call]] = {}
    for row in reversed(await asyncio.to_thread(read)):
        calls.setdefault(row["call_id"], []).append(msgspec.convert(row, Call))
    shown_calls = [
        CallShown(at=records[0].at.isoformat(), call_id=call_id, text=call_text(records, names.rep))
        for call_id, records in calls.items()
    ]
    return sorted(shown_calls, key=lambda call: call.at, reverse=True)[:SHOWN]


def click_to_call(parts: Services, org: str) -> bool:
    """Return whether call buttons ring the rep's telephone; otherwise numbers are `tel:` links (N7)."""
    objects = parts.directory.org(org).objects
    published = next((settings for (kind, _), settings in objects.items() if kind == "settings"), None)
    value: dict[str, Any] = (published.value if published else None) or {}
    chosen = (value.get("telephone") or {}).get("click_to_call")
    return parts.web.telephone if chosen is None else bool(chosen)
