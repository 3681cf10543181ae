"""An empty console database, on SQLite and on Postgres."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import create_engine, make_url, text

from sink.engine import connect
from tests.fixtures.servers import unique
from web.store.migrate import upgrade
from web.store.sealing import Vault, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from sqlalchemy import Engine


KEYS: Final = Vault([new_key()], place="tests")
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
