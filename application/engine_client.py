"""A client of the public topics: it asks, waits for the answer by action id, and asks again with the same id (X4)."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

from models.decisions import Reason, Result
from models.public import QueueChange, personal_queue
from models.publication import with_id
from streams.closing import stop_consumer
from streams.settings import Settings
from streams.signing import Signer
from streams.topics import DIRECTORY, LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_DECISIONS, QUEUE_CHANGES

log = structlog.get_logger(__name__)

RESEND_SECONDS: Final = 5.0
"""Without an answer for so long an action is sent again; an answer takes milliseconds unless something is down."""
PATIENCE_SECONDS: Final = 60.0
"""After so long the outcome is unknown. Longer than a broker takes to come back and a worker to take over."""
POLL_MS: Final = 200
REQUEST_MS: Final = 15_000
BATCH_BYTES: Final = 512 * 1024
"""A crowd's claims go out together: with aiokafka's 16 KB they would queue up in the client."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a client reads of `lead-decisions`."""

    action_id: str
    lead_id: str
    rep_id: str
    type: str
    result: Result
    reason: Reason | None
    owner: str | None
    version: int
    why: str | None = None

    def says_as(self, other: "Answer") -> bool:
        """Say whether two answers say the same; their words may differ: an old action is decided anew (X4)."""
        return msgspec.structs.replace(self, why=other.why) == other


class AskedAction(msgspec.Struct, frozen=True, kw_only=True):
    """One action as its client saw it, times on the client's monotonic clock. `answer` None: it never came."""

    action: dict[str, Any]
    invoked_at: float
    returned_at: float | None
    answer: Answer | None
    sent: int = 1

    @property
    def result(self) -> Result | None:
        """What was answered, if anything."""
        return self.answer.result if self.answer else None


class Recorder(Protocol):
    """Takes note of every action and its answer."""

    def record(self, asked: AskedAction) -> None:
        """Add one action and its answer."""


_ANSWERS: Final = msgspec.json.Decoder(Answer)
_CHANGES: Final = msgspec.json.Decoder(QueueChange)
_OWN: Final = personal_queue("")


class EngineClient:
    """Any number of people's connection to the public topics; `async with` connects it.

    `history` records what was asked and answered. `follow_queues`: also see who stands in which queue
    (`places`), and what is offered to whom, for those who must wait for that. A broker that is away is waited for.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        org: str = "default",
        history: Recorder | None = None,
        follow_queues: bool = False,
        resend_seconds: float = RESEND_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.settings = settings
        self._signer = Signer(settings)
        self.org = org
        self.history = history
        self.places: dict[str, set[str]] = {}
        self._offers: dict[str, dict[str, int]] = {}
        self.contradictions: list[tuple[Answer, Answer]] = []
        self.arrived = 0
        self.asked = 0
        self._follow_queues = follow_queues
        self._resend, self._patience = resend_seconds, patience_seconds
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._answers: dict[str, Answer] = {}
        self._changed = asyncio.Condition()
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        options = self.settings.aiokafka_options()
        self._producer = AIOKafkaProducer(
            **options,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=REQUEST_MS,
            max_batch_size=BATCH_BYTES,
        )
        topics = (LEAD_DECISIONS, QUEUE_CHANGES) if self._follow_queues else (LEAD_DECISIONS,)
        self._consumer = AIOKafkaConsumer(
            *topics,
            **self.settings.consumer_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await self._producer.start()
            for topic in (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY):
                await self._producer.partitions_for(topic)  # now, or each of a crowd's sends would ask
            await self._consumer.start()
            await self._consumer.seek_to_end()
            for place in self._consumer.assignment():
                await self._consumer.position(place)  # from here on nothing is missed
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._consumer is not None:
            await stop_consumer(self._consumer)
        if self._producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(self._producer.stop(), REQUEST_MS / 1000)

    async def put(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, headers: Any = None
    ) -> "asyncio.Future[Any]":
        """Send bytes as they are; the future returned tells where they are once they are durable.

        They are signed where no `headers` are given and we have a key.
        """
        if self._producer is None:
            raise RuntimeError("the client is not connected")
        if headers is None:
            headers = self._signer.headers(topic, value)
        future = await self._producer.send(topic, value, key=key, headers=headers)
        future.add_done_callback(_looked_at)
        return future  # type: ignore[no-any-return]

    async def arrive(self, message: Mapping[str, Any]) -> None:
        """Send one lead, until it is durable; a repeat is the same lead."""
        self.arrived += 1
        await self._until_durable(LEAD_ARRIVALS, msgspec.json.encode(message))

    async def publish(self, kind: str, object_id: str, value: Mapping[str, Any] | None) -> int:
        """Publish one object of the org's directory; return its version."""
        key = f"{self.org}/{kind}/{object_id}".encode()
        return await self._until_durable(
            DIRECTORY,
            None if value is None else msgspec.json.encode(with_id(kind, object_id, dict(value))),
            key=key,
        )

    async def ask(
        self,
        what: str,
        lead_id: str,
        rep_id: str,
        *,
        twice: bool = False,
        patience_seconds: float | None = None,
        **more: Any,
    ) -> AskedAction:
        """Ask for an action and wait for its answer; `more`: the contract's other fields. `twice`: send two.

        Without an answer after `resend_seconds` it is sent again, the same action; after `patience_seconds`
        (this action's, or the client's) its outcome is unknown.
        """
        action = {
            "action_id": str(uuid.uuid4()),
            "type": what,
            "lead_id": lead_id,
            "rep_id": rep_id,
            "org": self.org,
            **more,
        }
        value = msgspec.json.encode(action)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[action["action_id"]] = future
        invoked_at = time.monotonic()
        give_up = invoked_at + (patience_seconds or self._patience)
        sent = 0
        answer: Answer | None = None
        while answer is None and (left := give_up - time.monotonic()) > 0:
            for _ in range(1 + twice):
                with contextlib.suppress(KafkaError, TimeoutError):
                    sent += 1
                    await asyncio.wait_for(self.put(LEAD_ACTIONS, value), left)
            with contextlib.suppress(TimeoutError):
                answer = await asyncio.wait_for(asyncio.shield(future), min(self._resend, left))
        returned_at = time.monotonic() if answer else None
        del self._waiting[action["action_id"]]
        self.asked += 1
        asked = AskedAction(
            action=action, invoked_at=invoked_at, returned_at=returned_at, answer=answer, sent=sent
        )
        if self.history is not None:
            self.history.record(asked)
        return asked

    async def _until_durable(self, topic: str, value: bytes | None, *, key: bytes | None = None) -> int:
        while True:
            try:
                return int((await (await self.put(topic, value, key=key))).offset)
            except ProducerClosed:
                raise
            except KafkaError as error:
                log.info("sent again", topic=topic, reason=repr(error))
                await asyncio.sleep(POLL_MS / 1000)

    # -- out ----------------------------------------------------------------------------------------------------

    async def until_in(self, queue_id: str, lead_ids: set[str], seconds: float) -> None:
        """Wait until these leads stand in a queue; raises TimeoutError that says how many do not."""
        if not self._follow_queues:
            raise RuntimeError("this client does not follow the queues")
        found = self.places.setdefault(queue_id, set())
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: lead_ids <= found)
        except TimeoutError:
            missing = len(lead_ids - found)
            raise TimeoutError(f"{missing} leads are not in {queue_id} after {seconds:g} s") from None

    async def until_offered(self, lead_id: str, reps: set[str], seconds: float) -> dict[str, int]:
        """Wait until a lead is offered to all of these reps, as their own queues show it; return epochs by rep.

        Raises TimeoutError that says how many have no offer.
        """
        if not self._follow_queues:
            raise RuntimeError("this client does not follow the queues")
        found = self._offers.setdefault(lead_id, {})
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: reps <= found.keys())
        except TimeoutError:
            missing = len(reps - found.keys())
            raise TimeoutError(f"{lead_id} is not offered to {missing} reps after {seconds:g} s") from None
        return dict(found)

    async def _read(self) -> None:
        assert self._consumer is not None  # noqa: S101  # `__aenter__` has made it
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            except KafkaError as error:
                log.info("reading again", reason=repr(error))
                await asyncio.sleep(POLL_MS / 1000)
                continue
            for place, records in batches.items():
                for record in records:
                    if place.topic == LEAD_DECISIONS:
                        self._hear(record.value)
                    else:
                        self._see(record.value)
            if batches:
                async with self._changed:
                    self._changed.notify_all()

    def _hear(self, value: bytes) -> None:
        answer = _ANSWERS.decode(value)
        first = self._answers.setdefault(answer.action_id, answer)
        if first is not answer and not first.says_as(answer):
            self.contradictions.append((first, answer))
        future = self._waiting.get(answer.action_id)
        if future is not None and not future.done():
            future.set_result(answer)

    def _see(self, value: bytes) -> None:
        try:
            change = _CHANGES.decode(value)
        except msgspec.ValidationError:
            return  # a queue's definition
        standing = self.places.setdefault(change.queue_id, set())
        (standing.discard if change.change == "left" else standing.add)(change.lead_id)
        if change.queue_id.startswith(_OWN):
            offers, rep_id = self._offers.setdefault(change.lead_id, {}), change.queue_id.removeprefix(_OWN)
            if change.columns.get("offer"):
                offers[rep_id] = change.columns["epoch"]
            else:
                offers.pop(rep_id, None)


def _looked_at(future: "asyncio.Future[Any]") -> None:
    """Take note of a failure: who sent it asks again or reads the topic, and need not wait."""
    if not future.cancelled():
        future.exception()
