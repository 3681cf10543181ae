"""One stack for the tests of commands, which each file uses in an org of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.up import RunningStack, everything

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Yield a running stack. `tests.fixtures.shared_stacks` ends it after the last file that uses it."""
    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-cli-") as folder,
        everything(workers=1, state_dir=Path(folder), say=lambda _: None) as running,
    ):
        yield running
