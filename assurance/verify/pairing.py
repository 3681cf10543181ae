"""Pairs each event of a partition's log with its record in the journal, by offset, in one pass."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final

import msgspec

NO_MARK: Final = -1


class Pair(msgspec.Struct, frozen=True, gc=False):
    """An event and its record; one of the two may be missing, but not both.

    `log` is aiokafka's record, `journal` too, or a `Batch` of them. `off`: the event's offset. `repeat`: the record
    does not exceed the mark; every reader of the journal skips it (design.md, the journal). `off` -1: it says none.
    """

    off: int
    log: Any
    journal: Any
    repeat: bool = False


class Batch(msgspec.Struct, frozen=True, gc=False):
    """The records of one event of `org-log` in its journal: a step, then rows; or what compaction has kept of them.

    `records`: aiokafka's, those that cannot be read included.
    """

    off: int
    records: list[Any]


class _Mark(msgspec.Struct, gc=False):
    off: int
    row: str = ""


_MARKS: Final = msgspec.json.Decoder(_Mark)
_STEP: Final = "org_step"
"""The row that begins a batch (`models.org_decisions.OrgStep`)."""


def off_of(record: Any) -> int:
    """Return the offset of the event a journal record comes from; `NO_MARK` where it cannot be read."""
    mark = _mark(record)
    return NO_MARK if mark is None else mark.off


async def batches(journal: AsyncIterator[Any]) -> AsyncGenerator[Batch, None]:
    """Yield the records of one partition of `org-journal`, event by event.

    One that cannot be read belongs to the event whose records surround it.
    """
    batch: Batch | None = None
    unread: list[Any] = []
    async for record in journal:
        mark = _mark(record)
        if mark is None:
            unread.append(record)
            continue
        if batch is None or mark.off != batch.off or mark.row == _STEP:
            if batch is not None:
                if mark.row == _STEP:
                    batch.records.extend(unread)
                    unread = []
                yield batch
            batch = Batch(mark.off, [])
        batch.records.extend((*unread, record))
        unread = []
    batch = batch or (Batch(NO_MARK, []) if unread else None)
    if batch is not None:
        batch.records.extend(unread)
        yield batch


async def paired(
    journal: AsyncIterator[Any], log: AsyncIterator[Any], off_in: Callable[[Any], int] = off_of
) -> AsyncIterator[Pair]:
    """Yield the events of one partition in order with their records; repeats come where they are.

    Events without a record, and records without an event, are yielded alone. The journal is asked first: what it
    holds has its event in the log as it is asked afterwards.
    """
    mark = NO_MARK
    record = await anext(journal, None)
    event = await anext(log, None)
    while record is not None:
        off = off_in(record)
        if off <= mark:
            yield Pair(off, None, record, repeat=off != NO_MARK)
        else:
            mark = off
            while event is not None and event.offset < off:
                yield Pair(event.offset, event, None)
                event = await anext(log, None)
            if event is not None and event.offset == off:
                yield Pair(off, event, record)
                event = await anext(log, None)
            else:
                yield Pair(off, None, record)
        record = await anext(journal, None)
    while event is not None:
        yield Pair(event.offset, event, None)
        event = await anext(log, None)


def _mark(record: Any) -> _Mark | None:
    try:
        return _MARKS.decode(record.value or b"")
    except msgspec.MsgspecError:
        return None
