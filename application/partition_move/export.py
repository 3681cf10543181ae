"""Writes what Kafka knows to a file, once nothing runs and nothing is under way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from application.lag import BOARD, Lags
from application.partition_move.file import FORMAT, Head, MovedRecord, Writer, check_new, written
from application.partition_move.open_requests import open_requests
from application.partition_move.rows import NewestLeads, NewestOrgs
from models.codec import encode_org_record, encode_row
from models.errors import Refused, RuntimeFailure
from models.lead import DirectoryRow
from rules.inbound.do_not_contact import accept_listing
from rules.inbound.intake import accept_publication
from streams.access import failure
from streams.settings import Settings
from streams.topic_reader import extent, read_topic
from streams.topics import (
    ASSIGNMENTS,
    AUDIT,
    DIRECTORY,
    DO_NOT_CONTACT,
    ERASURES,
    LEAD_EXCEPTIONS,
    LEAD_JOURNAL,
    ORG_JOURNAL,
    PUSH_SUBSCRIPTIONS,
)

Say = Callable[[str], None]

IN_PLACE: Final = (DIRECTORY, DO_NOT_CONTACT)
"""Topics whose offsets are versions. Their records keep them."""
NEWEST: Final = (ASSIGNMENTS, LEAD_EXCEPTIONS)
"""Topics of which the newest record of each lead counts."""
WHOLE: Final = (ERASURES, AUDIT, PUSH_SUBSCRIPTIONS)
STOP_SECONDS: Final = 60.0
"""How long Kafka may take to notice that the processes have stopped: longer than a session."""
LOOK_SECONDS: Final = 0.5


async def export(settings: Settings, path: Path, *, say: Say) -> dict[str, int]:
    """Write the file; return the number of records by topic.

    Raises `ConfigError` if the file exists or cannot be made, `RuntimeFailure` if a process runs, a stage has something
    to do, or a record cannot be read, and `RetryableError` without Kafka.
    """
    check_new(path)
    try:
        await _check_at_rest(settings, say)
        with written(path) as writer:
            await _write(settings, writer, say)
    except (KafkaError, OSError) as error:
        raise await failure(settings, error, f"the state cannot be read: {error!r}") from error
    return dict(writer.counts)


async def _check_at_rest(settings: Settings, say: Say) -> None:
    lags = Lags(settings)
    await lags.start()
    try:
        loop = asyncio.get_running_loop()
        until, said = loop.time() + STOP_SECONDS, False
        while running := [group for group, members in (await lags.members()).items() if members]:
            if loop.time() > until:
                raise RuntimeFailure("Kafka", f"{', '.join(running)}: still runs; stop all processes first")
            if not said:
                said = True
                say(f"waiting until Kafka notices that {', '.join(running)} stopped")
            await asyncio.sleep(LOOK_SECONDS)
        await lags.of_stages()
        behind = {stage: count for stage, count in (await lags.of_stages()).items() if stage != BOARD}
        if behind := {stage: count for stage, count in behind.items() if count}:
            left = ", ".join(f"{stage} ({count} records)" for stage, count in behind.items())
            reason = "start the processes, stop what sends, wait until `firstclaim status` shows no lag, and stop them"
            raise RuntimeFailure("Kafka", f"something is under way in {left}: {reason}")
    finally:
        await lags.close()


async def _write(settings: Settings, writer: Writer, say: Say) -> None:
    ends = {topic: (await extent(settings, topic))[0][1] for topic in IN_PLACE}
    now = datetime.now(UTC)
    writer.head(Head(format=FORMAT, at=now, partitions=settings.partitions, ends=ends))
    for topic in IN_PLACE:
        say(topic)
        async for record in _of(settings, topic):
            if _is_valid(record):
                writer.add(_moved(record, offset=record.offset))
    say("leads")
    await _leads(settings, writer)
    say("orgs")
    await _orgs(settings, writer)
    for topic in NEWEST:
        say(topic)
        newest: dict[bytes, Any] = {}
        async for record in _of(settings, topic):
            newest[record.key] = record
        for record in newest.values():
            writer.add(_moved(record))
    for topic in WHOLE:
        say(topic)
        async for record in _of(settings, topic):
            writer.add(_moved(record))
    for record in await open_requests(settings):
        writer.add(_moved(record))
    writer.end()


async def _leads(settings: Settings, writer: Writer) -> None:
    newest = NewestLeads()
    for partition in range(settings.partitions):
        async for record in _of(settings, LEAD_JOURNAL, partition):
            _take(newest.take, record)
        for key, value in newest.end():
            writer.add(MovedRecord(topic=LEAD_JOURNAL, key=key, value=value))
    # The key of an object's row has the partition in it, so the row is written without one, once for all partitions.
    _directory(writer, LEAD_JOURNAL, newest.directory.values())


async def _orgs(settings: Settings, writer: Writer) -> None:
    for partition in range(settings.partitions):
        newest = NewestOrgs()
        async for record in _of(settings, ORG_JOURNAL, partition):
            _take(newest.take, record)
        for key, value in newest.end():
            writer.add(MovedRecord(topic=ORG_JOURNAL, key=key, value=value))
        _directory(writer, ORG_JOURNAL, newest.directory())


def _directory(writer: Writer, topic: str, rows: Iterable[DirectoryRow]) -> None:
    encode = encode_row if topic == LEAD_JOURNAL else encode_org_record
    for row in rows:
        writer.add(MovedRecord(topic=topic, key=None, value=encode(row)))


def _take(take: Callable[[bytes, bytes | None], None], record: Any) -> None:
    try:
        take(record.key or b"", record.value)
    except msgspec.MsgspecError as error:
        place = f"{record.topic}-{record.partition}@{record.offset}"
        raise RuntimeFailure(place, f"cannot be read: {error}") from error


async def _of(settings: Settings, topic: str, partition: int | None = None) -> AsyncIterator[Any]:
    only = None if partition is None else {partition}
    async with aclosing(read_topic(settings, topic, partitions=only)) as records:
        async for record in records:
            yield record


def _is_valid(record: Any) -> bool:
    """Tell whether intake accepts a record. What it refused is among the dead letters, and is not brought along."""
    headers = dict(record.headers)
    try:
        if record.topic == DIRECTORY:
            accept_publication(record.key, record.value, headers, version=record.offset)
        else:
            accept_listing(record.key, record.value, headers, version=record.offset, at=datetime.now(UTC))
    except Refused:
        return False
    return True


def _moved(record: Any, *, offset: int = -1) -> MovedRecord:
    """Return a record as it is written. Its `ce_id` is changed: it names a place in an old log."""
    headers = tuple(
        (name, b"moved/" + value if name == "ce_id" and value else value) for name, value in record.headers
    )
    return MovedRecord(
        topic=record.topic,
        key=record.key,
        value=record.value,
        headers=headers,
        offset=offset,
        timestamp_ms=record.timestamp,
    )
