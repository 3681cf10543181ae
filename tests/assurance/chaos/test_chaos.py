"""Half a minute of chaos on a stack of its own; nothing is lost, nothing is left behind."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING

import pytest

from assurance.chaos import chaos
from assurance.chaos.conservation_probe import MOMENTS
from cli.common import say

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_x7_nothing_is_lost_owned_twice_contradicted_or_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue: 0 lost, 0 with two owners, 0 answers the journal contradicts, 0 overdue, all poison buried, 20 moments."""
    # In the common folder, another session's chaos could begin or end meanwhile.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = asyncio.run(chaos(seconds=35, workers=2, seed=4, say=say))
    assert result["ok"], result
    assert result["lost"] == result["double_owned"] == result["contradicted"] == result["overdue"] == 0
    assert result["dead_letters"] == result["poison_sent"] > 0
    assert result["conserved_at"] == MOMENTS
    # It was no idle run: the bounds are low, so that a slow or busy machine reaches them too. On one core, with 16
    # other processes ready to run, there were 1,442 leads, and at least one event for each.
    assert result["kills"] >= 2
    assert result["events"] > 1_000
    assert result["leads"] > 300
    assert result["deadlines"] > 10
    assert result["mails"] > 20
    assert result["mails_refused"] > 5
    assert result["findings"] == {}
    assert list(tmp_path.iterdir()) == []
