"""Runs the whole system with its console and one real browser for a session.

Each test has its own org and browser windows.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from assurance.load import LoadClient
from runtime.up import RunningStack, everything
from sink.database_engine import connect
from tests.web.running_org import PATIENCE_MS, RunningOrg
from web.settings import WebSettings
from web.store import passwords as passwords_module
from web.store.accounts import Accounts
from web.store.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from sqlalchemy import Engine

expect.set_options(timeout=PATIENCE_MS)
BROWSERS: Final = (os.environ.get("CHROMIUM"), "/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
CHROMIUM: Final = next(path for path in BROWSERS if path and (Path(path).exists() or path == BROWSERS[-1]))
"""The browser named by the environment, or else Debian's headless shell, which needs a quarter of chromium's CPU time.
"""
FAILED: Final = pytest.StashKey[bool]()
CHROMIUM_FLAGS: Final = ["--no-sandbox", "--disable-gpu"]
"""There is no GPU where tests run. With one enabled, an extra process would emulate it on the CPU."""
QUICK_HASHES: Final = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
"""The hash for the accounts of tests. A hash contains its own cost, so the console checks it at once. A hash of the
real cost takes 0.2 s of a core. Tests of the hash itself use the real one, in `test_accounts.py`."""


def say(text: str) -> None:
    """Write to stderr, which pytest shows if a test fails."""
    print(text, file=sys.stderr)  # noqa: T201


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Yield the running system."""
    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-web-") as folder,
        everything(workers=1, state_dir=Path(folder), say=say, console_port=0) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def store(stack: RunningStack) -> Engine:
    """Return the database of the running console."""
    return connect(WebSettings.read(state_dir=stack.settings.state_dir).console_database_url)


@pytest.fixture(scope="session")
def accounts(store: Engine) -> Accounts:
    """Return the accounts of the running console."""
    return Accounts(store)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Yield the session's browser. It starts once, because a start costs as much as many pages."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield opened
        await opened.close()


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash the passwords of the test's accounts quickly."""
    monkeypatch.setattr(passwords_module, "_HASHES", QUICK_HASHES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on the test that it failed, for its fixtures."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest_asyncio.fixture(loop_scope="session")
async def running_org(
    request: pytest.FixtureRequest,
    stack: RunningStack,
    store: Engine,
    browser: Browser,
    quick_hashes: None,  # noqa: ARG001  # only what it changes is needed
) -> AsyncIterator[RunningOrg]:
    """Yield a new org for the test. An error in any page fails the test. Its windows are closed after the test.

    The report of a test that fails says what its pages show and have said.
    """
    new = RunningOrg(stack, browser, Accounts(store), Tokens(store), LoadClient(stack.settings))
    new.client.org = new.org
    async with new.client:
        yield new
    if request.node.stash.get(FAILED, False):
        say(await new.pages())
    for context in browser.contexts:
        await context.close()
    assert new.problems == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this room's coroutines in the session's event loop, because the browser belongs to that loop."""
    room = Path(__file__).parent
    for item in items:
        if room in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
