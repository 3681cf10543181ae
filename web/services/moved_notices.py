"""Finds the leads that were moved to or from a person, until the person has read of it (M1, M4)."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from pydantic import Field
from sqlalchemy import Connection, select

from models.facts import Facts
from rules.outbound.notification_text import MANAGER_MOVES, NOTICED, MovedLeads, moved_text
from rules.queues.columns import name_of
from sink.queries import Row
from sink.tables import AssignmentHistoryTable, DecisionTable, LeadTable
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.crm_query import ask
from web.services.names import Names

READ_UNTIL: Final = "moves-read"
"""The preference that holds up to when the person has read: `{"until": instant}`."""
KEPT_DAYS: Final = 7
MAX_MOVES: Final = 500
"""The most moves to a person, and from a person, that are read. Older ones are not told."""
NAMED: Final = 5
_BY: Final = re.compile(r"(?:re|un)?(?:assigned|distributed) by (?P<by>.+?)(?:: (?P<why>.*))?", re.DOTALL)


class MovedLead(Model):
    """One lead of a notice."""

    lead_id: str
    name: str


class MovedNotice(Model):
    """Leads that were moved to or from the caller in the same way. `leads`: the first of them."""

    at: datetime
    text: str
    why: str | None
    to_you: bool
    count: int
    leads: list[MovedLead] = Field(description=f"At most {NAMED}")


async def moved_notices(parts: Services, person: Person) -> list[MovedNotice]:
    """Return the unread notices of a person, newest first: moved leads, and leads that were freed (M6)."""
    read = await asyncio.to_thread(parts.preferences.get, person.org, person.rep_id, READ_UNTIL)
    since = _since(read.get("until"))
    rows = await ask(parts, lambda connection: _moves(connection, person.org, person.rep_id, since))
    names = Names(parts.directory.org(person.org))

    def way(row: Row) -> tuple[Any, ...]:
        to_you = row["rep_id"] == person.rep_id
        return to_you, row["how"], row["via"], row["why"], row["previous_rep_id"], row["rep_id"]

    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(way(row), []).append(row)
    freed = await ask(parts, lambda connection: _freed(connection, person.org, person.rep_id, since))
    notices = [_notice(person, group, names) for group in groups.values()]
    notices += [_freed_notice(row, names) for row in freed]
    return sorted(notices, key=lambda notice: notice.at, reverse=True)


def concerns(person_id: str, how: str, via: str | None, owner: str | None, former: str | None) -> bool:
    """Say whether a person is told of a change of owner. Whoever made it need not be told."""
    if how not in NOTICED or via in (f"manager/{person_id}", f"rep/{person_id}"):
        return False
    return owner != former and ((owner == person_id and how in MANAGER_MOVES) or former == person_id)


def _since(read: Any) -> datetime:
    oldest = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    try:
        until = datetime.fromisoformat(read)
    except (TypeError, ValueError):
        return oldest
    return max(oldest, until) if until.tzinfo else oldest


def _moves(connection: Connection, org: str, rep_id: str, since: datetime) -> list[Row]:
    table = AssignmentHistoryTable
    rows: list[Row] = []
    for side in (table.rep_id, table.previous_rep_id):
        query = (
            select(*table.__table__.columns, LeadTable.facts)
            .join(LeadTable, LeadTable.lead_id == table.lead_id)
            .where(side == rep_id, table.assigned_at > since, table.org == org, table.how.in_(NOTICED))
            .order_by(table.assigned_at.desc(), table.lead_id)
            .limit(MAX_MOVES)
        )
        rows += [dict(row) for row in connection.execute(query).mappings()]
    rows_shown = (
        row
        for row in rows
        if concerns(rep_id, row["how"], row["via"], row["rep_id"], row["previous_rep_id"])
        and not _by_oneself(rep_id, row)
    )
    return sorted(rows_shown, key=lambda row: (row["assigned_at"], row["lead_id"]), reverse=True)


def _freed(connection: Connection, org: str, rep_id: str, since: datetime) -> list[Row]:
    """Return the leads that managers freed while the person had them open, newest first (M6)."""
    table = DecisionTable
    query = (
        select(table.lead_id, table.why, table.decided_at, LeadTable.facts)
        .join(LeadTable, LeadTable.lead_id == table.lead_id)
        .where(
            table.type == "lock_freed",
            table.decided_at > since,
            table.rep_id == rep_id,
            LeadTable.org == org,
        )
        .order_by(table.decided_at.desc(), table.lead_id)
        .limit(MAX_MOVES)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _freed_notice(row: Row, names: Names) -> MovedNotice:
    lead = MovedLead(lead_id=row["lead_id"], name=_name(row))
    return MovedNotice(
        at=row["decided_at"],
        text=f"{names.rep(row['why'].get('freed_by'))} freed {lead.name}, which you had open.",
        why=names.within(row["why"].get("why")),
        to_you=False,
        count=1,
        leads=[lead],
    )


def _by_oneself(rep_id: str, row: Row) -> bool:
    return _maker(row)[0] == rep_id


def _maker(row: Row) -> tuple[str | None, str | None]:
    """Return who moved the lead, and the reason as it was written."""
    match = _BY.fullmatch(row["why"])
    return (match["by"], match["why"]) if match else (None, None)


def _notice(person: Person, rows: Sequence[Row], names: Names) -> MovedNotice:
    first = rows[0]
    leads = [MovedLead(lead_id=row["lead_id"], name=_name(row)) for row in rows[:NAMED]]
    by, why = _maker(first)
    to_you = first["rep_id"] == person.rep_id
    moved = MovedLeads(
        leads=_lead_names(leads, len(rows)),
        is_single=len(rows) == 1,
        to_you=to_you,
        how=first["how"],
        by=names.rep(by) if by else None,
        former=names.rep(first["previous_rep_id"]) if first["previous_rep_id"] else None,
        owner=names.rep(first["rep_id"]) if first["rep_id"] else None,
        via=names.via(first["via"]),
    )
    return MovedNotice(
        at=first["assigned_at"],
        text=moved_text(moved),
        why=names.within(why),
        to_you=to_you,
        count=len(rows),
        leads=leads,
    )


def _lead_names(leads: Iterable[MovedLead], count: int) -> str:
    return next(iter(leads)).name if count == 1 else f"{count:,} leads"


def _name(row: Row) -> str:
    return name_of(msgspec.convert(row["facts"], Facts))
