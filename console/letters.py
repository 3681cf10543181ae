"""Dead letters: read them with their reasons, and send them again to where they came from."""

from contextlib import aclosing
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from models import spelling
from models.errors import ConfigError, RuntimeFailure
from streams.reading import read_places, read_topic
from streams.settings import Settings
from streams.topics import BY_NAME, DEAD_LETTERS, DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS

OURS: Final = frozenset(
    {"error-class", "reason", "source-topic", "source-partition", "source-offset", "failed-at"}
)
REPLAYABLE: Final = frozenset({LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT})
"""Only what came from outside is sent again: what stages write to each other is theirs to repeat."""

_ORGS: Final = (("org",), ("data", "org"), ("facts", "org"), ("lead", "facts", "org"))
"""Where a message says whose it is: itself, in a CloudEvents envelope, and in what stages write to each other."""


def letter_of(record: Any, *, whole: bool = False) -> dict[str, Any]:
    """Return what a record of `dead-letters` says: place, class, reason, source, time; `whole`: the original, too."""
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    letter = {
        "place": f"{record.partition}:{record.offset}",
        "error_class": headers.get("error-class", ""),
        "reason": headers.get("reason", ""),
        "source": ":".join(headers.get(f"source-{part}", "") for part in ("topic", "partition", "offset")),
        "failed_at": headers.get("failed-at", ""),
    }
    if whole:
        value = record.value or b""
        letter["key"] = (record.key or b"").decode(errors="backslashreplace")
        letter["value"] = value.decode(errors="backslashreplace")
        letter["headers"] = {name: text for name, text in headers.items() if name not in OURS}
    return letter


def org_of(record: Any) -> str:
    """Return whose a dead letter is: the org its original names, or the default one if it names none."""
    headers = dict(record.headers)
    if headers.get("source-topic", b"").decode() == DIRECTORY:
        return _org((record.key or b"").decode(errors="replace").partition("/")[0])
    try:
        value = msgspec.json.decode(record.value or b"")
    except (msgspec.MsgspecError, RecursionError):
        return _org(None)
    for path in _ORGS:
        found = value
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            return _org(found)
    return _org(None)


def _org(named: Any) -> str:
    try:
        return spelling.org(named)
    except ValueError:
        return spelling.org(None)


def _came_from(record: Any, topic: str | None) -> bool:
    return topic is None or dict(record.headers).get("source-topic", b"").decode() == topic


async def read_letters(
    settings: Settings, *, topic: str | None = None, limit: int = 50
) -> tuple[list[dict[str, Any]], int]:
    """Return the newest dead letters, newest first, and how many there are in all."""
    newest: list[Any] = []
    total = 0
    async with aclosing(read_topic(settings, DEAD_LETTERS)) as records:
        async for record in records:
            if _came_from(record, topic):
                total += 1
                newest.append(record)
                if len(newest) > 2 * limit:
                    newest = sorted(newest, key=lambda r: r.timestamp)[-limit:]
    newest.sort(key=lambda record: record.timestamp, reverse=True)
    return [letter_of(record) for record in newest[:limit]], total


def _place(place: str) -> tuple[int, int]:
    partition, _, offset = place.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise ConfigError("place", f"{place!r} is not PARTITION:OFFSET")
    return int(partition), int(offset)


async def _find(settings: Settings, places: list[str]) -> list[Any]:
    wanted = {_place(place) for place in places}
    found = await read_places(settings, DEAD_LETTERS, wanted)
    if missing := wanted - {(record.partition, record.offset) for record in found}:
        raise RuntimeFailure(
            "dead-letters", f"nothing at {', '.join(f'{p}:{o}' for p, o in sorted(missing))}"
        )
    return found


async def read_letter(settings: Settings, place: str) -> dict[str, Any]:
    """Return one dead letter with its bytes; raises `RuntimeFailure` if there is none at PARTITION:OFFSET."""
    (record,) = await _find(settings, [place])
    return letter_of(record, whole=True)


async def replay(settings: Settings, places: list[str] | None, *, topic: str | None = None) -> int:
    """Send dead letters to the topic they came from, byte for byte; return how many were sent.

    `places` None: all of them, or all that came from `topic`. What is known already changes nothing (X4).
    """
    producer = AIOKafkaProducer(**settings.aiokafka_options(), acks="all", enable_idempotence=True)
    await producer.start()
    sent = 0
    try:
        if places is not None:
            for record in await _find(settings, places):
                sent += await _send_again(producer, record)
        else:
            async with aclosing(read_topic(settings, DEAD_LETTERS)) as records:
                async for record in records:
                    if _came_from(record, topic):
                        sent += await _send_again(producer, record)
    finally:
        await producer.stop()
    return sent


async def _send_again(producer: AIOKafkaProducer, record: Any) -> int:
    headers = dict(record.headers)
    topic = headers.get("source-topic", b"").decode()
    if topic not in BY_NAME or topic not in REPLAYABLE:
        return 0
    kept = [(name, value) for name, value in record.headers if name not in OURS]
    await producer.send_and_wait(topic, record.value, record.key, headers=kept)
    return 1
