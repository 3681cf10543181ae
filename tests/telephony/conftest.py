"""Runs a whole engine, a real Asterisk and a telephone courier. A missing Asterisk is a failure, never a skip."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import SecretStr

from couriers.telephone.settings import TelephoneSettings
from runtime.asterisk import AsteriskServer, espeak_command
from runtime.process import free_port, spawn, stop_process
from runtime.up import RunningStack, everything
from tests.couriers.conftest import Post
from tests.fixtures.process_pages import page
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS, until

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Watcher:
    """Hears from Asterisk itself, by a client that is not the courier, what is played to whom."""

    asterisk: AsteriskServer
    played: list[tuple[str, str]] = field(default_factory=list)
    """(channel, sound) in the order in which they began."""

    def session(self) -> aiohttp.ClientSession:
        """Return a client of ARI."""
        return aiohttp.ClientSession(headers=self.asterisk.authorization())

    async def watch(self, listening: asyncio.Event) -> None:
        """Note every playback until cancelled."""
        query = {"app": "watcher", "subscribeAll": "true"}
        async with (
            self.session() as session,
            session.ws_connect(f"{self.asterisk.address}/events", params=query) as socket,
        ):
            listening.set()
            async for message in socket:
                event = json.loads(message.data)
                if event["type"] == "PlaybackStarted":
                    playback = event["playback"]
                    channel = playback["target_uri"].removeprefix("channel:")
                    self.played.append((channel, playback["media_uri"].rpartition("/")[2]))

    async def channels(self) -> list[Any]:
        """Return the channels that Asterisk has."""
        async with self.session() as session, session.get(f"{self.asterisk.address}/channels") as answer:
            channels: list[Any] = await answer.json()
            return channels


@dataclass
class TelephonyStack:
    """The parts of a test."""

    running: RunningStack
    asterisk: AsteriskServer
    post: Post
    courier: CourierProcess


@dataclass
class CourierProcess:
    """A telephone courier that may be killed and started again."""

    environment: dict[str, str]
    log: Path
    process: Any = None
    port: int = 0

    def launch(self) -> None:
        """Start it."""
        self.port = free_port()
        argv = [sys.executable, "-m", "cli", "courier", "--channel", "call", "--port", str(self.port)]
        self.process = spawn(argv, self.log, environment=self.environment)

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.launch()
        assert until(self.is_ready, LONG_PATIENCE_SECONDS), self.log.read_text()

    def is_ready(self) -> bool:
        """Return whether it says that it is ready."""
        return self.says()[0] == HTTPStatus.OK

    def says(self) -> tuple[int, str]:
        """Return status and text of its /ready; status 0 while nobody listens."""
        return page(self.port, "ready")

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it has ended."""
        stop_process(self.process, signal_number, 30)


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskServer]:
    """Yield a running Asterisk."""
    with AsteriskServer(tmp_path_factory.mktemp("asterisk")) as server:
        yield server


@pytest.fixture
def telephone_settings(asterisk: AsteriskServer, tmp_path: Path) -> TelephoneSettings:
    """Return the settings of a courier for this Asterisk."""
    return TelephoneSettings(
        ari_url=asterisk.address, password=SecretStr(asterisk.password), sounds=tmp_path / "sounds"
    )


@pytest.fixture(scope="session")
def telephony_stack(
    asterisk: AsteriskServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TelephonyStack]:
    """Yield a running engine with a telephone courier."""
    folder = tmp_path_factory.mktemp("telephony")
    with everything(workers=1, state_dir=folder / "state", say=lambda _: None, console_port=0) as running:
        environment = {
            **os.environ,
            **running.settings.environment(),
            "FIRSTCLAIM_TELEPHONE_ARI_URL": asterisk.address,
            "FIRSTCLAIM_TELEPHONE_PASSWORD": asterisk.password,
            "FIRSTCLAIM_TELEPHONE_ESPEAK": espeak_command(),
            "FIRSTCLAIM_TELEPHONE_LATE_SECONDS": "20",
            "FIRSTCLAIM_TELEPHONE_NUMBER_URI": "sip:{number}@127.0.0.1:" + str(LEAD_PORT),
        }
        courier = CourierProcess(environment, folder / "courier.log")
        try:
            courier.start()
            yield TelephonyStack(running, asterisk, Post(running.settings.kafka_bootstrap_servers), courier)
        finally:
            courier.stop()


LEAD_PORT = free_port()
"""The port of the lead's telephone, which is known before the courier starts."""
