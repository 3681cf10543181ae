"""Removes dead letters of erased persons. The others stay, with their marks.

A record cannot be removed alone. So the letters that stay are written again at the end, with the same content and
headers, and everything before is deleted. If this stops in between, some letters are there twice, and nothing is lost.
"""

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka.errors import KafkaError

from application.dead_letter_marks import Marker, read_marks
from application.erasure.erased_data_finder import Finder
from application.erasure.logs import delete_before
from models.errors import Refused
from rules.inbound.intake import accept_arrival
from streams import clients
from streams.dead_letter_reading import read_letter
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import extent, read_topic
from streams.topics import DEAD_LETTERS, LEAD_ARRIVALS, MAX_DEAD_LETTER_BYTES

ROOM_BYTES: Final = 1024 * 1024

_HOLD_ARRIVALS: Final = (LEAD_ARRIVALS, DEAD_LETTERS)


def about_erased(finder: Finder, record: Any) -> bool:
    """Say whether a record of any topic has data of an erased person, or is an arrival of an erased lead."""
    key, value = ((part or b"").decode(errors="replace") for part in (record.key, record.value))
    texts = [
        key,
        value,
        *(f"{name} {(value or b'').decode(errors='replace')}" for name, value in record.headers),
    ]
    arrival_id = arrival_of(record.value, dict(record.headers)) if record.topic in _HOLD_ARRIVALS else None
    orgs = finder.orgs_of(value, key=key, of_lead=arrival_id)
    return any(finder.find(text, of_lead=arrival_id, orgs=orgs) for text in texts) or (
        arrival_id is not None and arrival_id in finder.leads
    )


def arrival_of(value: bytes | None, headers: dict[str, bytes]) -> str | None:
    """Return the lead id of a message that is an arrival; None for any other bytes."""
    try:
        return accept_arrival(value, headers, arrived_at=datetime.now(UTC)).lead_id
    except Refused:
        return None


async def delete_letters(settings: Settings, finder: Finder) -> int:
    """Remove the letters of erased persons; return their number. Raises `RetryableError`.

    The letters are read twice, one at a time, so that memory does not limit their number: once to see whether any is
    about an erased person, and once to write the others again.
    """
    bounds = await extent(settings, DEAD_LETTERS)
    ends = {(DEAD_LETTERS, n): end for n, (_, end) in bounds.items()}
    if not await _any_about_erased(settings, finder):
        return 0
    marks = await read_marks(settings)
    removed = 0
    producer = clients.producer(settings, max_request_size=MAX_DEAD_LETTER_BYTES + ROOM_BYTES)
    admin = clients.admin(settings)
    try:
        await producer.start()
        async with Marker(settings) as marker, aclosing(read_topic(settings, DEAD_LETTERS)) as records:
            async for record in records:
                if record.offset >= ends[DEAD_LETTERS, record.partition]:
                    continue  # it came since; its own erasure finds it
                if about_erased(finder, record):
                    removed += 1
                    continue
                at = await producer.send_and_wait(
                    DEAD_LETTERS,
                    record.value,
                    record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                )
                if (mark := marks.get(read_letter(record).position)) is not None:
                    await marker.mark(f"{at.partition}:{at.offset}", mark)
        await admin.start()
        await delete_before(admin, ends)
    except KafkaError as error:
        raise await failure(settings, error, f"{DEAD_LETTERS}: {error!r}") from error
    finally:
        await admin.close()
        await clients.stop_producer(producer)
    return removed


async def _any_about_erased(settings: Settings, finder: Finder) -> bool:
    async with aclosing(read_topic(settings, DEAD_LETTERS)) as records:
        async for record in records:
            if about_erased(finder, record):
                return True
    return False
