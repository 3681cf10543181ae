"""Serves the page on which a person chooses notifications, and turns push messages of this browser on (N3, N8)."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from web.auth import Access, PartsOf, Person
from web.pages.page_context import data, render
from web.services.directory_edits.editor import current_publication
from web.services.notify_choice import notify_choice

router = APIRouter(include_in_schema=False)

NEWS: Final = (
    ("offers", "Leads that are offered to you", ("email", "push", "call")),
    ("assignments", "Leads that you got or lost", ("email", "push")),
    ("inquiries", "Another inquiry of a lead of yours", ("email", "push")),
    ("callbacks", "A promised call is due", ("email", "push")),
)
"""Kind of news, its label, and the ways in which it comes."""
DIGESTS: Final = ("digests", "Leads that need a decision, once an hour", ("email",))
"""For managers only."""
WAYS: Final = (("email", "Mail"), ("push", "Push"), ("call", "Call"))


@router.get("/notifications")
async def notifications(
    request: Request, parts: PartsOf, person: Annotated[Person, Depends(Access("account:read"))]
) -> Response:
    """Show the choice."""
    chosen = notify_choice(parts, person)
    rules = parts.directory.org(person.org)
    own = current_publication(rules, ("rep", person.rep_id))
    zone = ((own.value or {}).get("time_zone") if own else None) or rules.settings.time_zone or "UTC"
    return render(
        request,
        person,
        "notifications.html",
        news=(*NEWS, DIGESTS) if person.oversees else NEWS,
        ways=WAYS,
        chosen=chosen,
        zone=zone,
        notify_data=data(chosen or {}),
    )
