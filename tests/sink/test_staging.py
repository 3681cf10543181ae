"""Large batches go to Postgres by COPY, small ones and those of a user without temporary tables row by row."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import make_url

from sink import staging
from sink.database_engine import connect
from sink.deliveries import DeliveryWriter
from sink.writer import CrmWriter
from tests.fixtures.servers import unique
from tests.sink.conftest import Database
from tests.sink.seeded_journal import Scenario, fail_on_dead_letter, tables
from tests.sink.test_deliveries import delivery_record, rows

Tables = dict[str, list[tuple[Any, ...]]]


def staged_tables(engine: Engine) -> list[str]:
    """Return a list that gets the name of each table for which a staging table is made."""
    names: list[str] = []

    def statement(_c: Any, _k: Any, sql: str, *_: Any) -> None:
        if sql.startswith("CREATE TEMP TABLE staging_"):
            names.append(sql.split()[3].removeprefix("staging_"))

    event.listen(engine, "before_cursor_execute", statement)
    return names


def executed_by(engine: Engine) -> list[str]:
    """Return a list that gets each statement, without the driver's COPY."""
    statements: list[str] = []
    event.listen(
        engine, "before_cursor_execute", lambda _c, _k, sql, *_: statements.append(" ".join(sql.split()))
    )
    return statements


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_only_tables_with_many_rows_that_are_there_already_are_staged(
    engine: Engine, expected: Callable[..., Tables], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MANY", 20)
    records, staged = Scenario(0, seed=3).tell(300).records, staged_tables(engine)
    writer = CrmWriter(engine, fail_on_dead_letter)
    writer.apply(records[: staging.MANY // 10])
    assert staged == []
    writer.apply(records[staging.MANY // 10 : len(records) // 2])
    writer.apply(records[len(records) // 2 :])
    assert "lead" in staged
    assert "decision" not in staged
    assert tables(engine) == expected(records)


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_tables_that_are_only_added_to_are_staged_only_if_a_row_is_there_already(
    engine: Engine, expected: Callable[..., Tables]
) -> None:
    """Rows of decisions may be there without the offset that they were stored with, after a rebuild."""
    records, staged = Scenario(0, seed=3).tell(300).records, staged_tables(engine)
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    assert staged == []
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sink_offset WHERE topic = 'lead-journal'"))
        removed = connection.execute(text("DELETE FROM decision WHERE source_offset % 2 = 0")).rowcount
    assert removed > 0
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    assert "decision" in staged
    assert tables(engine) == expected(records)


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_a_batch_of_new_rows_has_one_savepoint_and_asks_for_no_lead(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MANY", 20)
    executed = executed_by(engine)
    arrivals = [
        record for record in Scenario(0, seed=3).tell(300).records if b'"seq":1,' in (record.value or b"")
    ]
    CrmWriter(engine, fail_on_dead_letter).apply(arrivals)
    assert sum(sql.startswith("SAVEPOINT") for sql in executed) == 1
    assert not [sql for sql in executed if "FROM lead" in sql or "INTO lead" in sql]


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_one_table_with_a_row_that_is_there_already_does_not_keep_the_others_from_being_copied(
    engine: Engine, expected: Callable[..., Tables]
) -> None:
    """A lead in its first version is taken for new, and is not if the sink lost its positions."""
    records, staged = Scenario(0, seed=3).tell(1500).records, staged_tables(engine)
    CrmWriter(engine, fail_on_dead_letter).apply(records[:700])
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sink_offset WHERE topic = 'lead-journal'"))
        connection.execute(text("DELETE FROM decision"))
    staged.clear()
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    assert "lead" in staged
    assert "decision" not in staged
    assert tables(engine) == expected(records)


@pytest.mark.usefixtures("always_by_copy")
def test_rows_made_for_a_batch_are_not_stored_again_if_another_writer_was_faster(
    engine: Engine, expected: Callable[..., Tables]
) -> None:
    records = Scenario(0, seed=5).tell(120).records
    slow, fast = CrmWriter(engine, fail_on_dead_letter), CrmWriter(engine, fail_on_dead_letter)
    batch = slow.prepared(records[:80])
    fast.apply(records[:50])
    applied = slow.store(batch)
    assert (applied.stale, applied.leads) == (50, 30)
    slow.apply(records[80:])
    assert tables(engine) == expected(records)


@pytest.mark.usefixtures("always_by_copy")
def test_one_lead_many_times_in_a_batch_is_stored_in_its_last_version(
    engine: Engine, expected: Callable[..., Tables]
) -> None:
    records = Scenario(0, seed=6).tell(200).records
    key = max(
        (record.key for record in records), key=lambda key: sum(record.key == key for record in records)
    )
    lead_records = [
        replace(record, offset=n)
        for n, record in enumerate(record for record in records if record.key == key)
    ]
    assert len(lead_records) > 4
    CrmWriter(engine, fail_on_dead_letter).apply(lead_records)
    assert tables(engine) == expected(lead_records)
    with engine.connect() as connection:
        versions = connection.execute(text("SELECT version FROM lead")).scalars().all()
        assert versions == [connection.scalar(text("SELECT max(version) FROM decision"))]


@pytest.mark.usefixtures("always_by_copy")
@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("is_stored", [False, True], ids=["copied", "staged"])
def test_a_row_that_postgres_refuses_stops_no_other_row_of_its_batch(
    engine: Engine, expected: Callable[..., Tables], *, is_stored: bool
) -> None:
    """A text too long for an index is refused by Postgres alone, wherever the row goes."""
    records = Scenario(0, seed=7).tell(120).records
    buried = list[int]()
    writer = CrmWriter(engine, lambda record, _: buried.append(record.offset))
    stored_count = 60 if is_stored else 0
    writer.apply(records[:stored_count])
    unfit = next(record for record in records[80:] if b'"owner":"rep-' in (record.value or b""))
    owner = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=12_000)).encode()
    batch = [*records]
    batch[unfit.offset] = replace(
        unfit, value=re.sub(rb'"owner":"rep-\d"', b'"owner":"%s"' % owner, unfit.value or b"")
    )
    writer.apply(batch[stored_count:])
    assert buried == [unfit.offset]
    assert tables(engine) == expected([record for record in records if record is not unfit])


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_a_user_who_may_make_no_temporary_tables_stores_row_by_row(
    database: Database, expected: Callable[..., Tables], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MANY", 1)
    admin, user = connect(database.url), unique("plain").replace("-", "_")
    url = make_url(database.url)
    with admin.begin() as connection:
        connection.execute(text(f"CREATE ROLE {user} LOGIN PASSWORD '{user}'"))
        connection.execute(text(f"REVOKE TEMP ON DATABASE {url.database} FROM PUBLIC"))
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}"))
    engine = connect(url.set(username=user, password=user).render_as_string(hide_password=False))
    records, staged = Scenario(0, seed=4).tell(80).records, staged_tables(engine)
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    assert staged == []
    assert tables(admin) == expected(records)
    engine.dispose()
    with admin.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {user}"))
        connection.execute(text(f"DROP ROLE {user}"))
    admin.dispose()


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_only_what_is_read_again_from_the_journal_does_not_wait_for_the_disk(engine: Engine) -> None:
    waits = list[str]()
    event.listen(
        engine,
        "commit",
        lambda connection: waits.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()),
    )
    CrmWriter(engine, fail_on_dead_letter).apply(Scenario(0, seed=3).tell(20).records)
    assert waits == ["off"]
    assert DeliveryWriter(engine).apply(rows(delivery_record(1)), {}, {0: 1})
    assert waits == ["off", "on"]
