"""Migrates the schema to its newest version at every start, once even if several sinks start together."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, func, select

from models.errors import ConfigError
from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.postgres_fitness import unfit
from sink.revisions import is_newest

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

_LOCK: Final = 0x66697273
"""The key of the Postgres advisory lock that migrations take. On SQLite, BEGIN IMMEDIATE is the lock."""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Migrate the schema up to `revision` in one transaction. Does nothing if it is there already.

    Raises RetryableError where the database is unreachable, and ConfigError where it cannot hold what is stored. Waits
    while another sink migrates.
    """

    def run(connection: Connection) -> None:
        if revision == "head" and is_newest(connection, _MIGRATIONS):
            return
        from alembic import command  # noqa: PLC0415  # only where there is something to migrate

        command.upgrade(_config(connection), revision)

    _migrate(database_url, run)


def downgrade(database_url: str, revision: str = "base") -> None:
    """Migrate the schema down to `revision` and drop its rows, which Kafka still has. Raises RetryableError."""

    def run(connection: Connection) -> None:
        from alembic import command  # noqa: PLC0415  # as above

        command.downgrade(_config(connection), revision)

    _migrate(database_url, run)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _migrate(database_url: str, run: Callable[[Connection], None]) -> None:
    engine = connect(database_url)
    try:
        with translated_errors("CRM database"), engine.execution_options(writes=True).begin() as connection:
            _check(connection)
            _lock(engine, connection)
            run(connection)
    finally:
        engine.dispose()


def _check(connection: Connection) -> None:
    if connection.dialect.name == "postgresql" and (why := unfit(connection)) is not None:
        raise ConfigError("DATABASE_URL", why)


def _lock(engine: Engine, connection: Connection) -> None:
    if engine.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
