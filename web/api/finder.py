"""Finds leads over all lists that a person may see, and queues by name, for the box that Ctrl-K opens (Q3, Q12)."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import Connection

from board.reader import NAME, ListRow, QueueInfo
from models.public import MINE
from models.spelling import cleaned
from rules.queues.rule_book import OrgRules
from sink.lists import pages
from sink.lists.list_query import ListQuery
from web.api.my_leads import leads_listing, whose
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.crm_query import ask
from web.services.visible_queues import queue_leads_from, visible

router = APIRouter(prefix="/api/v1", tags=["leads"], responses=DOCUMENTED)

MAX_LEADS: Final = 8
MAX_QUEUES: Final = 40
"""The most queues that one search reads, the first by name."""
PER_QUEUE: Final = 3
AT_ONCE: Final = 4
"""How many queues are searched at the same time."""


class FoundLead(Model):
    """A lead. `where`: the list in which it was found. `href`: its page, or the queue where it is to be claimed."""

    lead_id: str
    name: str
    where: str
    href: str


class FoundQueue(Model):
    """A queue whose name contains the text."""

    queue_id: str
    name: str
    size: int


class Found(Model):
    """What was found: leads of the own list first, then of queues; and queues by name."""

    leads: list[FoundLead] = Field(default_factory=list)
    queues: list[FoundQueue] = Field(default_factory=list)


@router.get("/find")
async def find(
    person: Annotated[Person, Depends(Access("leads:read"))],
    parts: PartsOf,
    text: Annotated[
        str, Query(min_length=1, max_length=200, description="A name; for own leads also a phone or mail")
    ],
) -> Found:
    """Find leads by name in every queue that the caller sees, and among the caller's leads also by phone and mail."""
    if not (text := cleaned(text)):
        return Found()
    infos = await visible(parts, person)
    own, queued = await asyncio.gather(
        _own_leads(parts, person, text), _queue_leads(parts, person, infos, text)
    )
    leads = list(
        {lead.lead_id: lead for lead in (*queued, *own)}.values()
    )  # a lead of one's own opens as such
    folded = text.casefold()
    return Found(
        leads=sorted(leads, key=lambda lead: not lead.name.casefold().startswith(folded))[:MAX_LEADS],
        queues=[
            FoundQueue(queue_id=info.queue_id, name=info.name or info.queue_id, size=info.size)
            for info in infos
            if folded in (info.name or info.queue_id).casefold()
        ][:MAX_LEADS],
    )


async def _own_leads(parts: Services, person: Person, text: str) -> list[FoundLead]:
    """Return the person's own leads, or the org's for managers, newest first."""
    listing, place = leads_listing(person), "All leads" if person.oversees else "My leads"
    query = ListQuery(sort="created_at", descending=True, search=text, limit=MAX_LEADS)

    def read(connection: Connection) -> Sequence[dict[str, Any]]:
        return pages.page(connection, listing, query, whose(person)).rows

    return [
        FoundLead(
            lead_id=row["lead_id"],
            name=" ".join(filter(None, (row["first_name"], row["last_name"]))) or row["email"] or "unnamed",
            where=place,
            href=f"/leads/{row['lead_id']}",
        )
        for row in await ask(parts, read)
    ]


async def _queue_leads(
    parts: Services, person: Person, infos: Sequence[QueueInfo], text: str
) -> list[FoundLead]:
    """Return leads of queues by name, of at most `MAX_QUEUES` queues, the own queue first."""
    rules, room = parts.directory.org(person.org), asyncio.Semaphore(AT_ONCE)

    async def search(queue_id: str) -> list[FoundLead]:
        async with room:
            page, _ = await queue_leads_from(parts, person, queue_id, start=0, limit=PER_QUEUE, name=text)
        return [_in_queue(rules, queue_id, row) for row in page.rows]

    ids = [MINE, *(info.queue_id for info in infos)][:MAX_QUEUES]
    per_queue = await asyncio.gather(*map(search, ids))
    return [lead for leads in per_queue for lead in leads]


def _in_queue(rules: OrgRules, queue_id: str, row: ListRow) -> FoundLead:
    queue = rules.queues.get(queue_id)
    path = quote(queue_id, safe="")
    claims = queue is not None and queue.queue.claimable
    return FoundLead(
        lead_id=row.lead_id,
        name=str(row.columns[NAME]),
        where="My queue" if queue is None else rules.called(queue_id),
        href=f"/queues/{path}" if claims else f"/leads/{row.lead_id}?queue={path}",
    )
