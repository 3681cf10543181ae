"""A page that is read while a queue is published shows that queue, or hears of it (Q4)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from board import keys
from board.reader import Reader
from board.writer import BoardWriter, read_change
from models.public import MINE
from rules.queues.rule_book import OrgRules
from web.auth import Person
from web.services.visible_queues import list_and_queues

if TYPE_CHECKING:
    import redis.asyncio

ORG = "acme"
MIA = Person(org=ORG, rep_id="mia", name="Mia", role="admin", teams=frozenset({"*"}))
QUEUE: dict[str, Any] = {
    "queue_id": "fresh",
    "change": "defined",
    "name": "Fresh",
    "description": "Claim these leads!",
    "claimable": True,
    "columns": ["state"],
    "sort": {"field": "loan_amount", "direction": "desc"},
    "teams": ["*"],
    "outcomes": [],
    "version": 1,
    "org": ORG,
}


async def test_q4_a_queue_that_comes_while_a_page_is_read_is_on_the_page(client: redis.asyncio.Redis) -> None:
    await client.set(keys.CURRENT, "g")
    writer = BoardWriter(client)

    class PublishedMeanwhile(Reader):
        """A board to which a queue is written right before a page of it is read."""

        async def page(self, *args: Any, **more: Any) -> Any:
            await writer.apply("g", [read_change(msgspec.json.encode(QUEUE))], {})
            return await super().page(*args, **more)

    board = PublishedMeanwhile(client)
    queue: Any = None  # nobody looks at its rules
    rules = OrgRules(ORG, queues={"fresh": queue})
    parts: Any = SimpleNamespace(board=board, directory=SimpleNamespace(org=lambda _: rules))
    chosen, page, queues = await list_and_queues(parts, MIA, None, limit=10)
    assert chosen == MINE
    later = await board.feed(ORG, page.as_of)
    assert later == [], "the stream from the page's position on does not tell of it"
    assert [one.queue_id for one in queues] == ["fresh"]
