"""A Kafka of the couriers' tests, the requests they write to it, and courier processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from runtime.process import free_port, spawn, stop_process
from streams.settings import Settings
from streams.topics import provision
from tests.couriers.mail_server import MailServer, mail_server
from tests.fixtures.process_pages import page
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.waiting import PATIENCE_SECONDS, until
from tests.foreign.clients import Followed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTITIONS: Final = 2
_NO_LEADER_YET: Final = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}
"""What a new topic answers for a moment."""


@dataclass
class Post:
    """Writes requests and directory objects with a client that is not ours, and reads their fates."""

    address: str
    producer: Producer = field(init=False)
    _followed: dict[str, Followed] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.producer = Producer({"bootstrap.servers": self.address})

    def settings(self, folder: Path) -> Settings:
        return Settings.read(kafka_bootstrap_servers=self.address, partitions=PARTITIONS, state_dir=folder)

    def publish(self, kind: str, object_id: str, value: dict[str, Any], org: str = "default") -> None:
        """Publish a directory object."""
        self.write("directory", f"{org}/{kind}/{object_id}", value)

    def rep(self, rep_id: str, **fields: Any) -> str:
        """Publish a rep and return its mail address."""
        address = f"{rep_id}@lender.example"
        self.publish("rep", rep_id, {"rep_id": rep_id, "name": "Scott Smith", "email": address, **fields})
        return address

    def request(
        self,
        rep_id: str,
        lead_id: str,
        *,
        template: str = "lead_offered",
        kind: str = "email",
        seconds: float | None = 600,
        withdrawn: bool = False,
        flush: bool = True,
        **data: Any,
    ) -> str:
        """Write a request and return its id. `seconds`: until its window is over; None: it has none."""
        identity = f"{lead_id}/1/{rep_id}/{template}/{kind}"
        until_ = None if seconds is None else (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        facts = {
            "first_name": "Sequential",
            "last_name": "Test2",
            "vendor": "acme",
            "campaign": "Team Source",
        }
        value = {
            "notification_id": identity,
            "kind": kind,
            "template": template,
            "rep_id": rep_id,
            "lead_id": lead_id,
            "epoch": 1,
            "withdrawn": withdrawn,
            "data": {} if withdrawn else {**facts, "until": until_, **data},
            "org": "default",
        }
        self.write("notifications", lead_id, value, flush=flush)
        return identity

    def write(self, topic: str, key: str, value: Any, *, flush: bool = True) -> None:
        """Write a record; a value that is no text is JSON. `flush`: return when it is durable."""
        self.producer.produce(
            topic, key=key.encode(), value=value if isinstance(value, bytes) else json.dumps(value).encode()
        )
        if flush:
            assert self.producer.flush(PATIENCE_SECONDS) == 0

    def records(self, topic: str) -> list[Any]:
        """Return every record of a topic. One consumer for each topic goes on where it was."""
        records: list[Any] = []

        def is_read() -> bool:
            try:
                if topic not in self._followed:
                    self._followed[topic] = Followed(self.address, topic)
                records[:] = self._followed[topic].read()
            except KafkaException as error:
                if error.args[0].code() not in _NO_LEADER_YET:
                    raise
                return False
            return True

        assert until(is_read), f"{topic} has no leader"
        return records

    def fates(self, *ids: str) -> dict[str, list[str]]:
        """Return id -> the fates of these requests, in order."""
        fates: dict[str, list[str]] = {identity: [] for identity in ids}
        for delivery in self.deliveries(*ids):
            fates[delivery["notification_id"]].append(delivery["status"])
        return fates

    def deliveries(self, *ids: str) -> list[dict[str, Any]]:
        """Return the records of `deliveries` about these requests."""
        deliveries = [json.loads(record.value()) for record in self.records("deliveries")]
        return [delivery for delivery in deliveries if delivery["notification_id"] in ids]

    def all_have_fates(self, *ids: str) -> bool:
        """Return whether each of these requests has a fate."""
        return all(self.fates(*ids).values())


class CourierProcess:
    """One `firstclaim courier`."""

    def __init__(
        self,
        settings: Settings,
        log: Path,
        environment: dict[str, str],
        *arguments: str,
        channel: str = "mail",
    ) -> None:
        self.port = free_port()
        self.log = log
        self.process = spawn(
            [
                sys.executable,
                "-m",
                "cli",
                "courier",
                "--channel",
                channel,
                "--port",
                str(self.port),
                *arguments,
            ],
            log,
            environment={**os.environ, **settings.environment(), **environment},
            directory=Path.cwd(),
        )

    def page(self, name: str) -> tuple[int, str]:
        """Return status and text of a page; status 0 while nobody listens."""
        return page(self.port, name)

    def wait_ready(self) -> None:
        """Wait until it is ready."""
        assert until(lambda: self.page("ready")[0] == 200), self.log.read_text()

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def post(server_folder: Path) -> Iterator[Post]:
    """Yield the client of a Kafka of this file's own, so that nobody else writes requests."""
    with make_kafka(server_folder / unique("courier-kafka")) as broker:
        client = Post(broker.address)
        asyncio.run(provision(client.settings(server_folder)))
        yield client


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """Yield a mail server with TLS and sign-in."""
    with mail_server(tmp_path) as running:
        yield running


@pytest.fixture
def start_courier(post: Post, server: MailServer, tmp_path: Path) -> Iterator[Callable[..., CourierProcess]]:
    """Yield a function that starts a courier; all are stopped after the test."""
    with ExitStack() as started:

        def begin(*arguments: str, **environment: str) -> CourierProcess:
            courier = CourierProcess(
                post.settings(tmp_path),
                tmp_path / f"{unique('courier')}.log",
                {**server.environment(), **environment},
                *arguments,
            )
            started.callback(stop_process, courier.process, signal.SIGTERM, 30)
            return courier

        yield begin
