"""The sink's positions are read again and again, also of a database that took the place of the former one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition
from sqlalchemy import delete, insert

from application.sink_positions import SinkPositions
from models.errors import RetryableError
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.tables import SinkOffsetTable
from streams.topics import DELIVERIES, LEAD_JOURNAL
from tests.fixtures.servers import empty_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTITION = TopicPartition(LEAD_JOURNAL, 3)


def write_positions(url: str, offset: int) -> None:
    """Write positions as the sink does; the one in another topic is not of the journal."""
    engine = connect(url)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(delete(SinkOffsetTable))
        for topic, at in ((LEAD_JOURNAL, offset), (DELIVERIES, 99)):
            values = {"topic": topic, "partition": 3, "next_offset": at, "mark": -1}
            connection.execute(insert(SinkOffsetTable).values(values))
    engine.dispose()


def test_positions_are_read_from_before_the_first_sink_until_the_file_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "crm.sqlite"
    url = f"sqlite:///{file}"
    positions = SinkPositions(url)
    assert positions.read() == {}
    assert not file.exists()
    upgrade(url)
    assert positions.read() == {}
    for offset in (17, 18):
        write_positions(url, offset)
        assert positions.read() == {PARTITION: offset}
    for name in tmp_path.iterdir():
        name.unlink()
    assert positions.read() == {}
    assert not file.exists()
    upgrade(url)
    write_positions(url, 5)
    assert positions.read() == {PARTITION: 5}
    positions.close()
    assert positions.read() == {PARTITION: 5}
    positions.close()


@pytest.fixture(params=["postgres"])
def postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a Postgres database without tables."""
    with empty_database(request, tmp_path, "positions") as url:
        yield url


def test_positions_in_postgres_are_read_with_one_engine(postgres: str) -> None:
    positions = SinkPositions(postgres)
    assert positions.read() == {}
    upgrade(postgres)
    for offset in (17, 18):
        write_positions(postgres, offset)
        assert positions.read() == {PARTITION: offset}
    positions.close()


def test_a_database_that_cannot_be_read_is_an_error_each_time(tmp_path: Path) -> None:
    file = tmp_path / "crm.sqlite"
    url = f"sqlite:///{file}"
    upgrade(url)
    write_positions(url, 17)
    positions = SinkPositions(url)
    assert positions.read() == {PARTITION: 17}
    for name in tmp_path.iterdir():
        name.unlink()
    file.write_bytes(b"no database of anybody" * 1000)
    for _ in range(2):
        with pytest.raises(RetryableError, match="not a database"):
            positions.read()
