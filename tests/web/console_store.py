"""An empty console database, on SQLite and on Postgres, and what is kept in it.

A test module takes the fixtures by assignment: `store = console_store.store`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import create_engine, make_url, text

from sink.database_engine import connect
from tests.fixtures.servers import unique
from web.store.account import Account
from web.store.accounts import Accounts
from web.store.migrate import upgrade
from web.store.sealing import Vault, new_key
from web.store.sessions import Sessions
from web.store.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

PASSWORD: Final = "correct horse battery"  # noqa: S105  # of an account that lives as long as a test
MIA: Final = Account(email="mia@x.org", org="default", rep_id="mia", role="admin")


KEYS: Final = Vault([new_key()], variable="tests")
"""Keys for second factors in databases that no console uses."""


@contextmanager
def empty_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    """Yield an empty database of the kind that the fixture's parameter names: `sqlite` or `postgres`."""
    name = unique("accounts").replace("-", "_")
    url = f"sqlite:///{folder / name}"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_url")
        admin = create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
    upgrade(url)
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield an empty database."""
    with empty_database(request, tmp_path) as engine:
        yield engine


@pytest.fixture
def accounts(store: Engine) -> Accounts:
    """Return its accounts."""
    return Accounts(store)


@pytest.fixture
def sessions(store: Engine) -> Sessions:
    """Return its sessions."""
    return Sessions(store)


@pytest.fixture
def tokens(store: Engine) -> Tokens:
    """Return its tokens."""
    return Tokens(store)
