"""Runs one whole system for all tests of this room. It receives every malformed message of the foreign clients."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.up import RunningStack, everything
from streams.topics import DIRECTORY
from tests.foreign import cases, transactions
from tests.foreign.cases import Clients
from tests.foreign.clients import Record
from tests.foreign.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

REP = b'{"rep_id": "n4", "name": "Nora Four", "role": "rep", "teams": ["west"], "licensed_states": ["RI"]}'
ADMIN = b'{"rep_id": "ada", "name": "Ada", "role": "admin"}'


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """Yield the running system."""
    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-foreign-") as folder,
        everything(workers=1, state_dir=Path(folder), say=lambda _: None, console_port=0) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def clients(stack: RunningStack) -> Iterator[Clients]:
    """Yield the clients."""
    all_clients = Clients(stack.settings.kafka_bootstrap_servers)
    yield all_clients
    all_clients.close()


@pytest.fixture(scope="module")
def outcome(stack: RunningStack, clients: Clients) -> Iterator[Outcome]:
    """Yield the outcome of all cases."""
    for key, value in ((b"default/rep/n4", REP), (b"default/rep/ada", ADMIN)):
        clients.librdkafka.send(DIRECTORY, [Record(value, key=key)])
    all_cases = Outcome(stack, clients)
    all_cases.send({**cases.CASES, **transactions.CASES})
    yield all_cases
    all_cases.close()
