"""Migrates the schema to its newest version at every start, once even if several sinks start together."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, func, select

from models.errors import ConfigError
from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.postgres_fitness import unfit

_LOCK: Final = 0x66697273
"""The key of the Postgres advisory lock that migrations take. On SQLite, BEGIN IMMEDIATE is the lock."""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Migrate the schema up to `revision` in one transaction. Does nothing if it is there already.

    Raises RetryableError where the database is unreachable, and ConfigError where it cannot hold what is stored. Waits
    while another sink migrates.
    """
    _migrate(database_url, lambda config: command.upgrade(config, revision))


def downgrade(database_url: str, revision: str = "base") -> None:
    """Migrate the schema down to `revision` and drop its rows, which Kafka still has. Raises RetryableError."""
    _migrate(database_url, lambda config: command.downgrade(config, revision))


def _migrate(database_url: str, run: Callable[[Config], None]) -> None:
    engine = connect(database_url)
    try:
        with translated_errors("CRM database"), engine.execution_options(writes=True).begin() as connection:
            _check(connection)
            _lock(engine, connection)
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            run(config)
    finally:
        engine.dispose()


def _check(connection: Connection) -> None:
    if connection.dialect.name == "postgresql" and (why := unfit(connection)) is not None:
        raise ConfigError("DATABASE_URL", why)


def _lock(engine: Engine, connection: Connection) -> None:
    if engine.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
