"""Large batches go to Postgres by COPY, small ones and those of a user without temporary tables row by row."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import make_url

from sink import staging
from sink.database_engine import connect
from sink.writer import CrmWriter
from tests.fixtures.servers import unique
from tests.sink.conftest import Database
from tests.sink.seeded_journal import Scenario, fail_on_dead_letter, tables

Tables = dict[str, list[tuple[Any, ...]]]


def staged_tables(engine: Engine) -> list[str]:
    """Return a list that gets the name of each table for which a staging table is made."""
    found: list[str] = []

    def statement(_c: Any, _k: Any, sql: str, *_: Any) -> None:
        if sql.startswith("CREATE TEMP TABLE staging_"):
            found.append(sql.split()[3].removeprefix("staging_"))

    event.listen(engine, "before_cursor_execute", statement)
    return found


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_only_tables_with_many_rows_that_are_there_already_are_staged(
    engine: Engine, expected: Callable[..., Tables], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MANY", 20)
    records, found = Scenario(0, seed=3).tell(300).records, staged_tables(engine)
    writer = CrmWriter(engine, fail_on_dead_letter)
    writer.apply(records[: staging.MANY // 10])
    assert found == []
    writer.apply(records[staging.MANY // 10 : len(records) // 2])
    writer.apply(records[len(records) // 2 :])
    assert "lead" in found
    assert "decision" not in found
    assert tables(engine) == expected(records)


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_tables_that_are_only_added_to_are_staged_only_if_a_row_is_there_already(
    engine: Engine, expected: Callable[..., Tables]
) -> None:
    """Rows of decisions may be there without the offset that they were stored with, after a rebuild."""
    records, found = Scenario(0, seed=3).tell(300).records, staged_tables(engine)
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    assert found == []
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sink_offset WHERE topic = 'lead-journal'"))
        removed = connection.execute(text("DELETE FROM decision WHERE source_offset % 2 = 0")).rowcount
    assert removed > 0
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    assert "decision" in found
    assert tables(engine) == expected(records)


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
    records, found = Scenario(0, seed=4).tell(80).records, staged_tables(engine)
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    assert found == []
    assert tables(admin) == expected(records)
    engine.dispose()
    with admin.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {user}"))
        connection.execute(text(f"DROP ROLE {user}"))
    admin.dispose()
