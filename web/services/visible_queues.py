"""Finds the queues that a person may see and reads pages of their leads (Q3, Q4, Q7)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from typing import Final

from board.reader import BoardPage, QueueInfo
from models.errors import RetryableError
from models.public import MINE, personal_queue
from models.spelling import cleaned
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem, not_found

MAX_PAGE: Final = 500
READ_SECONDS: Final = 2.0
"""How long a list of queues waits until the console's directory has the queues that the board has already."""

_DIGITS: Final = 9
"""The most digits of a rank in a cursor."""


async def visible(parts: Services, person: Person) -> list[QueueInfo]:
    """Return the shared queues a person may see (Q4).

    The board may have a queue before this console has read its publication, which says who may see it. A page that left
    it out would not hear of it again. So this waits, but not longer than `READ_SECONDS`, because Kafka may be away. The
    org's pages read their queues again when the publication has come.
    """
    infos = await parts.board.queues(person.org)
    newest = max((info.version for info in infos), default=-1)
    if newest >= parts.directory.end:
        with suppress(RetryableError):
            await parts.directory.until_read(newest, READ_SECONDS, org=person.org)
    rules = parts.directory.org(person.org)
    return [info for info in infos if person.may_see(rules, info.queue_id)]


def board_id(parts: Services, person: Person, queue_id: str) -> str:
    """Return the board's id of a queue. Raises 404 if it does not exist or the person may not see it (Q4)."""
    if queue_id == MINE:
        return personal_queue(person.rep_id)
    if not person.may_see(parts.directory.org(person.org), queue_id):
        raise not_found(f"queue {queue_id} that you may see")
    return queue_id


async def queue_leads_from(
    parts: Services, person: Person, queue_id: str, *, start: int, limit: int, name: str | None = None
) -> tuple[BoardPage, int | None]:
    """Return leads of a queue from rank `start` on, and the next rank; None at the end."""
    on_board = board_id(parts, person, queue_id)
    if name and name.strip():
        # A text of characters that nobody sees alone names no lead.
        return await parts.board.search(person.org, on_board, cleaned(name) or name, limit=limit), None
    page = await parts.board.page(person.org, on_board, start=start, limit=limit)
    end = start + limit
    return page, end if end < page.size else None


async def list_and_queues(
    parts: Services, person: Person, queue_id: str | None, *, limit: int
) -> tuple[str, BoardPage, list[QueueInfo]]:
    """Return a queue's id, its first leads, and all queues that the person may see.

    Without `queue_id` it is the first claimable queue, or the person's own. The queues are read again after the leads:
    a page follows the board from the leads' position on, and would never show a queue that came just before it.
    """
    chosen = queue_id or next(
        (info.queue_id for info in await visible(parts, person) if info.claimable), MINE
    )
    page, _ = await queue_leads_from(parts, person, chosen, start=0, limit=limit)
    return chosen, page, await visible(parts, person)


async def leads_in(parts: Services, person: Person, queue_id: str, lead_ids: set[str]) -> BoardPage:
    """Return those of these leads (at least one) that are in a queue now, by rank. Raises 404 as `board_id` does."""
    return await parts.board.of(person.org, board_id(parts, person, queue_id), lead_ids)


def cursor_of(rank: int) -> str:
    """Return a rank as a cursor."""
    return urlsafe_b64encode(f"rank:{rank}".encode()).decode()


def rank_of(cursor: str | None) -> int:
    """Return the rank of a cursor, 0 without one. Raises 422 if the cursor is invalid."""
    if not cursor:
        return 0
    try:
        word, _, rank = urlsafe_b64decode(cursor.encode()).decode().partition(":")
        if word == "rank" and rank.isdecimal() and rank.isascii() and len(rank) <= _DIGITS:
            return int(rank)
    except ValueError:
        pass
    raise HttpProblem(422, "invalid", "cursor: is not valid; take it from `next`")
