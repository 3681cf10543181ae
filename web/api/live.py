"""Serves one stream of changes for each open page (Server-Sent Events)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from models.public import MINE, personal_queue
from web.auth import Access, PartsOf, Person, identify
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, forbidden
from web.live.event_scopes import EVENT_SCOPES
from web.live.hub import MAX_PER_PERSON, OpenPage
from web.live.stream_entries import QUEUES
from web.services.licence_text import licensed_states

router = APIRouter(prefix="/api/v1", tags=["live"], responses=DOCUMENTED)

RETRY_MS: Final = 500
CHECK_SECONDS: Final = 30.0
"""How often an open stream checks that its person is still signed in."""


@router.get(
    "/live",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def live(
    request: Request,
    person: Annotated[Person, Depends(Access("queues:read"))],
    parts: PartsOf,
    queue: Annotated[
        list[str] | None,
        Query(max_length=200, description="Only these lists; `mine` is the person's own queue"),
    ] = None,
    after: Annotated[
        str | None, Query(max_length=50, description="`as_of` of the page that the client has")
    ] = None,
    watch: Annotated[
        list[str] | None,
        Query(max_length=50, description="Further events: `operations`, for managers and admins"),
    ] = None,
    directory: Annotated[
        int | None,
        Query(
            ge=0, le=2**62, description="The `directory` of the page; if it is older, `queues` comes first"
        ),
    ] = None,
    last_event_id: Annotated[str | None, Header(max_length=50)] = None,
) -> StreamingResponse:
    """Stream the changes from now on, or from `after` or `Last-Event-ID` on.

    Events: `list` {change, queue_id, lead_id, rank, was, size, version, columns, may_claim, why_not}: entered, left,
    moved, or `rebuilt` (read the lists again). The last two are only there if the person's licences matter (M6).
    `claiming` {queue_id, lead_id, over}: somebody else is claiming a lead of a list, or, with `over`, did not get it.
    The engine decides a moment later. `queues`: queues were added, changed or removed, or the stream may have missed
    it; look at them again. `leads`, `exceptions`, `directory`: these have changed; read them again. `acted` {lead_id,
    version}: the person did something to a lead, perhaps on another page. `moved`: others moved leads to or from the
    person (`/me/moves`). `calls` {lead_id, call_id, about, leg, event, reason, at}: what happens in the caller's
    telephone calls, as on the topic `calls`; `failed`: nobody was called. `operations` {at, lag}: a new sample, if the
    client watches it. `dead_letters`: those of the org have changed; only managers and admins get it. `beat`: nothing
    has changed for a second, and the stream is alive. A token gets the eight of these that name data only with the
    scopes `leads:read` (also for `acted`, `moved` and `calls`), `exceptions:read`, `directory:read` and
    `operations:read` (also for `dead_letters`).
    """
    if not parts.hub.has_room(person.org, person.rep_id):
        reason = f"you have {MAX_PER_PERSON} open streams, in all browsers and programs; close one"
        raise HttpProblem(429, "too-many-streams", reason, headers={"Retry-After": "10"})
    own = personal_queue(person.rep_id)

    def sees(queue_id: str) -> bool:
        return queue_id == own or person.may_see(parts.directory.org(person.org), queue_id)

    wants = None if queue is None else frozenset(own if queue_id == MINE else queue_id for queue_id in queue)
    for event in watch or ():
        if event in EVENT_SCOPES and EVENT_SCOPES[event] not in person.scopes:
            raise forbidden(f"watch: {event} needs the scope {EVENT_SCOPES[event]}, which the token lacks")
    watches = frozenset(watch or ()) if person.oversees else frozenset()
    page = OpenPage(
        person.org,
        person.rep_id,
        sees,
        wants,
        watches,
        person.scopes,
        lambda: licensed_states(parts.directory.org(person.org), person.rep_id),
    )
    return StreamingResponse(
        _stream(request, parts, page, last_event_id or after, directory),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _stream(
    request: Request, parts: Services, page: OpenPage, after: str | None, directory: int | None
) -> AsyncIterator[bytes]:
    if not parts.hub.has_room(page.org, page.rep_id):
        return  # others were opened after the request was checked
    parts.hub.count_stream(page, 1)
    try:
        await parts.hub.open(page, after)
        yield f"retry: {RETRY_MS}\n\n".encode()
        if directory is not None and directory < parts.directory.end:
            # Published since the page was made, or while it had no stream.
            yield QUEUES
        loop = asyncio.get_running_loop()
        look = loop.time() + CHECK_SECONDS
        async for chunk in page.chunks():
            if loop.time() > look:
                look = loop.time() + CHECK_SECONDS
                bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
                try:
                    await identify(request, parts, bearer or None, used=False)
                except HttpProblem:
                    yield b"event: signed-out\ndata: {}\n\n"
                    return
            yield chunk
    finally:
        parts.hub.count_stream(page, -1)
        with suppress(KeyError):
            parts.hub.close_page(page)
