"""A server that speaks Twilio's API, as a process on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from couriers.telephone.settings import TelephoneSettings
from runtime.process import free_port
from tests.couriers.telephone.twilio_stand_in import SID, TOKEN
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class TwilioServer:
    """The server, from the test's side."""

    address: str
    webhook_port: int

    def settings(self) -> TelephoneSettings:
        """Return the settings of a courier for it."""
        return TelephoneSettings(
            provider="twilio",
            api_url=self.address,
            user=SID,
            password=SecretStr(TOKEN),
            caller_id="+14015550100",
            webhook_url=self.webhook_url,
            webhook_port=self.webhook_port,
        )

    @property
    def webhook_url(self) -> str:
        """The address by which it reaches the courier."""
        return f"http://127.0.0.1:{self.webhook_port}"

    def behave(self, **more: Any) -> None:
        """Say how telephones behave: number -> behaviour; `away`: the API answers nobody."""
        self._ask("behave", more)

    def call_in(self, number: str, caller: str, **behaviour: Any) -> str:
        """Let somebody call a number of ours; return the call's SID."""
        action = {
            "url": f"{self.webhook_url}/twilio/inbound",
            "status_url": f"{self.webhook_url}/twilio/inbound/status",
            "from": caller,
            "to": number,
            "behaviour": behaviour,
        }
        return str(self._ask("call-in", action)["sid"])

    def calls(self, to: str | None = None) -> list[dict[str, Any]]:
        """Return the calls that it had, all or those to one number."""
        return [call for call in self._ask("seen")["calls"] if to in {None, call["to"]}]

    def requests(self, method: str = "POST") -> list[dict[str, Any]]:
        """Return the requests that it got (POST), or the webhooks that it sent (webhook)."""
        return [request for request in self._ask("seen")["requests"] if request["method"] == method]

    def _ask(self, path: str, value: Any = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.address}/{path}", body, headers)  # noqa: S310  # our own address
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  # our own address
            return json.load(answer)


@pytest.fixture
def twilio_server() -> Iterator[TwilioServer]:
    """Yield the server."""
    with running_twilio() as server:
        yield server


@contextmanager
def running_twilio() -> Iterator[TwilioServer]:
    """Yield a server, and end it afterwards."""
    argv = [sys.executable, "-m", "tests.couriers.telephone.twilio_stand_in"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)  # our own module
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield TwilioServer(f"http://127.0.0.1:{port}", free_port())
    finally:
        process.kill()
        process.wait()
