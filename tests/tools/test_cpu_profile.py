"""The profile counts the processor time of every process below the test process, and of no other."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.fixtures.cpu_profile import ProcessTree

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
LEAST = 0.25
"""Seconds of processor time that are found at least of the 0.3 that each process uses; the kernel counts in ticks."""


def grandchild(root: int) -> float:
    """Return how much more a tree counts after a child of a child has computed and ended."""
    tree = ProcessTree(root)
    before = sum(tree.sample().values())
    subprocess.run(["sh", "-c", f"'{sys.executable}' -c '{BURN}'; true"], check=True)
    return sum(tree.sample().values()) - before


def test_a_process_below_the_root_is_counted_after_it_has_ended() -> None:
    assert grandchild(os.getpid()) > LEAST


def test_processes_that_are_not_below_the_root_are_not_counted() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert grandchild(other.pid) < LEAST
        other.communicate(b"\n")


def test_a_process_that_starts_after_strangers_were_read_is_counted_while_it_runs() -> None:
    tree = ProcessTree(os.getpid())
    before = sum(tree.sample().values())
    burn = f"{BURN}print('burnt', flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"burnt\n"
        assert sum(tree.sample().values()) - before > LEAST
        child.communicate(b"\n")
