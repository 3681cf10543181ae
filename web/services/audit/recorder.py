"""Records what people and programs do in the console. Every route that does something worth an entry uses `Audit`.

An act is in the outbox before it begins, and its record is ready when it has ended. So no act is lost while Kafka is
down, or if the console is killed in between. Writes of many requests go into one transaction.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from application.audit.entry import Actor, AuditedAct
from application.audit.write import outcome_of
from application.directory.changes import Difference
from models.audit import Act, AuditDifference, Outcome
from models.errors import FirstclaimError, RetryableError
from web import metrics
from web.errors import HttpProblem
from web.store.audit import MAX_WAITING, AuditOutbox, Write

log = structlog.get_logger(__name__)

MAX_QUEUED: Final = 10_000
"""The most writes that may wait for the console's database. One more is refused."""
BATCH: Final = 500
SEEN_SECONDS: Final = 15 * 60.0
"""A lead that a person opens again within this time gets no second entry."""
SEEN_MOST: Final = 20_000
_UNDECIDED_FROM: Final = 500
"""Answers of 500 and above leave open whether the act happened."""

_Queued = tuple[Write, "asyncio.Future[None] | None"]


class Audit:
    """The port of the audit. Run `run`; the relay awaits `written` to learn of new records."""

    def __init__(self, outbox: AuditOutbox) -> None:
        self._outbox = outbox
        self._queue: list[_Queued] = []
        self._wake = asyncio.Event()
        self._noted_at: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self.written = asyncio.Event()
        """Set when a record became ready to be sent."""
        self.waiting = 0
        """How many acts were in the outbox when it was last counted."""

    @asynccontextmanager
    async def act(
        self,
        actor: Actor,
        act: Act,
        object_name: str,
        differences: Iterable[Difference | AuditDifference] = (),
    ) -> AsyncIterator[AuditedAct]:
        """Do an act inside of this, and it is recorded. `object_name`: the object, kind and id, such as `queue/aged`.

        If the outbox is full or the database is away, the act does not begin: raises `RetryableError`. If the act is
        refused, nothing is recorded. If it fails so that it may have happened, its record has the outcome `unknown`.
        """
        entry = AuditedAct(actor, act, object_name, differences)
        await self._write(Write(entry.audit_id, entry.record(), ready=False, begins=True))
        try:
            yield entry
        except BaseException as error:
            await asyncio.shield(self._end(entry, _outcome(error)))
            raise
        await asyncio.shield(self._end(entry, None if entry.is_void else "done"))

    async def record(
        self,
        actor: Actor,
        act: Act,
        object_name: str,
        differences: Iterable[Difference | AuditDifference] = (),
    ) -> None:
        """Record an act that has happened. Raises `RetryableError` if it cannot be recorded."""
        entry = AuditedAct(actor, act, object_name, differences)
        await self._write(Write(entry.audit_id, entry.record(), ready=True, begins=True))

    async def record_failure(self, actor: Actor, act: Act, object_name: str) -> None:
        """Record a failed try of somebody who is not signed in. Such entries fill at most half of the outbox.

        Beyond that they are only counted and logged, so that nobody can stop the work by failing on purpose.
        """
        if self.waiting > MAX_WAITING // 2:
            metrics.AUDIT_DROPPED.inc()
            log.warning("a failed try is not in the audit: its outbox is half full", act=act, of=object_name)
            return
        await self.record(actor, act, object_name)

    def note(self, actor: Actor, act: Act, object_name: str) -> None:
        """Record that a person saw something, without waiting for the database.

        The same person's next look within `SEEN_SECONDS` is not recorded again. Raises `RetryableError` if too much
        waits already.
        """
        now, key = (
            asyncio.get_running_loop().time(),
            (actor.org, f"{actor.actor} {actor.token_id}", object_name),
        )
        if now - self._noted_at.get(key, -SEEN_SECONDS) < SEEN_SECONDS:
            return
        if self.waiting >= MAX_WAITING:
            raise RetryableError("audit", f"{self.waiting:,} acts wait for Kafka already")
        entry = AuditedAct(actor, act, object_name)
        self._enqueue(Write(entry.audit_id, entry.record(), ready=True, begins=True), None)
        self._noted_at[key] = now
        self._noted_at.move_to_end(key)
        if len(self._noted_at) > SEEN_MOST:
            self._noted_at.popitem(last=False)

    async def run(self) -> None:
        """Write what is queued until cancelled; then write the rest."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    await self._write_some()
        finally:
            while self._queue:
                await self._write_some()

    async def _write_some(self) -> None:
        batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
        try:
            await asyncio.to_thread(self._outbox.write, [write for write, _ in batch])
        except FirstclaimError as error:
            if len(batch) > 1:
                # One write may be refused where the outbox is nearly full: each is tried by itself.
                for queued in batch:
                    await self._write_one(queued)
                return
            self._fail(batch[0], error)
        else:
            self._confirm(batch)

    async def _write_one(self, queued: _Queued) -> None:
        try:
            await asyncio.to_thread(self._outbox.write, [queued[0]])
        except FirstclaimError as error:
            self._fail(queued, error)
        else:
            self._confirm([queued])

    def _fail(self, queued: _Queued, error: FirstclaimError) -> None:
        _, future = queued
        if future is None:
            metrics.AUDIT_DROPPED.inc()
            log.error("an entry of the audit is lost", reason=str(error))
        elif not future.done():
            future.set_exception(error)

    def _confirm(self, batch: list[_Queued]) -> None:
        for _, future in batch:
            if future is not None and not future.done():
                future.set_result(None)
        if any(write.ready for write, _ in batch):
            self.written.set()

    async def _end(self, entry: AuditedAct, outcome: Outcome | None) -> None:
        record = None if outcome is None else entry.record(outcome)
        try:
            await self._write(Write(entry.audit_id, record, ready=True, begins=False))
        except RetryableError as error:
            # The act is in the outbox, and will be sent with the outcome `unknown`.
            log.warning("the end of an act is not recorded", act=entry.audit_id, reason=str(error))

    async def _write(self, write: Write) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(write, future)
        await future

    def _enqueue(self, write: Write, future: "asyncio.Future[None] | None") -> None:
        if len(self._queue) >= MAX_QUEUED:
            raise RetryableError("audit", f"{len(self._queue):,} acts wait for the console's database")
        self._queue.append((write, future))
        self._wake.set()


def _outcome(error: BaseException) -> Outcome | None:
    if isinstance(error, HttpProblem):
        return None if error.status < _UNDECIDED_FROM else "unknown"
    return outcome_of(error)
