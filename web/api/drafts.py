"""Serves the queue builder of managers and admins: drafts that lose no edit, publication, history, removal (Q1, Q6).

Every answer has the state's `ETag`, and every change names it by `If-Match`. If somebody else changed the queue first,
the change is refused with 412 and the differences.
"""

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Response

from application.directory.changes import differences
from application.directory.publish import publish_one
from models.errors import PublicationConflictError, RetryableError
from web.auth import MANAGERS, Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, not_found
from web.preconditions import matches, named_tags
from web.schemas import Model
from web.services.directory_edits.editor import ATTEMPTS
from web.services.draft_state import DraftState, draft_as_shown
from web.services.names import Names
from web.services.queue_editing import QueueState, drafted_value, publishable, queue_id_problem, state_of
from web.store.drafts import Draft, DraftConflictError

router = APIRouter(prefix="/api/v1/queue-drafts", tags=["queue drafts"], responses=DOCUMENTED)

READ_BACK_SECONDS: Final = 10.0
"""How long to wait until the console has read a publication back. The publication is valid in any case."""

Reads = Annotated[Person, Depends(Access("directory:read", MANAGERS))]
Writes = Annotated[Person, Depends(Access("directory:write", MANAGERS))]
Match = Annotated[
    str | None, Header(alias="If-Match", max_length=100, description="The `ETag` of the state that you saw")
]


class DraftEdit(Model):
    """A whole queue. Its rules may be unfinished until it is published."""

    value: dict[str, Any]


class Publish(Model):
    """`over`: the published version that the caller has seen, null for a queue that is not published yet."""

    over: int | None


class Revert(Model):
    """`version`: a version of the history."""

    version: int


class PublishedVersionInfo(Model):
    """A published version. `published_by` null: it was not published from the console.

    `published_by_name`: the name of that person now; the id if the org has nobody with it any more.
    """

    version: int
    value: dict[str, Any] | None
    published_by: str | None
    published_by_name: str | None
    published_at: datetime | None
    current: bool


@router.get("")
async def drafts(person: Reads, parts: PartsOf) -> list[DraftState]:
    """List every queue, published or drafted, by id."""
    rules = parts.directory.org(person.org)
    by_queue = await asyncio.to_thread(parts.drafts.all, person.org)
    states = (
        state_of(rules, queue_id, by_queue.get(queue_id)) for queue_id in sorted({*rules.queues, *by_queue})
    )
    return [draft_as_shown(state) for state in states if state is not None]


@router.get("/{queue_id:path}/history")
async def history(person: Reads, parts: PartsOf, queue_id: str) -> list[PublishedVersionInfo]:
    """List the published versions of a queue, newest first, with person and time."""
    if queue_id_problem(queue_id):
        raise not_found("queue of that name")
    editions = await asyncio.to_thread(parts.drafts.history, person.org, queue_id)
    rules = parts.directory.org(person.org)
    published, names = rules.objects.get(("queue", queue_id)), Names(rules)
    if not editions and published is None:
        raise not_found(f"queue {queue_id}")
    versions = [
        PublishedVersionInfo(
            version=edition.version,
            value=edition.value,
            published_by=edition.published_by,
            published_by_name=names.rep(edition.published_by),
            published_at=edition.published_at,
            current=published is not None and published.version == edition.version,
        )
        for edition in editions
    ]
    if published is not None and not any(version.current for version in versions):
        versions.append(
            PublishedVersionInfo(
                version=published.version,
                value=published.value,
                published_by=None,
                published_by_name=None,
                published_at=None,
                current=True,
            )
        )
    return sorted(versions, key=lambda version: version.version, reverse=True)


@router.post("/{queue_id:path}/publish")
async def publish(
    person: Writes, parts: PartsOf, response: Response, queue_id: str, body: Publish, match: Match = None
) -> DraftState:
    """Publish the draft. It takes effect on all leads, or is refused with every field and reason (Q6).

    If the same request is sent again, it is answered again and publishes nothing.
    """
    now = await current(parts, person, queue_id)
    if match is not None and now is not None and now.draft is None:
        editions = await asyncio.to_thread(parts.drafts.history, person.org, queue_id, limit=1)
        if editions and editions[0].draft in named_tags(match) and editions[0].version == now.version:
            return with_etag(response, now)
    now = _state_if_current(now, queue_id, match)
    if now.draft is None:
        raise HttpProblem(HTTPStatus.CONFLICT, "nothing-to-publish", f"{queue_id} has no unpublished changes")
    if now.version != body.over:
        raise _lost_edit_problem(
            now, now.published or {}, now.value, f"somebody else has published version {now.version}"
        )
    value = publishable(person.org, queue_id, now.value)
    return await _publish(parts, person, response, value, now)


@router.post("/{queue_id:path}/removal", status_code=HTTPStatus.NO_CONTENT)
async def remove(person: Writes, parts: PartsOf, queue_id: str, match: Match = None) -> None:
    """Remove the queue and its draft. All leads leave it; its history stays."""
    now = _state_if_current(await current(parts, person, queue_id), queue_id, match)
    if now.version is None:
        await asyncio.to_thread(parts.drafts.discard, person.org, queue_id, now.tag)
        return
    changes = differences(now.published or {}, {})
    async with parts.audit.act(person.as_actor, "removed", f"queue/{queue_id}", changes):
        version = await _publish_over(parts, person, queue_id, None, now)
    await asyncio.to_thread(
        lambda: parts.drafts.published(
            person.org, queue_id, version, None, by=person.rep_id, revision=now.tag
        )
    )
    await parts.directory.until(person.org, "queue", queue_id, version, READ_BACK_SECONDS)


@router.post("/{queue_id:path}/revert")
async def revert(
    person: Writes, parts: PartsOf, response: Response, queue_id: str, body: Revert, match: Match = None
) -> DraftState:
    """Make an older version the draft. It is published like any draft."""
    if queue_id_problem(queue_id):
        raise not_found("queue of that name")
    editions = await asyncio.to_thread(parts.drafts.history, person.org, queue_id)
    value = next(
        (edition.value for edition in editions if edition.version == body.version and edition.value), None
    )
    if value is None:
        raise not_found(f"version {body.version} of queue {queue_id} in the console's history")
    return await _save(parts, person, response, queue_id, value, match)


@router.get("/{queue_id:path}")
async def draft(person: Reads, parts: PartsOf, response: Response, queue_id: str) -> DraftState:
    """Return a queue with its draft, the differences from the published version, and the draft's problems."""
    now = await current(parts, person, queue_id)
    if now is None:
        raise not_found(f"queue {queue_id}")
    return with_etag(response, now)


@router.put("/{queue_id:path}")
async def save(
    person: Writes, parts: PartsOf, response: Response, queue_id: str, body: DraftEdit, match: Match = None
) -> DraftState:
    """Save a draft. For a new queue, omit `If-Match`. A claimable queue gets empty outcomes (Q5)."""
    return await _save(parts, person, response, queue_id, body.value, match)


@router.delete("/{queue_id:path}", status_code=HTTPStatus.NO_CONTENT)
async def discard(person: Writes, parts: PartsOf, queue_id: str, match: Match = None) -> None:
    """Discard the unpublished changes."""
    now = _state_if_current(await current(parts, person, queue_id), queue_id, match)
    if now.draft is None:
        raise not_found(f"draft of queue {queue_id}")
    try:
        await asyncio.to_thread(parts.drafts.discard, person.org, queue_id, now.draft.revision)
    except DraftConflictError as error:
        raise _overtaken_problem(error, now.value) from error


async def current(parts: Services, person: Person, queue_id: str) -> QueueState | None:
    """Return a queue's state, None if there is no such queue."""
    if queue_id_problem(queue_id):
        return None
    draft = await asyncio.to_thread(parts.drafts.find, person.org, queue_id)
    return state_of(parts.directory.org(person.org), queue_id, draft)


async def _save(
    parts: Services,
    person: Person,
    response: Response,
    queue_id: str,
    fields: dict[str, Any],
    match: str | None,
) -> DraftState:
    value = drafted_value(queue_id, fields)
    now = await current(parts, person, queue_id)
    if now is not None and not list(differences(now.value, value)):
        return with_etag(response, now)
    if now is not None or match is not None:
        now = _state_if_current(now, queue_id, match, value)
    try:
        saved = await asyncio.to_thread(
            lambda: parts.drafts.save(
                person.org,
                queue_id,
                value,
                based_on=None if now is None else now.version,
                by=person.rep_id,
                revision=now.draft.revision if now is not None and now.draft is not None else None,
            )
        )
    except DraftConflictError as error:
        raise _overtaken_problem(error, value) from error
    after = state_of(parts.directory.org(person.org), queue_id, saved)
    if after is None:
        raise not_found(f"queue {queue_id}")
    return with_etag(response, after)


async def _publish(
    parts: Services, person: Person, response: Response, value: dict[str, Any], seen_state: QueueState
) -> DraftState:
    queue_id = seen_state.queue_id
    changes = differences(seen_state.published or {}, value)
    async with parts.audit.act(person.as_actor, "published", f"queue/{queue_id}", changes):
        version = await _publish_over(parts, person, queue_id, value, seen_state)
    await asyncio.to_thread(
        lambda: parts.drafts.published(
            person.org, queue_id, version, value, by=person.rep_id, revision=seen_state.tag
        )
    )
    await parts.directory.until(person.org, "queue", queue_id, version, READ_BACK_SECONDS)
    now = await current(parts, person, queue_id)
    if now is None:
        raise not_found(f"queue {queue_id}")
    return with_etag(response, now)


async def _publish_over(
    parts: Services, person: Person, queue_id: str, value: dict[str, Any] | None, seen_state: QueueState
) -> int:
    """Publish over the version that was seen. Raises 412 if somebody else has published the queue."""
    for _ in range(ATTEMPTS):
        end = parts.directory.end
        now = state_of(parts.directory.org(person.org), queue_id, seen_state.draft)
        if now is None or now.version != seen_state.version:
            latest = seen_state if now is None else now
            why = (
                "somebody else has removed it"
                if now is None
                else f"somebody else has published version {now.version}"
            )
            raise _lost_edit_problem(latest, latest.published or {}, seen_state.value, why)
        try:
            return await publish_one(parts.settings, person.org, ("queue", queue_id), value, seen=end)
        except PublicationConflictError as error:
            await parts.directory.until_read(error.offset, READ_BACK_SECONDS)
    raise RetryableError("directory", "others keep publishing, so nothing was published; try again")


def with_etag(response: Response, state: QueueState) -> DraftState:
    """Return a state, and set its tag as `ETag`."""
    response.headers["ETag"] = f'"{state.tag}"'
    return draft_as_shown(state)


def _state_if_current(
    now: QueueState | None, queue_id: str, match: str | None, value: dict[str, Any] | None = None
) -> QueueState:
    """Return the state if it is the one that was seen. Raises 404, 412 and 428."""
    if now is None:
        raise not_found(f"queue {queue_id}")
    if match is None:
        raise HttpProblem(
            HTTPStatus.PRECONDITION_REQUIRED, "if-match", "If-Match is missing: name the version that you saw"
        )
    if not matches(match, now.tag):
        by = f"{now.draft.updated_by} has changed it" if now.draft else "it was published or reset"
        raise _lost_edit_problem(
            now, now.value, now.value if value is None else value, f"{by} since you saw it"
        )
    return now


def _lost_edit_problem(
    now: QueueState, theirs: dict[str, Any], yours: dict[str, Any], why: str
) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.PRECONDITION_FAILED,
        "overtaken",
        f"{now.queue_id}: {why}",
        etag=now.tag,
        version=now.version,
        changes=[
            {"path": difference.path, "theirs": difference.old, "yours": difference.new}
            for difference in differences(theirs, yours)
        ],
    )


def _overtaken_problem(error: DraftConflictError, yours: dict[str, Any]) -> HttpProblem:
    now: Draft | None = error.now
    theirs = {} if now is None else now.value
    reason = "somebody has published or reset it" if now is None else f"{now.updated_by} has changed it"
    return HttpProblem(
        HTTPStatus.PRECONDITION_FAILED,
        "overtaken",
        f"{reason} since you saw it",
        etag=None if now is None else now.revision,
        changes=[
            {"path": difference.path, "theirs": difference.old, "yours": difference.new}
            for difference in differences(theirs, yours)
        ],
    )
