"""Serves the call queue: the lists a rep may see, live, and the claim (Q3, Q7, Q8, Q9, Q12)."""

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from board.reader import QueueInfo
from models.public import MINE
from rules.language.catalogue import FIELDS
from rules.queues.rule_book import OrgRules
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.pages.page_context import data, render
from web.services.call_times import call_times_in, shows_call_times
from web.services.list_words import OWN_QUEUE, sorted_by
from web.services.possible_owners import ALL_MOVES
from web.services.queue_reason import queue_reason
from web.services.row_licences import why_unlicensed
from web.services.visible_queues import list_and_queues, visible
from web.store.views import CustomView

router = APIRouter(include_in_schema=False)
Reads = Annotated[Person, Depends(Access("queues:read"))]

WINDOW: Final = 50
"""How many rows a page shows at once, however long the queue is."""
RESERVE: Final = 100
"""How many rows a page holds below the shown ones. They move up when rows leave, without a request."""


@router.get("/queues")
@router.get("/queues/{queue_id:path}")
async def call_queue(
    request: Request, person: Reads, parts: PartsOf, queue_id: str | None = None, tab: str | None = None
) -> Response:
    """Show a queue beside the list of all queues. Without a name, show the first queue that the person may see."""
    read = parts.directory.end  # before anything is read by it
    chosen, page, queues = await list_and_queues(parts, person, queue_id, limit=WINDOW + RESERVE)
    info = next((queue for queue in queues if queue.queue_id == chosen), None)
    prepared = info is None and chosen != MINE  # it is published, and the board does not have it yet
    lead_ids = [row.lead_id for row in page.rows]
    rules = parts.directory.org(person.org)
    times = await call_times_in(parts, person, page.rows) if shows_call_times(rules, chosen) else None
    refused = await why_unlicensed(parts, person, chosen, lead_ids)
    moves = ALL_MOVES[:-1] if info and person.oversees else ()  # no list of the board has closed leads
    shown = {
        "queue_id": page.queue_id,
        "api": chosen,
        "size": page.size,
        "as_of": page.as_of,
        "directory": read,
        "window": WINDOW,
        "reserve": RESERVE,
        "claimable": bool(info and info.claimable),
        "mine": chosen == MINE,
        "prepared": prepared,
        "columns": [] if prepared else columns_of(info),
        "call_times": None
        if times is None
        else {lead: time.model_dump(mode="json") for lead, time in times.items()},
        "selects": bool(moves),
        "outcomes": list(info.outcomes) if info else [],
        "rows": [
            {
                "lead_id": row.lead_id,
                "rank": row.rank,
                "version": row.version,
                "columns": row.columns,
                "may_claim": False if row.lead_id in refused else None,
                "why_not": refused.get(row.lead_id),
            }
            for row in page.rows
        ],
    }
    return render(
        request,
        person,
        "call_queue.html",
        chosen=chosen,
        info=info,
        heading=rules.called(chosen) if prepared else info.name or info.queue_id if info else "My queue",
        prepared=prepared,
        sorted_by=order_of(rules, chosen, info),
        queue_reason=queue_reason(rules, chosen, oversees=person.oversees) if info else None,
        round=chosen == MINE or bool(info and not info.claimable),
        custom=tab == "custom",
        moves=moves,
        list_data=data(shown),
        queues=queues,
        views=await views_of(parts, person),
    )


async def shelf(parts: Services, person: Person) -> dict[str, Any]:
    """Return the content of the two tabs: the queues that a person may see, and the person's views (Q1, Q4)."""
    return {"queues": await visible(parts, person), "views": await views_of(parts, person)}


async def views_of(parts: Services, person: Person) -> list[CustomView]:
    """Return the views that a person has saved."""
    return await asyncio.to_thread(parts.views.all, person.org, person.rep_id)


def order_of(rules: OrgRules, queue_id: str, info: QueueInfo | None) -> str:
    """Return the order of a list in words. `info`: what the board knows of it; None for a person's own queue, too."""
    if info is not None:
        return sorted_by(info.sort)
    published = rules.queues.get(queue_id)
    if published is None:
        return OWN_QUEUE
    order = published.queue.sort
    return sorted_by({"field": order.field, "direction": order.direction})


def columns_of(info: QueueInfo | None) -> list[dict[str, Any]]:
    """Return a list's columns with their labels and types. A blind queue has no column except the name (Q3)."""
    if info is None:
        return [
            {"name": name, "label": label, "type": kind}
            for name, label, kind in (
                ("state", "State", "choice"),
                ("loan_purpose", "Loan purpose", "choice"),
                ("loan_amount", "Loan amount", "number"),
                ("phone", "Phone", "text"),
                ("callback_at", "Call back", "date"),
                ("assigned_at", "Assigned", "date"),
                ("last_outcome", "Last outcome", "text"),
            )
        ]
    return described_fields(info.columns)


def described_fields(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return fields of the catalogue as columns with labels and types. Unknown fields are left out."""
    columns = []
    for name in names:
        field = FIELDS.get(name)
        if field is not None:
            columns.append({"name": name, "label": field.label, "type": str(field.type), "unit": field.unit})
    return columns
