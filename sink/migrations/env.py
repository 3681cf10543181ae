"""Is Alembic's entry point. Migrations run in the transaction of the connection they are given, whole or not at all.

`sink.migrate` gives that connection. For `alembic revision --autogenerate -x url=…` this module opens one.
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from sink.column_types import UtcDateTime
from sink.database_engine import connect
from sink.tables import Base


def _render(kind: str, column_type: Any, _context: Any) -> str | Literal[False]:
    """Render our type as its database type, because a migration must not depend on code that changes."""
    if kind == "type" and isinstance(column_type, UtcDateTime):
        return 'sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")'
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite alters a table by copying it
        compare_type=True,
        render_item=_render,
        transactional_ddl=True,  # also true on SQLite, because we begin transactions ourselves
    )
    with context.begin_transaction():
        context.run_migrations()


given_connection = context.config.attributes.get("connection")
if given_connection is None:
    url = context.get_x_argument(as_dictionary=True)["url"]
    with connect(url).execution_options(writes=True).begin() as opened:
        _run(opened)
else:
    _run(given_connection)
