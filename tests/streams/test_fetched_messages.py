"""Faust's consumer gets messages from the fetch: the same as Faust would make of aiokafka's records."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from faust.transport.drivers.aiokafka import Consumer
from faust.types.tuples import TP, ConsumerMessage

from streams.fetched_records import FetchedRecords
from streams.patches import record_reader
from streams.patches.fetched_messages import FetchedMessage, give_messages
from streams.unreadable import StandIn, Unreadable, give_stand_ins
from tests.fixtures.batches import ATTRIBUTES_AT, built, with_checksum

PARTITION = TopicPartition("lead-log", 3)
RECORDS: list[Any] = [
    (b"key", b"value", [("traceparent", b"0" * 55), ("n", None)]),
    (None, b"value", []),
    (b"key", None, [("n", b"")]),
    (None, None, []),
    (b"", b"", []),
]
APPEND_TIME = 0x08
MAX_TIMESTAMP_AT = 35


def fetched(data: bytes, mark: Any = give_messages, at: int = 0) -> FetchedRecords:
    return FetchedRecords(PARTITION, record_reader.FetchedBytes(data), [], at, None, mark, True, 1)


def appended(batch: bytearray) -> bytearray:
    """Return a batch with the time at which a broker appended it."""
    batch[ATTRIBUTES_AT] |= APPEND_TIME
    struct.pack_into(">q", batch, MAX_TIMESTAMP_AT, 1_763_629_999_123)
    return with_checksum(batch)


def stock(record: Any) -> ConsumerMessage:
    """Return what Faust makes of a record."""
    consumer: Any = SimpleNamespace(app=SimpleNamespace(consumer_generation_id=None))
    return Consumer._to_message(consumer, TP(*PARTITION), record)


def values_of(message: Any) -> dict[str, Any]:
    """Return the values of all fields that Faust's message has."""
    names = {name for kind in ConsumerMessage.__mro__ for name in getattr(kind, "__slots__", ())}
    return {name: getattr(message, name) for name in names - {"__weakref__", "span"}}


@pytest.mark.parametrize("batch", [built(RECORDS), appended(built(RECORDS)), built(RECORDS, codec=1)])
def test_a_message_has_the_values_that_faust_gives_it(batch: bytearray) -> None:
    data = bytes(batch)
    messages, records = list(fetched(data)), list(fetched(data, give_stand_ins))
    assert [values_of(message) for message in messages] == [values_of(stock(record)) for record in records]
    assert {type(message) for message in messages} == {FetchedMessage}
    assert all(isinstance(message, ConsumerMessage) for message in messages)
    assert repr(messages[0]) == repr(stock(records[0])).replace("ConsumerMessage", "FetchedMessage")


def test_what_cannot_be_read_is_a_message_with_a_stand_in() -> None:
    damaged = built(RECORDS)
    damaged[-1] ^= 1
    (message,) = fetched(bytes(damaged))
    (record,) = fetched(bytes(damaged), give_stand_ins)
    assert isinstance(message, FetchedMessage)
    assert isinstance(message.value, Unreadable)
    assert values_of(message) == values_of(stock(record)) | {"value": message.value}
    marker = built(RECORDS[:1])
    marker[ATTRIBUTES_AT] |= 0x30
    (message,) = fetched(bytes(with_checksum(marker)))
    assert (type(message), type(message.value), message.offset) == (FetchedMessage, StandIn, 0)


def test_records_are_taken_together_as_one_after_the_other() -> None:
    data = bytes(built(RECORDS) + built(RECORDS, base=5))
    together, each = fetched(data), fetched(data)
    for limit in (3, 4, 2):
        assert [message.offset for message in together.take(limit)] == [
            next(each).offset for _ in range(limit)
        ]
        assert together.next_fetch_offset == each.next_fetch_offset
    assert [message.offset for message in together.take(None)] == [message.offset for message in each] == [9]
    assert together.next_fetch_offset == 10
    assert together.take(1) == []


def test_a_bug_while_records_are_taken_loses_none_of_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(built(RECORDS) + built(RECORDS, base=5))
    records = fetched(data)
    unpack = records._iterator

    def fails() -> Any:
        assert unpack is not None
        yield next(unpack)
        yield next(unpack)
        raise RuntimeError("a bug")

    monkeypatch.setattr(records, "_iterator", fails())
    *read, stand_in = records.take(4)
    assert [message.offset for message in read] == [0, 1]
    assert (stand_in.offset, type(stand_in.value)) == (2, Unreadable)
    assert records.take(4) == []
