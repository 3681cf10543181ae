"""The migrations make exactly the tables of sink/tables.py, once, and take them away again."""

import threading

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select

from sink.engine import connect
from sink.migrate import downgrade, upgrade
from sink.tables import Base, LeadTable
from sink.writer import CrmWriter
from tests.sink.conftest import Database
from tests.sink.story import lead_of, record_of, row_of, unburied


def test_the_migrations_and_the_tables_agree(database: Database) -> None:
    engine = database.engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_an_upgrade_again_keeps_what_is_there(database: Database) -> None:
    engine = database.engine()
    CrmWriter(engine, unburied).apply([record_of(row_of(lead_of()), 0)])
    upgrade(database.url)
    with engine.connect() as connection:
        assert len(connection.execute(select(LeadTable.lead_id)).all()) == 1
    engine.dispose()


def test_a_downgrade_takes_everything_away_and_an_upgrade_brings_it_back(database: Database) -> None:
    downgrade(database.url)
    engine = connect(database.url)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade(database.url)
    assert set(inspect(connect(database.url)).get_table_names()) >= set(Base.metadata.tables)
    engine.dispose()


def test_sinks_that_start_together_migrate_once(empty_url: str) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            upgrade(empty_url)
        except BaseException as failure:  # noqa: BLE001  # shown by the assertion below, not by a thread's death
            failures.append(failure)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert set(inspect(connect(empty_url)).get_table_names()) >= set(Base.metadata.tables)
