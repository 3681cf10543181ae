"""Fetched records are given once and in order.

Undamaged records are read as aiokafka reads them, also around damage.
"""

from __future__ import annotations

import gc
import runpy
import struct
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
import structlog
from aiokafka.codec import snappy_encode
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import unreadable
from streams.batch_records import MAX_RECORD_BYTES
from streams.decompression import MAX_INFLATED_BYTES
from streams.fetched_records import FetchedRecords
from streams.metrics import UNREADABLE
from streams.patches import record_reader
from streams.record_batches import HEADER
from streams.unreadable import KEPT_BYTES, StandIn, Unreadable, give_stand_ins, records_of
from tests.fixtures.batches import ATTRIBUTES_AT, Given, built, with_checksum, with_payload

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

PARTITION: Final = TopicPartition("lead-arrivals", 0)
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
STOCK: Final = runpy.run_module("aiokafka.consumer.fetcher")
"""aiokafka's own reader, without any replacement made in this process."""
CODECS: Final = {"plain": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
TRANSACTIONAL, CONTROL = 0x10, 0x20


@pytest.fixture(autouse=True, scope="module")
def _silent_log() -> Iterator[None]:
    """Silence the log, because the tests make thousands of unreadable records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unreadable, "_log", structlog.wrap_logger(None, processors=[_drop]))
        yield


def _drop(*_: Any) -> Any:
    raise structlog.DropEvent


records = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=20),
        st.none() | st.binary(max_size=200),
        st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=9)), max_size=3),
    ),
    min_size=1,
    max_size=8,
)
batches = st.lists(st.tuples(records, st.sampled_from(sorted(CODECS.values()))), min_size=1, max_size=4)


def unpacking(
    data: bytes, at: int = 0, *, stand_ins: bool = True, aborted: Any = (), isolation: int = READ_COMMITTED
) -> FetchedRecords:
    """Return the iterator over one fetch."""
    stand_in = give_stand_ins if stand_ins else None
    return FetchedRecords(
        PARTITION, record_reader.FetchedBytes(data), aborted, at, None, stand_in, True, isolation
    )


def as_log(given_batches: Any, base: int = 0) -> tuple[list[bytearray], int]:
    """Return batches as a log stores them, and the offset after them."""
    log = []
    for content, codec in given_batches:
        log.append(built(content, codec=codec, base=base))
        base += len(content)
    return log, base


def records_of_keys(n: int, value: bytes = b'{"vendor":"acme"}') -> list[Any]:
    """Return records with distinct keys."""
    return [(b"key-%d" % i, value, [("n", b"%d" % i)]) for i in range(n)]


def what_is_delivered(fetched: list[Any]) -> list[tuple[int, str]]:
    """Return the offset with the key of a record, the error class of an unreadable one, or nothing."""
    return [
        (r.offset, r.value.error_class if isinstance(r.value, Unreadable) else "nothing")
        if isinstance(r.value, StandIn)
        else (r.offset, r.key.decode())
        for r in fetched
    ]


@settings(deadline=None)
@given(batches, st.integers(0, 3), st.integers(0, 7))
def test_undamaged_batches_are_read_as_aiokafka_reads_them(content: Any, base: int, skip: int) -> None:
    log, end = as_log(content, base)
    at = min(base + skip, end - 1)
    # A broker's answer begins with the batch that contains the requested offset.
    data = b"".join(batch for batch in log if sum(HEADER.unpack_from(batch)[i] for i in (0, 6)) >= at)
    theirs = STOCK["PartitionRecords"](
        PARTITION, STOCK["MemoryRecords"](data), [], at, None, None, True, READ_COMMITTED
    )
    ours = unpacking(data, at)
    assert list(ours) == list(theirs)
    assert ours.next_fetch_offset == theirs.next_fetch_offset == end


@pytest.mark.parametrize("read", [0, 1, 3], ids=["unread", "half read", "read"])
@pytest.mark.parametrize("codec", [0, CODECS["gzip"]], ids=["plain", "compressed"])
def test_the_fetched_bytes_are_freed_at_once_when_a_fetch_is_dropped(read: int, codec: int) -> None:
    """Aiokafka drops a half read fetch at each pause, seek and rebalance. The bytes are up to a megabyte."""
    data = bytes(built(records_of_keys(3), codec=codec))
    held = sys.getrefcount(data)
    gc.disable()
    try:
        fetch = unpacking(data)
        assert len(fetch.take(read)) == read
        assert sys.getrefcount(data) > held or read == 3
        del fetch
        assert sys.getrefcount(data) == held
    finally:
        gc.enable()


# format 0 had no lz4
@pytest.mark.parametrize(("magic", "codec"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)])
def test_messages_of_old_formats_are_read(magic: int, codec: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, codec, 1 << 20)
    for n in range(3):
        builder.append(n, timestamp=1000 + n, key=b"key-%d" % n, value=b"value " * 20)
    data = builder.build()
    if codec:
        struct.pack_into(">q", data, 0, 2)  # a broker gives the wrapper its last message's offset
    fetched = list(unpacking(bytes(data)))
    assert what_is_delivered(fetched) == [(0, "key-0"), (1, "key-1"), (2, "key-2")]
    assert [r.timestamp for r in fetched] == ([-1] * 3 if magic == 0 else [1000, 1001, 1002])
    assert {r.value for r in fetched} == {b"value " * 20}


@settings(deadline=None)
@given(batches, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_damaged_bytes_raise_nothing_and_nothing_comes_twice(
    content: Any, rnd: random.Random, resigned: bool, stand_ins: bool
) -> None:
    log, _ = as_log(content, 5)
    for batch in log:
        for _ in range(rnd.randrange(3)):
            at = rnd.randrange(len(batch) + 1)
            batch[at : at + rnd.randrange(6)] = rnd.randbytes(rnd.randrange(6))
    sent_batches = [
        with_checksum(batch) if resigned and len(batch) >= HEADER.size else batch for batch in log
    ]
    iterator = unpacking(b"".join(sent_batches), 5, stand_ins=stand_ins)
    last = 4
    for record in iterator:
        assert last < record.offset == iterator.next_fetch_offset - 1
        last = record.offset
    if any(sent_batches):
        assert iterator.next_fetch_offset > 5  # it never requests the same batch again
    if stand_ins:
        assert last == iterator.next_fetch_offset - 1  # every passed offset can be acknowledged


@settings(deadline=None)
@given(batches, st.data(), st.randoms(use_true_random=False))
def test_a_damaged_batch_leaves_those_around_it_as_they_are(
    content: Any, data: Any, rnd: random.Random
) -> None:
    content = [(records_of_keys(2), 0), *content, (records_of_keys(2), 4)]
    log, end = as_log(content)
    index = data.draw(st.integers(1, len(log) - 2))
    undamaged = [list(unpacking(bytes(batch), HEADER.unpack_from(batch)[0])) for batch in log]
    for _ in range(rnd.randrange(1, 4)):
        log[index][rnd.randrange(16, len(log[index]))] = rnd.randrange(
            256
        )  # all that its checksum covers, and that
    if HEADER.unpack_from(log[index])[3] != 2:
        return  # with another format, the damage hides where the batch ends
    fetched = list(unpacking(b"".join(log)))
    first = HEADER.unpack_from(log[index])[0]
    after = HEADER.unpack_from(log[index + 1])[0]
    assert [r for r in fetched if r.offset < first] == [r for rs in undamaged[:index] for r in rs]
    assert [r for r in fetched if r.offset >= after] == [r for rs in undamaged[index + 1 :] for r in rs]
    inside = [r for r in fetched if first <= r.offset < after]
    assert inside == undamaged[index] or what_is_delivered(inside) == [(after - 1, "unreadable_batch")]
    assert fetched[-1].offset == end - 1


@settings(deadline=None)
@given(st.integers(0, 4), st.sampled_from(sorted(CODECS.values())), st.randoms(use_true_random=False))
def test_a_record_that_lies_leaves_the_others_of_its_batch(
    index: int, codec: int, rnd: random.Random
) -> None:
    content = records_of_keys(5, b"some text that is long enough " * 4)
    plain = built(content)
    at = HEADER.size
    spans = []
    for _ in content:
        (size,) = plain[at : at + 1] if plain[at] < 128 else (plain[at] & 127 | plain[at + 1] << 7,)
        begin = at + (1 if plain[at] < 128 else 2)
        at = begin + (size >> 1)
        spans.append((begin, at))
    begin, end = spans[index]
    plain[rnd.randrange(begin + 1, end)] = rnd.randrange(256)  # after the length field
    data = plain if not codec else with_payload(plain, compress(codec, bytes(plain[HEADER.size :])), codec)
    fetched = list(unpacking(bytes(with_checksum(data))))
    assert [r.offset for r in fetched] == list(range(5))
    others = [r for r in fetched if r.offset != index]
    assert what_is_delivered(others) == [(n, f"key-{n}") for n in range(5) if n != index]
    assert {r.value for r in others} == {content[0][1]}


def compress(codec: int, data: bytes) -> bytes:
    """Return the records of a batch, compressed as a client does."""
    from aiokafka.codec import gzip_encode, lz4_encode, zstd_encode  # noqa: PLC0415  # here alone

    encode: Any = {1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode}[codec]
    return bytes(encode(data))


def test_p4_a_header_name_that_is_not_utf8_costs_its_record_alone() -> None:
    batch = built([(b"a", b"1", []), (b"b", b"2", [("NAME", b"x"), ("other", None)]), (b"c", b"3", [])])
    batch = with_checksum(batch.replace(b"NAME", b"\xffAME"))
    before = UNREADABLE.labels(topic=PARTITION.topic, error_class="unreadable_record")._value.get()
    fetched = list(unpacking(bytes(batch)))
    assert what_is_delivered(fetched) == [(0, "a"), (1, "unreadable_record"), (2, "c")]
    stood = fetched[1]
    assert (stood.key, stood.value) == (b"b", b"2")
    assert stood.headers == (("\\xffAME", b"x"), ("other", None))
    assert stood.value.about == (("unreadable-offsets", b"1-1"),)
    assert "the header name b'\\xffAME' is not UTF-8" in stood.value.reason
    assert (
        UNREADABLE.labels(topic=PARTITION.topic, error_class="unreadable_record")._value.get() == before + 1
    )
    assert what_is_delivered(list(unpacking(bytes(batch), stand_ins=False))) == [(0, "a"), (2, "c")]


@pytest.mark.parametrize(
    ("lie", "index"),
    {
        "length, shorter": ((0, 0x10), 1),
        "length, longer": ((0, 0x7E), 1),
        "offset": ((3, 0x08), 1),
        "key's length": ((4, 0x7E), 1),
        "number of headers": ((-1, 0x7E), 1),
    }.values(),
)
def test_a_varint_that_lies_costs_its_record_alone(lie: tuple[int, int], index: int) -> None:
    batch = built([(b"key-%d" % n, b"value", []) for n in range(4)])
    size = (len(batch) - HEADER.size) // 4
    at, value = lie
    batch[HEADER.size + index * size + (at if at >= 0 else size + at)] = value
    fetched = list(unpacking(bytes(with_checksum(batch))))
    assert what_is_delivered(fetched) == [(0, "key-0"), (1, "unreadable_record"), (2, "key-2"), (3, "key-3")]


@pytest.mark.parametrize("claimed", [6, 2, -1, 2**31 - 1])
def test_a_batch_that_lies_about_how_many_it_holds_ends(claimed: int) -> None:
    batch = built(records_of_keys(4))
    struct.pack_into(">i", batch, 57, claimed)
    fetched = list(unpacking(bytes(with_checksum(batch)) + bytes(built(records_of_keys(2), base=4))))
    assert [r.key for r in fetched if r.offset >= 4] == [b"key-0", b"key-1"]
    assert fetched[-1].offset == 5


@pytest.mark.parametrize(
    ("damage", "reason"),
    {
        "unknown codec": (lambda b: with_payload(b, bytes(b[HEADER.size :]), 6), "codec 6 is unknown"),
        "no gzip": (lambda b: with_payload(b, b"hello", 1), "gzip: "),
        "gzip cut short": (lambda b: with_payload(b, compress(1, bytes(b[HEADER.size :]))[:-9], 1), "gzip: "),
        "no zstd": (lambda b: with_payload(b, b"hello", 4), "zstd: Unknown frame descriptor"),
        "checksum": (lambda b: b[:-1] + b"?", "its checksum is wrong"),
        "too large": (
            lambda b: with_payload(b, compress(1, bytes(MAX_INFLATED_BYTES + 1)), 1),
            f"gzip: inflates to more than {MAX_INFLATED_BYTES} bytes",
        ),
    }.values(),
)
def test_a_batch_that_cannot_be_read_is_one_stand_in_at_its_last_offset(damage: Any, reason: str) -> None:
    damaged = damage(built(records_of_keys(3), base=2))
    data = bytes(built(records_of_keys(2))) + bytes(damaged) + bytes(built(records_of_keys(1), base=5))
    fetched = list(unpacking(data))
    assert what_is_delivered(fetched) == [(0, "key-0"), (1, "key-1"), (4, "unreadable_batch"), (5, "key-0")]
    stood = fetched[2]
    assert stood.value.reason.startswith("offsets 2 to 4: ")
    assert reason in stood.value.reason
    assert stood.value == bytes(damaged)[:KEPT_BYTES]
    assert dict(stood.value.about)["unreadable-offsets"] == b"2-4"
    # Requested from its middle, as after a restart, the record is at the same offset.
    assert what_is_delivered(list(unpacking(bytes(damaged), 3))) == [(4, "unreadable_batch")]
    assert what_is_delivered(list(records_of(fetched))) == [(0, "key-0"), (1, "key-1"), (5, "key-0")]


def test_p3_a_large_record_of_a_compressed_batch_is_cut() -> None:
    large = b"x" * 5_000_000
    data = built([(b"a", b"1", []), (b"b", large, []), (b"c", b"3", [])], codec=1)
    assert len(data) < 20_000
    fetched = list(unpacking(bytes(data)))
    assert what_is_delivered(fetched) == [(0, "a"), (1, "too_large"), (2, "c")]
    assert fetched[1].value == large[:KEPT_BYTES]
    assert dict(fetched[1].value.about)["value-cut-from"] == b"5000000"
    assert f"at most {MAX_RECORD_BYTES}" in fetched[1].value.reason
    assert what_is_delivered(list(unpacking(bytes(data), stand_ins=False))) == [(0, "a"), (2, "c")]


def test_what_inflates_far_is_taken_in_several_fetches() -> None:
    content: list[Given] = [(b"k", b"x" * 900_000, [])] * 20
    data = b"".join(bytes(built(content, codec=1, base=20 * n)) for n in range(4))
    iterator = unpacking(data)
    assert [r.offset for r in iterator] == list(range(40))
    assert (
        iterator.next_fetch_offset == 40
    )  # two batches exceed the limit, so the rest comes with the next fetch


@pytest.mark.parametrize("data", [b"\0", b"\0" * 11, b"\0" * 12, b"\xff" * 100, b"\0" * 200])
def test_what_is_no_batch_is_passed_by_one_offset(data: bytes) -> None:
    iterator = unpacking(data, 7)
    assert what_is_delivered(list(iterator)) == [(7, "unreadable_batch")]
    assert iterator.next_fetch_offset == 8


def test_a_batch_that_did_not_come_whole_is_fetched_again() -> None:
    data = bytes(built(records_of_keys(2))) + bytes(built(records_of_keys(2), base=2))[:-3]
    iterator = unpacking(data)
    assert what_is_delivered(list(iterator)) == [(0, "key-0"), (1, "key-1")]
    assert iterator.next_fetch_offset == 2


def transactional(
    content: list[Any], base: int, producer: int, attributes: int = TRANSACTIONAL, codec: int = 0
) -> bytes:
    """Return a batch of a transaction, or the marker of its end."""
    batch = built(content, base=base, codec=codec)
    batch[ATTRIBUTES_AT] |= attributes
    struct.pack_into(">q", batch, 43, producer)
    return bytes(with_checksum(batch))


def marker(base: int, producer: int, *, commit: bool) -> bytes:
    """Return the end of a transaction."""
    key = struct.pack(">hh", 0, int(commit))
    return transactional([(key, b"\0" * 6, [])], base, producer, TRANSACTIONAL | CONTROL)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_p7_aborted_records_do_not_come_and_committed_ones_do(codec: int) -> None:
    text = b"a text that gets smaller " * 9
    data = (
        transactional(records_of_keys(2, text), 0, 7, codec=codec)
        + transactional(records_of_keys(2, text), 2, 8, codec=codec)
        + marker(4, 7, commit=False)
        + transactional(records_of_keys(1, text), 5, 7, codec=codec)
        + marker(6, 7, commit=True)
        + marker(7, 8, commit=True)
    )
    iterator = unpacking(data, aborted=[(7, 0)])
    assert what_is_delivered(list(iterator)) == [(2, "key-0"), (3, "key-1"), (5, "key-0"), (7, "nothing")]
    assert iterator.next_fetch_offset == 8
    assert [r.offset for r in unpacking(data, stand_ins=False, aborted=[(7, 0)])] == [2, 3, 5]
    everything = unpacking(data, stand_ins=False, isolation=READ_UNCOMMITTED)
    assert [r.offset for r in everything] == [0, 1, 2, 3, 5]


def test_an_aborted_batch_is_not_inflated() -> None:
    bomb = with_payload(built(records_of_keys(2)), compress(1, bytes(MAX_INFLATED_BYTES + 1)), 1)
    bomb[ATTRIBUTES_AT] |= TRANSACTIONAL
    struct.pack_into(">q", bomb, 43, 7)
    data = bytes(with_checksum(bomb)) + marker(2, 7, commit=False)
    assert what_is_delivered(list(unpacking(data, aborted=[(7, 0)]))) == [(2, "nothing")]
