"""The storm: all reps claim each lead at the same moment, on a stack of its own, and everything must agree after."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from console.linear import check
from console.load import History
from console.load import storm as run_storm
from console.up import everything
from console.verify import verify

SETTLE_SECONDS = 120.0


async def storm(*, leads: int, reps: int, workers: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return {ok, leads, won, lost, told_first, …, linearizable, verify}: one winner each, every loser told who."""
    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-storm-") as folder,
        everything(workers=workers, state_dir=Path(folder), say=say) as stack,
    ):
        history = History()
        say(f"{leads} leads, {reps} reps claim each at the same moment, {workers} workers …")
        result = await run_storm(stack.settings, leads=leads, reps=reps, history=history)
        say(f"won {result.won}, lost {result.lost}, told who was first {result.told_first}; verifying …")
        report = await verify(stack.settings, wait_seconds=SETTLE_SECONDS, say=say)
        for found in report.lines():
            say(found)
    wrong = check(history.ops)
    ok = (
        report.ok
        and not wrong
        and result.won == leads
        and result.lost == result.told_first == leads * (reps - 1)
    )
    return {
        "ok": ok,
        **msgspec.to_builtins(result),
        "linearizable": not wrong,
        "verify": report.as_dict(),
    }
