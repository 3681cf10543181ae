"""Delivers requests of one channel: waits, retries, withdraws, gives up, and records each fate (N1)."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiokafka import TopicPartition

from couriers import metrics
from couriers.directory import CourierDirectory
from couriers.fates import FateWriter
from couriers.gate import ProviderGate
from couriers.pending import NOBODY, OVER_REASON, OverError, PendingRequest, RequestPhase, WithdrawnError
from couriers.port import (
    BouncedError,
    Channel,
    DeliveryError,
    LaterError,
    ProviderDownError,
    Request,
    SendReceipt,
    UnwantedError,
)
from couriers.requests import quiet_seconds, request_of
from couriers.usefulness import useful_until
from models.public import Fate, Notification
from streams.retries import DELIVER
from streams.tracing import Header

_log = structlog.get_logger(__name__)

MAX_PENDING: Final = 1_000
"""The most requests that wait or are being delivered in one process. At the limit its position waits."""
REMEMBERED: Final = 20_000
"""How many finished ids are remembered, to recognise a repeat."""
DEFAULT_ORG: Final = "default"
NOT_SENT: Final = frozenset({"withdrawn", "failed", "bounced"})
"""The fates after which there is nothing to take back."""
QUIET_LOOK_SECONDS: Final = 60.0
"""How often a request that waits for the end of a rep's quiet times looks at them again."""

Finished = Callable[[TopicPartition, int, int | None], None]
"""Called when a record is finished: (partition, offset, offset of its fate or None)."""


def _now() -> datetime:
    return datetime.now(UTC)


class Deliverer:
    """Delivers the requests of one channel. `clock` returns aware datetimes.

    `failure`: an error of our own code that ended a delivery. The process must end then, because its record is not
    finished.
    """

    def __init__(
        self,
        channel: Channel,
        directory: CourierDirectory,
        fates: FateWriter,
        finished: Finished,
        gate: ProviderGate,
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._channel = channel
        self._directory = directory
        self._fates = fates
        self._finished = finished
        self._gate = gate
        self._clock = clock
        self._slots = asyncio.Semaphore(channel.concurrency)
        self._pending: dict[str, PendingRequest] = {}
        self._ended: OrderedDict[str, Fate] = OrderedDict()
        self._withdrawing: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None

    @property
    def room(self) -> int:
        """How many more records may be taken now."""
        return MAX_PENDING - len(self._pending) - len(self._withdrawing)

    def take(
        self,
        notification: Notification,
        tp: TopicPartition,
        offset: int,
        at: datetime,
        *,
        trace: tuple[Header, ...] = (),
    ) -> None:
        """Take a record of this channel's kind. It is finished later. `trace`: the trace headers of what it causes."""
        if notification.withdrawn:
            self._take_withdrawal(notification, tp, offset, trace)
            return
        identity = notification.notification_id
        if identity in self._pending or identity in self._ended:
            self._finished(tp, offset, None)  # a repeat of an earlier record
            return
        org = notification.org or DEFAULT_ORG
        pending = PendingRequest(notification, org, tp, offset, at, useful_until(notification, at), trace)
        self._pending[identity] = pending
        pending.task = self._started(self._run(pending))
        self._count()

    def _take_withdrawal(
        self, notification: Notification, tp: TopicPartition, offset: int, trace: tuple[Header, ...]
    ) -> None:
        pending = self._pending.get(notification.notification_id)
        if pending is not None and pending.phase in {RequestPhase.NEW, RequestPhase.WAITING}:
            pending.withdrawals.append((tp, offset))
            if not pending.withdrawn and pending.phase is RequestPhase.WAITING and pending.task is not None:
                pending.task.cancel()  # a new one has not begun, and looks at `withdrawn` when it begins
            pending.withdrawn = True
        elif pending is None and self._ended.get(notification.notification_id) in NOT_SENT:
            self._finished(tp, offset, None)
        else:
            if pending is not None:
                pending.withdrawn = True
            task = self._started(self._withdraw(notification, pending, tp, offset, trace))
            self._withdrawing.add(task)
            task.add_done_callback(self._withdrawing.discard)

    async def _withdraw(
        self,
        notification: Notification,
        pending: PendingRequest | None,
        tp: TopicPartition,
        offset: int,
        trace: tuple[Header, ...],
    ) -> None:
        """Take back what was sent or is being sent, and record it. `pending`: the request that is being sent."""
        taken_back = False
        try:
            async with asyncio.timeout(self._channel.send_seconds):
                taken_back = await self._channel.withdraw(notification)
        except Exception as error:  # noqa: BLE001  # a failed withdrawal must not stop the channel
            _log.warning("not withdrawn", notification=notification.notification_id, reason=repr(error))
        if pending is not None and pending.task is not None:
            await asyncio.wait({pending.task})  # the fate of the request comes first
        fate = None
        if taken_back:
            org = notification.org or DEFAULT_ORG
            fate = await self._fates.write(
                notification,
                org,
                "withdrawn",
                NOBODY,
                "it was over after it was sent",
                source=tp,
                offset=offset,
                trace=trace,
            )
            self._remember(notification.notification_id, "withdrawn")
        self._finished(tp, offset, fate)

    async def _run(self, pending: PendingRequest) -> None:
        status, provider, detail = await self._fate(pending)
        pending.phase = RequestPhase.ENDED
        fate = await self._fates.write(
            pending.notification,
            pending.org,
            status,
            provider,
            detail,
            source=pending.topic_partition,
            offset=pending.offset,
            trace=pending.trace,
        )
        if status in {"sent", "delivered"}:
            wait = self._clock() - pending.requested_at
            metrics.SECONDS.labels(self._channel.name).observe(max(0.0, wait.total_seconds()))
        identity = pending.notification.notification_id
        self._remember(identity, status)
        self._pending.pop(identity, None)
        self._count()
        self._finished(pending.topic_partition, pending.offset, fate)
        for tp, offset in pending.withdrawals:
            self._finished(tp, offset, None)

    async def _fate(self, pending: PendingRequest) -> tuple[Fate, str, str]:
        try:
            pending.phase = RequestPhase.WAITING
            receipt = await self._delivered(pending)
        except OverError:
            tried = f", after {pending.attempts} attempts: {pending.last_failure}" if pending.attempts else ""
            return "failed", NOBODY, f"it is useless since {pending.until.isoformat()}{tried}"
        except WithdrawnError as error:
            return "withdrawn", NOBODY, error.reason
        except UnwantedError as error:
            return "withdrawn", NOBODY, error.reason
        except BouncedError as error:
            return "bounced", error.provider, error.reason
        except DeliveryError as error:
            return "failed", error.provider, error.reason
        except asyncio.CancelledError:
            if not pending.withdrawn or pending.task is None:
                raise
            pending.task.uncancel()
            return "withdrawn", NOBODY, OVER_REASON
        return receipt.status, receipt.provider, receipt.detail

    async def _delivered(self, pending: PendingRequest) -> SendReceipt:
        """Deliver a request, however often it takes. Raises what ends it."""
        async for attempt in DELIVER.attempts(
            LaterError, self._channel.name, failed=lambda error: self._failed(pending, error)
        ):
            with attempt:
                return await self._attempt(pending)
        raise AssertionError  # the last attempt returned or raised

    async def _attempt(self, pending: PendingRequest) -> SendReceipt:
        while (quiet := quiet_seconds(pending, self._directory, self._clock())) > 0:  # noqa: ASYNC110  # a clock has no event
            await asyncio.sleep(min(quiet, QUIET_LOOK_SECONDS))
        seconds = (pending.until - self._clock()).total_seconds()
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(max(0.0, seconds)) as window,
                self._slots,
                self._gate.turn(),
            ):
                request = request_of(pending, self._directory, self._clock())
                window.reschedule(None)  # a begun attempt has its own bound
                return await self._sent(pending, request)
        raise OverError

    async def _sent(self, pending: PendingRequest, request: Request) -> SendReceipt:
        """Let the channel send, within its time. An attempt that fails after a withdrawal is the last one."""
        pending.phase = RequestPhase.SENDING
        pending.attempts += 1
        try:
            receipt = await self._send(request)
        except ProviderDownError as error:
            self._gate.failed(error.reason)
            if pending.withdrawn:
                raise WithdrawnError(OVER_REASON) from error
            raise
        except DeliveryError as error:
            self._gate.answered()
            if pending.withdrawn and isinstance(error, LaterError):
                raise WithdrawnError(OVER_REASON) from error
            raise
        finally:
            pending.phase = RequestPhase.WAITING
        self._gate.answered()
        pending.phase = RequestPhase.ENDED
        return receipt

    async def _send(self, request: Request) -> SendReceipt:
        try:
            async with asyncio.timeout(self._channel.send_seconds):
                return await self._channel.send(request)
        except DeliveryError:
            raise
        except TimeoutError as error:
            reason = f"has not answered for {self._channel.send_seconds:g} s"
            raise ProviderDownError(self._channel.name, reason) from error
        except Exception as error:
            _log.exception("a channel failed", notification=request.notification.notification_id)
            raise LaterError(self._channel.name, repr(error)) from error

    def _failed(self, pending: PendingRequest, error: Exception) -> None:
        pending.last_failure = str(error)
        metrics.RETRIES.labels(self._channel.name).inc()

    def _remember(self, identity: str, status: Fate) -> None:
        self._ended[identity] = status
        self._ended.move_to_end(identity)
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    def _count(self) -> None:
        metrics.PENDING.labels(self._channel.name).set(len(self._pending))

    def _started(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._note_failure)
        return task

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = error

    async def drop(self, seconds: float) -> None:
        """Give up what waits, and wait for what is being sent. What was given up has no fate and is read again.

        What is still being sent after `seconds` is cancelled. It may be sent a second time after the next start.
        """
        tasks = set(self._withdrawing)
        for pending in self._pending.values():
            if pending.task is not None:
                tasks.add(pending.task)
                if pending.phase in {RequestPhase.NEW, RequestPhase.WAITING} and not pending.withdrawn:
                    pending.task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._pending.clear()
        self._count()
