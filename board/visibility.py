"""Reduces lists to what people may see: names and the queue's own columns (Q3, Q7).

A sort key reveals the value of the field it is made of. Columns are checked against the queue's current definition
when they are read. So a queue that became blind shows only names at once, before its leads are evaluated again.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from board import keys
from models.public import personal_queue
from rules.queues.columns import MAY_CALL, PHONE

NAME: Final = "name"

Visible = frozenset[str] | None
"""The columns that may be shown. None means all."""


class QueueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A queue of the catalogue, as published, and the number of leads in it."""

    queue_id: str
    name: str
    description: str
    claimable: bool
    columns: tuple[str, ...]
    sort: dict[str, str]
    teams: tuple[str, ...]
    outcomes: tuple[str, ...]
    version: int
    change: str = "defined"
    size: int = 0

    @property
    def removed(self) -> bool:
        """Whether an admin has removed it."""
        return self.change == "removed"


class ListRow(msgspec.Struct, frozen=True):
    """One lead in a list. `rank`: its position, from 0. `version`: the lead's version when it came or last moved."""

    lead_id: str
    rank: int
    version: int
    columns: dict[str, Any]


class BoardPage(msgspec.Struct, frozen=True, kw_only=True):
    """Leads of a list, by rank. `queue` is None for a rep's own queue and for one that is not published.

    `as_of` is the org's newest feed entry at the instant the page was taken. The page contains that entry and all
    before it, and none after it (`position`).
    """

    queue_id: str
    size: int
    rows: tuple[ListRow, ...]
    as_of: str
    queue: QueueInfo | None = None


class _Licensing(msgspec.Struct):
    licence_state: str | None = None


def definition(value: bytes) -> QueueInfo:
    """Parse a queue's definition as the board stores it."""
    return msgspec.json.decode(value.partition(b" ")[2], type=QueueInfo)


def visible(queue_id: str, info: QueueInfo | None) -> Visible:
    """Return which columns of a queue may be shown. Only a rep's own queue, which has no definition, shows all (Q3).

    A queue that shows the phone number also shows whether it may be called (M8).
    """
    if info is not None:
        columns = frozenset() if info.removed else frozenset(info.columns)
        return columns | ({NAME, MAY_CALL} if PHONE in columns else {NAME})
    return None if queue_id.startswith(personal_queue("")) else frozenset({NAME})


def visible_columns(columns: bytes, may: Visible) -> dict[str, Any]:
    """Return a lead's columns (JSON) without those that may not be shown."""
    everything: dict[str, Any] = msgspec.json.decode(columns)
    everything.pop(keys.LICENCE_STATE, None)
    return everything if may is None else {name: value for name, value in everything.items() if name in may}


def state_in(columns: bytes) -> str | None:
    """Return the state by which lists say who has the licence (M6); None if unknown."""
    return msgspec.json.decode(columns, type=_Licensing).licence_state


def page(queue_id: str, answer: Any) -> BoardPage:
    """Return the page from the result of `page.lua`."""
    size, defined, leads, ranks, values, as_of = answer
    info = definition(defined) if defined is not None else None
    rows = tuple(_rows(leads, ranks, values, visible(queue_id, info)))
    if info is not None:
        info = None if info.removed else msgspec.structs.replace(info, size=size)
    return BoardPage(queue_id=queue_id, size=size, rows=rows, queue=info, as_of=as_of.decode())


def page_with_rows(page: BoardPage, rows: Iterable[ListRow]) -> BoardPage:
    """Return a page with these rows."""
    return msgspec.structs.replace(page, rows=tuple(rows))


def _rows(
    leads: Iterable[bytes], ranks: Iterable[int], values: Iterable[bytes | None], may: Visible
) -> Iterable[ListRow]:
    for lead, rank, value in zip(leads, ranks, values, strict=True):
        if value is not None:
            version, _, columns = keys.read_row(value)
            yield ListRow(lead.decode(), rank, version, visible_columns(columns, may))
