"""How the system does, for managers and admins: numbers over a window, lags, and dead letters with their replay."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from console.letters import replay, show_letter
from console.replay import NotReplayable
from console.web.api.schemas import Model
from console.web.errors import Problem, not_found
from console.web.operations.measured import Group, Measured, Window
from console.web.operations.sampler import KEPT
from console.web.parts import Parts
from console.web.who import MANAGERS, Access, PartsOf, Person
from models.errors import RuntimeFailure
from rules.book import OrgRules
from sink.measures import Claims, Speed

router = APIRouter(prefix="/api/v1/operations", tags=["operations"])

Reads = Annotated[Person, Depends(Access("operations:read", MANAGERS))]
Writes = Annotated[Person, Depends(Access("operations:write", MANAGERS))]
PlaceOf = Annotated[str, Path(pattern=r"^[0-9]{1,9}:[0-9]{1,18}$", description="PARTITION:OFFSET")]


class Minute(Model):
    """What happened in one minute. Seconds are null where no lead got its first owner."""

    at: datetime
    arrived: int
    won: int
    lost: int
    first_owners: int
    p50_seconds: float | None
    p95_seconds: float | None


class FirstClaim(Model):
    """How long leads that got their first owner in the window had waited since they arrived."""

    count: int
    p50_seconds: float | None
    p95_seconds: float | None


class OffersOf(Model):
    """Offers of one method: made in the window, and how those that ended in it did. A ring is one offer."""

    method: str
    made: int
    claimed: int
    timeout: int
    declined: int
    voided: int


class RepShare(Model):
    """What a rep of a group got, and how often it was passed over, by reason. `rep_id` null: reps who are not named."""

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
    """Who got how many of a group. `nobody`: how often nobody could be given a lead, by reason."""

    group_id: str
    name: str
    method: str
    reps: list[RepShare]
    nobody: dict[str, int]


class LagSample(Model):
    """Records each stage had not handled yet, at an instant; of the whole installation."""

    at: datetime
    lag: dict[str, int]


class Operations(Model):
    """An org's numbers. `since`: from when on they were counted; `cut`: there was too much to count all of it."""

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
    replayed_by: str | None


class WholeLetter(DeadLetter):
    """The same with the original: what is no text is shown with backslashes."""

    key: str
    value: str
    headers: dict[str, str]


class Replayed(Model):
    """The topic a dead letter was sent to again."""

    place: str
    topic: str


@router.get("")
async def operations(
    person: Reads,
    parts: PartsOf,
    minutes: Annotated[Window, Query(description="How far back")] = Window.HOUR,
    samples: Annotated[int, Query(ge=0, le=KEPT, description="The newest so many samples of the lag")] = 150,
) -> Operations:
    """Return what the org did in the last minutes, and how far each stage is behind."""
    return await numbers(parts, person, minutes, samples)


@router.get("/dead-letters")
async def dead_letters(person: Reads, parts: PartsOf) -> list[DeadLetter]:
    """List the org's newest dead letters, newest first; of a message that names no org, the default one's."""
    return newest_letters(parts, person)


@router.get("/dead-letters/{place}")
async def dead_letter(person: Reads, parts: PartsOf, place: PlaceOf) -> WholeLetter:
    """Return a dead letter with the original message."""
    letter = parts.operations.letters.find(person.org, place)
    if letter is None:
        raise not_found(f"dead letter {place} among the newest")
    try:
        whole = await show_letter(parts.settings, place)
    except RuntimeFailure as gone:
        raise not_found(f"dead letter {place} any more: {gone.reason}") from gone
    said = DeadLetter.model_validate(letter)
    return WholeLetter(**said.model_dump(), key=whole["key"], value=whole["value"], headers=whole["headers"])


@router.post("/dead-letters/{place}/replay")
async def replay_letter(person: Writes, parts: PartsOf, place: PlaceOf) -> Replayed:
    """Send a dead letter to the topic it came from again, byte for byte; what is known already changes nothing (X4)."""
    letter = parts.operations.letters.find(person.org, place)
    if letter is None:
        raise not_found(f"dead letter {place} among the newest")
    topic = letter.source.partition(":")[0]
    if not letter.replayable:
        raise Problem(409, "not-replayable", f"a message of {topic} that was refused so is not sent again")
    try:
        await replay(parts.settings, [place])
    except NotReplayable as refused:
        raise Problem(409, "not-replayable", refused.reason) from refused
    parts.operations.letters.replayed(letter, person.rep_id)
    return Replayed(place=place, topic=topic)


def newest_letters(parts: Parts, person: Person) -> list[DeadLetter]:
    """Return the org's newest dead letters as the API says them."""
    return [DeadLetter.model_validate(letter) for letter in parts.operations.letters.of(person.org)]


async def numbers(parts: Parts, person: Person, minutes: int, samples: int) -> Operations:
    """Return an org's numbers as the API says them."""
    rules = parts.directory.org(person.org)
    found = await parts.operations.measures.of(rules, minutes)
    kept = parts.operations.sampler.samples
    return Operations(
        as_of=found.at,
        window_minutes=minutes,
        since=found.since,
        cut=found.cut,
        minutes=[_minute(found, n) for n in range(minutes)],
        first_claim=FirstClaim(
            count=found.speed.leads, p50_seconds=found.speed.p50, p95_seconds=found.speed.p95
        ),
        offers=[OffersOf(method=method, **offered._asdict()) for method, offered in found.offers.items()],
        exceptions_raised=found.raised,
        exceptions_open=found.open,
        phases=found.phases,
        groups=[_group(rules, group) for group in found.groups],
        lag=[LagSample(at=one.at, lag=one.lag) for one in (list(kept)[-samples:] if samples else ())],
        dead_letters=len(parts.operations.letters.of(person.org)),
    )


def _minute(found: Measured, n: int) -> Minute:
    newest = found.at.replace(second=0, microsecond=0)
    at = newest - timedelta(minutes=found.minutes - 1 - n)
    claims = found.claims.get(at, Claims(0, 0))
    speed = found.speeds.get(at, Speed(0, None, None))
    return Minute(
        at=at,
        arrived=found.arrivals.get(at, 0),
        won=claims.won,
        lost=claims.lost,
        first_owners=speed.leads,
        p50_seconds=speed.p50,
        p95_seconds=speed.p95,
    )


def _group(rules: OrgRules, group: Group) -> GroupShare:
    def named(rep_id: str) -> str:
        rep = rules.reps.get(rep_id)
        return (rep.name if rep else "") or rep_id

    reps: list[Any] = [
        RepShare(
            rep_id=rep_id or None,
            name=named(rep_id) if rep_id else "others, not named",
            weight=group.weights.get(rep_id),
            **share._asdict(),
        )
        for rep_id, share in group.shares.items()
    ]
    return GroupShare(
        group_id=group.group_id, name=group.name, method=group.method, reps=reps, nobody=group.nobody
    )
