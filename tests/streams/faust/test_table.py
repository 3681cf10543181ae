"""Rows never go back: older journal records are dropped, unreadable ones are named, lost partitions are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from models.codec import encode_row
from models.lead import DirectoryRow, LeadRow
from streams.stage_table import DROPPED_LOGGED, LeadRows

AT = datetime(2026, 11, 20, tzinfo=UTC)


def lead(off: int, cause: str = "cause") -> bytes:
    """Return a lead's row as bytes."""
    return encode_row(LeadRow(off=off, seq=1, lead=None, at=AT, cause=cause))


def directory(off: int) -> bytes:
    """Return a directory object's row as bytes."""
    return encode_row(
        DirectoryRow(off=off, org="default", kind="queue", object_id="aged", version=off, value={}, at=AT)
    )


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(0, 20)), max_size=40))
def test_the_row_is_always_that_of_the_highest_offset(records: list[tuple[bytes, int]]) -> None:
    """Fact 9: after 1, 2, 3, 4 a zombie writes 1, 2. Recovery must end with 4."""
    rows, highest, older = LeadRows(), dict[bytes, int](), 0
    for key, off in records:
        older += off < highest.get(key, -1)
        highest[key] = max(off, highest.get(key, -1))
        rows.apply(0, key, lead(off))
    assert {key: row.off for key, row in rows.of(0).rows.items()} == highest
    assert rows.regressions == older


def test_a_repeat_of_the_same_offset_is_taken_and_is_no_regression() -> None:
    rows = LeadRows()
    rows.apply(0, b"a", lead(4))
    rows.apply(0, b"a", lead(4, "again"))
    assert rows.regressions == 0
    assert rows.of(0).rows[b"a"].off == 4


def test_directory_rows_are_guarded_too_and_keys_are_kept_apart_by_partition() -> None:
    rows = LeadRows()
    rows.apply(0, b"queue", directory(7))
    rows.apply(0, b"queue", directory(3))
    rows.apply(1, b"queue", directory(3))
    assert [rows.of(partition).rows[b"queue"].off for partition in (0, 1)] == [7, 3]
    assert len(rows) == 2


@pytest.mark.parametrize(
    "value", [b"", b"\xff", b"{}", b'{"row":"lead"}', b'{"row":"lead","cause":"\xff"}', b"[" * 100_000]
)
def test_an_unreadable_record_is_named_and_leaves_the_row_alone(value: bytes) -> None:
    rows = LeadRows()
    rows.apply(3, b"key", lead(1))
    with structlog.testing.capture_logs() as logged:
        rows.apply(3, b"key", value)
    assert rows.unreadable == 1
    assert rows.of(3).rows[b"key"].off == 1
    assert [(line["log_level"], line["partition"], line["key"]) for line in logged] == [("error", 3, b"key")]
    assert logged[0]["reason"]


def test_a_null_removes_the_row_and_what_comes_later_is_taken() -> None:
    rows = LeadRows()
    rows.apply(0, b"a", lead(5))
    rows.apply(0, b"a", None)
    rows.apply(0, b"a", None)
    assert len(rows) == 0
    rows.apply(0, b"a", lead(6))
    assert rows.of(0).rows[b"a"].off == 6


def test_the_first_regressions_are_named_the_rest_is_counted() -> None:
    rows = LeadRows()
    rows.apply(0, b"a", lead(100))
    with structlog.testing.capture_logs() as logged:
        for off in range(20):
            rows.apply(0, b"a", lead(off))
    assert rows.regressions == 20
    assert [line["off"] for line in logged] == list(range(DROPPED_LOGGED))
    assert {line["known"] for line in logged} == {100}


def test_partitions_that_are_not_ours_are_forgotten() -> None:
    """Fact 10: a memory table also shows the rows of partitions it lost."""
    rows = LeadRows()
    for partition in range(4):
        rows.apply(partition, b"key", lead(1))
    rows.keep_only({1, 3, 9})
    assert [leads.partition for leads in rows.partitions()] == [1, 3]
    assert len(rows) == 2
