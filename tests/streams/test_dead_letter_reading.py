"""A dead letter can be made of any record and read from any record without an error.

It keeps what fits, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from application.dead_letters import letter_as_json
from application.replay import NotReplayable, ReplayObstacle, is_replayable, target_of
from streams.dead_letter_reading import (
    OWN_HEADERS,
    SourcePosition,
    StoredDeadLetter,
    original_header_name,
    read_letter,
    set_apart,
)
from streams.dead_letter_senders import org_of
from streams.dead_letters import CUT_BYTES, DeadLetter, make_letter
from streams.topics import MAX_DEAD_LETTER_BYTES
from web.services.operations.dead_letters import ShownLetter as ListedLeads

pytestmark = pytest.mark.hypothesis


@dataclass
class Record:
    """A record as aiokafka gives it."""

    topic: Any = "lead-arrivals"
    partition: Any = 3
    offset: Any = 17
    timestamp: Any = 1_763_629_920_000
    key: Any = None
    value: Any = None
    headers: Any = field(default_factory=list)


def as_kafka_counts(letter: DeadLetter) -> int:
    """Return the size of a letter's record batch, computed by the client's own encoder."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    assert builder.append(0, 0, letter.key, letter.value, letter.headers) is not None
    return len(builder.build())


def as_read(letter: DeadLetter) -> StoredDeadLetter:
    """Return a letter as its reader gets it from the topic."""
    return read_letter(
        Record("dead-letters", 1, 5, key=letter.key, value=letter.value, headers=tuple(letter.headers))
    )


anything = st.one_of(
    st.none(),
    st.binary(max_size=50),
    st.text(max_size=50),
    st.text(alphabet=st.characters(categories=["Cs"]), max_size=3),
    st.integers(),
    st.floats(),
    st.binary(max_size=20).map(bytearray),
    st.binary(max_size=20).map(lambda array: memoryview(array)[1:]),
)
names = st.one_of(
    st.sampled_from(sorted(OWN_HEADERS)),
    st.sampled_from(sorted(OWN_HEADERS)).map(lambda name: "original-" + name),
    st.text(max_size=20),
    anything,
)
sizes = st.sampled_from([0, 1, CUT_BYTES, CUT_BYTES + 1, MAX_DEAD_LETTER_BYTES // 2, 5_000_000])
headers = st.one_of(
    st.none(),
    st.lists(st.tuples(names, anything), max_size=8),
    st.lists(st.tuples(names, st.one_of(st.none(), st.binary(max_size=9))), max_size=8).map(tuple),
    st.dictionaries(st.text(max_size=5), st.binary(max_size=5), max_size=4),
    st.tuples(names, sizes, st.integers(0, 4)).map(lambda h: [(h[0], b"h" * h[1])] * h[2]),
    st.integers(100, 3_000).map(lambda n: [(f"h{i}", None) for i in range(n)]),
    st.sampled_from([5, "name", [1, 2], [(1, 2, 3)]]),
)
contents = st.one_of(anything, sizes.map(lambda size: b"x" * size))
records = st.builds(Record, anything, anything, anything, anything, contents, contents, headers)


@given(
    record=records,
    error_class=anything,
    reason=st.one_of(anything, sizes.map(lambda n: "é" * n)),
    at=anything,
)
def test_any_record_becomes_a_letter_that_fits_and_can_be_read(
    record: Record, error_class: Any, reason: Any, at: Any
) -> None:
    letter = make_letter(record, error_class, reason, stage="intake", timestamp_ms=at)
    assert as_kafka_counts(letter) <= MAX_DEAD_LETTER_BYTES
    own_names = [name for name, _ in letter.headers if name in OWN_HEADERS]
    assert len(own_names) == len(set(own_names)), "each of our names is there once"
    assert {"error-class", "reason", "source-topic", "source-partition", "source-offset", "failed-at"} <= {
        *own_names
    }
    read = as_read(letter)
    assert read.stage == "intake"
    for original, stored, cut_from in (
        (record.value, read.value, read.value_cut_from),
        (record.key, read.key, read.key_cut_from),
    ):
        if not isinstance(original, bytes):
            continue
        if cut_from is None:
            assert stored == original
        else:
            assert stored == original[: len(stored or b"")]
            assert cut_from == len(original) > len(stored or b"")


plain_headers = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(sorted(OWN_HEADERS)),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        ),
        st.one_of(st.none(), st.binary(max_size=20)),
    ),
    max_size=12,
)


@given(key=st.one_of(st.none(), st.binary()), value=st.binary(), theirs=plain_headers)
def test_a_message_that_looks_like_a_letter_is_not_taken_for_one(
    key: bytes | None, value: bytes, theirs: list[tuple[str, bytes | None]]
) -> None:
    letter = make_letter(
        Record(key=key, value=value, headers=theirs), "not_json", "it is no JSON", timestamp_ms=-5
    )
    read = as_read(letter)
    assert (read.key, read.value, read.headers) == (key, value, tuple(theirs))
    assert (read.error_class, read.reason) == ("not_json", "it is no JSON")
    assert read.source == SourcePosition("lead-arrivals", 3, 17)
    assert (read.value_cut_from, read.key_cut_from, read.headers_dropped) == (None, None, 0)
    # A letter about that letter is its own letter.
    nested = as_read(make_letter(Record("dead-letters", headers=letter.headers), "empty", ""))
    assert nested.source_topic == "dead-letters"
    assert [name for name, _ in nested.headers] == [name for name, _ in letter.headers]


@given(st.text())
def test_a_name_that_is_set_apart_is_restored(name: str) -> None:
    assert original_header_name(set_apart(name)) == name
    assert set_apart(name) not in OWN_HEADERS


read_headers = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(sorted(OWN_HEADERS)), st.text(max_size=20)),
        st.one_of(
            st.none(),
            st.binary(max_size=30),
            st.sampled_from(
                [b"lead-arrivals", b"directory", b"lead-log", b"\xff", b"-1", b"9" * 5_000, "²".encode()]
            ),
        ),
    ),
    max_size=15,
).map(tuple)


@given(
    record=st.builds(
        Record,
        st.just("dead-letters"),
        st.integers(0, 7),
        st.integers(0, 2**63 - 1),
        st.integers(-(2**63), 2**63 - 1),
        st.one_of(st.none(), st.binary(max_size=40)),
        st.one_of(
            st.none(),
            st.binary(max_size=40),
            st.sampled_from(
                [b'{"vendor":"m","x":"\xff"}', b"[" * 100_000, b'{"org":{"a":1}}', b'{"org":"\\ud800"}']
            ),
        ),
        read_headers,
    )
)
def test_every_reader_takes_whatever_anybody_put_on_the_topic(record: Record) -> None:
    letter = read_letter(record)
    assert (letter.key, letter.value) == (record.key, record.value)
    assert org_of(letter) != "", "the org of its message, or none"
    shown_letter = letter_as_json(letter, whole=True)
    assert all(
        isinstance(shown_letter[name], str)
        for name in ("place", "error_class", "reason", "source", "failed_at")
    )
    ListedLeads(**letter_as_json(letter), replayable=is_replayable(letter))
    assert letter.at.year >= 1


@pytest.mark.parametrize(
    ("record", "error_class", "obstacle"),
    [
        (Record("lead-journal"), "fatal_error", ReplayObstacle.TOPIC_NOT_REPLAYABLE),
        (Record("elsewhere"), "x", ReplayObstacle.SOURCE_UNKNOWN),
        (Record("lead-log"), "unreadable_event", ReplayObstacle.TOPIC_NOT_REPLAYABLE),
        (Record("lead-log", partition="?"), "fatal_error", ReplayObstacle.SOURCE_UNKNOWN),
        (Record(value=b"x" * 5_000_000), "too_large", ReplayObstacle.CUT),
        (Record(value=b"x", key=b"x" * 5_000_000), "too_large", ReplayObstacle.CUT),
        (Record(value=b"x", headers=[("h", b"x" * 3_000_000)]), "too_large", ReplayObstacle.CUT),
    ],
)
def test_what_must_not_be_sent_again_says_why(
    record: Record, error_class: str, obstacle: ReplayObstacle
) -> None:
    with pytest.raises(NotReplayable) as refused:
        target_of(as_read(make_letter(record, error_class, "why")))
    assert refused.value.obstacle is obstacle
    assert refused.value.what == "dead letter 1:5"


def test_what_our_own_code_failed_on_goes_back_to_its_partition() -> None:
    assert target_of(as_read(make_letter(Record("lead-log"), "fatal_error", "KeyError('x')"))) == (
        "lead-log",
        3,
    )
    assert target_of(as_read(make_letter(Record("org-log"), "fatal_error", "KeyError('x')"))) == (
        "org-log",
        3,
    )
    assert target_of(as_read(make_letter(Record(), "not_json", "why"))) == ("lead-arrivals", None)
