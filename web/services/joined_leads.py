"""Finds what a manager may merge a lead into, and which inquiries may be taken out of it (K5)."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from models.erasure import ERASED
from models.merging import MAX_KEPT
from sink import queries
from sink.db_errors import translated_errors
from sink.queries import Row
from web.auth import Person
from web.console_services import Services
from web.services.lead_visibility import VisibleLead
from web.services.names import Names
from web.services.possible_duplicates import other_leads

MAX_OTHERS: Final = 20
"""How many other leads are offered for a merge."""
_TYPES: Final = ("lead_accepted", "shared_handle_found")
"""The decisions that name leads which may be the same person."""

Choice = tuple[str, str]
"""An id, and what the page says about it."""


class JoinedLeads(msgspec.Struct, frozen=True):
    """What a lead may be merged into, and what may be taken out of it. `merged`: it is an inquiry of another lead."""

    others: tuple[Choice, ...] = ()
    inquiries: tuple[Choice, ...] = ()
    merged: bool = False


async def joined_leads(parts: Services, person: Person, visible: VisibleLead) -> JoinedLeads:
    """Return the choices for a person who oversees leads; nothing for anybody else."""
    if not person.oversees:
        return JoinedLeads()
    names = Names(parts.directory.org(person.org))
    return await asyncio.to_thread(_joined, parts, person.org, visible.row["lead_id"], names)


def _joined(parts: Services, org: str, lead_id: str, names: Names) -> JoinedLeads:
    with translated_errors("CRM database"), parts.crm.connect() as connection:
        inquiries = tuple(
            (row["inquiry_id"], _described(row["facts"], f"from {row['vendor']}"))
            for row in queries.inquiries(connection, lead_id, limit=MAX_KEPT)
        )
        return JoinedLeads(
            others=_possible_leads(connection, org, lead_id, names),
            inquiries=inquiries,
            merged=bool(queries.merged_ids(connection, (lead_id,))),
        )


def _possible_leads(connection: Connection, org: str, lead_id: str, names: Names) -> tuple[Choice, ...]:
    """Return the leads that decisions name as perhaps the same person, without merged and erased ones."""
    decided = queries.newest_decisions(connection, lead_id, types=_TYPES, limit=MAX_OTHERS)
    lead_ids = list(dict.fromkeys(lead for row in decided for lead in other_leads(row)))[:MAX_OTHERS]
    merged = queries.merged_ids(connection, lead_ids)
    rows = [queries.lead(connection, other_id) for other_id in lead_ids if other_id not in merged]
    return tuple(
        (row["lead_id"], _described(row["facts"], _owner(row, names)))
        for row in rows
        if row is not None and row["org"] == org and row["last_outcome"] != ERASED
    )


def _owner(row: Row, names: Names) -> str:
    return f"{names.rep(row['owner'])} has it" if row["owner"] else "nobody has it"


def _described(facts: Mapping[str, Any], last: str) -> str:
    """Return name, phone, mail address and one thing more of a prospect, in a line."""
    name = " ".join(part for part in (facts.get("first_name"), facts.get("last_name")) if part)
    parts = (name or "no name", facts.get("phone"), facts.get("email"), last)
    return ", ".join(part for part in parts if part)
