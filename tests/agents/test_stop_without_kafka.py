"""A process that is told to stop ends, even if Kafka is gone and no supervisor is left to kill it."""

import signal
import subprocess
from pathlib import Path

import pytest

from agents.worker import STOP_SECONDS
from runtime import LocalStack
from runtime.process import free_port, wait_until
from runtime.up import child
from tests.fixtures.waiting import PATIENCE_SECONDS

PATIENCE = PATIENCE_SECONDS
"""Seconds until the process is ready on a busy machine."""
STOPS_WITHIN = STOP_SECONDS + 30.0
"""Seconds. Faust alone takes longer, or never ends."""


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("name", ["worker", "relay"])
def test_a_stop_ends_without_kafka(name: str, tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, valkey=False)
    try:
        settings = stack.start()
        process = child(name, [name], settings, free_port())
        process.launch()
        try:
            assert wait_until(process.ready, PATIENCE), process.log_tail()
            assert stack.kafka is not None
            stack.kafka.kill9()
            assert process.process is not None
            process.process.send_signal(signal.SIGTERM)
            process.process.wait(STOPS_WITHIN)  # raises if it is still running
        except subprocess.TimeoutExpired:
            pytest.fail(f"{name} is still there{process.log_tail()}")
        finally:
            if process.process is not None:
                process.process.kill()
    finally:
        stack.stop()
