"""Runs storms on a stack of their own: all reps want the same lead at once, and all stores must agree afterwards."""

import asyncio
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from application.directory.objects import WantedAction
from application.directory.publish import publish
from application.journal_snapshot import until_known
from assurance.chaos.own_stack import own_stack
from assurance.chaos.supervised_processes import SupervisedProcesses
from assurance.fairness import judge, turns_of
from assurance.linearizability import check
from assurance.load import OperationHistory, rings, turns
from assurance.load import storm as run_storm
from assurance.verify import VerifyReport, verify
from runtime.own_folder import own_folder
from runtime.up import RunningStack, everything
from streams.settings import Settings

SETTLE_SECONDS = 120.0
KNOWN_SECONDS = 60.0
KILL_SECONDS = 5.0

Say = Callable[[str], None]


async def storm(*, leads: int, reps: int, workers: int, say: Say) -> dict[str, Any]:
    """Make all reps claim each lead at once: one winner each, and every loser is told who (Q8).

    Returns {ok, leads, won, lost, told_first, …, linearizable, verify}.
    """
    with _stack(workers, say) as stack:
        history = OperationHistory()
        say(f"{leads} leads, {reps} reps claim each at the same moment, {workers} workers …")
        result = await run_storm(stack.settings, leads=leads, reps=reps, history=history)
        say(f"won {result.won}, lost {result.lost}, told who was first {result.told_first}; verifying …")
        report = await _verified(stack.settings, say)
    is_correct = result.won == leads and result.lost == result.told_first == leads * (reps - 1)
    return _judged(result, report, history, is_correct=is_correct)


async def ring(*, leads: int, reps: int, workers: int, say: Say) -> dict[str, Any]:
    """Ring all reps for each lead, who press 1 at once: one winner each, all others told, one mail (S1-S3).

    Returns {ok, rings, won, told_no_longer, mails, …, linearizable, verify}.
    """
    with _stack(workers, say) as stack:
        history = OperationHistory()
        say(f"{leads} leads ring with {reps} reps who press 1 within 20 ms, {workers} workers …")
        await _published(stack.settings, rings.ORG, rings.objects(reps))
        result = await rings.ring(stack.settings, rings=leads, reps=reps, history=history)
        say(f"won {result.won}, told it is gone {result.told_no_longer}, mails {result.mails}; verifying …")
        report = await _verified(stack.settings, say)
    is_correct = (result.won, result.mails, result.told_no_longer, result.withdrawn) == (
        leads,
        leads,
        leads * (reps - 1),
        leads * reps,
    )
    return _judged(result, report, history, is_correct=is_correct)


async def fair(*, leads: int, reps: int, workers: int, say: Say) -> dict[str, Any]:
    """Send leads through turns while reps come and go and a worker is killed every few seconds (R7, R8, X7).

    Returns {ok, leads, taken, kills, most_apart, off_share, even, weighted, …, verify}. Of the reps that are
    available throughout, none is ever more than one turn ahead. None of the weighted group is more than one turn from
    its share.
    """
    with own_folder("storm") as folder:
        async with own_stack(folder) as (_, settings):
            victims = SupervisedProcesses(settings, workers, say)
            try:
                await victims.start()
                await _published(settings, turns.ORG, turns.objects(reps))
                say(f"{leads} leads, {reps} reps in turn, a worker is killed every {KILL_SECONDS:g} s …")
                killing = asyncio.create_task(_kill(victims, workers))
                result = await turns.turns(settings, leads=leads, reps=reps)
                killing.cancel()
                await asyncio.gather(killing, return_exceptions=True)
                await victims.ready()
                by_group = await turns_of(settings, turns.ORG)
                report = await _verified(settings, say)
            finally:
                await victims.stop()
    even = judge(by_group[turns.EVEN], dict.fromkeys(turns.steady(reps), 1))
    weighted = judge(by_group[turns.WEIGHTED], turns.WEIGHTS)
    is_correct = result.taken == result.leads and even.most_apart <= 1 and weighted.off_share <= 1
    return {
        "ok": is_correct and report.ok and not victims.odd,
        **msgspec.to_builtins(result),
        "kills": sum(n for end, n in victims.ends.items() if end.endswith(f" {-signal.SIGKILL}")),
        "most_apart": even.most_apart,
        "off_share": weighted.off_share,
        "even": msgspec.to_builtins(even),
        "weighted": msgspec.to_builtins(weighted),
        "verify": report.as_dict(),
    }


async def _kill(victims: SupervisedProcesses, workers: int) -> None:
    """Kill a working worker every few seconds, each in its turn, until cancelled."""
    names = deque(f"worker-{n}" for n in range(1, workers + 1))
    while True:
        await asyncio.sleep(KILL_SECONDS)
        for name in tuple(names):
            if await asyncio.to_thread(victims.parts[name].ready):
                victims.signal([name], signal.SIGKILL)
                names.remove(name)
                names.append(name)
                break


@contextmanager
def _stack(workers: int, say: Say) -> Iterator[RunningStack]:
    with (
        own_folder("storm") as folder,
        everything(workers=workers, state_dir=folder, say=say) as stack,
    ):
        yield stack


async def _published(settings: Settings, org: str, objects: WantedAction) -> None:
    await publish(settings, org, objects)
    await until_known(settings, org, objects, KNOWN_SECONDS)


async def _verified(settings: Settings, say: Say) -> VerifyReport:
    report = await verify(settings, wait_seconds=SETTLE_SECONDS, say=say)
    for line in report.lines():
        say(line)
    return report


def _judged(
    result: msgspec.Struct, report: VerifyReport, history: OperationHistory, *, is_correct: bool
) -> dict[str, Any]:
    violations = check(history.ops)
    return {
        "ok": is_correct and report.ok and not violations,
        **msgspec.to_builtins(result),
        "linearizable": not violations,
        "verify": report.as_dict(),
    }
