"""Runs a whole system for one test."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assurance.chaos.own_stack import own_stack
from assurance.chaos.supervised_processes import SupervisedProcesses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from assurance.verify import VerifyReport
    from streams.settings import Settings


@asynccontextmanager
async def running(workers: int = 2) -> AsyncIterator[tuple[Settings, SupervisedProcesses]]:
    """Yield a whole new system."""
    with tempfile.TemporaryDirectory(prefix="firstclaim-test-") as folder:
        async with own_stack(Path(folder)) as (_, settings):
            victims = SupervisedProcesses(settings, workers=workers, say=lambda _: None)
            try:
                await victims.start()
                yield settings, victims
            finally:
                await victims.stop()


def check_no_findings(report: VerifyReport, *, leads: int) -> None:
    """Check that there is no finding."""
    assert report.ok, report.lines()
    assert (report.leads, report.findings, report.counts) == (leads, (), {})
    assert report.lines()[-1].endswith("all agree")
