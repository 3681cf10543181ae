"""Tracks which records of a partition are finished, and up to where a restart may skip (N1).

A request may wait for hours while later ones are finished. So the committed position is the first unfinished record,
and a commit also says where in `deliveries` the fates of later records begin. After a restart the courier reads these
fates and skips the records that have one.
"""

from typing import NamedTuple


class CommittedPosition(NamedTuple):
    """What is committed for a partition.

    `position`: the first unfinished offset of `notifications`. `fates_from`: the offset of `deliveries` from which on
    the fates of all finished records behind it are found.
    """

    position: int
    fates_from: int

    @property
    def metadata(self) -> str:
        """The text that is committed with the position."""
        return f"deliveries@{self.fates_from}"


def read_commit(position: int, metadata: str) -> CommittedPosition:
    """Return what was committed. Without readable metadata, fates are read from the topic's beginning."""
    _, _, text = metadata.rpartition("deliveries@")
    return CommittedPosition(position, int(text) if text.isdecimal() else 0)


class PartitionProgress:
    """The progress in one partition. Offsets begin in order and finish in any order.

    `finished_before`: the offsets that have a fate already, read at the start.
    """

    def __init__(self, committed: CommittedPosition, finished_before: set[int]) -> None:
        self._fates_end = committed.fates_from
        self._before = finished_before
        self._last_before = max(finished_before, default=-1)
        self._first_fates = committed.fates_from
        self._open: dict[int, int] = {}
        self._next = committed.position

    def begin(self, offset: int) -> bool:
        """Begin a record. Return False if it was finished before the start; it then counts as finished."""
        self._next = offset + 1
        if offset in self._before:
            self._before.discard(offset)
            return False
        # A fate of a record behind this one is written after this record began, except for those of the last run.
        self._open[offset] = self._first_fates if offset <= self._last_before else self._fates_end
        return True

    def finish(self, offset: int) -> None:
        """Finish a record. Its fate, if it has one, is durable."""
        self._open.pop(offset, None)

    def fate_written(self, offset: int) -> None:
        """Remember that a fate was written at this offset of `deliveries`."""
        self._fates_end = max(self._fates_end, offset + 1)

    @property
    def unfinished(self) -> int:
        """The number of records that have begun and are not finished."""
        return len(self._open)

    @property
    def commit(self) -> CommittedPosition:
        """What can be committed now."""
        if self._open:
            return CommittedPosition(*next(iter(self._open.items())))
        done_before = self._next > self._last_before
        return CommittedPosition(self._next, self._fates_end if done_before else self._first_fates)
