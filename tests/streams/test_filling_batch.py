"""Our batches have the bytes that aiokafka's builder gives them."""

from __future__ import annotations

from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiokafka.record._crecords import default_records
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.patches.filling_batch import FillingBatch

if TYPE_CHECKING:
    import pytest

MOST_BYTES = 20_000
contents = st.none() | st.integers(0, 9_000).map(bytes) | st.binary(max_size=9)
headers = st.lists(st.tuples(st.text(max_size=9) | st.just("traceparent"), contents), max_size=3)


@settings(deadline=None)
@given(st.lists(st.tuples(contents, contents, headers), min_size=1, max_size=9))
def test_a_batch_has_the_bytes_that_aiokafka_gives_it(records: list[Any]) -> None:
    ours = FillingBatch(MOST_BYTES, lambda: None)
    theirs = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, MOST_BYTES)
    added = [record for record in records if ours.add(*record)]
    size = ours.size()
    ours._set_producer_state(7, 3, 2_000_000_000)
    theirs.set_producer_state(7, 3, 2_000_000_000)
    built = ours._build()
    read = list(DefaultRecordBatch(bytes(built)))
    assert [(record.key, record.value, record.headers) for record in read] == added
    for number, record in enumerate(read):
        # Only the clock's times are not known before.
        assert theirs.append(number, record.timestamp, record.key, record.value, record.headers) is not None
    assert built == theirs.build()
    assert len(built) == size == ours.size()
    assert ours._build() is built


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


def test_a_batch_that_another_thread_compresses_meanwhile_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that compresses with gzip may run in a thread of the same process."""
    compressed: list[bytes] = []

    encode = default_records.gzip_encode
    batch = FillingBatch(MOST_BYTES, lambda: None)
    batch.add(b"k", b"v", [])
    builder = batch._builder

    def build() -> Any:
        thread = Thread(target=lambda: compressed.append(default_records.gzip_encode(b"of another")))
        thread.start()
        thread.join()
        return builder.build()

    monkeypatch.setattr(batch, "_builder", SimpleNamespace(build=build))
    built = batch._build()
    assert [record.value for record in DefaultRecordBatch(bytes(built))] == [b"v"]
    assert compressed == [encode(b"of another")]
    assert default_records.gzip_encode is encode
