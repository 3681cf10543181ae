"""Reads entries of the audit for the page and the API: filtered, in words, newest first, page by page."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import select

from models.audit import AuditRecord
from models.facts import Facts
from rules.queues.columns import name_of
from sink.db_errors import translated
from sink.tables import LeadTable
from web.auth import Person
from web.errors import Problem
from web.parts import Services
from web.services.audit.entry_text import Known, entry_text
from web.store.audit import AuditFilter

MOST: Final = 200
MOST_ACTORS: Final = 1_000
ACCOUNT_ACTS: Final = frozenset(
    {
        "password_changed",
        "second_factor_set_up",
        "second_factor_removed",
        "second_factor_reset",
        "account_added",
        "account_invited",
        "account_unbound",
    }
)
"""Acts on an account of which its person is told."""
MOST_NOTICES: Final = 20


class AuditLine(msgspec.Struct, frozen=True):
    """An entry with its sentence."""

    record: AuditRecord
    text: str


class AuditPage(msgspec.Struct, frozen=True):
    """Entries, newest first. `next`: the cursor of the following page, None at the end."""

    lines: list[AuditLine]
    next: str | None


async def read_page(
    parts: Services, person: Person, wanted: AuditFilter, *, limit: int, cursor: str | None
) -> AuditPage:
    """Return a page of entries of the person's org. Raises 422 for a cursor that is none of ours."""
    after = None if cursor is None else _place(cursor)
    found = await asyncio.to_thread(parts.audit_index.find, wanted, limit=limit + 1, after=after)
    lines = await _in_words(parts, person, found[:limit])
    more = len(found) > limit
    return AuditPage(lines, _cursor(found[limit - 1]) if more else None)


async def read_notices(parts: Services, person: Person) -> list[AuditLine]:
    """Return what happened to the person's account and was not read yet, newest first."""
    if person.email is None:
        return []
    since = await asyncio.to_thread(parts.accounts.notices_read, person.email)
    wanted = AuditFilter(org=person.org, object=f"account/{person.rep_id}", since=since)
    found = await asyncio.to_thread(
        lambda: parts.audit_index.find(wanted, limit=MOST_NOTICES, acts=ACCOUNT_ACTS)
    )
    return await _in_words(parts, person, [one for one in found if since is None or one.at > since])


def day_of(text: str) -> tuple[datetime, datetime]:
    """Return begin and end of a day in UTC. Raises 422."""
    try:
        begin = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return begin, begin + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Problem(422, "invalid", "day: is not a day like 2026-11-20") from error


async def _in_words(parts: Services, person: Person, records: list[AuditRecord]) -> list[AuditLine]:
    leads = {name for one in records for name in _leads(one)}
    tokens = {name for one in records for name in _tokens(one)}
    known = Known(
        parts.directory.org(person.org),
        await asyncio.to_thread(_lead_names, parts, person.org, leads) if leads else {},
        await asyncio.to_thread(parts.tokens.names, person.org, tokens) if tokens else {},
    )
    return [AuditLine(one, entry_text(one, known)) for one in records]


def _leads(record: AuditRecord) -> list[str]:
    into = [str(one.new) for one in record.difference if one.path == "into_lead_id"]
    kind, _, name = record.object.partition("/")
    return [*into, name] if kind == "lead" else into


def _tokens(record: AuditRecord) -> list[str]:
    kind, _, name = record.object.partition("/")
    return [one for one in (record.token_id, name if kind == "token" else None) if one]


def _lead_names(parts: Services, org: str, lead_ids: set[str]) -> dict[str, str]:
    query = select(LeadTable.lead_id, LeadTable.facts).where(
        LeadTable.lead_id.in_(sorted(lead_ids)), LeadTable.org == org
    )
    with translated("CRM database"), parts.crm.connect() as connection:
        rows: list[Any] = list(connection.execute(query))
    return {row.lead_id: name_of(msgspec.convert(row.facts, Facts)) for row in rows}


def _cursor(record: AuditRecord) -> str:
    return f"{record.at.astimezone(UTC).isoformat()}_{record.audit_id}"


def _place(cursor: str) -> tuple[datetime, str]:
    at, _, audit_id = cursor.partition("_")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not audit_id:
        raise Problem(422, "invalid", "cursor: is not one of this list")
    return found, audit_id
