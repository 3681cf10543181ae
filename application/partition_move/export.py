"""Writes what Kafka knows to a file, once nothing runs and nothing is under way."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from application.audit.entry import AuditedAct, operator
from application.audit.write import audited
from application.lag import Lags
from application.partition_move.at_rest import (
    check_done,
    check_stopped,
    check_unmoved,
    ends_of_all,
    letters_left,
)
from application.partition_move.move_file import (
    FORMAT,
    FileHeader,
    MovedRecord,
    MoveFileWriter,
    check_new,
    new_move_file,
)
from application.partition_move.moved_rows import NewestLeads, NewestOrgs
from application.partition_move.open_requests import open_requests
from models.codec import encode_org_record, encode_row
from models.errors import Refused, RuntimeFailure
from models.lead import DirectoryRow
from rules.inbound.do_not_contact import accept_listing
from rules.inbound.intake import accept_publication
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import extent, read_topic
from streams.topics import (
    ASSIGNMENTS,
    AUDIT,
    DEAD_LETTERS,
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
WHOLE_TOPICS: Final = (ERASURES, AUDIT, PUSH_SUBSCRIPTIONS)


async def export(
    settings: Settings, path: Path, *, say: Say, leave_dead_letters: bool = False
) -> dict[str, int]:
    """Write the file; return the number of records by topic. Dead letters do not move.

    Raises `ConfigError` if the file exists or cannot be made; `RuntimeFailure` if a process runs, a stage has something
    to do, a dead letter is open and `leave_dead_letters` is false, a record cannot be read, or somebody writes
    meanwhile; and `RetryableError` without Kafka. The audit of the old Kafka and that of the new one get an entry.
    """
    check_new(path)
    lags = Lags(settings)
    try:
        await lags.start()
        await check_stopped(lags, say)
        await check_done(lags)
        await _tell_letters(settings, say, leave=leave_dead_letters)
        before = await ends_of_all(lags)
        async with audited(settings, operator(""), "state_exported", f"file/{path.name}") as entry:
            with new_move_file(path) as writer:
                await _write(settings, writer, say)
                check_unmoved(before, await ends_of_all(lags))
                entry.add("partitions", settings.partitions)
                entry.add("records", writer.counts.total())
                writer.add(_of_audit(entry))
                writer.end()
    except (KafkaError, OSError) as error:
        raise await failure(settings, error, f"the state cannot be read: {error!r}") from error
    finally:
        await lags.close()
    return dict(writer.counts)


async def _tell_letters(settings: Settings, say: Say, *, leave: bool) -> None:
    """Say how many dead letters stay behind. Their positions are valid only in this Kafka."""
    letters, still_open = await letters_left(settings)
    if still_open and not leave:
        remedy = (
            "replay or skip them (`firstclaim dead-letters list`), or leave them with --leave-dead-letters"
        )
        raise RuntimeFailure(
            DEAD_LETTERS, f"{still_open:,} of {letters:,} are open, and dead letters do not move: {remedy}"
        )
    if letters:
        say(f"{letters:,} dead letters stay on this Kafka, {still_open:,} of them open")


def _of_audit(entry: AuditedAct) -> MovedRecord:
    """Return this act's own record of the audit, so that the new Kafka has it, too."""
    record = entry.record()
    return MovedRecord(topic=AUDIT, key=record.org.encode(), value=msgspec.json.encode(record))


async def _write(settings: Settings, writer: MoveFileWriter, say: Say) -> None:
    ends = {topic: (await extent(settings, topic))[0][1] for topic in IN_PLACE}
    now = datetime.now(UTC)
    writer.head(FileHeader(format=FORMAT, at=now, partitions=settings.partitions, ends=ends))
    for topic in IN_PLACE:
        say(topic)
        async for record in _records_of(settings, topic):
            if _is_valid(record):
                writer.add(_moved_record(record, offset=record.offset))
    say("leads")
    await _leads(settings, writer)
    say("orgs")
    await _orgs(settings, writer)
    for topic in NEWEST:
        say(topic)
        newest: dict[bytes, Any] = {}
        async for record in _records_of(settings, topic):
            newest[record.key] = record
        for record in newest.values():
            writer.add(_moved_record(record))
    for topic in WHOLE_TOPICS:
        say(topic)
        async for record in _records_of(settings, topic):
            writer.add(_moved_record(record))
    for record in await open_requests(settings):
        writer.add(_moved_record(record))


async def _leads(settings: Settings, writer: MoveFileWriter) -> None:
    newest = NewestLeads()
    for partition in range(settings.partitions):
        async for record in _records_of(settings, LEAD_JOURNAL, partition):
            _take(newest.take, record)
        for key, value in newest.end():
            writer.add(MovedRecord(topic=LEAD_JOURNAL, key=key, value=value))
    # The key of an object's row has the partition in it, so the row is written without one, once for all partitions.
    _directory(writer, LEAD_JOURNAL, newest.directory.values())


async def _orgs(settings: Settings, writer: MoveFileWriter) -> None:
    for partition in range(settings.partitions):
        newest = NewestOrgs()
        async for record in _records_of(settings, ORG_JOURNAL, partition):
            _take(newest.take, record)
        for key, value in newest.end():
            writer.add(MovedRecord(topic=ORG_JOURNAL, key=key, value=value))
        _directory(writer, ORG_JOURNAL, newest.directory())


def _directory(writer: MoveFileWriter, topic: str, rows: Iterable[DirectoryRow]) -> None:
    encode = encode_row if topic == LEAD_JOURNAL else encode_org_record
    for row in rows:
        writer.add(MovedRecord(topic=topic, key=None, value=encode(row)))


def _take(take: Callable[[bytes, bytes | None], None], record: Any) -> None:
    try:
        take(record.key or b"", record.value)
    except msgspec.MsgspecError as error:
        position = f"{record.topic}-{record.partition}@{record.offset}"
        raise RuntimeFailure(position, f"cannot be read: {error}") from error


async def _records_of(settings: Settings, topic: str, partition: int | None = None) -> AsyncIterator[Any]:
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


def _moved_record(record: Any, *, offset: int = -1) -> MovedRecord:
    """Return a record as it is written. Its `ce_id` is changed: it names a position in an old log."""
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
