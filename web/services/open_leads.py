"""Refuses to open a lead while the person has as many open as the org allows (M6).

The engine counts the leads that a rep has open in one partition of its log. The console counts all of them in the CRM
database before it sends the action, so through the console the bound holds over all partitions.
"""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from models.facts import Facts
from models.lead import Phase
from rules.lead.permissions import too_many_open
from rules.queues.columns import name_of
from sink.tables import LeadTable
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem
from web.services.crm_query import ask

BEHIND_SECONDS: Final = 1.0
"""How long to wait for the CRM database, which may not have the end of a lock yet."""
_LOOK_SECONDS: Final = 0.1


async def check_open_leads(parts: Services, person: Person, lead_id: str) -> None:
    """Raise 409 if the person has as many other leads open as the org allows."""
    most = parts.directory.org(person.org).settings.max_locks
    give_up = asyncio.get_running_loop().time() + BEHIND_SECONDS
    while len(leads := await ask(parts, lambda connection: _open(connection, person, lead_id))) >= most:
        if asyncio.get_running_loop().time() > give_up:
            raise HttpProblem(HTTPStatus.CONFLICT, "too-many-open", too_many_open(leads, most))
        await asyncio.sleep(_LOOK_SECONDS)


def _open(connection: Connection, person: Person, but: str) -> list[str]:
    """Return the names of the other leads that the person has open. The person may see them."""
    table = LeadTable
    query = select(table.facts).where(
        table.org == person.org,
        table.phase == Phase.LOCKED.value,
        table.locked_by == person.rep_id,
        table.locked_until > datetime.now(UTC),
        table.lead_id != but,
    )
    all_facts = connection.scalars(query.order_by(table.locked_until, table.lead_id))
    return [name_of(msgspec.convert(facts, Facts)) for facts in all_facts]
