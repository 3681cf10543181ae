"""What a worker has appended for due deadlines and wakes counts no more once its partitions are revoked (X3)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.due_pace import MOST_UNDECIDED, DuePace
from agents.leads import LeadsStage
from agents.orgs import OrgsStage
from agents.sweeper import Sweeper
from streams.journal import Acker, JournalWriter
from streams.settings import Settings

NOW = datetime(2026, 11, 20, 14, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("kind", [LeadsStage, OrgsStage])
def test_x3_what_another_worker_decides_by_now_holds_nothing_up(kind: type[LeadsStage | OrgsStage]) -> None:
    stage: Any = kind.__new__(kind)  # without the app of Faust, which a revocation does not use
    stage.acker, stage.due_pace = Acker(), DuePace()
    stage.writer, stage.sweeper = JournalWriter(Settings.read()), Sweeper(stage)
    stage.due_pace.appended(NOW, MOST_UNDECIDED)
    assert stage.due_pace.room(NOW + 1) == 0
    asyncio.run(stage.revoked())
    assert stage.due_pace.room(NOW + 1) == MOST_UNDECIDED
