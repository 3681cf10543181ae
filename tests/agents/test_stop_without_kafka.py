"""A process that is told to stop ends, even if Kafka is gone and no supervisor is left to kill it."""

import signal
import subprocess
from pathlib import Path

import pytest

from agents.worker import STOP_SECONDS
from runtime import LocalStack
from runtime.process import free_port
from runtime.up import child
from tests.fixtures.waiting import FACTOR, PATIENCE_SECONDS, until

STOPS_WITHIN = STOP_SECONDS + 30.0 * FACTOR
"""Seconds. Faust alone takes longer, or never ends."""


@pytest.mark.kafka
@pytest.mark.slow
def test_a_stop_ends_a_worker_and_a_relay_without_kafka(tmp_path: Path) -> None:
    """Both run on one Kafka, which is killed before they are told to stop."""
    stack = LocalStack(tmp_path, valkey=False)
    settings = stack.start()
    processes = [child(name, [name], settings, free_port()) for name in ("worker", "relay")]
    try:
        for process in processes:
            process.launch()
        for process in processes:
            assert until(process.ready, PATIENCE_SECONDS), process.log_tail()
        assert stack.kafka is not None
        stack.kafka.kill9()
        for process in processes:
            assert process.process is not None
            process.process.send_signal(signal.SIGTERM)
        for process in processes:
            assert process.process is not None
            try:
                process.process.wait(STOPS_WITHIN)  # raises if it is still running
            except subprocess.TimeoutExpired:
                pytest.fail(f"{process.name} is still there{process.log_tail()}")
    finally:
        for process in processes:
            if process.process is not None:
                process.process.kill()
        stack.stop()
