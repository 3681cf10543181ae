"""Yields parcels from a seed: records with damage around the value, and the way in which a client sends them.

A client chooses everything around the value: key, headers, time, size, codec, partition and transaction, or no value at
all (a tombstone). `damaged(...)` yields records, `parcels(...)` the contents of one batch or transaction.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final

from assurance.chaos.vendor_producers import CODECS
from models.ids import lead_id
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS
from tests.fuzz.mutate import Kind, damaged_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPICS: Final[dict[str, tuple[Kind, ...]]] = {
    LEAD_ARRIVALS: ("arrival",),
    LEAD_ACTIONS: ("action",),
    DIRECTORY: ("queue", "rep"),
    DO_NOT_CONTACT: ("listing",),
}
COMPACTED: Final = frozenset({DIRECTORY, DO_NOT_CONTACT})
PARCEL: Final = 100
VENDOR: Final = "aborted"

Headers = tuple[tuple[str, bytes | None], ...]

KEYS: Final = (
    b"default/queue/aged",
    b"default/queue/new",
    b"other/queue/aged",
    b"other/rep/rep-7",
    b"default/rep",
    b"default/phone/4014194247",
    b"default/email/j@x.org",
    b"//",
    b"\xff\xfe/queue/aged",
    b"",
    None,
)
HEADERS: Final[tuple[Headers, ...]] = (
    (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/x"), ("ce_type", b"t")),
    (("ce_specversion", b"\xff"), ("ce_id", b"")),
    (("ce_specversion", b"1.0"), ("ce_id", None), ("ce_source", None), ("ce_type", b"t")),
    (("content-type", b"application/cloudevents+json"),),
    (("content-type", None),),
    (("x", b"\x00\xff"),),
    (("x", None),),
    (("", b"v"),),
    (("", None),),
    (("x", b"1"), ("x", None), ("x", b"2")),
    (("error-class", None), ("reason", b"\xff"), ("source-topic", b""), ("source-offset", b"-1")),
    (("value-cut-from", b"many"),),
    (("\u202e\U0001f600", "\u00e9".encode()),),
    tuple((f"h{n}", b"v") for n in range(200)),
    (("large", b"v" * 20_000),),
)
TIMES: Final = (
    1_000,
    1_763_629_920,
    1_763_629_920_000,
    1_763_629_920_000_000,
    1_763_629_920_000_000_000,
    -5_000,
    4_102_444_800_000,
    2**63 - 1,
)


class Fate(StrEnum):
    """The outcome of a parcel."""

    PLAIN = "plain"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True)
class DamagedRecord:
    """One record for a client to send. `timestamp` 0 is the client's clock."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int = 0


@dataclass(frozen=True)
class Parcel:
    """Records that one producer sends at once. `unreadable`: further records whose header names are not UTF-8."""

    records: tuple[DamagedRecord, ...]
    codec: str = "none"
    fate: Fate = Fate.PLAIN
    unreadable: tuple[DamagedRecord, ...] = field(default=())


def _value(source: random.Random, value: bytes) -> bytes | None:
    """Return a value, None, or a value of another size."""
    chance = source.random()
    if chance < 0.005:
        return None
    if chance < 0.006:
        return b""
    if chance < 0.0063:
        return b'{"vendor": "m", "external_id": "l", "a": "' + b"x" * source.choice((20_000, 300_000)) + b'"}'
    return value


def damaged_records(topic: str, seed: int, count: int) -> Iterator[DamagedRecord]:
    """Yield `count` damaged records of a topic."""
    source = random.Random(f"{seed}/{topic}")
    kinds = TOPICS[topic]
    streams = [damaged_messages(seed + n, kind) for n, kind in enumerate(kinds)]
    for n in range(count):
        value = _value(source, next(streams[n % len(streams)]))
        key = source.choice(KEYS)
        if source.random() < 0.05:
            key = source.randbytes(source.choice((1, 8, 200, 5_000)))
        if topic in COMPACTED and key is None:
            key = b""  # the broker refuses a record without a key
        yield DamagedRecord(
            key,
            value,
            source.choice(HEADERS) if source.random() < 0.2 else (),
            source.choice(TIMES) if source.random() < 0.05 else 0,
        )


def _leads(seed: int, n: int) -> tuple[DamagedRecord, ...]:
    """Return a few good leads that must not arrive; `aborted_ids` returns their ids."""
    return tuple(
        DamagedRecord(None, json.dumps({"vendor": VENDOR, "external_id": name, "last_name": "Doe"}).encode())
        for name in _names(seed, n)
    )


def _names(seed: int, n: int) -> list[str]:
    return [f"{seed}/{n}/{k}" for k in range(3)]


def aborted_ids(seed: int, messages: int) -> set[str]:
    """Return the ids of the good leads in the transactions that are aborted."""
    return {
        lead_id("default", VENDOR, name, {})
        for n in range(messages // PARCEL + 1)
        for name in _names(seed, n)
    }


def parcels(topic: str, seed: int, messages: int) -> Iterator[Parcel]:
    """Yield `messages` damaged records in parcels, and also good leads in transactions that are aborted."""
    source = random.Random(f"{seed}/{topic}/parcels")
    records = damaged_records(topic, seed, messages)
    n = 0
    while batch := tuple(islice(records, PARCEL)):
        fate = source.choices(list(Fate), [88, 6, 6])[0]
        if fate is Fate.ABORTED and topic == LEAD_ARRIVALS:
            batch += _leads(seed, n)
        unreadable: tuple[DamagedRecord, ...] = ()
        if fate is Fate.PLAIN and source.random() < 0.3:
            unreadable = (
                DamagedRecord(source.choice(KEYS[:6]), source.choice((b"x", b"{}", batch[0].value or b""))),
            )
        yield Parcel(batch, source.choices(CODECS, [4, 2, 2, 2, 2])[0], fate, unreadable)
        n += 1
    # A few KB that inflate to several MB.
    for codec in CODECS[1:]:
        value = source.choice((b"x", b" ", b"[")) * source.randrange(2_000_000, 6_000_000)
        yield Parcel((DamagedRecord(b"inflates", value),), codec)
