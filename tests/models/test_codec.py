"""How times are written in headers and sentences."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec import iso_bytes, iso_text

ZONES = st.sampled_from(
    [UTC, timezone(timedelta(0)), timezone(timedelta(hours=-5)), timezone(timedelta(minutes=330))]
)


@given(at=st.datetimes(timezones=ZONES), separator=st.sampled_from("T "))
def test_a_time_is_written_as_isoformat_writes_it(at: datetime, separator: str) -> None:
    assert iso_text(at, separator) == at.isoformat(separator)
    assert iso_bytes(at) == at.isoformat().encode()


@pytest.mark.parametrize(
    "at", [datetime(2026, 11, 28, 9, 5, tzinfo=UTC), datetime(2026, 11, 28, 9, 5, 0, 120, UTC)]
)
def test_a_sentence_has_the_time_as_str_writes_it(at: datetime) -> None:
    assert iso_text(at, " ") == str(at)
