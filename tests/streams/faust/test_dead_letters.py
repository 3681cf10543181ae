"""A dead letter is the message byte for byte, with its place and the reason (docs/contracts)."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import PermanentError, Refused
from models.record_size import MAX_RECORD_BYTES
from streams import dead_letters
from streams.dead_letter_reading import read_letter
from streams.dead_letters import CUT_BYTES, MAX_REASON, classify_failure, count, write_dead_letter
from streams.journal import JournalWriter
from streams.metrics import DEAD_LETTERS_TOTAL
from streams.topics import BY_NAME, DEAD_LETTERS, MAX_DEAD_LETTER_BYTES
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from tests.streams.faust.cluster import Cluster


def message(key: bytes | None, value: bytes | None, *headers: tuple[Any, Any]) -> Any:
    """Return a message as Faust gives it."""
    return SimpleNamespace(
        topic="lead-arrivals", partition=5, offset=17, key=key, value=value, headers=headers
    )


@pytest.mark.kafka
async def test_bytes_key_and_headers_are_kept_and_ours_are_added(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = unique("dead")
    config = {name.replace(".", "_"): value for name, value in BY_NAME[DEAD_LETTERS].config.items()}
    await cluster.create(topic, 2, **config)
    monkeypatch.setattr(dead_letters, "DEAD_LETTERS", topic)
    writer = JournalWriter(cluster.settings)
    await writer.start()
    began = datetime.now(UTC)
    largest = b"x" * (MAX_RECORD_BYTES + 40_000)  # a broker takes it by default, and no log of ours does
    for bad_message in (
        message(b"key", b"\xff\x00{", ("ce_id", b"1"), ("reason", b"the sender's own"), ("odd", b"\xff")),
        message(None, None),
        message(b"gone", None),
        message(None, largest),
    ):
        write_dead_letter(writer, bad_message, "not_json", "value: é is no JSON" + "." * MAX_REASON, 2, None)
    await writer.stop()
    letters = await cluster.records(topic)
    assert [(record.key, record.value) for record in letters] == [
        (b"key", b"\xff\x00{"),
        (None, b""),
        (b"gone", None),
        (None, largest),
    ]
    assert {record.partition for record in letters} == {1}  # 5 % 2
    first = letters[0].headers
    assert first[:3] == (("ce_id", b"1"), ("original-reason", b"the sender's own"), ("odd", b"\xff"))
    own_headers = dict(first[3:])
    assert list(own_headers) == [
        "error-class",
        "reason",
        "source-topic",
        "source-partition",
        "source-offset",
        "failed-at",
    ]
    assert own_headers["error-class"] == b"not_json"
    assert own_headers["reason"].decode().startswith("value: é is no JSON.")
    assert len(own_headers["reason"].decode()) == MAX_REASON
    assert (own_headers["source-topic"], own_headers["source-partition"], own_headers["source-offset"]) == (
        b"lead-arrivals",
        b"5",
        b"17",
    )
    assert began <= datetime.fromisoformat(own_headers["failed-at"].decode()) <= datetime.now(UTC)


EXTREMES: dict[str, Any] = {
    "a header without a value (P2)": message(None, b"x", ("h", None)),
    "5 MB (P3)": message(None, b"x" * 5_000_000),
    "as much as fits": message(b"k", b"x" * (MAX_DEAD_LETTER_BYTES - 1_500)),
    "a header more than fits": message(b"k", b"x" * (MAX_DEAD_LETTER_BYTES - 1_500), ("h", b"y" * 2_000)),
    "a key of 5 MB": message(b"x" * 5_000_000, None),
    "both of 5 MB": message(b"x" * 5_000_000, b"y" * 5_000_000),
    "ten thousand headers": message(None, b"x", *((f"h{n}", b"1") for n in range(10_000))),
    "a hundred thousand headers": message(None, b"x" * 2_000_000, *((f"h{n}", b"1") for n in range(100_000))),
    "a header of 5 MB": message(None, b"x", ("a", b"1"), ("h", b"x" * 5_000_000), ("z", b"2")),
    "a header's name of 1 MB": message(None, b"x", ("h" * 1_000_000, b"")),
    "a name that is not UTF-8 (P4)": message(None, b"x", ("\udcff", b"1")),
    "names that are bytes, empty, wide": message(None, b"x", (b"\xff", b"1"), ("", b""), ("\U0001f600", b"")),
    "values that are no bytes": message(None, b"x", ("a", "text"), ("b", 5), ("c", bytearray(b"y"))),
    "a letter of its own": message(
        None, b"x", ("error-class", b"theirs"), ("error-class", None), ("reason", b"\xff")
    ),
    "no headers at all": SimpleNamespace(
        topic="t", partition=0, offset=0, key=None, value=None, headers=None
    ),
    "a time beyond the calendar": SimpleNamespace(
        topic="t", partition=0, offset=0, key=b"k", value=b"v", headers=[], timestamp=1.7e15
    ),
    "no number at all": SimpleNamespace(
        topic="t", partition="?", offset=None, key=b"k", value=b"v", headers=[], timestamp=float("nan")
    ),
}


@pytest.mark.kafka
async def test_a_broker_takes_the_letter_of_any_record(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2, P3, P4: a topic with our config takes the letter of any record, whatever its sender did."""
    topic = unique("dead")
    config = {name.replace(".", "_"): value for name, value in BY_NAME[DEAD_LETTERS].config.items()}
    await cluster.create(topic, 1, **config)
    monkeypatch.setattr(dead_letters, "DEAD_LETTERS", topic)
    writer = JournalWriter(cluster.settings)
    await writer.start()
    for record in EXTREMES.values():
        write_dead_letter(writer, record, "too_large", "\udcff" * MAX_REASON * 2, 1, None, stage="intake")
    await writer.stop()
    read = dict(zip(EXTREMES, map(read_letter, await cluster.records(topic)), strict=True))
    assert {letter.error_class for letter in read.values()} == {"too_large"}
    large = read["5 MB (P3)"]
    assert (large.value, large.value_cut_from) == (b"x" * CUT_BYTES, 5_000_000)
    assert read["as much as fits"].value_cut_from is not None  # the reason alone takes 60 KB
    assert read["a key of 5 MB"].key_cut_from == read["both of 5 MB"].key_cut_from == 5_000_000
    assert read["a header without a value (P2)"].headers == (("h", None),)
    assert len(read["ten thousand headers"].headers) == 10_000
    assert read["a hundred thousand headers"].headers_dropped > 90_000
    assert read["a header of 5 MB"].headers == (("a", b"1"),)
    assert read["a header of 5 MB"].headers_dropped == 2
    odd = read["a name that is not UTF-8 (P4)"]
    assert (odd.headers, odd.headers_changed) == ((("\\udcff", b"1"),), 1)
    assert read["a letter of its own"].headers == (
        ("error-class", b"theirs"),
        ("error-class", None),
        ("reason", b"\xff"),
    )
    assert read["a time beyond the calendar"].source_timestamp == 1_700_000_000_000_000_000


def test_counting_dead_letters_is_bounded() -> None:
    """However many classes there are, the number of label values stays within its bound."""
    for n in range(2 * dead_letters.MAX_LABELS):
        count("lead-arrivals", f"class {n}")
    names = {
        (sample.labels["topic"], sample.labels["error_class"])
        for metric in DEAD_LETTERS_TOTAL.collect()
        for sample in metric.samples
    }
    assert len(names) <= dead_letters.MAX_LABELS + 1
    assert ("other", "other") in names


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Refused("missing_field", "vendor", "is missing"), ("missing_field", "vendor: is missing")),
        (Refused("not_json", "", "is not JSON"), ("not_json", "is not JSON")),
        (PermanentError("record_too_large", "2 bytes"), ("record_too_large", "2 bytes")),
        (KeyError("state"), ("fatal_error", "KeyError('state')")),
    ],
)
def test_every_error_has_a_class_and_a_reason(error: Exception, expected: tuple[str, str]) -> None:
    assert classify_failure(error) == expected
