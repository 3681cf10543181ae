"""Finds the next lead of a list to call, from the top, and says which leads are passed over and why (M7, M8, D1).

A round is one person calling through one list. The page knows which leads the round had already, so that a lead that
comes back to the top is not called twice in a row.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from pydantic import Field

from board.reader import ListRow
from models.public import MINE
from rules.queues.columns import NAME
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem
from web.schemas import CallTime, Model
from web.services.call_times import call_times
from web.services.row_licences import why_unlicensed
from web.services.visible_queues import queue_leads_from

PAGE: Final = 100
MAX_PAGES: Final = 5
"""A round looks at the first 500 leads of a list."""


class SkippedLead(Model):
    """A lead that is not called now, and why. `call_from`: from when on it may be, if time changes that."""

    lead_id: str
    name: str
    why: str
    call_from: datetime | None = None
    time_zone: str | None = None


class NextLead(Model):
    """The next lead of a round; null if there is none. `passed`: the leads before it that may not be called now."""

    lead_id: str | None = None
    name: str | None = None
    passed: list[SkippedLead] = Field(default_factory=list)
    looked: int = Field(default=0, description="How many leads of the list were looked at")


async def next_lead(parts: Services, person: Person, queue_id: str, done_ids: Collection[str]) -> NextLead:
    """Return the first lead of a list that the person may open and call now. `done_ids`: those the round had already.

    Raises 404 for a list that the person may not see, and 409 for a claimable queue, whose leads are claimed first.
    """
    queue = parts.directory.org(person.org).queues.get(queue_id)
    if (
        queue is not None
        and queue.queue.claimable
        and person.may_see(parts.directory.org(person.org), queue_id)
    ):
        raise HttpProblem(
            HTTPStatus.CONFLICT, "claimable", "the leads of a claimable queue are claimed first"
        )
    result, start = NextLead(), 0
    for _ in range(MAX_PAGES):
        page, following = await queue_leads_from(parts, person, queue_id, start=start, limit=PAGE)
        ids = [row.lead_id for row in page.rows]
        refused = await why_unlicensed(parts, person, queue_id, ids)
        times = await call_times(parts, person, ids)
        for row in page.rows:
            result.looked += 1
            if row.lead_id in done_ids or _waits(row, queue_id):
                continue
            passed = _passed(row, refused.get(row.lead_id), times.get(row.lead_id))
            if passed is None:
                result.lead_id, result.name = row.lead_id, str(row.columns[NAME])
                return result
            result.passed.append(passed)
        if following is None:
            break
        start = following
    return result


def _waits(row: ListRow, queue_id: str) -> bool:
    """Say whether a row of the own queue is an offer, or a call that is promised for later."""
    if queue_id != MINE:
        return False
    promised = row.columns.get("callback_at")
    later = isinstance(promised, str) and datetime.fromisoformat(promised) > datetime.now(UTC)
    return row.columns.get("offer") is True or later


def _passed(row: ListRow, refused: str | None, time: CallTime | None) -> SkippedLead | None:
    name = str(row.columns[NAME])
    if refused is not None:
        return SkippedLead(lead_id=row.lead_id, name=name, why=refused.rstrip("."))
    if time is None or time.may_call:
        return None
    return SkippedLead(
        lead_id=row.lead_id,
        name=name,
        why=time.why or "it may not be called now",
        call_from=time.call_from,
        time_zone=time.time_zone,
    )
