"""A process of its own sees its wall clock jump, and nothing else."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assurance.chaos.fake_clocks import FakeClocks
from models.errors import ConfigError

TELLS = """
import sys, time
from datetime import datetime, UTC
for line in sys.stdin:
    time.sleep(0.001)  # it must work: libfaketime refuses it
    print(time.time(), datetime.now(UTC).timestamp(), time.monotonic(), flush=True)
"""


def test_the_wall_clock_jumps_both_ways_while_the_process_runs(tmp_path: Path) -> None:
    clocks = FakeClocks(tmp_path)
    environment = {**os.environ, **clocks.environment("worker-1")}
    with subprocess.Popen(
        [sys.executable, "-c", TELLS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for shift in (0, 4_200, -4_200, 0):
            assert clocks.jump(["worker-1"], shift) == 1
            before = time.time(), time.monotonic()
            print("now?", file=process.stdin, flush=True)
            times = [float(field) for field in process.stdout.readline().split()]
            after = time.time(), time.monotonic()
            assert before[0] + shift <= times[0] <= after[0] + shift
            assert before[0] + shift <= times[1] <= after[0] + shift
            assert before[1] <= times[2] <= after[1], "the monotonic clock is the machine's"
        process.stdin.close()


def test_without_a_compiler_there_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no C compiler"):
        FakeClocks(tmp_path)
