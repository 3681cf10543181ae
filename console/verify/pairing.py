"""Each event of a partition's log meets its record in the journal, by offset, in one pass over both."""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

NO_MARK: Final = -1


class Pair(msgspec.Struct, frozen=True, gc=False):
    """An event and its record; one of the two may be missing, but not both.

    `log` and `journal` are aiokafka's records. `off`: the event's offset. `repeat`: the record does not exceed
    the mark; every reader of the journal skips it (DESIGN.md, the journal). `off` -1: the record says none.
    """

    off: int
    log: Any
    journal: Any
    repeat: bool = False


class _Mark(msgspec.Struct, gc=False):
    off: int


_MARKS: Final = msgspec.json.Decoder(_Mark)


async def paired(journal: AsyncIterator[Any], log: AsyncIterator[Any]) -> AsyncIterator[Pair]:
    """Yield the events of one partition in order with their records, repeats where they come.

    Events without a record, and records without an event, are yielded alone. The journal is asked first: what it
    holds has its event in the log as it is asked afterwards.
    """
    mark = NO_MARK
    record = await anext(journal, None)
    event = await anext(log, None)
    while record is not None:
        off = _off(record)
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


def _off(record: Any) -> int:
    try:
        return _MARKS.decode(record.value or b"").off
    except msgspec.MsgspecError:
        return NO_MARK
