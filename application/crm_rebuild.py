"""Rebuilds the CRM database: empties it, fills it from the journal, and completes it from the public topics."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from aiokafka.errors import KafkaError
from sqlalchemy import Engine

from models.errors import RetryableError, RuntimeFailure
from models.public import ASSIGNMENTS, LEAD_EXCEPTIONS
from sink.database_engine import connect
from sink.dead_letters import DeadLetterWriter
from sink.migrate import upgrade
from sink.rebuild import CURRENT, HISTORY, PublicRows, decisions_belong, empty_tables, row_counts
from sink.schema import schema_of
from sink.service import LARGEST_REQUEST_BYTES
from sink.writer import AppliedBatch, CrmWriter, JournalRecord
from streams import clients
from streams.retries import REBUILD_CRM
from streams.settings import Settings
from streams.topic_reader import extent, read_topic
from streams.topics import LEAD_JOURNAL

BATCH_RECORDS: Final = 2_000
BELONG_RECORDS: Final = 200
"""How many of the last records are compared with the stored history, to check that it belongs to this Kafka."""
PROGRESS_SECONDS: Final = 2.0

WHAT_COMES_BACK: Final = (
    "The journal keeps the newest state of every lead for ever, and each single decision for a day. So leads, owners "
    "and exceptions come back; decisions and former owners of more than a day ago come back only where the database "
    "still has them."
)

Say = Callable[[str], None]
_Result = TypeVar("_Result")


class RebuildPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild would do. `rows`: by table, now. `ahead`: partitions whose position is beyond Kafka's end."""

    database: str
    kafka: str
    records: int
    partitions: int
    rows: dict[str, int]
    ahead: tuple[int, ...]
    discards_history: bool

    def lines(self) -> list[str]:
        """Return the lines to print before the user confirms."""

        def tables(entities: tuple[Any, ...]) -> str:
            names = [entity.__tablename__ for entity in entities]
            return ", ".join(f"{name} ({self.rows.get(name, 0):,} rows)" for name in names)

        source = f"{self.records:,} records in {self.partitions} partitions"
        lines = [
            f"The CRM database {self.database} is brought back from lead-journal at {self.kafka}: up to {source}.",
            f"Emptied first, then filled again: {tables(CURRENT)}.",
        ]
        if self.discards_history:
            why = "this Kafka is not the one they were filled from" if self.ahead else "as you asked"
            lines.append(f"Emptied as well, because {why}: {tables(HISTORY)}.")
        else:
            lines.append(f"Kept, and added to: {tables(HISTORY)}.")
        lines.append(WHAT_COMES_BACK)
        lines.append("Lists in the console are incomplete until it is done. The sink may go on running.")
        return lines


async def plan(settings: Settings, *, discard_history: bool) -> RebuildPlan:
    """Return what a rebuild would do. Raises `RetryableError` where Kafka or the database is unreachable."""
    extents = await extent(settings, LEAD_JOURNAL)
    schema = await asyncio.to_thread(schema_of, settings.database_url)
    if not schema.known:
        raise RuntimeFailure("CRM database", schema.problem or "is of another version")
    rows: dict[str, int] = {}
    ahead: list[int] = []
    if schema.is_made:
        async with _engine(settings) as engine:
            rows = await asyncio.to_thread(row_counts, engine)
            if "sink_offset" not in schema.missing:
                positions = await asyncio.to_thread(CrmWriter(engine, _refuse).positions)
                ahead = [
                    n for n, at in sorted(positions.items()) if at.next_offset > extents.get(n, (0, 0))[1]
                ]
    return RebuildPlan(
        database=settings.database_url.rpartition("@")[2],
        kafka=settings.kafka_bootstrap_servers,
        records=sum(end - begin for begin, end in extents.values()),
        partitions=len(extents),
        rows=rows,
        ahead=tuple(ahead),
        discards_history=discard_history or bool(ahead),
    )


def _refuse(record: JournalRecord, refusal: Exception) -> None:
    raise AssertionError(f"{record.offset} was buried while nothing is stored: {refusal}")


async def rebuild(settings: Settings, planned: RebuildPlan, *, say: Say) -> dict[str, Any]:
    """Rebuild the database; return {ok, records, rows, buried, restored_owners, restored_exceptions, seconds}.

    This is safe beside a running sink. If it is interrupted, run it again. Raises `RetryableError` and
    `RuntimeFailure`.
    """
    began = time.monotonic()
    await asyncio.to_thread(upgrade, settings.database_url)
    async with _engine(settings) as engine, _dead_letter_writer(settings) as graveyard:
        writer = CrmWriter(engine, graveyard)
        await _run_until_it_succeeds(partial(empty_tables, engine, history=planned.discards_history))
        await asyncio.to_thread(writer.positions)
        applied, last = await _fill(settings, writer, say)
        if not planned.discards_history and not await asyncio.to_thread(decisions_belong, engine, last):
            reason = (
                "the decisions that were in the database belong to another Kafka, so those of this one were not added; "
                "run it again with --discard-history"
            )
            raise RuntimeFailure("CRM database", reason)
        public = PublicRows(engine)
        say("owners and exceptions from the topics assignments and lead-exceptions")
        owners = await _complete(settings, ASSIGNMENTS, public.assignments)
        exceptions = await _complete(settings, LEAD_EXCEPTIONS, public.exceptions)
        rows = await asyncio.to_thread(row_counts, engine)
    return {
        "ok": True,
        "records": applied.leads + applied.repeats + applied.stale + applied.passed + applied.buried,
        "rows": rows,
        "buried": applied.buried,
        "restored_owners": owners,
        "restored_exceptions": exceptions,
        "history_kept": not planned.discards_history,
        "seconds": round(time.monotonic() - began, 3),
    }


async def _fill(settings: Settings, writer: CrmWriter, say: Say) -> tuple[AppliedBatch, list[JournalRecord]]:
    """Apply the journal up to its current end. Return the counts and the last records."""
    applied, batch, last = AppliedBatch(), list[JournalRecord](), list[JournalRecord]()
    lines = time.monotonic()

    def progress(read: int, total: int) -> None:
        nonlocal lines
        if time.monotonic() - lines > PROGRESS_SECONDS or read == total:
            lines = time.monotonic()
            say(f"lead-journal: {read:,} of {total:,} offsets")

    async with aclosing(read_topic(settings, LEAD_JOURNAL, progress=progress)) as records:
        async for record in records:
            headers = tuple((name, value) for name, value in record.headers if value is not None)
            batch.append(JournalRecord(record.partition, record.offset, record.key, record.value, headers))
            if len(batch) == BATCH_RECORDS:
                applied += await _run_until_it_succeeds(partial(writer.apply, batch))
                last, batch = batch[-BELONG_RECORDS:], []
    if batch:
        applied += await _run_until_it_succeeds(partial(writer.apply, batch))
        last = [*last, *batch][-BELONG_RECORDS:]
    return applied, last


async def _complete(settings: Settings, topic: str, store: Callable[[list[bytes | None]], int]) -> int:
    """Pass a public topic to `store` in batches. Return how many rows were added."""
    added, batch = 0, list[bytes | None]()
    async with aclosing(read_topic(settings, topic)) as records:
        async for record in records:
            batch.append(record.value)
            if len(batch) == BATCH_RECORDS:
                added += await _run_until_it_succeeds(partial(store, batch))
                batch.clear()
    return added + (await _run_until_it_succeeds(partial(store, batch)) if batch else 0)


async def _run_until_it_succeeds(work: Callable[[], _Result]) -> _Result:
    """Run blocking work in a thread, again until it succeeds or `REBUILD_CRM` ends. Raises `RetryableError`."""
    return await REBUILD_CRM.run(RetryableError, "write to the CRM database", lambda: asyncio.to_thread(work))


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[Engine]:
    engine = connect(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


@asynccontextmanager
async def _dead_letter_writer(settings: Settings) -> AsyncIterator[DeadLetterWriter]:
    """Yield the writer of dead letters for records that cannot be stored, as in a sink."""
    producer = clients.producer(settings, max_request_size=LARGEST_REQUEST_BYTES)
    try:
        await producer.start()
        yield DeadLetterWriter(producer, asyncio.get_running_loop())
    except KafkaError as error:
        raise RetryableError("Kafka", repr(error)) from error
    finally:
        await clients.stop_producer(producer)
