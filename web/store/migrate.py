"""Migrates the console's schema to its newest version at every start, in one transaction."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import func, select

from sink.database_engine import connect
from sink.db_errors import translated_errors

_LOCK: Final = 0x66697274
"""Key of the Postgres advisory lock that migrations take. On SQLite, BEGIN IMMEDIATE is the lock."""


def upgrade(database_url: str, to: str = "head") -> None:
    """Migrate the schema to a revision, by default the last. Raises `RetryableError` if the database is away."""
    engine = connect(database_url)
    try:
        with (
            translated_errors("console database"),
            engine.execution_options(writes=True).begin() as connection,
        ):
            if engine.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    finally:
        engine.dispose()
