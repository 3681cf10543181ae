"""What a worker has appended for due deadlines and wakes holds nothing up for long (X3)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.due_pace import MAX_BESIDE_OTHERS, MAX_UNDECIDED, STUCK_SECONDS, DuePace
from agents.leads import LeadsStage
from agents.orgs import OrgsStage
from agents.sweeper import Sweeper
from rules.deadlines import RETRY_SECONDS
from streams.journal import JournalWriter
from streams.receipts import Acker
from streams.settings import Settings

NOW = datetime(2026, 11, 20, 14, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("kind", [LeadsStage, OrgsStage])
def test_x3_what_another_worker_decides_by_now_holds_nothing_up(kind: type[LeadsStage | OrgsStage]) -> None:
    stage: Any = kind.__new__(kind)  # without the app of Faust, which a revocation does not use
    stage.acker, stage.due_pace = Acker(), DuePace()
    stage.writer, stage.sweeper = JournalWriter(Settings.read()), Sweeper(stage)
    stage.due_pace.appended(0, NOW, MAX_UNDECIDED)
    soon = NOW + STUCK_SECONDS / 2
    assert stage.due_pace.room(soon) == 0
    asyncio.run(stage.revoked())
    assert stage.due_pace.room(soon) == MAX_UNDECIDED


def test_x3_a_partition_that_is_far_behind_keeps_no_other_one_waiting() -> None:
    behind, other = 0, 1
    pace = DuePace()
    assert pace.room(NOW) == MAX_UNDECIDED
    pace.appended(behind, NOW, MAX_UNDECIDED - 1)
    assert pace.room(NOW + STUCK_SECONDS / 2) == 1
    assert pace.room_of_stuck(behind) is None
    assert pace.room(NOW + STUCK_SECONDS) == MAX_UNDECIDED
    assert (pace.room_of_stuck(behind), pace.room_of_stuck(other)) == (1, None)
    pace.appended(other, NOW + STUCK_SECONDS, MAX_UNDECIDED)
    pace.decided(other)
    assert pace.room(NOW + 2 * STUCK_SECONDS) == 1
    assert (pace.room_of_stuck(behind), pace.room_of_stuck(other)) == (1, None), "the other one decides"
    pace.decided(behind)
    assert pace.room(NOW + 2 * STUCK_SECONDS) == 0, (
        "it decides again, so what is on its way to it counts again"
    )
    assert pace.room_of_stuck(behind) is None


def test_x3_a_partition_that_decides_nothing_gets_the_next_after_the_retry_time() -> None:
    pace = DuePace()
    pace.appended(0, NOW, MAX_BESIDE_OTHERS)
    for seconds in (STUCK_SECONDS, RETRY_SECONDS - 0.1):
        assert pace.room(NOW + seconds) == MAX_UNDECIDED
        assert pace.room_of_stuck(0) == MAX_UNDECIDED - MAX_BESIDE_OTHERS
    assert pace.room(NOW + RETRY_SECONDS) == MAX_UNDECIDED
    assert pace.room_of_stuck(0) is None, "what was appended was lost, or another worker decides it"
