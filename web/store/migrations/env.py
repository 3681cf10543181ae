"""Is Alembic's entry point. Migrations run in the transaction of the connection that `store.migrate` passes."""

from alembic import context

from web.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table="console_alembic_version",  # the CRM's tables may be in the same database
    render_as_batch=True,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
