"""Pairs each event of a partition's log with its record in the journal, by offset, in one pass."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final

import msgspec

NO_OFFSET: Final = -1


class EventAndRecord(msgspec.Struct, frozen=True, gc=False):
    """An event and its record. One of the two may be missing, but not both.

    `log` is aiokafka's record; so is `journal`, unless it is an `OrgRecordBatch`. `off`: the event's offset, or -1 if
    the record gives none. `repeat`: the record does not exceed the highest offset so far, so every reader of the
    journal skips it (design.md, the journal).
    """

    off: int
    log: Any
    journal: Any
    repeat: bool = False


class OrgRecordBatch(msgspec.Struct, frozen=True, gc=False):
    """The journal records of one event of `org-log`: a step, then rows; or what compaction has kept of them.

    `records`: aiokafka's, including unreadable ones.
    """

    off: int
    records: list[Any]


class _RowHeader(msgspec.Struct, gc=False):
    off: int
    row: str = ""


_ROW_HEADERS: Final = msgspec.json.Decoder(_RowHeader)
_STEP: Final = "org_step"
"""The row that begins a batch (`models.org_decisions.OrgStep`)."""


def off_of(record: Any) -> int:
    """Return the offset of the event a journal record comes from. `NO_OFFSET` where it cannot be read."""
    header = _header(record)
    return NO_OFFSET if header is None else header.off


async def batches(journal: AsyncIterator[Any]) -> AsyncGenerator[OrgRecordBatch, None]:
    """Yield the records of one partition of `org-journal`, event by event.

    An unreadable record belongs to the event of the records around it.
    """
    batch: OrgRecordBatch | None = None
    unread: list[Any] = []
    async for record in journal:
        header = _header(record)
        if header is None:
            unread.append(record)
            continue
        if batch is None or header.off != batch.off or header.row == _STEP:
            if batch is not None:
                if header.row == _STEP:
                    batch.records.extend(unread)
                    unread = []
                yield batch
            batch = OrgRecordBatch(header.off, [])
        batch.records.extend((*unread, record))
        unread = []
    batch = batch or (OrgRecordBatch(NO_OFFSET, []) if unread else None)
    if batch is not None:
        batch.records.extend(unread)
        yield batch


async def paired_records(
    journal: AsyncIterator[Any], log: AsyncIterator[Any], off_in: Callable[[Any], int] = off_of
) -> AsyncIterator[EventAndRecord]:
    """Yield the events of one partition in order with their records. Repeats are yielded at their own position.

    Events without a record, and records without an event, are yielded alone. The journal is read first, so that the
    log, which is read afterwards, contains the event of each journal record.
    """
    highest = NO_OFFSET
    record = await anext(journal, None)
    event = await anext(log, None)
    while record is not None:
        off = off_in(record)
        if off <= highest:
            yield EventAndRecord(off, None, record, repeat=off != NO_OFFSET)
        else:
            highest = off
            while event is not None and event.offset < off:
                yield EventAndRecord(event.offset, event, None)
                event = await anext(log, None)
            if event is not None and event.offset == off:
                yield EventAndRecord(off, event, record)
                event = await anext(log, None)
            else:
                yield EventAndRecord(off, None, record)
        record = await anext(journal, None)
    while event is not None:
        yield EventAndRecord(event.offset, event, None)
        event = await anext(log, None)


def _header(record: Any) -> _RowHeader | None:
    try:
        return _ROW_HEADERS.decode(record.value or b"")
    except msgspec.MsgspecError:
        return None
