"""Sends wrong messages during a run, in every way that a Kafka client can send them.

They come from our own client and from librdkafka: compressed with every codec, with null headers or header names that
are no text, in committed and aborted transactions, and some as a few KB that decompress to MB.
"""

import asyncio
import contextlib
import random
from collections import Counter
from contextlib import closing
from typing import Any, Final

from aiokafka.errors import KafkaError
from sqlalchemy import func, select

from assurance.chaos import vendor_producers
from assurance.chaos.vendor_producers import CODECS, AnyHeaders
from assurance.load import LoadClient
from models.errors import RetryableError, RuntimeFailure
from sink.database_engine import connect
from sink.tables import LeadTable
from streams.settings import Settings
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS

POISON_HEADER: Final = ("chaos", b"poison")
NULL_HEADER: Final = ("trace", None)
NAMES: Final = (b"\xff\xfe", b"caf\xe9")
"""Header names that are not valid UTF-8."""
ABORTED: Final = "aborted"
"""The vendor of valid leads whose transaction is aborted."""
INFLATED: Final = 5_000_000
TRANSACTIONAL_ID: Final = "chaos-poison"
TRANSACTION_MS: Final = 10_000
"""The transaction timeout. After it the broker aborts a transaction that its own death left open."""
BROKER_SECONDS: Final = 30.0
POLL_SECONDS: Final = 60.0

POISONS: Final[tuple[tuple[str, bytes | None, bytes | None], ...]] = (
    (LEAD_ARRIVALS, None, b"{bad"),
    (LEAD_ARRIVALS, b"\xff", b"\xff\xfe\x00"),
    (LEAD_ARRIVALS, None, b"[1, 2]"),
    (LEAD_ARRIVALS, None, b'{"external_id": "no vendor"}'),
    (LEAD_ARRIVALS, None, b'{"vendor": "acme"}'),
    (LEAD_ARRIVALS, None, b'{"vendor": "m", "x": "\xff"}'),
    (LEAD_ARRIVALS, None, b"[" * 5_000),
    (LEAD_ARRIVALS, b"tombstone", None),
    (LEAD_ACTIONS, None, b""),
    (LEAD_ACTIONS, None, b"null"),
    (LEAD_ACTIONS, None, b'{"type": "claim", "rep_id": "rep-1"}'),
    (LEAD_ACTIONS, None, b'{"action_id": "a", "lead_id": "not a uuid", "type": "claim", "rep_id": "rep-1"}'),
    (DO_NOT_CONTACT, b"default/fax/4014194247", b"{}"),
    (DO_NOT_CONTACT, b"default/phone/4014194247", b"{bad"),
    (DIRECTORY, b"default/queue", b"{}"),
    (DIRECTORY, b"default/queue/poison", b'{"queue_id": "poison", "inclusion": {"rules": 7}}'),
    (
        DIRECTORY,
        b"default/queue/poison",
        b'{"inclusion": {"combinator": "and", "rules": [{"field": "shoe_size", "operator": "=", "value": 9}]}}',
    ),
)
UNREADABLE_KEY: Final = b"chaos unreadable"
"""The key of a record with a header name that is no text. No reader gets as far as its key."""


class Poison:
    """Sends one message at a time. Call `close` at the end. Raises ConfigError without librdkafka."""

    def __init__(self, client: LoadClient, source: random.Random) -> None:
        self._client = client
        self._settings = client.settings
        self._source = source
        self._producers = {
            codec: vendor_producers.producer(self._settings, compression_type=codec) for codec in CODECS
        }
        self._any_headers = AnyHeaders(self._settings)
        self._transactional: Any = None

    async def send(self) -> None:
        """Send a random message in a random way."""
        topic, key, value = self._source.choice(POISONS)
        match self._source.choice(("ours", "theirs", "theirs", "unreadable", "inflating")):
            case "ours":
                with contextlib.suppress(KafkaError):  # a message that Kafka did not accept was not sent
                    await self._client.put(topic, value, key=key, headers=[POISON_HEADER])
            case "theirs":
                headers = self._source.choice(
                    ([POISON_HEADER], [POISON_HEADER, NULL_HEADER], [NULL_HEADER, POISON_HEADER, NULL_HEADER])
                )
                self._by_librdkafka(topic, key, value, headers)
            case "unreadable":
                any_headers = [(b"chaos", b"poison"), (self._source.choice(NAMES), b"1")]
                with contextlib.suppress(RuntimeFailure):  # its queue is full while the broker is down
                    self._any_headers.send(topic, value or b"", key=UNREADABLE_KEY, headers=any_headers)
            case _:
                self._by_librdkafka(LEAD_ARRIVALS, None, b"x" * INFLATED, [POISON_HEADER])

    async def transact(self) -> None:
        """Send a few messages in one transaction. Half of the transactions are aborted, with valid leads in them."""
        records = [
            (*self._source.choice(POISONS), [POISON_HEADER]) for _ in range(self._source.randint(1, 5))
        ]
        aborted = self._source.random() < 0.5  # noqa: PLR2004  # one in two
        if aborted:
            lead = b'{"vendor": "%s", "external_id": "%d", "last_name": "Doe"}'
            lead %= (ABORTED.encode(), self._source.getrandbits(32))
            records.append((LEAD_ARRIVALS, None, lead, [POISON_HEADER]))
        await asyncio.to_thread(self._transact, records, aborted)

    async def close(self) -> None:
        """Wait until all is sent and no transaction is open."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        for producer in self._producers.values():
            producer.flush(vendor_producers.TIMEOUT_MS / 1000)
        self._any_headers.flush()
        self._any_headers.close()

    def _by_librdkafka(self, topic: str, key: bytes | None, value: bytes | None, headers: list[Any]) -> None:
        codec = self._source.choice(CODECS[1:] if value and len(value) >= INFLATED else CODECS)
        producer = self._producers[codec]
        with contextlib.suppress(BufferError):  # likewise
            producer.produce(topic, key=key, value=value, headers=headers)
        producer.poll(0)

    def _transact(self, records: list[tuple[str, bytes | None, bytes | None, Any]], aborted: bool) -> None:
        from confluent_kafka import KafkaException  # noqa: PLC0415  # only chaos needs it

        try:
            producer = self._in_transaction()
            for topic, key, value, headers in records:
                producer.produce(topic, key=key, value=value, headers=headers)
            if aborted:
                producer.flush(BROKER_SECONDS)  # they are in the topic before the abort
                producer.abort_transaction(BROKER_SECONDS)
            else:
                producer.commit_transaction(BROKER_SECONDS)
        except KafkaException:
            # The broker died meanwhile. The next producer with this id aborts this transaction, or the broker does.
            self._transactional = None

    def _in_transaction(self) -> Any:
        if self._transactional is None:
            producer = vendor_producers.producer(
                self._settings,
                compression_type=self._source.choice(CODECS),
                transactional_id=TRANSACTIONAL_ID,
                transaction_timeout_ms=TRANSACTION_MS,
                message_timeout_ms=TRANSACTION_MS,
            )
            producer.init_transactions(BROKER_SECONDS)
            self._transactional = producer
        self._transactional.begin_transaction()
        return self._transactional


def poison_in(settings: Settings, topic: str) -> int:
    """Count the poison in a topic. What was sent while the broker died may be there or not.

    librdkafka reads the topic, so records that our own readers skip are counted too. Raises `RetryableError` where
    Kafka is unreachable.
    """
    from confluent_kafka import TopicPartition  # noqa: PLC0415  # only chaos needs it

    count = 0
    with closing(vendor_producers.consumer(settings)) as reader:
        unread = set(reader.list_topics(topic, timeout=POLL_SECONDS).topics[topic].partitions)
        reader.assign([TopicPartition(topic, partition, 0) for partition in unread])
        while unread:
            message = reader.poll(POLL_SECONDS)
            if message is None:
                raise RetryableError("Kafka", f"topic {topic} could not be counted")
            error = message.error()
            if error is None:
                count += _is_poison(message)
            elif error.code() == vendor_producers.PARTITION_EOF:
                unread.discard(message.partition())
            else:
                raise RetryableError("Kafka", f"topic {topic} could not be counted: {error}")
    return count


def _is_poison(message: Any) -> bool:
    # On reading such a record's headers the client raises an error, sometimes only at its next poll.
    return message.key() == UNREADABLE_KEY or POISON_HEADER in (message.headers() or ())


async def poison_sent(settings: Settings, topics: tuple[str, ...]) -> Counter[str]:
    """Count the poison in each topic."""
    return Counter({topic: await asyncio.to_thread(poison_in, settings, topic) for topic in topics})


def aborted_arrived(database_url: str) -> int:
    """Count the leads that arrived although their transaction was aborted."""
    engine = connect(database_url)
    try:
        with engine.connect() as connection:
            query = select(func.count()).select_from(LeadTable).where(LeadTable.vendor == ABORTED)
            return int(connection.scalar(query) or 0)
    finally:
        engine.dispose()
