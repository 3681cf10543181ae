"""Checks whether the CRM database has the tables of this version, without creating them."""

from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import inspect
from sqlalchemy.engine import make_url

from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.revisions import revision_of, revisions_in
from sink.tables import Base

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """The schema as found. `revision`: the last migration's, None without any. `missing`: tables that do not exist."""

    revision: str | None
    head: str
    known: bool
    missing: tuple[str, ...]

    @property
    def is_made(self) -> bool:
        """Whether a sink has created its tables in this database."""
        return self.revision is not None or len(self.missing) < len(Base.metadata.tables)

    @property
    def problem(self) -> str | None:
        """The problem as a sentence that says what to do, or None if there is none."""
        if not self.is_made:
            return "has no tables yet: the sink makes them when it starts"
        if not self.known:
            return (
                f"is at revision {self.revision}, which this version does not know: a newer version has migrated it, "
                "so run that one"
            )
        if self.revision != self.head:
            return f"is at revision {self.revision}, this version needs {self.head}: start the sink, which migrates it"
        if self.missing:
            tables = "table" if len(self.missing) == 1 else "tables"
            missing = ", ".join(self.missing)
            return f"lacks the {tables} {missing}: `firstclaim crm rebuild` creates and fills them"
        return None


def schema_of(database_url: str) -> Schema:
    """Return which tables exist. A missing SQLite file is not created. Raises `RetryableError`."""
    revisions = revisions_in(_MIGRATIONS)
    head = revisions[-1]
    table_names = [table.name for table in Base.metadata.sorted_tables]
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        return Schema(revision=None, head=head, known=True, missing=tuple(table_names))
    engine = connect(database_url)
    try:
        with translated_errors("CRM database"), engine.connect() as connection:
            revision = revision_of(connection, "alembic_version")
            present = set(inspect(connection).get_table_names())
    finally:
        engine.dispose()
    missing = tuple(name for name in table_names if name not in present)
    return Schema(
        revision=revision, head=head, known=revision is None or revision in revisions, missing=missing
    )
