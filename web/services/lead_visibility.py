"""Shows a lead as one person may see it: everything, only the content of an offer, or nothing (Q3, Q12, D1).

A rep sees all of a lead that it owns or has open. A rep sees an offered lead as its own queue shows it. Managers and
admins see every lead of their org.
"""

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from models.facts import Facts
from rules.queues.columns import name_of
from sink import queries
from sink.db_errors import translated_errors
from sink.queries import Row
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem, forbidden, not_found

KNOWN_SECONDS: Final = 1.0
"""How long a page waits for a lead that has just arrived and may not be in the CRM database yet."""
CAUGHT_UP_SECONDS: Final = 5.0
"""How long to wait for the database after an action. After that the page shows the stored state."""
ACTED_SECONDS: Final = 2.0
"""The same, if the caller knows of no action, and somebody else has just acted."""
_LOOK_SECONDS: Final = 0.03

_OFFERED_FACTS: Final = ("state", "loan_purpose", "loan_amount")
_EXCLUSIVE: Final = frozenset({"round_robin", "roster"})


class Visibility(StrEnum):
    """How much of a lead a person may see."""

    ALL = "all"
    OFFER = "offer"
    NONE = "none"


class ShownLock(msgspec.Struct, frozen=True):
    """Who has the lead open, and until when (D1)."""

    rep_id: str
    until: datetime


class ShownOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The reps to whom the lead is currently offered."""

    reps: tuple[str, ...]
    method: str
    epoch: int
    until: datetime | None


class VisibleLead(msgspec.Struct, frozen=True, kw_only=True):
    """One lead and how much of it the person may see. `row`: the whole database row; do not show it to everybody."""

    row: Row
    lock: ShownLock | None
    offer: ShownOffer | None
    sight: Visibility

    @property
    def name(self) -> str:
        """The prospect's name. Everybody who may know of the lead may see it (Q3)."""
        return name_of(msgspec.convert(self.row["facts"], Facts))

    @property
    def facts(self) -> dict[str, Any]:
        """The facts this person may see, without empty ones."""
        facts: dict[str, Any] = self.row["facts"]
        if self.sight is Visibility.NONE:
            return {}
        if self.sight is Visibility.OFFER:
            alone = self.offer is not None and self.offer.method in _EXCLUSIVE
            return {name: facts[name] for name in _OFFERED_FACTS if alone and facts.get(name) is not None}
        return {name: value for name, value in facts.items() if value not in (None, {}, "")}


async def visible_lead(
    parts: Services, person: Person, lead_id: str, *, version: int = 0, known_seconds: float = 0.0
) -> VisibleLead:
    """Return a lead of the person's org, at `version` or newer if the database catches up in time.

    An act that has just been answered is in it as well. Otherwise open pages hear of it when the database has it.

    Raises 404 if the lead does not belong to the org or is unknown after `known_seconds`.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    acted = parts.acted_versions.of(lead_id)
    min_version = max(version, acted)
    while True:
        visible = await asyncio.to_thread(_read, parts, person, lead_id)
        if visible is not None and visible.row["version"] >= min_version:
            break
        patience = known_seconds
        if visible is not None:
            patience = CAUGHT_UP_SECONDS if visible.row["version"] < version else ACTED_SECONDS
        if clock() - began >= patience:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    if visible is None or visible.row["org"] != person.org:
        raise not_found(f"lead {lead_id}")
    if visible.row["version"] < acted:
        parts.acted_versions.forget(lead_id)  # the next page does not wait for it again
        parts.tell_when_stored(person.org, lead_id, acted)
    return visible


async def visible_lead_at(parts: Services, person: Person, lead_id: str, *, version: int = 0) -> VisibleLead:
    """Return a lead of which the person may see something. Raises 403 with advice, and 404."""
    visible = await visible_lead(parts, person, lead_id, version=version)
    if visible.sight is Visibility.NONE:
        raise unseen_lead_problem(visible)
    return visible


def unseen_lead_problem(visible: VisibleLead) -> HttpProblem:
    """Return the error for a lead that the person may not see. It contains no facts of the lead."""
    return forbidden(
        "the lead belongs to somebody else"
        if visible.row["owner"] is not None
        else "open or claim the lead first, from a queue that has it"
    )


def _read(parts: Services, person: Person, lead_id: str) -> VisibleLead | None:
    with translated_errors("CRM database"), parts.crm.connect() as connection:
        row = queries.lead(connection, lead_id)
        if row is None:
            return None
    lock, offer = _lock(row, datetime.now(UTC)), _offer(row)
    return VisibleLead(row=row, lock=lock, offer=offer, sight=_sight(person, row, lock, offer))


def _sight(person: Person, row: Row, lock: ShownLock | None, offer: ShownOffer | None) -> Visibility:
    if row["org"] != person.org:
        return Visibility.NONE
    if person.oversees or row["owner"] == person.rep_id:
        return Visibility.ALL
    if row["owner"] is None and lock is not None and lock.rep_id == person.rep_id:
        return Visibility.ALL
    if offer is not None and person.rep_id in offer.reps:
        return Visibility.OFFER
    return Visibility.NONE


def _lock(row: Row, now: datetime) -> ShownLock | None:
    """Return the row's lock at `now` (aware). An expired lock counts as none, even if its timer is late (D2)."""
    if row["locked_by"] is None or row["locked_until"] <= now:
        return None
    return ShownLock(row["locked_by"], row["locked_until"])


def _offer(row: Row) -> ShownOffer | None:
    if row["offer_epoch"] is None:
        return None
    return ShownOffer(
        reps=tuple(row["offer_rep_ids"]),
        method=row["offer_method"],
        epoch=row["offer_epoch"],
        until=row["offer_until"],
    )
