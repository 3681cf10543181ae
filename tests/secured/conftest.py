"""Runs one Kafka with users and ACLs for all files of this room."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.secured.stack import Secured

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def servers() -> Iterator[Secured]:
    """Yield the servers. `tests.fixtures.shared_stacks` ends them after the last file of this room."""
    folder = Path(tempfile.mkdtemp(prefix="firstclaim-secured-"))
    stack = Secured(folder)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def secured(servers: Secured) -> Secured:
    """Return the servers with every process running."""
    servers.launch()
    return servers
