"""A process that is told to stop ends, even if Kafka is gone and no supervisor is left to kill it."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from agents import worker
from runtime import LocalStack
from runtime.process import free_port
from runtime.up import child
from streams.stop_signals import STOP_SECONDS
from tests.couriers.mail_server import mail_server
from tests.fixtures.waiting import FACTOR, PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from pathlib import Path

STARTED: Final = {
    "worker": ["worker"],
    "relay": ["relay"],
    "sink": ["sink"],
    "board": ["board"],
    "console": ["console"],
    "courier-mail": ["courier", "--channel", "mail", "--instance-id", "mail-1"],
}
STOPS_WITHIN: Final = max(STOP_SECONDS, worker.STOP_SECONDS) + 30.0 * FACTOR
"""Seconds. Without a bound of our own, Faust and aiokafka wait for Kafka for ever."""


@pytest.mark.kafka
@pytest.mark.slow
def test_a_stop_ends_every_process_without_kafka(tmp_path: Path) -> None:
    """All run on one Kafka, which is killed before they are told to stop."""
    stack = LocalStack(tmp_path)
    settings = stack.start()
    with mail_server(tmp_path) as mails:
        processes = [
            child(name, arguments, settings, free_port(), mails.environment())
            for name, arguments in STARTED.items()
        ]
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
