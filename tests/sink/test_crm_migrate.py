"""The migrations create exactly the tables of sink/tables.py, once, and remove them again."""

import sqlite3
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, create_engine, insert, inspect, select, table, text
from sqlalchemy.engine import make_url

from models.errors import ConfigError
from models.lead import Distribution, DistributionStatus, Lead, Lock, Phase
from runtime.doctor import _ask_database
from sink.database_engine import connect
from sink.migrate import downgrade, upgrade
from sink.revisions import revisions_in
from sink.rows import table_rows
from sink.tables import Base, LeadTable, SinkOffsetTable
from sink.writer import JOURNAL, CrmWriter
from streams.settings import Settings
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.sink.conftest import Database
from tests.sink.seeded_journal import START, fail_on_dead_letter, lead_of, record_of, row_of
from web.store.migrate import upgrade as upgrade_console


def test_the_migrations_and_the_tables_agree(database: Database) -> None:
    engine = database.engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


@pytest.mark.parametrize("part", ["sink", "web.store"])
def test_our_revisions_are_those_that_alembic_finds(part: str) -> None:
    folder = Path(find_spec(part).submodule_search_locations[0]) / "migrations"  # type: ignore[union-attr, index]
    config = Config()
    config.set_main_option("script_location", str(folder))
    scripts = ScriptDirectory.from_config(config)
    assert [*reversed(revisions_in(folder))] == [script.revision for script in scripts.walk_revisions()]


def test_a_database_at_the_newest_revision_is_upgraded_without_alembic(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "alembic", None)
    upgrade(database.url)
    monkeypatch.undo()
    downgrade(database.url, "0012")
    monkeypatch.setitem(sys.modules, "alembic", None)
    with pytest.raises(ImportError):
        upgrade(database.url)
    monkeypatch.undo()
    upgrade(database.url)


def test_an_upgrade_again_keeps_what_is_there(database: Database) -> None:
    engine = database.engine()
    CrmWriter(engine, fail_on_dead_letter).apply([record_of(row_of(lead_of()), 0)])
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


@pytest.mark.parametrize(
    ("variable", "migrate"),
    [("DATABASE_URL", upgrade), ("FIRSTCLAIM_CONSOLE_DATABASE_URL", upgrade_console)],
)
@pytest.mark.parametrize(
    ("encoding", "style", "message"),
    [
        ("LATIN1", "ISO, MDY", "is encoded in LATIN1"),
        ("SQL_ASCII", "ISO, MDY", "is encoded in SQL_ASCII"),
        ("UTF8", "German, DMY", "writes times in the DateStyle German"),
    ],
)
def test_a_postgres_that_cannot_hold_every_name_and_time_is_refused_at_the_start(
    postgres_url: str, variable: str, migrate: Callable[[str], None], encoding: str, style: str, message: str
) -> None:
    """In LATIN1, each lead with a name like \u738b\u660e was a dead letter, and the sink went on.

    So was the console's draft of a queue with such a name refused, when somebody typed it.
    """
    own = unique("unfit").replace("-", "_")
    url = make_url(postgres_url).set(database=own).render_as_string(hide_password=False)
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        locale = "LOCALE 'C' TEMPLATE template0"
        connection.execute(text(f"CREATE DATABASE {own} ENCODING '{encoding}' {locale}"))
        connection.execute(text(f"ALTER DATABASE {own} SET datestyle = '{style}'"))
        try:
            with pytest.raises(ConfigError) as refused:
                migrate(url)
            assert refused.value.field == variable
            assert refused.value.reason.startswith(message)
            with pytest.raises(ConnectionError, match=message):
                _ask_database(Settings.read(database_url=url))
        finally:
            connection.execute(text(f"DROP DATABASE {own} WITH (FORCE)"))
    admin.dispose()


def test_sinks_that_start_together_migrate_once(empty_url: str) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            upgrade(empty_url)
        except BaseException as failure:  # noqa: BLE001  # the assertion below shows it; otherwise only the thread would end
            failures.append(failure)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not failures
    assert set(inspect(connect(empty_url)).get_table_names()) >= set(Base.metadata.tables)


def test_a_connection_waits_for_who_makes_a_new_file(tmp_path: Path) -> None:
    """Console, sink and commands start together. SQLite says at once that a file without a log is locked."""
    file, failures = tmp_path / "new.sqlite", list[BaseException]()
    first_connection = sqlite3.connect(file, isolation_level=None)
    first_connection.execute("CREATE TABLE t (x)")
    first_connection.execute("BEGIN IMMEDIATE")

    def second() -> None:
        try:
            with connect(f"sqlite:///{file}").connect() as connection:
                assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        except BaseException as failure:  # noqa: BLE001  # as above
            failures.append(failure)

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(0.1)  # it has tried, or tries later
    first_connection.execute("COMMIT")
    thread.join(PATIENCE_SECONDS)
    first_connection.close()
    assert not failures
    assert not thread.is_alive()


def test_a_row_of_an_older_schema_is_filled_when_the_journal_is_read_again(database: Database) -> None:
    """The version is the same, so only the new columns can have changed."""
    lead = lead_of(how="claim", deferred_at=START)
    assert row_after_upgrade(database, lead, "0001", ("how", "deferred_at", "asked")) == (
        "claim",
        START,
        {"attributes.utm": "spring", "value attributes.tags": True},
    )


@pytest.mark.parametrize("phase", [Phase.LOCKED, Phase.WORKING])
def test_d1_the_lock_of_an_older_schema_is_filled_from_the_journal(database: Database, phase: Phase) -> None:
    until = START + timedelta(hours=1)
    lead = lead_of(phase=phase, lock=Lock(rep_id="rep-7", since=START, until=until, epoch=3))
    assert row_after_upgrade(database, lead, "0004", ("locked_by", "locked_until", "offer_epoch")) == (
        "rep-7",
        until,
        None,
    )


def test_r3_the_offer_of_an_older_schema_is_filled_from_the_journal(database: Database) -> None:
    distribution = Distribution(
        group_id="west",
        epoch=5,
        stage=DistributionStatus.OFFERED,
        method="round_robin",
        reps=("rep-7", "rep-9"),
    )
    lead = lead_of(phase=Phase.OFFERED, open_distribution=distribution)
    assert row_after_upgrade(
        database, lead, "0004", ("offer_rep_ids", "offer_epoch", "offer_method", "locked_by")
    ) == (
        ["rep-7", "rep-9"],
        5,
        "round_robin",
        None,
    )


def test_m4_the_age_of_an_older_schema_is_filled_from_the_journal(database: Database) -> None:
    later = START + timedelta(days=1)
    lead = lead_of(
        phase=Phase.OWNED, owner="rep-7", assigned_at=START, queue_since=later, owner_last_contacted_at=later
    )
    assert row_after_upgrade(
        database, lead, "0007", ("in_queue_since", "owner_last_contacted_at", "owner_left")
    ) == (
        later,
        later,
        False,
    )


IN_0005 = {"locked_by", "locked_until", "offer_rep_ids", "offer_epoch", "offer_until", "offer_method"}
IN_0002 = {"how", "via", "assigned_to", "deferred_at", "failed", "failure_reason", "asked"}
IN_0008 = {"in_queue_since", "owner_last_contacted_at", "owner_left"}
IN_0010 = {"phone_extension"}
MISSING = {
    "0007": IN_0008 | IN_0010,
    "0004": IN_0005 | IN_0008 | IN_0010,
    "0001": IN_0002 | IN_0005 | IN_0008 | IN_0010,
}
"""Revision -> columns that its lead table does not have yet."""


def row_after_upgrade(
    database: Database, lead: Lead, revision: str, names: tuple[str, ...]
) -> tuple[Any, ...]:
    """Store a lead under an older schema, upgrade, let the sink continue; return columns of its row."""
    values = table_rows(0, lead.lead_id, row_of(lead)).lead
    assert values is not None
    downgrade(database.url, revision)
    engine = database.engine()
    with engine.execution_options(writes=True).begin() as connection:
        row = {name: value for name, value in values.items() if name not in MISSING[revision]}
        older = table("lead", *(column(name, LeadTable.__table__.c[name].type) for name in row))
        connection.execute(insert(older).values(**row))
        connection.execute(insert(SinkOffsetTable).values(topic=JOURNAL, partition=0, next_offset=1, mark=0))
    upgrade(database.url)
    writer = CrmWriter(engine, fail_on_dead_letter)
    assert writer.positions()[0] == (0, -1)
    writer.apply([record_of(row_of(lead), 0)])
    with engine.connect() as connection:
        stored = connection.execute(select(*(LeadTable.__table__.c[name] for name in names))).one()
    engine.dispose()
    return tuple(stored)
