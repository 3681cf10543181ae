"""Reads dead letters with their reasons, and sends them again to their original topics."""

from contextlib import aclosing
from datetime import UTC, datetime
from heapq import heappush, heappushpop
from typing import Any

from application.dead_letter_marks import Mark, Marker, MarkKind
from application.replay import Replayer
from models.errors import ConfigError, RuntimeFailure
from streams.dead_letter_reading import StoredDeadLetter, read_letter, text
from streams.settings import Settings
from streams.topic_reader import read_positions, read_topic
from streams.topics import DEAD_LETTERS


def letter_as_json(letter: StoredDeadLetter, *, whole: bool = False) -> dict[str, Any]:
    """Return a dead letter as a JSON object. `whole`: also with the original message."""
    source = (letter.source_topic, letter.source_partition, letter.source_offset)
    letter_object: dict[str, Any] = {
        "place": letter.position,
        "error_class": letter.error_class,
        "reason": letter.reason,
        "source": ":".join(source),
        "failed_at": letter.failed_at,
    }
    if whole:
        letter_object |= {
            "key": text(letter.key),
            "value": text(letter.value),
            "headers": {name: text(value) for name, value in letter.headers},
            "stage": letter.stage,
            "source_timestamp": letter.source_timestamp,
            "key_cut_from": letter.key_cut_from,
            "value_cut_from": letter.value_cut_from,
            "headers_dropped": letter.headers_dropped,
        }
    return letter_object


async def read_letters(
    settings: Settings, *, topic: str | None = None, limit: int = 50
) -> tuple[list[dict[str, Any]], int]:
    """Return the newest dead letters, newest first, and the total number."""
    newest: list[tuple[Any, ...]] = []
    total = 0
    async with aclosing(read_topic(settings, DEAD_LETTERS)) as records:
        async for record in records:
            letter = read_letter(record)
            if topic is not None and letter.source_topic != topic:
                continue
            total += 1
            entry = (record.timestamp, letter.partition, letter.offset, letter_as_json(letter))
            if len(newest) < limit:
                heappush(newest, entry)
            else:
                heappushpop(newest, entry)
    return [
        letter_object for *_, letter_object in sorted(newest, key=lambda entry: entry[:3], reverse=True)
    ], total


def _position(position: str) -> tuple[int, int]:
    partition, _, offset = position.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise ConfigError("position", f"{position!r} is not PARTITION:OFFSET")
    return int(partition), int(offset)


async def find_letters(settings: Settings, positions: list[str]) -> list[StoredDeadLetter]:
    """Return the letters at these positions. Raises `RuntimeFailure` if a position has none."""
    places = {_position(position) for position in positions}
    letters = [read_letter(record) for record in await read_positions(settings, DEAD_LETTERS, places)]
    if missing := places - {(letter.partition, letter.offset) for letter in letters}:
        raise RuntimeFailure(
            "dead-letters", f"there is no dead letter at {', '.join(f'{p}:{o}' for p, o in sorted(missing))}"
        )
    return letters


async def show_letter(settings: Settings, position: str) -> dict[str, Any]:
    """Return one dead letter with its bytes. Raises `RuntimeFailure` if there is none at PARTITION:OFFSET."""
    (letter,) = await find_letters(settings, [position])
    return letter_as_json(letter, whole=True)


async def replay(settings: Settings, position: str, *, by: str) -> Mark:
    """Send one dead letter to its original topic, and return its mark. A known message changes nothing (X4).

    `by`: the rep id of who sends it. Raises `NotReplayable` and `RetryableError`.
    """
    (letter,) = await find_letters(settings, [position])
    async with Replayer(settings) as replayer, Marker(settings) as marker:
        return await send_and_mark(letter, replayer, marker, by=by)


async def send_and_mark(
    letter: StoredDeadLetter, replayer: Replayer, marker: Marker, *, by: str = ""
) -> Mark:
    """Send a letter again and mark it, so that every console and command knows. Return the mark.

    It is sent only once the marks' topic is there and its producer is started. Its mark is written after that: if the
    write fails, the letter was sent and stays open, and a second time changes nothing.
    Raises `NotReplayable`, `RetryableError` and `ConfigError`.
    """
    await marker.start()
    await replayer.send(letter)
    mark = Mark(what=MarkKind.REPLAYED, at=datetime.now(UTC), by=by)
    await marker.mark(letter.position, mark)
    return mark
