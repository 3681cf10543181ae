"""Builds the rows that the directory and the builder show: who published an object and when, and for reps more."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from rules.queues.rule_book import OrgRules
from web.auth import Person
from web.console_services import Services
from web.services.crm_query import ask
from web.services.directory_objects import accounts_of
from web.services.names import Names
from web.services.possible_owners import open_leads

PUBLISHED: Final = frozenset({"published", "removed"})
SIGNED_IN: Final = frozenset({"signed_in"})


async def publications(parts: Services, person: Person, kind: str) -> dict[str, dict[str, Any]]:
    """Return object id -> {at, by}: the newest publication of each object of a kind that the audit has.

    `at` is an ISO time; `by` a name.
    """
    names = Names(parts.directory.org(person.org))
    latest = await asyncio.to_thread(parts.audit_index.latest, person.org, PUBLISHED, "object")
    prefix = f"{kind}/"
    return {
        name.removeprefix(prefix): {"at": _text(at), "by": names.rep(actor)}
        for name, (at, actor) in latest.items()
        if name.startswith(prefix)
    }


async def rep_rows(parts: Services, person: Person) -> dict[str, dict[str, Any]]:
    """Return rep id -> {open_leads, signed_in_at} of the org's reps. `signed_in_at` null: not in the audit's days."""
    rules = parts.directory.org(person.org)
    ids = list(rules.reps)

    def read(connection: Connection) -> Mapping[str, int]:
        return open_leads(connection, person.org, ids)

    counts, signed, accounts = await asyncio.gather(
        ask(parts, read),
        asyncio.to_thread(parts.audit_index.latest, person.org, SIGNED_IN, "actor"),
        accounts_of(parts, person),
    )
    may = {account.rep_id for account in accounts}
    return {
        rep_id: {
            "open_leads": counts.get(rep_id, 0),
            "signed_in_at": _text(signed[rep_id][0]) if rep_id in signed else None,
            "has_account": rep_id in may,
        }
        for rep_id in ids
    }


def teams(rules: OrgRules) -> list[dict[str, Any]]:
    """Return every team with the reps in it and the views that it sees, by name."""
    reps = [(rep.rep_id, rep.name or rep.rep_id, rep.teams) for rep in rules.reps.values() if rep.active]
    views = [
        (queue.queue.queue_id, queue.queue.name or queue.queue.queue_id, queue.queue.teams)
        for queue in rules.queues.values()
    ]
    names = {team for _, _, own_teams in (*reps, *views) for team in own_teams} - {"*"}
    return [
        {"name": team, "reps": _members_of(team, reps), "views": _members_of(team, views)}
        for team in sorted(names, key=str.casefold)
    ]


def _members_of(team: str, objects: Iterable[tuple[str, str, Iterable[str]]]) -> list[tuple[str, str]]:
    pairs = [(object_id, name) for object_id, name, own_teams in objects if team in own_teams]
    return sorted(pairs, key=lambda pair: pair[1].casefold())


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
