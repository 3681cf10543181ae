"""Converts an org's numbers and its newest dead letters to the form of the API and the operations page."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from rules.queues.rule_book import OrgRules
from sink.measures import ClaimCounts, FirstOwnerSpeed
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.operations.measures import GroupShares, OrgMeasures


class Minute(Model):
    """What happened in one minute. Seconds are null if no lead got its first owner."""

    at: datetime
    arrived: int
    won: int
    lost: int
    first_owners: int
    p50_seconds: float | None
    p95_seconds: float | None


class FirstClaim(Model):
    """How long leads that got their first owner in the window had waited since their arrival."""

    count: int
    p50_seconds: float | None
    p95_seconds: float | None


class OffersOf(Model):
    """Offers of one method: those made in the window, and results of those that ended in it. A ring is one offer."""

    method: str
    made: int
    claimed: int
    timeout: int
    declined: int
    voided: int


class RepShare(Model):
    """How many leads a rep of a group got, and how often it was passed over, by reason. `rep_id` null: unnamed reps."""

    rep_id: str | None
    name: str
    weight: int | None = Field(description="Null for who is not on the roster now")
    offered: int
    claimed: int
    timeout: int
    declined: int
    voided: int
    skipped: dict[str, int]


class GroupShare(Model):
    """How a group's leads were shared. `nobody`: how often no rep could be given a lead, by reason."""

    group_id: str
    name: str
    method: str
    reps: list[RepShare]
    nobody: dict[str, int]


class LagSample(Model):
    """The number of records each stage had not handled yet, at an instant, for the whole installation."""

    at: datetime
    lag: dict[str, int]


class Operations(Model):
    """An org's numbers. `since`: the start of the counted interval. `cut`: there was too much to count all of it."""

    as_of: datetime
    window_minutes: int
    since: datetime
    cut: bool
    minutes: list[Minute]
    first_claim: FirstClaim
    offers: list[OffersOf]
    exceptions_raised: dict[str, int]
    exceptions_open: dict[str, int]
    phases: dict[str, int]
    groups: list[GroupShare]
    lag: list[LagSample]
    dead_letters: int


class DeadLetter(Model):
    """A message that could not be accepted, and why."""

    place: str
    error_class: str
    reason: str
    source: str
    failed_at: str
    replayable: bool
    replayed_at: datetime | None
    replayed_by: str | None = Field(description="A rep. Null for the command line")
    skipped_at: datetime | None
    skipped_why: str


def newest_letters(parts: Services, person: Person) -> list[DeadLetter]:
    """Return the org's newest dead letters in the API's form."""
    return [DeadLetter.model_validate(letter) for letter in parts.operations.letters.of(person.org)]


async def numbers(parts: Services, person: Person, minutes: int, samples: int) -> Operations:
    """Return an org's numbers in the API's form."""
    rules = parts.directory.org(person.org)
    measures = await parts.operations.measures.of(rules, minutes)
    history = parts.operations.sampler.samples
    return Operations(
        as_of=measures.at,
        window_minutes=minutes,
        since=measures.since,
        cut=measures.cut,
        minutes=[_minute(measures, n) for n in range(minutes)],
        first_claim=FirstClaim(
            count=measures.speed.leads, p50_seconds=measures.speed.p50, p95_seconds=measures.speed.p95
        ),
        offers=[OffersOf(method=method, **offered._asdict()) for method, offered in measures.offers.items()],
        exceptions_raised=measures.raised,
        exceptions_open=measures.open,
        phases=measures.phases,
        groups=[_group(rules, group) for group in measures.groups],
        lag=[
            LagSample(at=sample.at, lag=sample.lag)
            for sample in (list(history)[-samples:] if samples else ())
        ],
        dead_letters=len(parts.operations.letters.of(person.org)),
    )


def _minute(measures: OrgMeasures, n: int) -> Minute:
    newest = measures.at.replace(second=0, microsecond=0)
    at = newest - timedelta(minutes=measures.minutes - 1 - n)
    claims = measures.claims.get(at, ClaimCounts(0, 0))
    speed = measures.speeds.get(at, FirstOwnerSpeed(0, None, None))
    return Minute(
        at=at,
        arrived=measures.arrivals.get(at, 0),
        won=claims.won,
        lost=claims.lost,
        first_owners=speed.leads,
        p50_seconds=speed.p50,
        p95_seconds=speed.p95,
    )


def _group(rules: OrgRules, group: GroupShares) -> GroupShare:
    def name_of(rep_id: str) -> str:
        rep = rules.reps.get(rep_id)
        return (rep.name if rep else "") or rep_id

    reps: list[Any] = [
        RepShare(
            rep_id=rep_id or None,
            name=name_of(rep_id) if rep_id else "others, not named",
            weight=group.weights.get(rep_id),
            **share._asdict(),
        )
        for rep_id, share in group.shares.items()
    ]
    return GroupShare(
        group_id=group.group_id, name=group.name, method=group.method, reps=reps, nobody=group.nobody
    )
