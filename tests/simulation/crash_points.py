"""Tries every crash point of a history: `python -m tests.simulation.crash_points` kills each process after each step.

A step is what a process does between two awaits; a statement of the sink's transaction and the arrival of a request at
the broker are steps, too. The history is run once without a crash, to count the steps. Then it is run once for each of
them: the process whose step it was is killed there and started again. Where requests were on their way, it is run a
second time, and they arrive after the new start. Each run must end like a run without a crash:

- the logs, the rows and the public messages are those of one reader who read each log once (`outcome.check`);
- others were told the same, in the same order, apart from repeats;
- the CRM database has the rows that the whole journal gives at once.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from tests.simulation.crash_history import ENGINE, WITH_SINK, Crash, Run, reset_database, rows_in, run_history
from tests.simulation.outcome import check
from tests.simulation.stepped_processes import database_template, stored_at_once

PublicMessages = dict[str, list[Any]]
"""What others were told by topic and key, each message once."""


@dataclass
class CrashPoints:
    """The result: crash points by process, how many were run, and what went wrong at which."""

    points: Counter[str] = field(default_factory=Counter)
    histories: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stage:
    """The same history with some processes, of which some are killed."""

    processes: tuple[str, ...]
    killed: tuple[str, ...]
    template: Path
    folder: Path

    def public_messages(self, crash: Crash | None = None) -> tuple[Run, PublicMessages]:
        """Run the history and check how it ends; return the run and what others were told."""
        run = run_history(self.template, self.folder, self.processes, crash)
        check(run.cluster())
        if "sink" in self.processes:
            at_once = reset_database(self.template, self.folder / "at-once.db")
            stored_at_once(run.kafka, at_once)
            expected, stored = rows_in(at_once), run.stored()
            assert stored == expected, "the CRM database differs: " + _first_difference(expected, stored)
        return run, {key: _without_repeats(messages) for key, messages in run.public_messages().items()}

    def crashes(self, run: Run) -> Iterator[tuple[str, Crash]]:
        """Yield each crash point of a run with the name of its process."""
        for step, (owner, has_requests) in enumerate(zip(run.owners, run.open_requests, strict=True), 1):
            if owner.process in self.killed:
                yield owner.process, Crash(step)
                if has_requests:
                    yield owner.process, Crash(step, late=True)

    def failure(self, crash: Crash, expected: PublicMessages) -> str | None:
        """Run the history with a crash; return what is wrong at its end, or None."""
        try:
            run, messages = self.public_messages(crash)
            assert sum(run.lives.values()) == len(run.lives) + 1, "exactly one process was started again"
            assert messages == expected, "others were told something else: " + _first_difference(
                expected, messages
            )
        except Exception as error:  # noqa: BLE001  # any error is a finding
            return f"{type(error).__name__}: {error}"
        return None


def _without_repeats(messages: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(json.dumps(message, sort_keys=True) for message in messages))


def _first_difference(expected: dict[str, list[Any]], actual: dict[str, list[Any]]) -> str:
    for name in sorted(expected.keys() | actual.keys()):
        ours, theirs = expected.get(name, []), actual.get(name, [])
        for message in ours:
            if message not in theirs:
                return f"{name}: {message!r} is missing"
        for message in theirs:
            if message not in ours:
                return f"{name}: {message!r} is one too many"
        if ours != theirs:
            return f"{name}: another order"
    return "nothing"


def enumerate_crashes(
    *, every: int = 1, first: int = 0, killed: tuple[str, ...] = WITH_SINK
) -> Iterator[CrashPoints]:
    """Run the history once for each crash point, or for each `every`-th from the `first` on.

    Yields the same result again after each history, so that a caller may stop early.
    """
    result = CrashPoints()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = database_template(folder)
        for processes, mortal in ((ENGINE, ENGINE), (WITH_SINK, ("sink",))):
            stage = Stage(processes, tuple(set(mortal) & set(killed)), template, folder)
            run, expected = stage.public_messages()
            points = list(stage.crashes(run))
            result.points.update(process for process, _ in points)
            for process, crash in points[first::every]:
                result.histories += 1
                if (problem := stage.failure(crash, expected)) is not None:
                    result.findings.append(f"{process}, {crash}: {problem}")
                yield result


def main(arguments: Sequence[str] | None = None) -> int:
    """Enumerate; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.crash_points", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="run only each EVERY-th crash point")
    parser.add_argument("--first", type=int, default=0, help="the first of these")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.process_time()
    *_, result = enumerate_crashes(every=options.every, first=options.first)
    parts = ", ".join(f"{process} {count}" for process, count in sorted(result.points.items()))
    sys.stdout.write(
        f"{result.points.total()} crash points ({parts}), {result.histories} histories, "
        f"{len(result.findings)} findings, {time.process_time() - began:.0f} s of processor time\n"
    )
    sys.stdout.writelines(f"  {finding}\n" for finding in result.findings)
    return 1 if result.findings else 0


if __name__ == "__main__":
    sys.exit(main())
