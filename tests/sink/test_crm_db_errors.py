"""Which database errors are retried and which are permanent: an outage loses no record, a bad value stops no other."""

import sqlite3
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import exc
from sqlalchemy.dialects import sqlite

from models.errors import PermanentError, RetryableError
from sink.column_types import UtcDateTime
from sink.db_errors import translated_errors
from streams.readiness import Readiness


def wrapped(error: Exception) -> BaseException:
    """Return the error as SQLAlchemy raises it."""
    base = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
    return exc.DBAPIError.instance("INSERT", {}, error, base)


def postgres(sqlstate: str) -> Exception:
    """Return the driver's error for an SQLSTATE."""
    return psycopg.errors.lookup(sqlstate)("as the server says it")


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (sqlite3.OperationalError("database is locked"), RetryableError),
        (sqlite3.OperationalError("database or disk is full"), RetryableError),
        (sqlite3.OperationalError("attempt to write a readonly database"), RetryableError),
        (sqlite3.OperationalError("no such table: lead"), RetryableError),
        (sqlite3.DatabaseError("database disk image is malformed"), RetryableError),
        (sqlite3.IntegrityError("NOT NULL constraint failed: lead.org"), PermanentError),
        (sqlite3.DataError("string or blob too big"), PermanentError),
        (sqlite3.InterfaceError("Error binding parameter 3 - probably unsupported type."), PermanentError),
        (psycopg.OperationalError("connection refused"), RetryableError),
        (postgres("57P01"), RetryableError),  # the server is shutting down
        (postgres("57P03"), RetryableError),  # it is starting
        (postgres("53300"), RetryableError),  # too many connections
        (postgres("53100"), RetryableError),  # disk full
        (postgres("40P01"), RetryableError),  # deadlock
        (postgres("55P03"), RetryableError),  # lock not available
        (postgres("25006"), RetryableError),  # read only, after a failover
        (postgres("42P01"), RetryableError),  # not migrated
        (postgres("42501"), RetryableError),  # no permission
        (postgres("28P01"), RetryableError),  # password changed
        (postgres("22P05"), PermanentError),  # untranslatable character
        (postgres("22003"), PermanentError),  # number out of range
        (postgres("23502"), PermanentError),  # not null
        (postgres("54000"), PermanentError),  # an indexed text longer than an index entry may be
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), PermanentError),
    ],
    ids=str,
)
def test_an_error_of_the_database_becomes_one_of_ours(error: Exception, error_type: type[Exception]) -> None:
    with pytest.raises(error_type) as raised, translated_errors("CRM database"):
        raise wrapped(error)
    assert str(error) in str(raised.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.OperationalError("connection refused"), "CRM database: is away: connection refused"),
        (postgres("57P01"), "CRM database: is away: as the server says it"),
        (postgres("57P03"), "CRM database: is away: as the server says it"),
        (postgres("08006"), "CRM database: is away: as the server says it"),
        (
            postgres("25006"),
            "CRM database: is read-only now, as a standby is before its promotion: as the server",
        ),
        (postgres("40P01"), "CRM database: as the server says it"),
        (sqlite3.OperationalError("database is locked"), "CRM database: database is locked"),
    ],
    ids=str,
)
def test_a_postgres_that_fails_over_is_named_in_words(error: Exception, expected: str) -> None:
    with pytest.raises(RetryableError) as raised, translated_errors("CRM database"):
        raise wrapped(error)
    assert str(raised.value).startswith(expected)


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (OverflowError("Python int too large to convert to SQLite INTEGER"), PermanentError),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), PermanentError),
        (
            exc.StatementError("2026-01-01 has no time zone", "INSERT", {}, ValueError("no time zone")),
            PermanentError,
        ),
        (exc.TimeoutError("the pool is exhausted"), RetryableError),
        (ConnectionResetError("reset by peer"), RetryableError),
    ],
    ids=str,
)
def test_an_error_around_the_database_becomes_one_of_ours(
    error: Exception, error_type: type[Exception]
) -> None:
    with pytest.raises(error_type), translated_errors("CRM database"):
        raise error


def test_a_reason_holds_no_values_of_the_statement() -> None:
    secret = exc.DBAPIError.instance(
        "INSERT",
        {"phone": "+14014194247"},
        psycopg.OperationalError("gone\nDETAIL: +14014194247"),
        psycopg.Error,
    )
    with pytest.raises(RetryableError) as later, translated_errors("CRM database"):
        raise secret
    assert "4014194247" not in str(later.value)


def test_an_instant_without_a_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())  # noqa: DTZ001  # that is the case


def test_instants_as_text_sort_as_instants() -> None:
    dialect = sqlite.dialect()
    base = datetime(2026, 1, 1, tzinfo=UTC)
    instants = [
        base,
        base + timedelta(microseconds=1),
        base + timedelta(seconds=1),
        base + timedelta(days=300),
    ]
    texts = [UtcDateTime().process_bind_param(instant, dialect) for instant in instants]
    assert texts == sorted(texts)
    assert [UtcDateTime().process_result_value(text, dialect) for text in texts] == instants


def test_an_outage_keeps_its_first_instant_until_it_is_over() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    times = iter([now, now + timedelta(seconds=5), now + timedelta(seconds=9)])
    condition = Readiness(lambda: next(times))
    condition.blocked("CRM database", "is locked")
    condition.blocked("CRM database", "connection refused")
    assert condition.ready() == (
        False,
        {
            "not_ready": ["CRM database"],
            "reasons": [
                {"what": "CRM database", "reason": "connection refused", "since": now.isoformat()},
            ],
        },
    )
    condition.cleared()
    assert condition.ready() == (True, {"not_ready": [], "reasons": []})
    condition.blocked("CRM database", "is locked")
    assert condition.ready()[1]["reasons"][0]["since"] == (now + timedelta(seconds=9)).isoformat()
