"""P8: an impossible time loses only the time."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rules.inbound.intake import accept_arrival
from rules.inbound.times import record_time

NOW = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        -0.001,
        0.0,
        1.0,
        1_763_629.920,
        NOW.timestamp() * 1000,
        NOW.timestamp() * 1_000_000,
        -(2.0**63),
        2.0**63 / 1000,
        NOW.timestamp() + 90_000,
        float("nan"),
        float("inf"),
    ],
)
def test_a_records_time_that_cannot_be_is_now(timestamp: float | None) -> None:
    """Cases: seconds or microseconds for milliseconds, the epoch, no time, before Kafka existed, after tomorrow."""
    assert record_time(timestamp, NOW) == NOW


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(days=3650), timedelta(hours=-23)])
def test_a_records_time_that_can_be_is_its_time(ago: timedelta) -> None:
    assert record_time((NOW - ago).timestamp(), NOW) == NOW - ago


@pytest.mark.parametrize(
    "created_at",
    [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1970-01-21T09:53:49Z",
        "1989-12-31T23:59:59Z",
        "2026-11-20T14:17:01Z",
        "2026-11-21T14:12:01Z",
        "2199-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "2026-13-45T99:99:99Z",
        "yesterday",
        1_763_629_920,
        -1,
        [],
    ],
)
def test_p8_a_vendors_time_that_cannot_be_costs_only_the_time(created_at: object) -> None:
    message = {"vendor": "acme", "last_name": "Jones", "created_at": created_at}
    event = accept_arrival(json.dumps(message).encode(), {}, arrived_at=NOW)
    assert event.facts.created_at == NOW
    assert event.facts.attributes["invalid"] == {"created_at": created_at}


@pytest.mark.parametrize(
    "created_at", ["1990-01-01T00:00:00Z", "2026-11-20T14:12:00Z", "2026-11-20T09:12:00-05:00"]
)
def test_p8_a_vendors_time_that_can_be_is_kept(created_at: str) -> None:
    message = {"vendor": "acme", "last_name": "Jones", "created_at": created_at}
    event = accept_arrival(json.dumps(message).encode(), {}, arrived_at=NOW)
    assert event.facts.created_at == datetime.fromisoformat(created_at)
    assert event.facts.attributes == {}
