"""A deadline is told when it is due, again until its row has moved on, and never for a row that no longer says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from models.events import DeadlinePassed
from models.facts import Facts
from models.lead import Deadline, DeadlineKind, DirectoryRow, Lead, LeadRow, Phase
from streams.timers import MOST_AT_ONCE, RETRY_SECONDS, Timers, overdue

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
NOW = START.timestamp()


def row(*deadlines: tuple[float, int], lead_id: str = "lead") -> LeadRow:
    """Return a row with lock deadlines at these seconds after `START`, with these epochs."""
    lead = Lead(
        lead_id=lead_id,
        facts=Facts(vendor="acme", created_at=START),
        phase=Phase.LOCKED,
        arrived_at=START,
        updated_at=START,
        deadlines=tuple(
            Deadline(DeadlineKind.LOCK, START + timedelta(seconds=seconds), epoch)
            for seconds, epoch in deadlines
        ),
    )
    return LeadRow(off=0, seq=1, lead=lead, at=START, cause="cause")


@dataclass
class Stage:
    """Rows, and what the timers told."""

    rows: dict[bytes, LeadRow] = field(default_factory=dict)
    told: list[tuple[int, DeadlinePassed]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timers = Timers(lambda partition, event: self.told.append((partition, event)))

    def put(self, key: bytes, new: LeadRow) -> None:
        """Change a row, as the agent does."""
        before = self.rows.get(key)
        self.rows[key] = new
        self.timers.arm(2, key, new, before)

    def fire(self, seconds: float) -> int:
        """Look at the clock so many seconds after `START`; return how many were told."""
        return self.timers.fire(NOW + seconds, lambda _, key: self.rows.get(key))


def test_it_is_told_when_due_not_before_and_again_only_after_the_retry() -> None:
    stage = Stage()
    stage.put(b"lead", row((10, 1)))
    assert stage.timers.next_due() == NOW + 10 + 0.001
    assert stage.fire(10) == 0  # by a clock of whole milliseconds the broker's may be behind
    assert stage.fire(10.001) == 1
    assert stage.fire(10.002) == 0
    assert stage.fire(10.001 + RETRY_SECONDS - 0.01) == 0
    assert stage.fire(10.001 + RETRY_SECONDS) == 1
    event = DeadlinePassed(
        lead_id="lead", cause="deadline/lead/lock/1", kind="lock", due=START + timedelta(seconds=10), epoch=1
    )
    assert stage.told == [(2, event), (2, event)]  # the same id: a repeat is recognised


def test_what_its_row_does_not_confirm_is_dropped() -> None:
    """X3: a newer epoch, no deadline, no lead, no row."""
    stage = Stage()
    for key, then in (
        (b"renewed", row((50, 2))),
        (b"done", row()),
        (b"stranger", LeadRow(off=0, seq=0, lead=None, at=START, cause="cause")),
    ):
        stage.put(key, row((10, 1)))
        stage.put(key, then)
    stage.put(b"lost", row((10, 1)))
    del stage.rows[b"lost"]
    assert stage.fire(20) == 0
    assert len(stage.timers) == 1
    assert stage.fire(51) == 1
    assert stage.told[0][1].epoch == 2


def test_after_the_row_moved_on_the_retry_tells_nothing() -> None:
    stage = Stage()
    stage.put(b"lead", row((10, 1)))
    assert stage.fire(11) == 1
    stage.put(b"lead", row())
    assert stage.fire(11 + RETRY_SECONDS) == 0
    assert len(stage.timers) == 0
    assert stage.timers.next_due() is None


def test_many_due_at_once_are_told_in_portions_and_each_once() -> None:
    """Thousands due together leave room for claims between them."""
    stage = Stage()
    count = 2 * MOST_AT_ONCE + 7
    for n in range(count):
        stage.put(b"%d" % n, row((10, 1), lead_id=str(n)))
    portions = []
    while told := stage.fire(11):
        portions.append(told)
    assert portions == [MOST_AT_ONCE, MOST_AT_ONCE, 7]
    assert len({event.lead_id for _, event in stage.told}) == len(stage.told) == count


def test_a_deadline_is_pointed_at_once_however_often_its_row_changes() -> None:
    stage = Stage()
    for _ in range(5):
        stage.put(b"lead", row((10, 1), (20, 2)))
    assert len(stage.timers) == 2
    stage.timers.reset()
    assert len(stage.timers) == 0
    stage.timers.arm(2, b"lead", stage.rows[b"lead"])  # after a recovery: from the row alone
    assert len(stage.timers) == 2


def test_a_directory_object_has_no_deadlines() -> None:
    stage = Stage()
    stage.timers.arm(
        0, b"key", DirectoryRow(off=0, org="o", kind="queue", object_id="q", version=0, value=None, at=START)
    )
    assert len(stage.timers) == 0


@pytest.mark.parametrize(
    ("now", "grace", "expected"), [(9, 0, []), (11, 0, [1]), (11, 5, []), (31, 5, [1, 2])]
)
def test_overdue_deadlines_are_found(now: float, grace: float, expected: list[int]) -> None:
    assert [deadline.epoch for deadline in overdue(row((10, 1), (20, 2)), NOW + now, grace)] == expected
