"""What was done about dead letters: one mark for each letter that was replayed or skipped, in `dead-letter-marks`.

A letter itself is never changed or removed. The key is its place, so of several marks the newest counts.
"""

from contextlib import aclosing
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from models.errors import Later
from streams.reading import read_topic
from streams.settings import Settings
from streams.topics import DEAD_LETTER_MARKS, provision


class Dealt(StrEnum):
    """How a letter was dealt with."""

    REPLAYED = "replayed"
    SKIPPED = "skipped"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What was done about one letter, when, and why as whoever did it says."""

    what: Dealt
    at: datetime
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M:%S} UTC{f': {self.why}' if self.why else ''}"


async def read_marks(settings: Settings) -> dict[str, Mark]:
    """Return place -> mark of every letter that is dealt with; makes the topic where it is missing. Raises `Later`."""
    await _ensure(settings)
    marks: dict[str, Mark] = {}
    async with aclosing(read_topic(settings, DEAD_LETTER_MARKS)) as records:
        async for record in records:
            place = (record.key or b"").decode(errors="replace")
            try:
                marks[place] = msgspec.json.decode(record.value or b"", type=Mark)
            except msgspec.MsgspecError:
                marks.pop(place, None)  # a tombstone, or nothing of ours: the letter is open
    return marks


async def send_mark(producer: AIOKafkaProducer, place: str, mark: Mark) -> Any:
    """Begin to write a mark; what is returned is to be awaited."""
    return await producer.send(DEAD_LETTER_MARKS, msgspec.json.encode(mark), place.encode())


async def _ensure(settings: Settings) -> None:
    """Make the topic on a cluster that an older version has set up."""
    admin = AIOKafkaAdminClient(**settings.aiokafka_options())
    try:
        await admin.start()
        there = DEAD_LETTER_MARKS in await admin.list_topics()
    except KafkaError as error:
        raise Later("Kafka", repr(error)) from error
    finally:
        await admin.close()
    if not there:
        await provision(settings)
