"""A lead as one person may see it: everything, the content of an offer, or nothing (Q3, Q12, D1).

A rep sees all of a lead that it owns or has open; one it is offered, as its own queue shows it; managers and admins
see every lead of their org.
"""

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from models.facts import Facts
from models.lead import LOCKED_PHASES, Phase
from rules.queues.columns import name_of
from sink import queries
from sink.db_errors import translated
from sink.queries import Row
from web.auth import Person
from web.errors import Problem, forbidden, not_found
from web.parts import Parts

KNOWN_SECONDS: Final = 1.0
"""How long a page waits for a lead that just arrived and may not be in the CRM database yet."""
CAUGHT_UP_SECONDS: Final = 5.0
"""How long to wait for the database after an action. Then the page shows what it has."""
_LOOK_SECONDS: Final = 0.03

_LOCKS: Final = ("lock_taken", "lock_released")
_OFFERS: Final = ("rep_sought", "lead_offered", "offer_ended", "offer_declined")
_OFFERED_FACTS: Final = ("state", "loan_purpose", "loan_amount")
_EXCLUSIVE: Final = frozenset({"round_robin", "roster"})


class Sight(StrEnum):
    """How much of a lead somebody may see."""

    ALL = "all"
    OFFER = "offer"
    NONE = "none"


class Lock(msgspec.Struct, frozen=True):
    """Who has the lead open, until when, and through which queues it was found."""

    rep_id: str
    until: datetime
    queues: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """To whom the lead is offered at this moment."""

    reps: tuple[str, ...]
    method: str
    group_id: str
    epoch: int
    until: datetime | None


class VisibleLead(msgspec.Struct, frozen=True, kw_only=True):
    """One lead and what `person` may see of it. `row`: the CRM database's, whole: not for everybody's eyes.

    `assigned`: the last change of its owner.
    """

    row: Row
    lock: Lock | None
    offer: Offer | None
    sight: Sight
    assigned: Row | None = None

    @property
    def name(self) -> str:
        """The prospect's name, which everybody may see who may see that there is a lead (Q3)."""
        return name_of(msgspec.convert(self.row["facts"], Facts))

    @property
    def facts(self) -> dict[str, Any]:
        """The facts this person may see, empty ones left out."""
        known: dict[str, Any] = self.row["facts"]
        if self.sight is Sight.NONE:
            return {}
        if self.sight is Sight.OFFER:
            alone = self.offer is not None and self.offer.method in _EXCLUSIVE
            return {name: known[name] for name in _OFFERED_FACTS if alone and known.get(name) is not None}
        return {name: value for name, value in known.items() if value not in (None, {}, "")}


async def visible_lead(
    parts: Parts, person: Person, lead_id: str, *, version: int = 0, known_seconds: float = 0.0
) -> VisibleLead:
    """Return a lead of the person's org, not older than `version` if the database catches up in time.

    Raises 404 for a lead that is not the org's, or is not known after `known_seconds`.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        found = await asyncio.to_thread(_read, parts, person, lead_id)
        if found is not None and found.row["version"] >= version:
            break
        patience = CAUGHT_UP_SECONDS if version and found is not None else known_seconds
        if clock() - began >= patience:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    if found is None or found.row["org"] != person.org:
        raise not_found(f"lead {lead_id}")
    return found


async def visible_lead_at(parts: Parts, person: Person, lead_id: str, *, version: int = 0) -> VisibleLead:
    """Return a lead that the person may see at least something of; raises 403 with what to do, and 404."""
    found = await visible_lead(parts, person, lead_id, version=version)
    if found.sight is Sight.NONE:
        raise unseen(found)
    return found


def unseen(found: VisibleLead) -> Problem:
    """Return the error for a lead that the person may not see, without its facts."""
    return forbidden(
        "the lead belongs to somebody else"
        if found.row["owner"] is not None
        else "open or claim the lead first, from a queue that has it"
    )


def _read(parts: Parts, person: Person, lead_id: str) -> VisibleLead | None:
    with translated("CRM database"), parts.crm.connect() as connection:
        row = queries.lead(connection, lead_id)
        if row is None:
            return None
        lock, offer = _lock(connection, row), _offer(connection, row)
        changes = queries.history_of(connection, lead_id)
    return VisibleLead(
        row=row,
        lock=lock,
        offer=offer,
        sight=_sight(person, row, lock, offer),
        assigned=changes[-1] if changes else None,
    )


def _sight(person: Person, row: Row, lock: Lock | None, offer: Offer | None) -> Sight:
    if row["org"] != person.org:
        return Sight.NONE
    if person.oversees or row["owner"] == person.rep_id:
        return Sight.ALL
    if row["owner"] is None and lock is not None and lock.rep_id == person.rep_id:
        return Sight.ALL
    if offer is not None and person.rep_id in offer.reps:
        return Sight.OFFER
    return Sight.NONE


def _lock(connection: Connection, row: Row) -> Lock | None:
    """Return the lock as the newest decision has it; one that has run out is none, however late the timer (D2)."""
    if row["phase"] not in LOCKED_PHASES:
        return None
    newest = queries.newest_decisions(connection, row["lead_id"], types=_LOCKS, limit=1)
    if not newest or newest[0]["type"] != "lock_taken":
        return None
    (taken,) = newest
    until = datetime.fromisoformat(taken["why"]["until"])
    if until <= datetime.now(UTC):
        return None
    place = (taken["source_offset"] + 1, 0)
    left = queries.newest_decisions(connection, row["lead_id"], types=("queue_left",), before=place)
    queues = [one["why"]["queue_id"] for one in left if one["source_offset"] == taken["source_offset"]]
    return Lock(taken["rep_id"], until, tuple(queues))


def _offer(connection: Connection, row: Row) -> Offer | None:
    if row["phase"] != Phase.OFFERED:
        return None
    decisions = queries.newest_decisions(connection, row["lead_id"], types=_OFFERS)
    reps: tuple[str, ...] | None = None
    for one in decisions:
        if one["type"] == "offer_declined" and reps is None:
            reps = tuple(one["why"]["remaining"])
        elif one["type"] == "lead_offered":
            why = one["why"]
            until = why.get("until")
            return Offer(
                reps=tuple(why["reps"]) if reps is None else reps,
                method=why["method"],
                group_id=why["group_id"],
                epoch=why["epoch"],
                until=datetime.fromisoformat(until) if until else None,
            )
        elif one["type"] in ("offer_ended", "rep_sought"):
            return None
    return None
