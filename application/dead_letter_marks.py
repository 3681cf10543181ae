"""Reads and writes the marks of dead letters: a record in `dead-letter-marks` for each replayed or skipped letter.

A letter itself is never changed or removed. The key of a mark is the letter's position, so of several marks the newest
counts.
"""

from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from aiokafka.errors import KafkaError

from models.errors import RetryableError
from streams import clients
from streams.clients import Producer
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTER_MARKS, provision

WRITTEN_AT_ONCE: Final = 500
"""How many marks may be unacknowledged at once."""


class MarkKind(StrEnum):
    """What was done with a letter."""

    REPLAYED = "replayed"
    SKIPPED = "skipped"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What was done with one letter, when, and the reason that was given.

    `by`: the rep id of who did it in the console; empty for the command line, whose user is in the audit.
    """

    what: MarkKind
    at: datetime
    why: str = ""
    by: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M:%S} UTC{f': {self.why}' if self.why else ''}"


async def read_marks(settings: Settings) -> dict[str, Mark]:
    """Return position -> mark of every letter that was replayed or skipped. Raises `RetryableError`."""
    marks: dict[str, Mark] = {}
    if DEAD_LETTER_MARKS not in await _topics(settings):
        return marks  # no letter has been handled yet
    async with aclosing(read_topic(settings, DEAD_LETTER_MARKS)) as records:
        async for record in records:
            position, mark = read_mark(record)
            if mark is None:
                marks.pop(position, None)
            else:
                marks[position] = mark
    return marks


def read_mark(record: Any) -> tuple[str, Mark | None]:
    """Return the position of a letter and its mark; None if the record is not a mark: the letter is open."""
    position = (record.key or b"").decode(errors="replace")
    try:
        return position, msgspec.json.decode(record.value or b"", type=Mark)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return position, None


class Marker:
    """Writes marks. Use it as an asynchronous context manager: at its exit all marks are durable.

    It connects with the first mark, or earlier by `start`. Raises `RetryableError`, and `ConfigError` where Kafka
    refuses it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Producer | None = None
        self._written: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._settle()
        finally:
            if self._producer is not None:
                await clients.stop_producer(self._producer)

    async def start(self) -> None:
        """Connect, and create the topic if it is missing. Call it before what the marks are about is done."""
        await self._started()

    async def mark(self, position: str, mark: Mark) -> None:
        """Write a mark. It is durable after `WRITTEN_AT_ONCE` more marks, or at the end."""
        producer = await self._started()
        with _later():
            value = msgspec.json.encode(mark)
            self._written.append(await producer.send(DEAD_LETTER_MARKS, value, position.encode()))
        if len(self._written) >= WRITTEN_AT_ONCE:
            await self._settle()

    async def _started(self) -> Producer:
        """Return the producer. Creates the topic on a cluster that an older version has set up."""
        if self._producer is not None:
            return self._producer
        if DEAD_LETTER_MARKS not in await _topics(self._settings):
            await provision(self._settings)
        producer = clients.producer(self._settings)
        try:
            await producer.start()
        except KafkaError as error:
            await clients.stop_producer(producer)
            reason = f"{DEAD_LETTER_MARKS}: {error!r}"
            raise await failure(self._settings, error, reason) from error
        self._producer = producer
        return producer

    async def _settle(self) -> None:
        with _later():
            await clients.durable(self._written)
        self._written.clear()


@contextmanager
def _later() -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise RetryableError("Kafka", f"{DEAD_LETTER_MARKS}: {error!r}") from error


async def _topics(settings: Settings) -> set[str]:
    admin = clients.admin(settings)
    try:
        with _later():
            await admin.start()
            return set(await admin.list_topics())
    finally:
        await admin.close()
