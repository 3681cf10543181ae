"""Keeps the due instants of one partition of leads or orgs in a heap, earliest first.

The rows hold the deadlines. The heap only points at them: an entry that its row does not confirm is dropped. A deadline
event that was appended to the log is appended again until the row changes. So a lost event, or a worker that dies
before it commits, delays a deadline but never loses it.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, Protocol

RETRY_SECONDS: Final = 5.0
"""A deadline that was appended to the log and is still in its row is appended again after this time."""
MAX_AT_ONCE: Final = 500
"""The maximum number of events appended at once. If thousands are due together, claims can be processed between
them."""
CLOCK_SECONDS: Final = 0.001
"""A broker's clock has a resolution of one millisecond, so one millisecond later it has surely reached an instant."""

Entry = tuple[Any, ...]
"""The due time (POSIX seconds), followed by values that identify the deadline and can be compared, such as `(due, key,
epoch)`."""


def fires_at(due: datetime) -> float:
    """Return the first instant (POSIX seconds) that is surely not before `due` by a broker's clock."""
    return due.timestamp() + CLOCK_SECONDS


class DueHeap:
    """A heap of entries that point at what is due in one partition. Times are POSIX seconds.

    There is one entry for each open deadline. An entry that was taken comes back after `RETRY_SECONDS`, and is then due
    at that time, so that it never delays what was not taken yet. If the clock has gone back since, it was ahead when
    the entry was taken: then the entry comes back at once, due as before.
    """

    __slots__ = ("_entries", "_handed_out")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._handed_out: deque[tuple[float, Entry]] = deque()

    def __len__(self) -> int:
        return len(self._entries) + len(self._handed_out)

    def push(self, entry: Entry) -> None:
        """Add an entry for one deadline."""
        heapq.heappush(self._entries, entry)

    def push_again(self, entry: Entry) -> None:
        """Add the entry of a deadline whose event was decided, and which is due again at the same instant.

        It replaces the entry that was taken, so the deadline need not wait for `RETRY_SECONDS`.
        """
        self._handed_out = deque(pair for pair in self._handed_out if pair[1][1:] != entry[1:])
        self.push(entry)

    def rebuild(self, entries: Iterable[Entry]) -> None:
        """Replace all entries by these."""
        self._entries[:] = entries
        self._handed_out.clear()
        heapq.heapify(self._entries)

    def next_due(self, now: float | None = None) -> float | None:
        """Return when the next deadline is due, or due again at `now`; None if there is none."""
        if now is not None:
            self._put_back(now)
        entry = self._entries[0][0] if self._entries else None
        retry_at = self._handed_out[0][0] + RETRY_SECONDS if self._handed_out else None
        return min((at for at in (entry, retry_at) if at is not None), default=None)

    def _put_back(self, now: float) -> None:
        handed_out = self._handed_out
        while handed_out:
            at, entry = handed_out[0]
            if at <= now < at + RETRY_SECONDS:
                return
            handed_out.popleft()
            heapq.heappush(self._entries, entry if now < at else (at + RETRY_SECONDS, *entry[1:]))

    def take(self, now: float, event_of: Callable[[Entry], Any], limit: int = MAX_AT_ONCE) -> list[Any]:
        """Return the events that are due at `now`, at most `limit`.

        `event_of` looks up the row that an entry points at. It returns the event, or None if the row has changed.
        """
        self._put_back(now)
        entries = self._entries
        events: list[Any] = []
        while entries and entries[0][0] <= now and len(events) < limit:
            entry = heapq.heappop(entries)
            if entries and entries[0] == entry:
                continue  # a deadline that moved away and back to the same instant has two entries
            event = event_of(entry)
            if event is not None:
                events.append(event)
                self._handed_out.append((now, entry))
        return events


class TimedPartition(Protocol):
    """A partition of leads or orgs that knows its due deadlines."""

    partition: int
    deadlines: DueHeap

    def due(self, now: float, limit: int) -> list[Any]:
        """Return the events that are due at `now`, at most `limit`."""


def due_events(
    partitions: Iterable[TimedPartition], now: float, limit: int = MAX_AT_ONCE
) -> Iterator[tuple[int, Any]]:
    """Yield the events that are due at `now` with their partitions, at most `limit`.

    The partition with the earliest due time comes first.
    """
    waiting = [
        (due, timed.partition, timed)
        for timed in partitions
        if (due := timed.deadlines.next_due(now)) is not None and due <= now
    ]
    for _, partition, timed in sorted(waiting, key=lambda entry: entry[:2]):
        if limit <= 0:
            return
        events = timed.due(now, limit)
        limit -= len(events)
        for event in events:
            yield partition, event
