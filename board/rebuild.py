"""Rebuilds the board: builds a new generation of lists beside the current one, and switches to it atomically.

The steps, in this order:

1. Read the end offsets of `queue-changes`. The records after them will be applied to the new generation, in order.
2. Read `lead-journal` to its end, which by now contains every change before those offsets, and write the lists.
3. Store with the lists, for each partition of the log, the newest offset they contain (the floor). A change that
   comes later but is at or below its floor is in the lists already, however late the relay is.
4. Replace the old generation by the new one, with its offsets and floor, in one script.

Until step 4 people see the old lists, which are still updated. A running board notices at its next batch that its
generation was replaced, and continues from the offsets of step 1. A rebuild that dies leaves keys that nobody reads;
the next rebuild removes them.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import redis.asyncio
import structlog

from board import keys
from board.connection import connect
from board.expected import SOURCES, BoardEntry, BoardTopics, ExpectedLists, partitions, value_of
from board.metrics import REBUILDS
from board.refusals import translated_errors
from board.writer import nonce, orgs_with_feed, script
from models.errors import RetryableError, RuntimeFailure
from streams.settings import Settings
from streams.topic_reader import extent

log = structlog.get_logger(__name__)

_LOCK_MS: Final = 30_000
"""How long the rebuild lock lives without renewal. A rebuild that does not renew it counts as dead."""
_RENEW_SECONDS: Final = 5.0
_BATCH: Final = 1000


class RebuildInProgressError(RuntimeFailure):
    """Another rebuild is already running. Its result serves as well."""


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a rebuild. `entries` counts a lead once for each list it is in."""

    generation: str
    entries: int
    queues: int
    seconds: float


async def rebuild(
    settings: Settings,
    *,
    client: redis.asyncio.Redis | None = None,
    sources: BoardTopics = SOURCES,
    progress: Callable[[int, int], None] | None = None,
) -> RebuildReport:
    """Rebuild the board from the journal, while it is in use or from nothing.

    `progress` is called with (journal partitions done, partitions in all). Raises `RebuildInProgressError` if another
    one is running, `RetryableError` where Kafka or Valkey is unreachable. The current lists are then unchanged.
    """
    owns_client = client is None
    client = client or connect(settings.redis_url)
    began = asyncio.get_running_loop().time()
    generation = uuid.uuid4().hex[:12]
    try:
        async with _lock(client, generation):
            life = await _life(client)
            after = {p: end for p, (_, end) in (await extent(settings, sources.changes)).items()}
            count = len(await extent(settings, sources.journal))
            floor: dict[int, int] = {}
            entries, queues, orgs = 0, 0, set[str]()
            async for partition in partitions(settings, sources.journal, count):
                lists = partition.entries()
                await _write(client, generation, lists)
                floor[partition.number] = partition.off
                entries += len(lists.entries)
                queues += len(lists.definitions)
                orgs |= {entry.org for entry in lists.entries} | {
                    definition.org for definition in lists.definitions
                }
                if progress:
                    progress(len(floor), count)
            await _adopt(client, generation, life, after, floor, orgs)
            await _sweep(client, generation)
    finally:
        if owns_client:
            await client.aclose()
    REBUILDS.inc()
    seconds = asyncio.get_running_loop().time() - began
    report = RebuildReport(generation=generation, entries=entries, queues=queues, seconds=round(seconds, 3))
    log.info("board rebuilt", **msgspec.structs.asdict(report))
    return report


@asynccontextmanager
async def _lock(client: redis.asyncio.Redis, generation: str) -> AsyncIterator[None]:
    """Hold the rebuild lock, and renew it while the rebuild runs."""
    async with translated_errors():
        if not await client.set(keys.REBUILDING, generation, nx=True, px=_LOCK_MS):
            raise RebuildInProgressError("board", "another rebuild is running")
    renewing = asyncio.create_task(_renew(client, generation))
    try:
        yield
    finally:
        renewing.cancel()
        await _give_back(client, generation)


async def _renew(client: redis.asyncio.Redis, generation: str) -> None:
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        try:
            async with translated_errors():
                if await client.get(keys.REBUILDING) == generation.encode():
                    await client.pexpire(keys.REBUILDING, _LOCK_MS)
        except RetryableError as away:
            log.warning("the rebuild's lock could not be renewed", reason=str(away))


async def _give_back(client: redis.asyncio.Redis, generation: str) -> None:
    """Release the lock. If Valkey is unreachable, the lock expires by itself."""
    try:
        async with translated_errors():
            if await client.get(keys.REBUILDING) == generation.encode():
                await client.delete(keys.REBUILDING)
    except RetryableError as away:
        log.warning("the rebuild's lock could not be given back", reason=str(away))


async def _write(client: redis.asyncio.Redis, generation: str, lists: ExpectedLists) -> None:
    for start in range(0, len(lists.entries), _BATCH):
        hashes: dict[str, dict[Any, Any]] = {}
        sorted_sets: dict[str, dict[Any, float]] = {}
        for entry in lists.entries[start : start + _BATCH]:
            _collect(generation, entry, hashes, sorted_sets)
        async with translated_errors(), client.pipeline(transaction=False) as pipe:
            for key, mapping in hashes.items():
                pipe.hset(key, mapping=mapping)
            for key, members in sorted_sets.items():
                pipe.zadd(key, members)
            await pipe.execute()
    async with translated_errors(), client.pipeline(transaction=False) as pipe:
        for definition in lists.definitions:
            value = b"%d %b" % (definition.version, definition.value)
            pipe.hset(keys.queues(generation, definition.org), definition.queue_id, value)
        await pipe.execute()


def _collect(
    generation: str,
    entry: BoardEntry,
    hashes: dict[str, dict[Any, Any]],
    sorted_sets: dict[str, dict[Any, float]],
) -> None:
    row_key = keys.rows(generation, entry.org, entry.queue_id)
    name_key = keys.names(generation, entry.org, entry.queue_id)
    order_key = keys.order(generation, entry.org, entry.queue_id)
    hashes.setdefault(row_key, {})[entry.lead_id] = value_of(entry)
    hashes.setdefault(name_key, {})[keys.name_field(entry.columns, entry.lead_id)] = entry.sort_key
    sorted_sets.setdefault(order_key, {})[keys.member(entry.sort_key, entry.lead_id)] = 0


async def _adopt(
    client: redis.asyncio.Redis,
    generation: str,
    life: str,
    after: dict[int, int],
    floor: dict[int, int],
    orgs: set[str],
) -> None:
    async with translated_errors():
        # Include the orgs whose lists are empty now, because their readers must read again too.
        orgs.update(await orgs_with_feed(client))
        arguments: list[Any] = [generation, keys.FEED_LENGTH, nonce(), life]
        for hash_ in (after, floor):
            arguments.append(len(hash_))
            for partition, offset in hash_.items():
                arguments += (partition, offset)
        arguments += sorted(orgs)
        answer = await client.register_script(script("adopt.lua"))(args=arguments)
    if answer < 0:
        reason = "it was started or promoted during the rebuild and may have lost what was written"
        raise RetryableError("Valkey", reason)
    if not answer:
        raise RebuildInProgressError(
            "board", "this rebuild took too long between two signs of life and lost its lock"
        )


async def _life(client: redis.asyncio.Redis) -> str:
    """Return an id of the server's life as the primary; it changes with each start and each promotion."""
    async with translated_errors():
        return str((await client.info("replication"))["master_replid"])


async def _sweep(client: redis.asyncio.Redis, generation: str) -> None:
    """Remove the keys of all other generations while the lock keeps other rebuilds away.

    This includes generations of older layouts, and the key that named the current one there (`board` without a
    number).
    """
    current_prefix, names = (
        keys.prefix(generation).encode(),
        (keys.REBUILDING.encode(), keys.CURRENT.encode()),
    )

    def _is_kept(key: Any) -> bool:
        return bool(key.startswith(current_prefix)) or key in names

    cursor = 0
    async with translated_errors():
        while True:
            cursor, scanned = await client.scan(cursor, match="board*", count=_BATCH)
            doomed = [key for key in scanned if not _is_kept(key)]
            if await client.get(keys.REBUILDING) != generation.encode():
                return
            if doomed:
                await client.unlink(*doomed)
            if cursor == 0:
                return
