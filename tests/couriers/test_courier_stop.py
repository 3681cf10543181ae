"""A courier that is told to stop ends, although Kafka is gone and a commit waits for it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from runtime.process import stop_process
from streams.stop_signals import STOP_SECONDS
from streams.topics import provision
from tests.couriers.conftest import CourierProcess, Post
from tests.fixtures.servers import make_kafka
from tests.fixtures.waiting import FACTOR, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.couriers.mail_server import MailServer

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MAILS: Final = 400
COORDINATOR_IS_GONE: Final = "Group Coordinator Request failed"
NOT_COMMITTED: Final = "not committed at the end"
TRIED: Final = 20
"""How often the courier has looked for its group's coordinator when it is told to stop. It commits before that."""


def test_n1_a_courier_ends_while_a_commit_waits_for_kafka(server: MailServer, tmp_path: Path) -> None:
    """Its supervisor is gone as well: a killed demo takes Kafka and the mail server with it."""
    with make_kafka(tmp_path / "kafka") as broker:
        post = Post(broker.address)
        settings = post.settings(tmp_path)
        asyncio.run(provision(settings))
        address = post.rep("scott")
        for n in range(MAILS):
            post.request("scott", f"lead-{n}", flush=False)
        assert post.producer.flush(60) == 0
        log = tmp_path / "courier.log"
        courier = CourierProcess(settings, log, server.environment(), "--instance-id", "mail-1")
        try:
            assert until(lambda: server.tried[address] >= MAILS // 10), log.read_text()
            broker.kill9()
            assert until(lambda: log.read_text().count(COORDINATOR_IS_GONE) >= TRIED), log.read_text()
            courier.process.send_signal(signal.SIGTERM)
            courier.process.wait(STOP_SECONDS + 10 * FACTOR)
            assert NOT_COMMITTED in log.read_text(), (
                "it did not hear of the stop while it waited for the commit"
            )
        except subprocess.TimeoutExpired:
            pytest.fail(f"it is still there: {log.read_text()[-2_000:]}")
        finally:
            stop_process(courier.process, signal.SIGKILL, 10)
