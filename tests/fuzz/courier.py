"""Sends parcels by librdkafka, and records the position of each record and what librdkafka or the broker refused."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaException

from assurance.chaos.vendor_producers import AnyHeaders, producer
from streams.topics import partitions_of
from tests.fuzz.parcels import Fate

if TYPE_CHECKING:
    from streams.settings import Settings
    from tests.fuzz.parcels import DamagedRecord, Parcel

Position = tuple[str, int, int]
"""(topic, partition, offset)"""

SECONDS: Final = 300.0
WAITS_MS: Final = 300_000
ANY_NAMES: Final = ((b"\xff\xfe", b"1"), (b"caf\xe9", b""), (b"\xed\xa0\x80", b"\x00"))


class Courier:
    """Sends parcels.

    `sent`: the number of committed records per topic. `aborted`: the positions of aborted records. `not_taken`: refused
    records with the reason.
    """

    def __init__(self, settings: Settings, seed: int) -> None:
        self._settings = settings
        self._source = random.Random(f"{seed}/courier")
        self._producers: dict[tuple[str, bool], Any] = {}
        self._any_headers = AnyHeaders(settings)
        self.sent: Counter[str] = Counter()
        self.aborted: set[Position] = set()
        self.unreadable = 0
        self.not_taken: Counter[str] = Counter()

    def take(self, topic: str, parcel: Parcel) -> None:
        """Send a parcel. A transaction has ended when this returns."""
        by = self._producer(parcel.codec, transaction=parcel.fate is not Fate.PLAIN)
        if parcel.fate is Fate.PLAIN:
            self._send(by, topic, parcel)
        else:
            self._transact(by, topic, parcel)
        for record in parcel.unreadable:
            name = self._source.choice(ANY_NAMES)
            self._any_headers.send(topic, record.value or b"", key=record.key or b"", headers=[name])
            self.unreadable += 1

    def _send(self, by: Any, topic: str, parcel: Parcel) -> None:
        for record in parcel.records:
            self._produce(by, topic, record, aborted=parcel.fate is Fate.ABORTED)

    def _transact(self, by: Any, topic: str, parcel: Parcel) -> None:
        by.begin_transaction()
        try:
            self._send(by, topic, parcel)
            if parcel.fate is Fate.COMMITTED:
                by.commit_transaction(SECONDS)
                return
            by.flush(SECONDS)  # the records are in the topic before they are aborted
        except KafkaException as error:
            self.not_taken[f"transaction: {error.args[0].name()}"] += 1
        by.abort_transaction(SECONDS)

    def settle(self) -> None:
        """Wait until everything is sent."""
        for by in self._producers.values():
            by.flush(SECONDS)
        if not self._any_headers.flush():
            self.not_taken["unreadable header names"] += 1

    def mark(self, topics: list[str]) -> None:
        """Send a last record to each partition, so that no earlier record is at the end of its topic."""
        by = self._producer("none", transaction=False)
        for topic in topics:
            for partition in range(partitions_of(topic, self._settings)):
                by.produce(topic, key=b"mark", value=b"mark", partition=partition)
        by.flush(SECONDS)

    def close(self) -> None:
        """Close the producers."""
        self._any_headers.close()
        self._producers.clear()

    def _producer(self, codec: str, *, transaction: bool) -> Any:
        if (codec, transaction) not in self._producers:
            options: dict[str, Any] = {"compression_type": codec, "linger_ms": 20, "batch_size": 1_000_000}
            options["queue_buffering_max_messages"] = 20_000
            options |= {"message_timeout_ms": WAITS_MS, "transaction_timeout_ms": WAITS_MS}
            if transaction:
                options["transactional_id"] = f"fuzz-{uuid.uuid4()}"
            client = producer(self._settings, **options)
            if transaction:
                client.init_transactions(SECONDS)
            self._producers[codec, transaction] = client
        return self._producers[codec, transaction]

    def _produce(self, by: Any, topic: str, record: DamagedRecord, *, aborted: bool) -> None:
        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                self.not_taken[error.name()] += 1
            elif aborted:
                self.aborted.add((message.topic(), message.partition(), message.offset()))
            else:
                self.sent[topic] += 1

        partition = self._source.randrange(partitions_of(topic, self._settings))
        while True:
            try:
                by.produce(
                    topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers) or None,
                    timestamp=record.timestamp,
                    partition=partition,
                    on_delivery=delivered,
                )
            except BufferError:
                by.poll(0.1)
            else:
                by.poll(0)
                return
