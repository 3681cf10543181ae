"""The whole system with its console, once for a session, and a real browser; each test has an org of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, async_playwright, expect

from assurance.load import LoadClient
from runtime.up import Everything, everything
from sink.engine import connect
from tests.web.running_org import PATIENCE_MS, RunningOrg
from web.settings import WebSettings
from web.store.accounts import Accounts
from web.store.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy import Engine

expect.set_options(timeout=PATIENCE_MS)
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def say(text: str) -> None:
    """Say on stderr, which pytest shows where a test fails."""
    print(text, file=sys.stderr)  # noqa: T201


@pytest.fixture(scope="session")
def stack() -> Iterator[Everything]:
    """Yield everything, running."""
    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-web-") as folder,
        everything(workers=1, state_dir=Path(folder), say=say, console_port=0) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def store(stack: Everything) -> Engine:
    """Return the running console's own database."""
    return connect(WebSettings.read(state_dir=stack.settings.state_dir).console_database_url)


@pytest.fixture(scope="session")
def accounts(store: Engine) -> Accounts:
    """Return the accounts of the running console."""
    return Accounts(store)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Yield a browser."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.fixture
async def office(stack: Everything, store: Engine, browser: Browser) -> AsyncIterator[RunningOrg]:
    """Yield an org of the test's own; an error in any page fails the test."""
    new = RunningOrg(stack, browser, Accounts(store), Tokens(store), LoadClient(stack.settings))
    new.client.org = new.org
    async with new.client:
        yield new
    assert new.problems == []
