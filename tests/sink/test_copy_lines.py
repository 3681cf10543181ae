"""What is written for COPY is what Postgres reads: each type, the signs of the format, and rows that look alike."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from msgspec import Raw
from sqlalchemy import BigInteger, Boolean, Column, Double, Engine, MetaData, Table, Text, literal, select

from sink.column_types import Json, UtcDateTime
from sink.copy_lines import copy_lines
from sink.statements import any_of
from sink.tables import LeadTable

AT = datetime(2026, 11, 20, 14, 12, 3, 250_000, tzinfo=UTC)
TEXTS = [
    "plain",
    "",
    "\\",
    "\\N",
    "\\.",
    "a\tb\nc\rd",
    "ends with a backslash\\",
    'says "no"',
    "{a,b}",
    "a,b",
    "NULL",
    "王明 Ünal",
    "\x08\x0b\x0c\x1f\x7f\u2028",
    " ",
]
ROWS: list[dict[str, Any]] = [
    {
        "word": word,
        "number": number,
        "amount": amount,
        "sure": sure,
        "at": at,
        "json": json,
        "same": "tab\there",
        "none": None,
    }
    for word, number, amount, sure, at, json in zip(
        TEXTS,
        [0, 1, -1, 2**63 - 1, -(2**63), *[7] * 9],
        [0.1, -0.0, 1e300, 5e-324, None, 310_000.0, *[1.5] * 8],
        [True, False, None, *[True] * 11],
        [
            AT,
            None,
            AT.astimezone(timezone(timedelta(hours=5, minutes=45))),
            *[AT + timedelta(microseconds=1)] * 11,
        ],
        [
            None,
            {"a": 1},
            {"a": True},
            {"a": 1.0},
            Raw(b'{"a":"\\"\\\\\\t"}'),
            {"a": '\\ " \t \n \r é \u2028'},
            [],
            *[{}] * 7,
        ],
        strict=True,
    )
]


def table_of(metadata: MetaData) -> Table:
    """Return a table with a column of each type of ours."""
    return Table(
        "copied",
        metadata,
        Column("word", Text()),
        Column("number", BigInteger()),
        Column("amount", Double()),
        Column("sure", Boolean()),
        Column("at", UtcDateTime()),
        Column("json", Json),
        Column("same", Text()),
        Column("none", Text()),
        Column("not_given", Text()),
    )


def copied(engine: Engine, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that Postgres has after a COPY of these."""
    metadata = MetaData()
    table = table_of(metadata)
    names = ", ".join(f'"{name}"' for name in rows[0])
    with engine.connect() as connection:
        metadata.create_all(connection)
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY copied ({names}) FROM STDIN") as copy:
            copy.write("".join(copy_lines(table, rows)).encode())
        stored = [dict(row) for row in connection.execute(select(table)).mappings()]
        connection.rollback()
    return stored


def plain(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows as the database gives them back."""
    return [{**row, "json": {"a": '"\\\t'} if isinstance(row["json"], Raw) else row["json"]} for row in rows]


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("rows", [ROWS, *([row] for row in ROWS)], ids=lambda rows: f"{len(rows)} rows")
def test_postgres_reads_each_value_as_it_was(engine: Engine, rows: list[dict[str, Any]]) -> None:
    stored = copied(engine, rows)
    assert stored == [{**row, "not_given": None} for row in plain(rows)]
    assert [repr(row["json"]) for row in stored] == [repr(row["json"]) for row in plain(rows)]


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("value", [{"word": "a\0b"}, {"number": 2**63}, {"json": {"a": "\0"}}], ids=str)
def test_postgres_refuses_what_it_cannot_hold(engine: Engine, value: dict[str, Any]) -> None:
    with pytest.raises(psycopg.DataError):
        copied(engine, [ROWS[0], {**ROWS[0], **value}])


def test_rows_whose_json_is_equal_in_python_are_told_apart() -> None:
    table = table_of(MetaData())
    assert copy_lines(
        table, [{"word": "a", "json": document} for document in ({"n": 1}, {"n": True}, {"n": 1.0})]
    ) == [
        'a\t{"n":1}\n',
        'a\t{"n":true}\n',
        'a\t{"n":1.0}\n',
    ]


def test_an_instant_without_a_time_zone_is_not_written() -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(ValueError, match="has no time zone"):
        copy_lines(table_of(MetaData()), [{"word": "a", "at": naive}])


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_an_array_of_texts_has_these_texts(engine: Engine) -> None:
    def is_found(word: str, among: Sequence[str]) -> bool:
        with engine.connect() as connection:
            return bool(connection.scalar(select(literal(word) == any_of(among))))

    for word in TEXTS:
        assert is_found(word, TEXTS)
        assert is_found(word, [word])
        assert not is_found(word, [other_word for other_word in TEXTS if other_word != word])
        assert not is_found(word, [])


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_an_array_is_read_once_and_not_for_each_row(engine: Engine) -> None:
    """A cast of a `text` is evaluated again for each row that is compared; a query of a large table took seconds."""
    query = select(LeadTable.lead_id).where(LeadTable.lead_id == any_of(["k1", "k2"])).compile(engine)
    with engine.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}", query.params).scalars())
    assert "= ANY ('{k1,k2}'::text[])" in plan, plan
