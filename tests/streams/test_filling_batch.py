"""Our batches have the bytes that aiokafka's builder gives them."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.patches import filling_batch
from streams.patches.filling_batch import FillingBatch

BEGIN_MS = 1_763_629_920_000

sizes = st.integers(0, 200) | st.sampled_from([63, 64, 4_095, 4_096, 8_191, 8_192, 9_000])
contents = st.none() | sizes.map(bytes)
headers = st.lists(
    st.tuples(st.sampled_from(["traceparent", "tracestate", "é" * 40, ""]), contents)
    | st.tuples(st.just("traceparent"), st.just(b"0" * 55)),
    max_size=3,
)
steps = st.integers(-5, 5) | st.sampled_from([-9_000, 4_096, 90_000])
"""How far the clock moves between two records. It may be set back."""


@settings(deadline=None)
@given(st.lists(st.tuples(steps, contents, contents, headers), min_size=1, max_size=12))
def test_a_batch_has_the_bytes_that_aiokafka_gives_it(records: list[Any]) -> None:
    most_bytes, now = 20_000, BEGIN_MS
    ours = FillingBatch(most_bytes, lambda: None)
    theirs = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, most_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling_batch, "time_ns", lambda: now * 1_000_000 + 999_999)
        for number, (step, key, value, given_headers) in enumerate(records):
            now += step
            taken = theirs.append(number, now, key, value, given_headers) is not None
            assert ours.add(key, value, given_headers) is taken
            if not taken:
                break
            assert (ours.size(), ours.record_count()) == (theirs.size(), number + 1)
    ours._set_producer_state(7, 3, 2_000_000_000)
    theirs.set_producer_state(7, 3, 2_000_000_000)
    built = ours._build()
    assert built == theirs.build()
    assert ours._build() is built
    assert DefaultRecordBatch(bytes(built)).validate_crc()


def test_a_batch_that_was_taken_or_is_full_takes_no_record() -> None:
    closed: list[str] = []
    taken = FillingBatch(1_000, lambda: closed.append("taken"))
    assert taken.add(b"k", b"v", [])
    taken._set_producer_state(7, 3, 0)
    full = FillingBatch(1_000, lambda: None)
    assert full.add(b"k", bytes(5_000), [])  # the first record always fits
    assert not full.add(b"k", b"", [])
    for batch in (taken, full):
        assert batch.closed()
        assert not batch.add(b"k", b"v", [])
        assert batch.record_count() == 1
    taken._build()
    assert closed == ["taken"]


def test_aiokafka_cannot_add_a_record_to_our_batch() -> None:
    """It would be in no receipt, and nobody would wait for it."""
    batch = FillingBatch(1_000, lambda: None)
    assert batch.append(timestamp=None, key=b"k", value=b"v", headers=[]) is None
    assert batch.record_count() == 0
