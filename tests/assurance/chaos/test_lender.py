"""The demo's lender in a run is the whole of it: all can be published, and leads come through every campaign."""

import asyncio
from typing import Any

import msgspec
import pytest

from application.directory.objects import normal
from assurance.chaos.lender import LOCK_MINUTES, ORG, WINDOW_SECONDS, Lender, directory
from assurance.demo.directory import lender
from assurance.load import LoadClient, OperationHistory
from assurance.load.simulated_people import QueueWork
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS


class Sent(LoadClient):
    """A client that keeps what it is given to send."""

    def __init__(self) -> None:
        super().__init__(Settings.read(kafka_bootstrap_servers="127.0.0.1:1"), org=ORG)
        self.messages: list[dict[str, Any]] = []

    async def put(self, topic: str, value: bytes | None, **_: Any) -> "asyncio.Future[Any]":
        """Keep it."""
        assert topic == "lead-arrivals"
        self.messages.append(msgspec.json.decode(value or b""))
        return asyncio.get_running_loop().create_future()


def test_the_directory_is_the_demos_with_windows_of_seconds() -> None:
    objects = directory()
    assert objects.keys() == lender().keys()
    for (kind, object_id), value in objects.items():
        assert normal(ORG, kind, object_id, value) is not None
        if kind == "group":
            assert value["claim_window_seconds"] == value["ring_seconds"] == WINDOW_SECONDS
    assert objects["settings", "settings"]["lock_minutes"] == LOCK_MINUTES


async def test_leads_come_through_every_campaign_and_people_know_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("assurance.chaos.lender.ARRIVALS_PER_SECOND", 5_000.0)
    client, history = Sent(), OperationHistory()
    feed = Lender(client, history, seed=1)
    feeding = asyncio.create_task(feed.run())
    campaigns = {object_id for kind, object_id in directory() if kind == "campaign"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not campaigns <= {message["campaign"] for message in client.messages}:
            await asyncio.sleep(0.01)
    feed.over.set()
    await feeding
    assert {message["org"] for message in client.messages} == {ORG}
    assert len(feed.sent) == len(client.messages)
    assert history.offered < feed.sent
    assert feed.people.leads.pick(QueueWork.OFFER, feed._source) in history.offered  # any source will do
    assert feed.people.leads.pick(QueueWork.CLAIM, feed._source) not in history.offered  # likewise
