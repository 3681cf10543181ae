"""Counts for the wallboard who is in, what is out, how fast leads are taken, and what waits.

Requests within some seconds get the same numbers, so that more screens cause no more database load.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import Field
from sqlalchemy import Connection

from models.roster import LAST_LEAD
from rules.calendar.schedule import day_of
from rules.queues.rule_book import OrgRules
from sink import day_reports
from sink.day_reports import ArrivedLead
from sink.queries import exceptions_by_status
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.availability import Choice, chosen_availability, last_leads, paused_words, with_last
from web.services.crm_query import ask
from web.services.possible_owners import open_leads, plan_of, unavailable
from web.services.reports import ReportGrouping, day_begins, key_of, name_of, speed

FRESH_SECONDS: Final = 2.0
AGES_FRESH_SECONDS: Final = 20.0
"""Queues' ages are a query for each queue, so they are read less often."""
MAX_REPS: Final = 1_000
"""The most reps that the board lists, by name."""


class RepNow(Model):
    """A rep now. `is_in`: has a page of the console open. `unavailable`: why the rep gets no offers now."""

    rep_id: str
    name: str
    role: str
    teams: list[str]
    is_in: bool
    unavailable: str | None
    availability: Choice
    locks: int
    offers: int
    open_leads: int
    max_open: int | None
    leads_today: int
    last_lead_at: datetime | None = Field(description="Today")
    p50_seconds: float | None = Field(description="From arrival to this rep as first owner, of today's leads")


class QueueNow(Model):
    """A queue now. `oldest_at`: when its oldest lead arrived; null if it is empty."""

    queue_id: str
    name: str
    claimable: bool
    size: int
    oldest_at: datetime | None


class SpeedBy(Model):
    """How fast today's leads of a group or a vendor got their first owner."""

    key: str | None
    name: str
    arrivals: int
    first_claims: int
    p50_seconds: float | None
    p95_seconds: float | None


class Wallboard(Model):
    """An org's day so far. `since`: when the day began in the org's time zone."""

    as_of: datetime
    since: datetime
    time_zone: str
    arrivals: int
    first_claims: int
    p50_seconds: float | None
    p95_seconds: float | None
    leads_given: int
    locks: int
    offers: int
    exceptions: int
    calls_due: int
    dead_letters: int
    reps: list[RepNow]
    more_reps: int
    queues: list[QueueNow]
    groups: list[SpeedBy]
    vendors: list[SpeedBy]
    cut: bool = Field(description="More leads arrived today than are counted")


class Badges(Model):
    """What waits for the person. Null where the person may not see it."""

    exceptions: int | None
    calls_due: int
    dead_letters: int | None


async def wallboard(parts: Services, person: Person) -> Wallboard:
    """Return the org's wallboard. For managers and admins."""
    board: Wallboard = await parts.wallboards.get(
        person.org, "board", FRESH_SECONDS, lambda: _read(parts, person)
    )
    return board


async def badges(parts: Services, person: Person) -> Badges:
    """Return what waits for the person: a manager sees the org's, a rep the own calls."""

    def read(connection: Connection) -> tuple[int, int]:
        due = day_reports.calls_due(
            connection, person.org, datetime.now(UTC), None if person.oversees else person.rep_id
        )
        return due, exceptions_by_status(connection, person.org).get("open", 0) if person.oversees else 0

    async def fresh() -> Badges:
        due, exceptions = await ask(parts, read)
        return Badges(
            exceptions=exceptions if person.oversees else None,
            calls_due=due,
            dead_letters=None,
        )

    whose = "badges" if person.oversees else f"badges of {person.rep_id}"
    org_badges: Badges = await parts.wallboards.get(person.org, whose, FRESH_SECONDS, fresh)
    if not person.oversees:
        return org_badges
    return org_badges.model_copy(
        update={"dead_letters": waiting_letters(parts, person.org)}
    )  # counted in memory


def waiting_letters(parts: Services, org: str) -> int:
    """Return how many of the newest dead letters were neither sent again nor skipped, here or on the command line."""
    return sum(not letter.is_handled for letter in parts.operations.letters.of(org))


async def _read(parts: Services, person: Person) -> Wallboard:
    org, rules, now = person.org, parts.directory.org(person.org), datetime.now(UTC)
    zone = rules.settings.time_zone
    since = day_begins(zone, day_of(zone, now))
    active = sorted(
        (rep for rep in rules.reps.values() if rep.active), key=lambda rep: (rep.name.casefold(), rep.rep_id)
    )
    reps = active[:MAX_REPS]

    choices = {rep.rep_id: chosen_availability(rules, rep.rep_id) for rep in reps}

    def read(connection: Connection) -> dict[str, Any]:
        return {
            "arrivals": day_reports.arrivals_with_first_owners(connection, org, since, now),
            "given": day_reports.leads_given(connection, org, since),
            "locks": day_reports.locks_by_rep(connection, org, now),
            "offers": day_reports.offers_by_rep(connection, org, now),
            "last": last_leads(
                connection,
                org,
                [rep_id for rep_id, choice in choices.items() if choice.availability == LAST_LEAD],
            ),
            "open": open_leads(connection, org, [rep.rep_id for rep in reps]),
            "exceptions": exceptions_by_status(connection, org).get("open", 0),
            "due": day_reports.calls_due(connection, org, now),
        }

    figures = await ask(parts, read)
    arrivals, cut = figures["arrivals"]
    offers, offers_out = figures["offers"]
    by_rep: defaultdict[str, list[ArrivedLead]] = defaultdict(list)
    for arrival in arrivals:
        if arrival.rep_id is not None:
            by_rep[arrival.rep_id].append(arrival)
    present = parts.hub.present(org)
    total = speed(arrivals)
    listed = []
    for rep in reps:
        plan = plan_of(rules, rep.rep_id)
        choice = with_last(choices[rep.rep_id], figures["last"].get(rep.rep_id))
        count, last = figures["given"].get(rep.rep_id, (0, None))
        listed.append(
            RepNow(
                rep_id=rep.rep_id,
                name=rep.name or rep.rep_id,
                role=rep.role,
                teams=sorted(rep.teams),
                is_in=present.get(rep.rep_id, 0) > 0,
                unavailable=paused_words(choice) or unavailable(plan, now),
                availability=choice.availability,
                locks=figures["locks"].get(rep.rep_id, 0),
                offers=offers.get(rep.rep_id, 0),
                open_leads=figures["open"].get(rep.rep_id, 0),
                max_open=plan.max_open,
                leads_today=count,
                last_lead_at=last,
                p50_seconds=speed(by_rep[rep.rep_id]).p50_seconds,
            )
        )
    return Wallboard(
        as_of=now,
        since=since,
        time_zone=zone,
        arrivals=len(arrivals),
        first_claims=total.leads,
        p50_seconds=total.p50_seconds,
        p95_seconds=total.p95_seconds,
        leads_given=sum(count for count, _ in figures["given"].values()),
        locks=sum(figures["locks"].values()),
        offers=offers_out,
        exceptions=figures["exceptions"],
        calls_due=figures["due"],
        dead_letters=waiting_letters(parts, org),
        reps=listed,
        more_reps=len(active) - len(reps),
        queues=await _queues(parts, org, rules),
        groups=_speeds(rules, arrivals, ReportGrouping.GROUP),
        vendors=_speeds(rules, arrivals, ReportGrouping.VENDOR),
        cut=cut,
    )


async def _queues(parts: Services, org: str, rules: OrgRules) -> list[QueueNow]:
    """Return every queue with its size, and the age of its oldest lead."""

    async def ages() -> dict[str, datetime]:
        now, minutes = datetime.now(UTC), rules.settings.protect_assigned_minutes
        return await ask(
            parts,
            lambda connection: day_reports.oldest_in_queues(
                connection, org, rules.queues.values(), now, minutes
            ),
        )

    oldest = await parts.wallboards.get(org, "ages", AGES_FRESH_SECONDS, ages)
    return [
        QueueNow(
            queue_id=info.queue_id,
            name=info.name or info.queue_id,
            claimable=info.claimable,
            size=info.size,
            oldest_at=oldest.get(info.queue_id) if info.size else None,
        )
        for info in await parts.board.queues(org)
    ]


def _speeds(rules: OrgRules, arrivals: list[ArrivedLead], by: ReportGrouping) -> list[SpeedBy]:
    by_key: defaultdict[str | None, list[ArrivedLead]] = defaultdict(list)
    for arrival in arrivals:
        by_key[key_of(rules, arrival, by)].append(arrival)
    lines = []
    for key, ones in by_key.items():
        fast = speed(ones)
        lines.append(
            SpeedBy(
                key=key,
                name=name_of(rules, key, by),
                arrivals=len(ones),
                first_claims=fast.leads,
                p50_seconds=fast.p50_seconds,
                p95_seconds=fast.p95_seconds,
            )
        )
    return sorted(lines, key=lambda line: (-line.arrivals, line.name.casefold()))
