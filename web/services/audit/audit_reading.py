"""Reads entries of the audit for the page and the API: filtered, in words, newest first, page by page."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import select

from models.audit import AuditRecord
from models.facts import Facts
from rules.queues.columns import name_of
from rules.queues.rule_book import OrgRules
from sink.db_errors import translated_errors
from sink.tables import LeadTable
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem
from web.services.audit.entry_text import EntryNames, entry_text, is_removed
from web.store.audit import AuditFilter

MAX_LINES: Final = 200
MAX_ACTORS: Final = 1_000
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
MAX_NOTICES: Final = 20
MAX_REMOVED: Final = 100
"""How many removed objects that the entries of a page mention get their former names."""
MAX_SEARCHED: Final = 50
"""In how many of its newest entries the name of a removed object is searched for."""


class AuditLine(msgspec.Struct, frozen=True):
    """An entry with its sentence."""

    record: AuditRecord
    text: str


class AuditPage(msgspec.Struct, frozen=True):
    """Entries, newest first. `next`: the cursor of the following page, None at the end."""

    lines: list[AuditLine]
    next: str | None


async def read_page(
    parts: Services, person: Person, audit_filter: AuditFilter, *, limit: int, cursor: str | None
) -> AuditPage:
    """Return a page of entries of the person's org. Raises 422 for a cursor that is none of ours."""
    after = None if cursor is None else _position(cursor)
    records = await asyncio.to_thread(parts.audit_index.find, audit_filter, limit=limit + 1, after=after)
    lines = await _in_words(parts, person, records[:limit])
    more = len(records) > limit
    return AuditPage(lines, _cursor(records[limit - 1]) if more else None)


async def read_notices(parts: Services, person: Person) -> list[AuditLine]:
    """Return what happened to the person's account and was not read yet, newest first."""
    if person.email is None:
        return []
    since = await asyncio.to_thread(parts.accounts.notices_read, person.email)
    audit_filter = AuditFilter(org=person.org, object=f"account/{person.rep_id}", since=since)
    records = await asyncio.to_thread(
        lambda: parts.audit_index.find(audit_filter, limit=MAX_NOTICES, acts=ACCOUNT_ACTS)
    )
    return await _in_words(
        parts, person, [record for record in records if since is None or record.at > since]
    )


def day_of(text: str) -> tuple[datetime, datetime]:
    """Return begin and end of a day in UTC. Raises 422."""
    try:
        begin = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return begin, begin + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise HttpProblem(422, "invalid", "day: is not a day like 2026-11-20") from error


async def _in_words(parts: Services, person: Person, records: list[AuditRecord]) -> list[AuditLine]:
    leads = {name for record in records for name in _leads(record)}
    tokens = {name for record in records for name in _tokens(record)}
    rules = parts.directory.org(person.org)
    removed = {record.object for record in records if is_removed(rules, record.object)} | _removed_in(
        rules, records
    )
    entry_names = EntryNames(
        rules,
        await asyncio.to_thread(_lead_names, parts, person.org, leads) if leads else {},
        await asyncio.to_thread(parts.tokens.names, person.org, tokens) if tokens else {},
        await asyncio.to_thread(_former_names, parts, person.org, removed) if removed else {},
    )
    return [AuditLine(record, entry_text(record, entry_names)) for record in records]


def _removed_in(rules: OrgRules, records: list[AuditRecord]) -> set[str]:
    """Return the removed objects whose ids are among the values of these entries, at most `MAX_REMOVED`."""
    texts: set[str] = set()
    for record in records:
        for difference in record.difference:
            texts.update(
                _texts(
                    [
                        difference.old,
                        difference.new,
                        None if difference.rule is msgspec.UNSET else difference.rule,
                    ]
                )
            )
    removed = (f"{kind}/{name}" for kind, name in rules.objects if name in texts)
    return set(
        islice(sorted(object_name for object_name in removed if is_removed(rules, object_name)), MAX_REMOVED)
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _former_names(parts: Services, org: str, objects: set[str]) -> dict[str, str]:
    """Return the newest names of objects that the org has no longer, as their entries have them."""
    names = {}
    for object_name in sorted(objects):
        entries = parts.audit_index.find(AuditFilter(org=org, object=object_name), limit=MAX_SEARCHED)
        name = next((name for entry in entries if (name := _name_in(entry))), None)
        if name is not None:
            names[object_name] = name
    return names


def _name_in(record: AuditRecord) -> str | None:
    """Return the object's name where the entry has it: the new one, or the one that was removed."""
    return next(
        (
            str(difference.new or difference.old)
            for difference in record.difference
            if difference.path == "name" and (difference.new or difference.old)
        ),
        None,
    )


def _leads(record: AuditRecord) -> list[str]:
    into = [str(difference.new) for difference in record.difference if difference.path == "into_lead_id"]
    kind, _, name = record.object.partition("/")
    return [*into, name] if kind == "lead" else into


def _tokens(record: AuditRecord) -> list[str]:
    kind, _, name = record.object.partition("/")
    return [token_id for token_id in (record.token_id, name if kind == "token" else None) if token_id]


def _lead_names(parts: Services, org: str, lead_ids: set[str]) -> dict[str, str]:
    query = select(LeadTable.lead_id, LeadTable.facts).where(
        LeadTable.lead_id.in_(sorted(lead_ids)), LeadTable.org == org
    )
    with translated_errors("CRM database"), parts.crm.connect() as connection:
        rows: list[Any] = list(connection.execute(query))
    return {row.lead_id: name_of(msgspec.convert(row.facts, Facts)) for row in rows}


def _cursor(record: AuditRecord) -> str:
    return f"{record.at.astimezone(UTC).isoformat()}_{record.audit_id}"


def _position(cursor: str) -> tuple[datetime, str]:
    at, _, audit_id = cursor.partition("_")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or not audit_id:
        raise HttpProblem(422, "invalid", "cursor: is not one of this list")
    return instant, audit_id
