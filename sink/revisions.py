"""Reads which migrations this version has, and which one a database is at, without Alembic.

Alembic is only loaded where there is something to migrate. To import it takes a tenth of a start.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, column, inspect, select, table

_REVISION: Final = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)


@cache
def revisions_in(migrations: Path) -> tuple[str, ...]:
    """Return the revisions of a folder of migrations, the last one last, as the names of the files order them."""
    revisions = []
    for file in sorted(migrations.glob("versions/v*.py")):
        names = _REVISION.findall(file.read_text())
        if len(names) != 1:
            raise ValueError(f"{file} has no line with its revision")
        revisions += names
    return tuple(revisions)


def revision_of(connection: Connection, version_table: str) -> str | None:
    """Return the revision that a database is at; None without any."""
    if not inspect(connection).has_table(version_table):
        return None
    row: Any = connection.execute(select(column("version_num")).select_from(table(version_table))).first()
    return None if row is None else str(row[0])


def is_newest(connection: Connection, migrations: Path, version_table: str = "alembic_version") -> bool:
    """Tell whether a database is at the last migration of a folder."""
    return revision_of(connection, version_table) == revisions_in(migrations)[-1]
