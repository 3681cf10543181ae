"""The migrations make exactly the tables of sink/tables.py, once, and take them away again."""

import threading
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import column, insert, inspect, select, table

from sink.engine import connect
from sink.migrate import downgrade, upgrade
from sink.rows import effects
from sink.tables import Base, LeadTable, SinkOffsetTable
from sink.writer import JOURNAL, CrmWriter
from tests.sink.conftest import Database
from tests.sink.seeded_journal import START, lead_of, record_of, row_of, unburied


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


def test_a_row_of_an_older_schema_is_filled_when_the_journal_is_read_again(database: Database) -> None:
    """The version is the same, so nothing but the new columns can have changed."""
    record = record_of(row_of(lead_of(how="claim", deferred_at=START)), 0)
    downgrade(database.url, "0001")
    engine = database.engine()
    with engine.execution_options(writes=True).begin() as connection:
        row = {name: value for name, value in _lead_values().items() if name not in ADDED}
        older = table("lead", *(column(name, LeadTable.__table__.c[name].type) for name in row))
        connection.execute(insert(older).values(**row))
        connection.execute(insert(SinkOffsetTable).values(topic=JOURNAL, partition=0, next_offset=1, mark=0))
    upgrade(database.url)
    writer = CrmWriter(engine, unburied)
    assert writer.positions()[0] == (0, -1)
    writer.apply([record])
    with engine.connect() as connection:
        found = connection.execute(select(LeadTable.how, LeadTable.deferred_at, LeadTable.asked)).one()
    assert found == ("claim", START, {"attributes.utm": "spring", "value attributes.tags": True})
    engine.dispose()


ADDED = ("how", "via", "assigned_to", "deferred_at", "failed", "failure_reason", "asked")


def _lead_values() -> dict[str, Any]:
    lead = lead_of()
    values = effects(0, lead.lead_id, row_of(lead)).lead
    assert values is not None
    return values
