"""Serves operations for managers and admins: numbers over a window, lags, and dead letters with their replay."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from application.dead_letters import replay, show_letter
from application.replay import NotReplayable
from models.audit import AuditDifference
from models.errors import ConfigError, RuntimeFailure
from web.auth import MANAGERS, Access, PartsOf, Person
from web.errors import DOCUMENTED, HttpProblem, not_found
from web.schemas import Model
from web.services.operations.lag_sampler import KEPT
from web.services.operations.measures import Window
from web.services.operations.numbers import DeadLetter, Operations, newest_letters, numbers

router = APIRouter(prefix="/api/v1/operations", tags=["operations"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("operations:read", MANAGERS))]
Writes = Annotated[Person, Depends(Access("operations:write", MANAGERS))]
PlaceOf = Annotated[str, Path(pattern=r"^[0-9]{1,9}:[0-9]{1,18}$", description="PARTITION:OFFSET")]


class DeadLetterDetail(DeadLetter):
    """A dead letter with the original message. Bytes that are not text are shown with backslashes."""

    key: str
    value: str
    headers: dict[str, str]


class ReplayedLetter(Model):
    """The topic to which a dead letter was sent again."""

    place: str
    topic: str


@router.get("")
async def operations(
    person: Reads,
    parts: PartsOf,
    minutes: Annotated[Window, Query(description="How far back")] = Window.HOUR,
    samples: Annotated[
        int, Query(ge=0, le=KEPT, description="How many samples of the lag, newest first")
    ] = 150,
) -> Operations:
    """Return the org's numbers for the last minutes, and the lag of each stage."""
    return await numbers(parts, person, minutes, samples)


@router.get("/dead-letters")
async def dead_letters(person: Reads, parts: PartsOf) -> list[DeadLetter]:
    """List the org's newest dead letters, newest first. A message that names no org belongs to the default org."""
    return newest_letters(parts, person)


@router.get("/dead-letters/{place}")
async def dead_letter(person: Reads, parts: PartsOf, place: PlaceOf) -> DeadLetterDetail:
    """Return a dead letter with the original message."""
    letter = parts.operations.letters.find(person.org, place)
    if letter is None:
        raise not_found(f"dead letter {place} among the newest")
    try:
        original = await show_letter(parts.settings, place)
    except RuntimeFailure as error:
        raise not_found(f"dead letter {place} any more: {error.reason}") from error
    answer = DeadLetter.model_validate(letter)
    return DeadLetterDetail(
        **answer.model_dump(), key=original["key"], value=original["value"], headers=original["headers"]
    )


@router.post("/dead-letters/{place}/replay")
async def replay_letter(person: Writes, parts: PartsOf, place: PlaceOf) -> ReplayedLetter:
    """Send a dead letter again, byte for byte, to its topic. If it was already handled, nothing changes (X4)."""
    letter = parts.operations.letters.find(person.org, place)
    if letter is None:
        raise not_found(f"dead letter {place} among the newest")
    topic = letter.source.partition(":")[0]
    if not letter.replayable:
        raise HttpProblem(
            409, "not-replayable", f"a message of {topic} that failed for this reason is not sent again"
        )
    differences = [
        AuditDifference("error_class", None, letter.error_class),
        AuditDifference("source", None, letter.source),
    ]
    async with parts.audit.act(person.as_actor, "dead_letter_replayed", f"dead-letter/{place}", differences):
        try:
            mark = await replay(parts.settings, place, by=person.rep_id)
        except NotReplayable as refused:
            raise HttpProblem(409, "not-replayable", refused.reason) from refused
        except ConfigError as denied:
            raise HttpProblem(503, "unavailable", str(denied)) from denied
    parts.operations.letters.note_mark(place, mark)
    return ReplayedLetter(place=place, topic=topic)
