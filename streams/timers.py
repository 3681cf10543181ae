"""Appends deadlines that are due to the log of their lead. The row is the truth; the heap is only a hint.

A heap entry that its row does not confirm is dropped. What was told is told again until the row has moved on, so a
message that never arrived, or a worker that died between, delays a deadline and never loses it.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from models.events import DeadlinePassed
from models.lead import Deadline, LeadRow
from streams.table import Row

RETRY_SECONDS: Final = 5.0
"""After so long a deadline that was told and is still in its row is told again."""
MOST_AT_ONCE: Final = 500
"""Deadlines told in one go: thousands due together leave room for claims between them."""

Tell = Callable[[int, DeadlinePassed], None]
"""Append an event to a partition of the log."""


@dataclass(slots=True)
class Timers:
    """The deadlines of the partitions we own. Times are POSIX seconds."""

    tell: Tell
    _heap: list[tuple[float, int, bytes, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, partition: int, key: bytes, row: Row, before: Row | None = None) -> None:
        """Point at the row's deadlines; those that were in the row `before` are pointed at already."""
        if not isinstance(row, LeadRow) or row.lead is None:
            return
        known: tuple[Deadline, ...] = ()
        if isinstance(before, LeadRow) and before.lead is not None:
            known = before.lead.deadlines
        if row.lead.deadlines is known:
            return
        for deadline in row.lead.deadlines:
            if deadline not in known:
                heapq.heappush(self._heap, (_fires_at(deadline), partition, key, deadline.epoch))

    def reset(self) -> None:
        """Forget everything, before the partitions now owned are armed."""
        self._heap.clear()

    def next_due(self) -> float | None:
        """Return when the next deadline is due, if any."""
        return self._heap[0][0] if self._heap else None

    def fire(self, now: float, find: Callable[[int, bytes], Row | None]) -> int:
        """Tell what is due at `now`, at most `MOST_AT_ONCE`; return how many were told."""
        told = 0
        while self._heap and self._heap[0][0] <= now and told < MOST_AT_ONCE:
            _due, partition, key, epoch = heapq.heappop(self._heap)
            row = find(partition, key)
            if not isinstance(row, LeadRow) or row.lead is None:
                continue
            deadline = next((d for d in row.lead.deadlines if d.epoch == epoch), None)
            if deadline is None:
                continue
            lead_id = row.lead.lead_id
            self.tell(
                partition,
                DeadlinePassed(
                    lead_id=lead_id,
                    cause=f"deadline/{lead_id}/{deadline.kind}/{epoch}",
                    kind=deadline.kind,
                    due=deadline.due,
                    epoch=epoch,
                ),
            )
            told += 1
            heapq.heappush(self._heap, (now + RETRY_SECONDS, partition, key, epoch))
        return told


def _fires_at(deadline: Deadline) -> float:
    """Return the first instant that is surely not before the deadline by a broker's clock of whole milliseconds."""
    return deadline.due.timestamp() + 0.001


def overdue(row: LeadRow, now: float, grace_seconds: float) -> list[Deadline]:
    """Return the deadlines of a row that should have been acted on by now."""
    limit = datetime.fromtimestamp(now - grace_seconds, UTC)
    return [deadline for deadline in row.lead.deadlines if deadline.due < limit] if row.lead else []
