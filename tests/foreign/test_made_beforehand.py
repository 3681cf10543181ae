"""Topics created before the first start.

A configuration that would cause wrong decisions is refused by name (P8, P9).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from runtime.process import spawn, stop_process
from streams.process_exit import ExitCode
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.waiting import until
from tests.foreign.clients import SECONDS, admin

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

REPO = Path(__file__).parents[2]
COMPACTED = {"cleanup.policy": "compact"}
BROKERS_TIME = {"message.timestamp.type": "LogAppendTime"}


@pytest.fixture
def bootstrap(server_folder: Path) -> Iterator[str]:
    """Yield a broker without any topic."""
    broker = make_kafka(server_folder / unique("beforehand"))
    with broker:
        yield broker.address


def environment_of(bootstrap: str, folder: Path, partitions: int | None = None) -> dict[str, str]:
    """Return the environment of a process at this broker."""
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "FIRSTCLAIM_STATE_DIR": str(folder),
        **({} if partitions is None else {"FIRSTCLAIM_PARTITIONS": str(partitions)}),
    }


def worker(bootstrap: str, folder: Path, partitions: int | None) -> subprocess.CompletedProcess[str]:
    """Start a worker that must not come up."""
    return subprocess.run(
        [sys.executable, "-m", "cli", "worker"],
        env=environment_of(bootstrap, folder, partitions),
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def make_topic(kafka: Any, name: str, partitions: int, config: dict[str, str]) -> None:
    """Make a topic as an administrator would."""
    for future in kafka.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
        future.result(SECONDS)


@pytest.mark.parametrize("name", [DIRECTORY, DO_NOT_CONTACT])
def test_p9_a_topic_whose_offset_is_the_version_has_one_partition(
    bootstrap: str, tmp_path: Path, name: str
) -> None:
    """P9: six partitions are refused at the start, also if the settings say six. The error blames no setting."""
    kafka = admin(bootstrap)
    make_topic(kafka, name, 6, {**COMPACTED, **BROKERS_TIME})
    for partitions in (6, None):
        completed = worker(bootstrap, tmp_path, partitions)
        assert completed.returncode == ExitCode.CONFIG, completed.stdout + completed.stderr
        output = (completed.stdout + completed.stderr).strip().splitlines()[-1]
        assert f"topic {name}" in output
        assert "6 partitions" in output
        assert re.search(r"must have (1|one)\b", output), output
        assert "FIRSTCLAIM_PARTITIONS" not in output


@pytest.mark.parametrize("name", [LEAD_ARRIVALS, LEAD_ACTIONS])
def test_p8_a_topic_with_its_clients_time_gets_the_brokers_or_is_refused(
    bootstrap: str, tmp_path: Path, name: str
) -> None:
    """P8: with the clients' timestamps, the broker may delete a record dated 1970 before anybody reads it."""
    kafka = admin(bootstrap)
    make_topic(kafka, name, 8, {"message.timestamp.type": "CreateTime"})

    def type_now() -> str:
        (description,) = kafka.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        return str(description.result(SECONDS)["message.timestamp.type"].value)

    log = tmp_path / "worker.log"
    started = spawn(
        [sys.executable, "-m", "cli", "worker"],
        log,
        environment=environment_of(bootstrap, tmp_path),
        directory=REPO,
    )
    try:
        assert until(lambda: started.poll() is not None or type_now() == "LogAppendTime", SECONDS), (
            log.read_text()
        )
        if started.returncode is not None:
            assert started.returncode == ExitCode.CONFIG, log.read_text()
            output = log.read_text().strip().splitlines()[-1]
            assert f"topic {name}" in output
            assert "message.timestamp.type" in output
    finally:
        stop_process(started, signal.SIGTERM, SECONDS)
