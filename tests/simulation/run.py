"""Long runs: `python -m tests.simulation.run --seeds 5000` prints the first seed that fails, shrunk.

A failing schedule is shrunk: steps are left out as long as the rest still fails. The result is printed in a form that
can be pasted into a test.
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterable

import structlog

from tests.simulation.cluster import Cluster
from tests.simulation.outcome import check
from tests.simulation.schedule import schedule
from tests.simulation.steps import Schedule


def run(steps: Schedule, cluster: Cluster | None = None) -> None:
    """Run a schedule until it is at rest.

    Raises AssertionError, or an error of the code under test, if anything is wrong.
    """
    cluster = cluster or Cluster()
    cluster.run(steps)
    check(cluster)


def failure(steps: Schedule) -> str | None:
    """Return the problem that a schedule ends with, or None."""
    try:
        run(steps)
    except Exception as error:  # noqa: BLE001  # any error is a failure of the schedule
        return f"{type(error).__name__}: {error}"
    return None


def find(seeds: Iterable[int], length: int) -> tuple[int, str] | None:
    """Return the first seed that fails, and the failure."""
    for seed in seeds:
        if (problem := failure(schedule(seed, length))) is not None:
            return seed, problem
    return None


def shrink(steps: Schedule) -> Schedule:
    """Return a failing schedule without the steps that the failure does not need."""
    size = len(steps) // 2
    while size:
        start = 0
        while start < len(steps):
            shorter = steps[:start] + steps[start + size :]
            if failure(shorter) is not None:
                steps = shorter
            else:
                start += size
        size //= 2
    return steps


def main() -> int:
    """Run the seeds; return 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.run", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--length", type=int, default=300, help="steps of each schedule")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    failing = find(range(options.first, options.first + options.seeds), options.length)
    if failing is None:
        sys.stdout.write(f"{options.seeds} seeds, nothing wrong, {time.monotonic() - began:.0f} s\n")
        return 0
    seed, problem = failing
    short = shrink(schedule(seed, options.length))
    sys.stdout.write(f"seed {seed}: {problem}\ncut down: {failure(short)}\n")
    sys.stdout.writelines(f"    {step!r},\n" for step in short)
    return 1


if __name__ == "__main__":
    sys.exit(main())
