"""Migrates the console's schema to its newest version at every start, in one transaction."""

from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from models.errors import ConfigError
from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.postgres_fitness import unfit
from sink.revisions import is_newest

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

_LOCK: Final = 0x66697274
"""Key of the Postgres advisory lock that migrations take. On SQLite, BEGIN IMMEDIATE is the lock."""


def upgrade(database_url: str, to: str = "head") -> None:
    """Migrate the schema to a revision, by default the last.

    Raises `RetryableError` if the database is away, and `ConfigError` if it cannot hold what is stored.
    """
    engine = connect(database_url)
    try:
        with (
            translated_errors("console database"),
            engine.execution_options(writes=True).begin() as connection,
        ):
            if engine.dialect.name == "postgresql":
                if (why := unfit(connection)) is not None:
                    raise ConfigError("FIRSTCLAIM_CONSOLE_DATABASE_URL", why)
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            if to == "head" and is_newest(connection, _MIGRATIONS, "console_alembic_version"):
                return
            from alembic import command  # noqa: PLC0415  # only where there is something to migrate
            from alembic.config import Config  # noqa: PLC0415  # as above

            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    finally:
        engine.dispose()
