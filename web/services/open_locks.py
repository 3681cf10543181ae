"""Lists the leads that reps have open, for managers (M6)."""

from datetime import UTC, datetime
from typing import Final

import msgspec
from pydantic import Field

from models.facts import Facts
from rules.queues.columns import name_of
from sink.open_locks import open_locks
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.crm_query import ask
from web.services.names import Names

MAX_LOCKS: Final = 500
"""The most locks that are listed. The others are counted."""


class OpenLock(Model):
    """A lead that a rep has open. `since` is unknown while the database does not have the beginning yet."""

    lead_id: str
    name: str
    rep_id: str
    rep_name: str
    owner: str | None
    since: datetime | None
    until: datetime


class OpenLocks(Model):
    """The leads that reps of the org have open, the oldest end first."""

    locks: list[OpenLock] = Field(description=f"At most {MAX_LOCKS}")
    total: int


async def locks_of(parts: Services, person: Person) -> OpenLocks:
    """Return the locks of the person's org, as the CRM database has them."""
    now = datetime.now(UTC)
    rows, total = await ask(
        parts, lambda connection: open_locks(connection, person.org, now, limit=MAX_LOCKS)
    )
    names = Names(parts.directory.org(person.org))
    return OpenLocks(
        locks=[
            OpenLock(
                lead_id=row["lead_id"],
                name=name_of(msgspec.convert(row["facts"], Facts)),
                rep_id=row["rep_id"],
                rep_name=names.rep(row["rep_id"]),
                owner=row["owner"],
                since=row["since"],
                until=row["until"],
            )
            for row in rows
        ],
        total=total,
    )
