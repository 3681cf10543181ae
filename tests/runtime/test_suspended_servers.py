"""Each process says at `/ready` which server does not answer, also if it is only suspended, and ends when told to.

A suspended server, like one whose disk hangs, keeps its connections open and takes new ones. Nothing fails at once.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from runtime import LocalStack
from runtime.process import free_port
from runtime.start_wait import ask
from runtime.up import child
from streams.file_permissions import PASSABLE
from streams.stop_signals import STOP_SECONDS
from tests.couriers.mail_server import mail_server
from tests.fixtures.waiting import FACTOR, PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.server import LocalServer
    from runtime.supervisor import ChildProcess
    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

COMMANDS: Final = {
    "worker": ["worker"],
    "sink": ["sink"],
    "board": ["board"],
    "console": ["console"],
    "courier": ["courier", "--channel", "mail"],
}
ASK_SECONDS: Final = 20.0


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """Run Kafka, Valkey and Postgres that these tests may suspend."""
    # Pytest's folders are closed to the user whom Postgres runs as.
    with tempfile.TemporaryDirectory(prefix="firstclaim-suspended-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(PASSABLE)
        stack = LocalStack(folder, postgres=True)
        stack.start()
        try:
            yield stack
        finally:
            stack.stop()


@pytest.fixture
def processes(stack: LocalStack, tmp_path: Path) -> Iterator[dict[str, ChildProcess]]:
    """Make the processes; a test launches them."""
    with mail_server(tmp_path) as mails:
        children = {
            name: _child(name, arguments, stack.settings, mails.environment())
            for name, arguments in COMMANDS.items()
        }
        try:
            yield children
        finally:
            for process in children.values():
                if process.process is not None:
                    process.process.kill()


def _child(name: str, arguments: list[str], settings: Settings, more: dict[str, str]) -> ChildProcess:
    return child(name, arguments, settings, free_port(), more)


DATABASES: Final = {"crm_database", "console_database"}


def waits_for(process: ChildProcess, cause: str) -> bool:
    """Tell whether `/ready` names a cause."""
    assert process.ready_url is not None
    status, body = ask(process.ready_url, ASK_SECONDS)
    if cause in DATABASES:  # without it the console still works, and takes claims and offers
        return status == 200 and cause in json.loads(body).get("degraded", ())
    return status == 503 and cause in str(json.loads(body))


def all_of(server: LocalServer) -> list[int]:
    """Return the processes of a server. Postgres has one for each client."""
    assert server.pid is not None
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [server.pid, *map(int, children)]


def signal_all(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to each process."""
    for pid in pids:
        os.kill(pid, number)


def test_a_server_that_does_not_answer_is_named_until_it_does(
    stack: LocalStack, processes: dict[str, ChildProcess]
) -> None:
    assert stack.kafka is not None
    assert stack.postgres is not None
    assert stack.valkey is not None
    for process in processes.values():
        process.launch()
    for process in processes.values():
        assert until(process.ready, PATIENCE_SECONDS), process.log_tail()
    for server, causes in (
        (
            stack.kafka,
            {
                "worker": "lease_stale",
                "sink": "Kafka",
                "board": "Kafka",
                "console": "answers",
                "courier": "Kafka",
            },
        ),
        (stack.postgres, {"sink": "CRM database", "console": "crm_database"}),
        (stack.valkey, {"board": "Valkey", "console": "board"}),
    ):
        suspended = all_of(server)
        signal_all(suspended, signal.SIGSTOP)
        try:
            for name, cause in causes.items():
                assert until(partial(waits_for, processes[name], cause), PATIENCE_SECONDS), (
                    f"{name} does not say that {server.name} is silent{processes[name].log_tail()}"
                )
        finally:
            signal_all(suspended, signal.SIGCONT)
        for process in processes.values():
            assert until(process.ready, PATIENCE_SECONDS), f"{process.why_not()}{process.log_tail()}"


def test_a_process_that_starts_beside_a_silent_kafka_says_so_and_stops(
    stack: LocalStack, processes: dict[str, ChildProcess]
) -> None:
    """A sink said that it was ready, and a courier that was stopped then reported a fault of its own."""
    assert stack.kafka is not None
    started = {name: processes[name] for name in ("worker", "sink", "courier")}
    stack.kafka.suspend()
    try:
        for process in started.values():
            process.launch()
        for name, process in started.items():
            assert until(partial(waits_for, process, "Kafka"), PATIENCE_SECONDS), (
                f"{name}{process.log_tail()}"
            )
        for process in started.values():
            assert process.process is not None
            process.process.send_signal(signal.SIGTERM)
        ends = {}
        for name, process in started.items():
            assert process.process is not None
            ends[name] = process.process.wait(STOP_SECONDS + 30 * FACTOR)
    finally:
        stack.kafka.resume()
    assert ends == {"worker": -signal.SIGTERM, "sink": 0, "courier": 0}
