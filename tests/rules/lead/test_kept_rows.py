"""Rows that are kept as bytes are the same rows. How many are decoded changes no decision."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import workload
from models.codec import decode_event, decode_row, encode_row
from models.lead import DirectoryRow, LeadRow, Row
from rules.lead import kept_rows
from rules.lead.kept_rows import KeptRows
from rules.lead.lead_partition import LeadPartition
from streams.row_file import RowFile

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
FEW = 3
KEYS = [str(n).encode() for n in range(3 * FEW)]


@pytest.fixture(autouse=True)
def few_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "MAX_DECODED", FEW)


def row(off: int) -> LeadRow:
    return LeadRow(off=off, seq=1, lead=None, at=AT, cause="c")


STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "encoded", "get", "look", "remove"]), st.sampled_from(KEYS)),
    max_size=60,
)


@pytest.mark.parametrize("in_file", [False, True])
@given(steps=STEPS)
def test_they_are_what_a_dictionary_would_hold(*, in_file: bool, steps: list[tuple[str, bytes]]) -> None:
    rows = KeptRows(RowFile(Path(__file__).parent) if in_file else None)
    expected: dict[bytes, Row] = {}
    for off, (step, key) in enumerate(steps):
        if step == "set":
            rows[key] = expected[key] = row(off)
        elif step == "encoded":
            expected[key] = row(off)
            rows.put_encoded(key, encode_row(row(off)))
        elif step == "get":
            assert rows.get(key) == expected.get(key)
        elif step == "look":
            assert rows.look(key) == expected.get(key)
        else:
            assert rows.pop(key, None) == expected.pop(key, None)
        assert len(rows) == len(expected)
        assert set(rows) == set(expected)
        assert all((any_key in rows) == (any_key in expected) for any_key in KEYS)
    assert dict(rows.items()) == expected
    assert sorted(stored.off for stored in rows.values()) == sorted(
        stored.off for stored in expected.values()
    )


def test_a_lead_that_lies_still_is_kept_as_bytes_and_published_objects_are_not() -> None:
    rows = KeptRows()
    rows[b"queue"] = published = DirectoryRow(
        off=0, org="default", kind="queue", object_id="q", version=1, value={}, at=AT
    )
    first = rows[KEYS[0]] = row(1)
    assert rows[KEYS[0]] is first
    for key in KEYS[1:]:
        rows[key] = row(2)
    assert rows[KEYS[0]] is not first
    assert rows[KEYS[0]] == first
    assert rows[b"queue"] is published
    assert rows.published() == [published]


@pytest.mark.parametrize("in_file", [False, True])
def test_a_partition_decides_the_same_after_a_recovery_with_few_decoded_rows(
    tmp_path: Path, *, in_file: bool
) -> None:
    """Leads arrive and are claimed by several reps each, in a shuffled order; after each step a new worker recovers."""
    ids = workload.lead_ids(4 * FEW)
    events = workload.records(
        [workload.queue(), *map(workload.arrival, ids), *workload.claims(ids, 12 * FEW)]
    )
    running = LeadPartition(0)
    journal: list[tuple[bytes, bytes]] = []
    for off, (key, value) in enumerate(events):
        at = AT + timedelta(seconds=off)
        recovered = LeadPartition(0, store=RowFile(tmp_path) if in_file else None)
        for record_key, record in journal:
            recovered.apply(record_key, decode_row(record), record)
        recovered.recovered()
        outcome = running.decide(key, decode_event(value), off=off, at=at)
        recovered_outcome = recovered.decide(key, decode_event(value), off=off, at=at)
        assert outcome is not None
        assert recovered_outcome is not None
        assert (recovered_outcome.key, recovered_outcome.value) == (outcome.key, outcome.value)
        running.accept(outcome)
        recovered.accept(recovered_outcome)
        journal.append((outcome.key, outcome.value))
    assert dict(running.rows.items()) == dict(recovered.rows.items())
