"""Instants at which something is due in one partition, the earliest first: of leads and of orgs.

The rows hold the deadlines. The heap only points at them: an entry that its row does not confirm is dropped. A deadline
that was appended to the log is appended again until its row has moved on. So an event that never arrived, or a worker
that died between, delays a deadline and never loses it.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, Protocol

RETRY_SECONDS: Final = 5.0
"""A deadline that was appended to the log and is still in its row is appended again after so long."""
MOST_AT_ONCE: Final = 500
"""At most so many events are appended in one go. Thousands due together leave room for claims between them."""
CLOCK_SECONDS: Final = 0.001
"""A broker's clock has whole milliseconds. One millisecond later it has surely reached an instant."""

Entry = tuple[Any, ...]
"""When something is due (POSIX seconds), then what names it and compares: `(due, key, epoch)`, for one."""


def fires_at(due: datetime) -> float:
    """Return the first instant (POSIX seconds) that is surely not before `due` by a broker's clock."""
    return due.timestamp() + CLOCK_SECONDS


class DueHeap:
    """Points at what is due in one partition. Times are POSIX seconds. There are as many entries as open deadlines."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, entry: Entry) -> None:
        """Point at one deadline."""
        heapq.heappush(self._entries, entry)

    def rebuild(self, entries: Iterable[Entry]) -> None:
        """Point at these deadlines and at no others."""
        self._entries[:] = entries
        heapq.heapify(self._entries)

    def next_due(self) -> float | None:
        """Return when the next deadline is due; None if there is none."""
        return self._entries[0][0] if self._entries else None

    def take(self, now: float, event_of: Callable[[Entry], Any], most: int = MOST_AT_ONCE) -> list[Any]:
        """Return the events of what is due at `now`, at most `most`.

        `event_of` looks at the row an entry points at. It returns the event, or None if the row has moved on.
        """
        entries = self._entries
        events: list[Any] = []
        while entries and entries[0][0] <= now and len(events) < most:
            entry = heapq.heappop(entries)
            event = event_of(entry)
            if event is not None:
                events.append(event)
                heapq.heappush(entries, (now + RETRY_SECONDS, *entry[1:]))
        return events


class TimedPartition(Protocol):
    """A partition that knows what is due in it: of leads or of orgs."""

    partition: int
    deadlines: DueHeap

    def due(self, now: float, most: int) -> list[Any]:
        """Return the events of what is due at `now`, at most `most`."""


def due_events(
    partitions: Iterable[TimedPartition], now: float, most: int = MOST_AT_ONCE
) -> Iterator[tuple[int, Any]]:
    """Yield the events that are due at `now` with their partitions, at most `most`.

    The partition that has waited longest comes first.
    """
    waiting = [
        (due, each.partition, each)
        for each in partitions
        if (due := each.deadlines.next_due()) is not None and due <= now
    ]
    for _, partition, each in sorted(waiting, key=lambda one: one[:2]):
        if most <= 0:
            return
        events = each.due(now, most)
        most -= len(events)
        for event in events:
            yield partition, event
