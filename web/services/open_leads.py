"""Refuses to open a lead while the person has as many open as the org allows (M6).

The engine counts the leads that a rep has open in one partition of its log. The console counts all of them in the CRM
database before it sends the action, so through the console the bound holds over all partitions.
"""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from sqlalchemy import Connection, func, select

from models.lead import Phase
from sink.tables import LeadTable
from web.auth import Person
from web.errors import Problem
from web.parts import Services
from web.services.crm_query import ask

BEHIND_SECONDS: Final = 1.0
"""How long to wait for the CRM database, which may not have the end of a lock yet."""
_LOOK_SECONDS: Final = 0.1


async def check_open_leads(parts: Services, person: Person, lead_id: str) -> None:
    """Raise 409 if the person has as many other leads open as the org allows."""
    most = parts.directory.org(person.org).settings.max_locks
    give_up = asyncio.get_running_loop().time() + BEHIND_SECONDS
    while (count := await ask(parts, lambda connection: _open(connection, person, lead_id))) >= most:
        if asyncio.get_running_loop().time() > give_up:
            reason = f"you have {count} leads open; at most {most} are allowed: finish or release one"
            raise Problem(HTTPStatus.CONFLICT, "too-many-open", reason)
        await asyncio.sleep(_LOOK_SECONDS)


def _open(connection: Connection, person: Person, but: str) -> int:
    table = LeadTable
    query = select(func.count()).where(
        table.org == person.org,
        table.phase == Phase.LOCKED.value,
        table.locked_by == person.rep_id,
        table.locked_until > datetime.now(UTC),
        table.lead_id != but,
    )
    return connection.scalar(query) or 0
