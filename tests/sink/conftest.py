"""Fixtures for the writer's tests. Every test runs on SQLite and on Postgres, because the contract is the same."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from sink import staging
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.writer import CrmWriter
from tests.fixtures.servers import empty_database, unique
from tests.sink.seeded_journal import fail_on_dead_letter, tables


@dataclass(frozen=True)
class Database:
    """A migrated database of one test. `away()`: a context in which nobody can write to it."""

    url: str
    away: Callable[[], AbstractContextManager[None]]

    def engine(self) -> Engine:
        """Return a second engine, as another process would have."""
        return connect(self.url)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database without tables."""
    with empty_database(request, tmp_path, "crm") as url:
        yield url


@pytest.fixture
def database(empty_url: str) -> Database:
    """Return a migrated database."""
    upgrade(empty_url)
    shut_out = _locked if empty_url.startswith("sqlite") else _closed
    return Database(empty_url, lambda: shut_out(empty_url))


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """Yield an engine for the test's database. On SQLite it does not wait for locks."""
    engine = connect(database.url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> CrmWriter:
    """Return a writer. The test fails if it writes a dead letter."""
    return CrmWriter(engine, fail_on_dead_letter)


@pytest.fixture
def always_by_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store on Postgres by COPY, however few rows there are."""
    monkeypatch.setattr(staging, "MANY", 1)


@pytest.fixture
def expected(tmp_path: Path) -> Callable[..., dict[str, list[tuple[object, ...]]]]:
    """Return a function that maps records to the tables after one undisturbed pass over them."""

    def tables_of(*scenarios: object) -> dict[str, list[tuple[object, ...]]]:
        url = f"sqlite:///{tmp_path / unique('expected')}.sqlite"
        upgrade(url)
        engine = connect(url)
        for records in scenarios:
            CrmWriter(engine, fail_on_dead_letter).apply(records)  # type: ignore[arg-type]
        rows_by_table = tables(engine)
        engine.dispose()
        return rows_by_table

    return tables_of


@contextmanager
def _locked(url: str) -> Iterator[None]:
    engine = connect(url)
    with engine.execution_options(writes=True).begin():
        yield
    engine.dispose()


@contextmanager
def _closed(url: str) -> Iterator[None]:
    target = make_url(url)
    server = target.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {target.database} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [target.database]
        )
        yield
        connection.execute(f"ALTER DATABASE {target.database} ALLOW_CONNECTIONS true".encode())
