"""Alembic's entry: migrations run in the transaction of the connection that `store.migrate` gives them."""

from alembic import context

from web.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table="console_alembic_version",  # the CRM database may be the same one
    render_as_batch=True,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
