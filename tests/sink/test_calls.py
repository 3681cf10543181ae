"""N4: the records of calls in the CRM database: each once, whatever is repeated, with the position beside them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from models.public import Call
from sink import queries
from sink.calls import CallWriter, call_row
from sink.deliveries import DeliveryWriter
from sink.migrate import downgrade, upgrade
from sink.rebuild import empty_tables
from sink.tables import CallTable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.sink.conftest import Database

AT = datetime(2026, 11, 27, 10, tzinfo=UTC)


def record(n: int, event: Any = "ringing", **more: Any) -> bytes:
    """Return a record of `calls`, `n` seconds after the first."""
    fields: dict[str, Any] = {
        "call_id": "c1",
        "notification_id": "L/1/rep-1/ring/call",
        "lead_id": "L",
        "rep_id": "rep-1",
        "leg": "rep",
        "digit": None,
        "seconds": None,
        "org": "default",
    }
    return msgspec.json.encode(Call(**{**fields, "event": event, "at": AT + timedelta(seconds=n), **more}))


def rows(*records: bytes) -> list[dict[str, Any]]:
    """Return the rows of records."""
    return [row for record in records if (row := call_row(record)) is not None]


def stored_calls(engine: Engine) -> list[tuple[str, str]]:
    """Return (leg, event) of every row, in order."""
    table = CallTable
    with engine.connect() as connection:
        query = select(table.leg, table.event).order_by(table.at, table.event)
        return [(leg, event) for leg, event in connection.execute(query)]


def test_n4_each_record_is_stored_once_with_the_position(engine: Engine) -> None:
    """A producer's repeat has the same time and is stored once; the same digit pressed again is another record."""
    writer = CallWriter(engine)
    pressed = [record(n, "pressed", digit="1") for n in (1, 2)]
    ended = record(3, "ended", seconds=2.5, reason="hung_up", system="http://asterisk:8088/ari")
    assert writer.apply(rows(record(0), record(0), *pressed, ended, b"no call", b"{}"), {}, {0: 7})
    assert stored_calls(engine) == [
        ("rep", "ringing"),
        ("rep", "pressed"),
        ("rep", "pressed"),
        ("rep", "ended"),
    ]
    with engine.connect() as connection:
        newest, *_ = queries.calls(connection, "L", 10)
    assert (newest["event"], newest["seconds"], newest["reason"]) == ("ended", 2.5, "hung_up")
    assert (newest["at"], newest["system"]) == (AT + timedelta(seconds=3), "http://asterisk:8088/ari")
    assert writer.positions() == {0: 7}
    assert DeliveryWriter(engine).positions() == {}, "each topic has a position of its own"


def test_n4_after_a_rebuild_the_calls_are_read_again(engine: Engine) -> None:
    writer = CallWriter(engine)
    assert writer.apply(rows(record(0)), {}, {0: 1})
    empty_tables(engine, history=False)
    assert not writer.apply(rows(record(1, "ended")), {0: 1}, {0: 2}), "the database is behind"
    assert writer.apply(rows(record(0), record(1, "ended")), {}, {0: 2})
    assert stored_calls(engine) == [("rep", "ringing"), ("rep", "ended")]
    empty_tables(engine, history=True)
    assert stored_calls(engine) == []


def test_the_migration_of_calls_goes_both_ways(database: Database) -> None:
    downgrade(database.url, "0011")
    upgrade(database.url)
    assert CallWriter(database.engine()).apply(rows(record(0)), {}, {0: 1})
