"""Finds the reps to whom a person may give leads, with what speaks for and against each of them (M1, E3, D6, R9)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import Field
from sqlalchemy import Connection, func, select

from application.lead_dealing import licences_of
from models.directory import Rep
from models.errors import RuleErrors
from models.lead import OWNED_PHASES, Phase
from rules.calendar.schedule import away_until, is_open, next_change
from rules.org.directory import RepPlan, rep_plan
from rules.queues.rule_book import OrgRules
from sink.tables import LeadTable
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.availability import availabilities, paused_words
from web.services.crm_query import ask
from web.services.lead_visibility import VisibleLead

REPS_LISTED: Final = 100
"""The most reps that one answer lists. A search finds the others."""

ALL_MOVES: Final = ("assign", "reassign", "unassign", "redistribute", "reopen")
"""What managers and admins may do with many leads at once (M1, D6)."""
OWNERS_MOVES: Final = ("reassign",)
"""What an owner may do with the own leads, where the org's settings allow it."""


class Taker(Model):
    """A rep who may be given a lead.

    `licensed`: in the lead's state; null without a lead, and where the rep's licences are not tracked.
    `licensed_states`: null where they are not tracked. Managers and admins also see the open leads and their limit.
    """

    rep_id: str
    name: str
    role: str
    teams: list[str]
    licensed: bool | None = None
    licensed_states: list[str] | None = None
    open_leads: int | None = None
    max_open: int | None = None
    unavailable: str | None = Field(
        default=None,
        description="Why the rep has no time now: paused, absent or outside working hours, and until when",
    )


class Takers(Model):
    """The reps whose name or id contains the search, by name; those without a licence in the lead's state last.

    The lead's owner is not listed.
    """

    reps: list[Taker]
    total: int = Field(description="May be larger than the number of listed reps")
    state: str | None = Field(default=None, description="The lead's state, if a lead was named")


def may_reassign(person: Person, rules: OrgRules, owner: str | None) -> bool:
    """Say whether a person may give a lead of this owner to another rep (M1)."""
    return person.oversees or (rules.settings.owners_may_reassign and owner == person.rep_id)


def may_move_leads(person: Person, rules: OrgRules) -> bool:
    """Say whether a person may give any lead to another rep: managers, and owners where the org allows it (M1)."""
    return person.oversees or rules.settings.owners_may_reassign


async def takers(parts: Services, person: Person, search: str, visible: VisibleLead | None) -> Takers:
    """Return the reps to whom the person may give this lead, or any lead. Nobody if the person may give none."""
    rules = parts.directory.org(person.org)
    may = may_move_leads(person, rules) if visible is None else _may_give(person, rules, visible)
    if not may:
        return Takers(reps=[], total=0)
    state = visible.row["facts"].get("state") if visible else None
    terms = search.casefold().split()
    owner = visible.row["owner"] if visible else None
    reps = [
        rep
        for rep in rules.reps.values()
        if rep.active
        and rep.rep_id != owner
        and all(word in f"{rep.name} {rep.rep_id}".casefold() for word in terms)
    ]
    licences = licences_of(rules, (rep.rep_id for rep in reps)) if visible else {}

    def order(rep: Rep) -> tuple[bool, str, str]:
        states = licences.get(rep.rep_id)
        return states is not None and state not in states, rep.name.casefold(), rep.rep_id

    listed = sorted(reps, key=order)[:REPS_LISTED]
    counts: dict[str, int] = {}
    if person.oversees and listed:
        counts = await ask(
            parts, lambda connection: open_leads(connection, person.org, [rep.rep_id for rep in listed])
        )
    choices = await availabilities(parts, rules, [rep.rep_id for rep in listed])
    now = datetime.now(UTC)

    def taker(rep: Rep) -> Taker:
        plan = plan_of(rules, rep.rep_id)
        why = paused_words(choices[rep.rep_id]) or unavailable(plan, now)
        return _taker(rep, plan, visible, why, counts if person.oversees else None)

    return Takers(
        reps=[taker(rep) for rep in listed],
        total=len(reps),
        state=state,
    )


def open_leads(connection: Connection, org: str, rep_ids: Sequence[str]) -> dict[str, int]:
    """Return how many leads that are not closed each of these reps owns. A rep without any is missing."""
    query = (
        select(LeadTable.owner, func.count())
        .where(
            LeadTable.org == org, LeadTable.owner.in_(rep_ids), LeadTable.phase.in_([*map(str, OWNED_PHASES)])
        )
        .group_by(LeadTable.owner)
    )
    return {owner: count for owner, count in connection.execute(query) if owner is not None}


def unavailable(plan: RepPlan, at: datetime) -> str | None:
    """Return why a rep is not at work at an instant (aware), and until when; None if the rep is."""
    if (until := away_until(plan.absences, at)) is not None:
        return f"absent until {_instant(until)}"
    if plan.hours is None or is_open(plan.hours, plan.time_zone, at):
        return None
    begins = next_change(plan.hours, plan.time_zone, at)
    return "has no working hours" if begins is None else f"outside working hours until {_instant(begins)}"


def _may_give(person: Person, rules: OrgRules, visible: VisibleLead) -> bool:
    is_free = visible.row["owner"] is None and visible.row["phase"] != Phase.CLOSED
    return person.oversees if is_free else may_reassign(person, rules, visible.row["owner"])


def plan_of(rules: OrgRules, rep_id: str) -> RepPlan:
    """Return a rep's published terms; a rep whose publication does not compile has none."""
    published = rules.objects.get(("rep", rep_id))
    try:
        plan = rep_plan(rep_id, published.value if published else None, rules.settings.time_zone)
    except RuleErrors:
        plan = None
    return plan or RepPlan(rep_id)


def _taker(
    rep: Rep,
    plan: RepPlan,
    visible: VisibleLead | None,
    why: str | None,
    counts: dict[str, int] | None,
) -> Taker:
    states = plan.licensed_states
    licensed = None if visible is None or states is None else visible.row["facts"].get("state") in states
    return Taker(
        rep_id=rep.rep_id,
        name=rep.name or rep.rep_id,
        role=rep.role,
        teams=sorted(rep.teams),
        licensed=licensed,
        licensed_states=None if states is None else sorted(states),
        open_leads=None if counts is None else counts.get(rep.rep_id, 0),
        max_open=None if counts is None else plan.max_open,
        unavailable=why,
    )


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="minutes")
