"""Searches raw bytes for persons, without any code of ours: topics by a foreign client, tables, keys and files.

The persons of the run have names, mail addresses and phone numbers that nobody else has. So one pattern finds them all,
in whatever form and place.
"""

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from assurance.chaos.vendor_producers import PARTITION_EOF

MARK: Final = "zqvjx"
AREA: Final = "339"
_PATTERN: Final = re.compile(rb"(?i)zqvjx[0-9]+|(?<![0-9])1?339[^0-9]{0,3}22[0-9][^0-9]?[0-9]{4}(?![0-9])")
POLL_SECONDS: Final = 0.5
FETCH_WAIT_MS: Final = 10
READ_SECONDS: Final = 300.0
"""How long reading all topics may take."""
SKIPPED_FILES: Final = ("server.properties", ".jsa")


def found_in(data: bytes) -> int:
    """Return how often a person of the run occurs in some bytes."""
    if AREA.encode() not in data and MARK.encode() not in data.lower():
        return 0  # the pattern takes a second for 30 MB, and most files have nothing
    return sum(1 for _ in _PATTERN.finditer(data))


def search_topics(bootstrap: str) -> Counter[str]:
    """Return topic -> occurrences, over every record of every topic from its beginning: key, value and headers."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "search",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_uncommitted",
            # A broker says that a partition has no more records only after this time, by default half a second.
            "fetch.wait.max.ms": FETCH_WAIT_MS,
        }
    )
    hits: Counter[str] = Counter()
    try:
        topics = consumer.list_topics(timeout=30).topics
        for name, topic in topics.items():
            if name.startswith("__"):
                continue
            for record in _records(consumer, name, list(topic.partitions)):
                parts = [record.key() or b"", record.value() or b""]
                parts += [value or b"" for _, value in record.headers() or ()]
                if count := sum(map(found_in, parts)):
                    hits[name] += count
    finally:
        consumer.close()
    return hits


def _records(consumer: Consumer, topic: str, partitions: list[int]) -> Iterator[Any]:
    """Yield the records of a topic, all partitions at once, until each has been read to its end."""
    give_up, unread = time.monotonic() + READ_SECONDS, set(partitions)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    while unread:
        record = consumer.poll(POLL_SECONDS)
        if time.monotonic() > give_up:
            raise TimeoutError(f"{topic} could not be read in {READ_SECONDS:g} s")
        if record is None:
            continue
        if (error := record.error()) is None:
            yield record
        elif error.code() == PARTITION_EOF:
            unread.discard(record.partition())
        else:
            raise RuntimeError(str(error))


def search_database(path: Path) -> Counter[str]:
    """Return table -> occurrences, over every column of every table of an SQLite file."""
    hits: Counter[str] = Counter()
    with sqlite3.connect(path) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  # names of our own tables
                if count := found_in(repr(row).encode()):
                    hits[table] += count
    return hits


def search_valkey(url: str) -> Counter[str]:
    """Return key -> occurrences, over every key as Valkey serialises it, and over members of its lists."""
    hits: Counter[str] = Counter()
    client: Any = redis.Redis.from_url(url)
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        parts: list[bytes] = [key]
        if kind == b"string":
            parts.append(client.get(key) or b"")
        elif kind == b"hash":
            parts += [part for pair in client.hgetall(key).items() for part in pair]
        elif kind == b"zset":
            parts += client.zrange(key, 0, -1)
        elif kind == b"stream":
            parts += [part for _, fields in client.xrange(key) for pair in fields.items() for part in pair]
        if count := sum(map(found_in, parts)):
            hits[key.decode(errors="replace").partition(":")[0]] += count
    client.close()
    return hits


def search_files(folder: Path) -> Counter[str]:
    """Return file -> occurrences, over the raw bytes of every file below a folder."""
    hits: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(SKIPPED_FILES):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue  # a segment that the broker has just deleted
            if count := found_in(data):
                hits[str(path.relative_to(folder))] += count
    return hits
