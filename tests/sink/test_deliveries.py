"""N1: the fates of requests in the CRM database: each once, whatever is repeated, with the position beside them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from models.errors import RetryableError
from models.public import Delivery
from sink import copied_topics, queries
from sink.deliveries import DeliveryWriter, delivery_row
from sink.migrate import downgrade, upgrade
from sink.rebuild import empty_tables
from sink.tables import DeliveryTable
from streams.clients import Batch
from streams.readiness import Readiness
from streams.settings import Settings
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from sqlalchemy import Engine

    from tests.sink.conftest import Database

AT = datetime(2026, 11, 27, 10, tzinfo=UTC)


def delivery_record(n: int, status: Any = "sent", detail: str = "250 OK") -> bytes:
    """Return a record of `deliveries`."""
    return msgspec.json.encode(
        Delivery(
            notification_id=f"L/{n}/rep-1/lead_offered/email",
            channel="email",
            status=status,
            provider="smtp.example:587",
            detail=detail,
            at=AT,
            lead_id="L",
            rep_id="rep-1",
            org="default",
        )
    )


def rows(*records: bytes) -> list[dict[str, Any]]:
    """Return the rows of records."""
    return [row for record in records if (row := delivery_row(record)) is not None]


def stored_deliveries(engine: Engine) -> list[tuple[str, str, str]]:
    """Return (id, status, detail) of every row."""
    table = DeliveryTable
    with engine.connect() as connection:
        query = select(table.notification_id, table.status, table.detail).order_by(
            table.notification_id, table.status
        )
        return [(identity, status, detail) for identity, status, detail in connection.execute(query)]


def test_n1_each_fate_is_stored_once_with_the_position(engine: Engine) -> None:
    """A crashed courier writes a fate twice; the first one stays. A NUL, which Postgres refuses, is replaced."""
    writer = DeliveryWriter(engine)
    assert writer.positions() == {}
    first_rows = rows(
        delivery_record(1),
        delivery_record(1, detail="again"),
        delivery_record(1, "bounced", "550 \0"),
        b"no delivery",
        b"{}",
    )
    assert writer.apply(first_rows, {}, {0: 5})
    assert stored_deliveries(engine) == [
        ("L/1/rep-1/lead_offered/email", "bounced", "550 \ufffd"),
        ("L/1/rep-1/lead_offered/email", "sent", "250 OK"),
    ]
    assert writer.positions() == {0: 5}
    # Another sink has read further. Its position stays.
    assert DeliveryWriter(engine).apply(rows(delivery_record(2)), {0: 5}, {0: 9})
    assert writer.apply(rows(delivery_record(1)), {0: 5}, {0: 6})
    assert writer.positions() == {0: 9}
    with engine.connect() as connection:
        [newest, *_] = queries.deliveries(connection, "L", 10)
    assert (newest["at"], newest["org"], newest["provider"]) == (AT, "default", "smtp.example:587")


def test_n1_after_a_rebuild_the_fates_are_read_again(engine: Engine) -> None:
    writer = DeliveryWriter(engine)
    assert writer.apply(rows(delivery_record(1)), {}, {0: 1})
    empty_tables(engine, history=False)
    assert not writer.apply(rows(delivery_record(2)), {0: 1}, {0: 2})
    assert writer.positions() == {0: 0}
    assert [row[0] for row in stored_deliveries(engine)] == ["L/1/rep-1/lead_offered/email"]
    assert writer.apply(rows(delivery_record(1), delivery_record(2)), {}, {0: 2})
    assert len(stored_deliveries(engine)) == 2
    empty_tables(engine, history=True)
    assert stored_deliveries(engine) == []


def test_the_migration_of_deliveries_goes_both_ways(database: Database) -> None:
    downgrade(database.url, "0010")
    upgrade(database.url)
    assert DeliveryWriter(database.engine()).apply(rows(delivery_record(1)), {}, {0: 1})


async def test_n1_after_an_outage_a_topic_without_new_records_does_not_stay_in_the_way(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink's other reader may have recovered before, and may have nothing to store either."""
    failures = [RetryableError("CRM database", "is away")]

    class AwayAtFirst(DeliveryWriter):
        def positions(self) -> dict[int, int]:
            if failures:
                raise failures.pop()
            return super().positions()

    async def nothing_comes(*_: Any, **__: Any) -> AsyncIterator[Batch]:
        while True:
            yield Batch((), {}, caught_up=True)
            await asyncio.sleep(0)

    monkeypatch.setattr(copied_topics, "follow", nothing_comes)
    readiness = Readiness()
    writer = AwayAtFirst(engine)
    following = asyncio.create_task(copied_topics.follow_copied(Settings.read(), writer, readiness))
    try:
        await eventually(lambda: not readiness.ready()[0], "the outage is in the way")
        await eventually(lambda: readiness.ready()[0], "it is over")
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
