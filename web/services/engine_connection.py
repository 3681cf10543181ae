"""Actions and publications go out by Kafka, and each action's one answer comes back by its id (X4)."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from application.directory.publish import publish
from models.errors import RetryableError
from models.public import LeadDecision
from streams.access import end_if_refused
from streams.closing import stop_consumer
from streams.settings import Settings
from streams.signing import Signer
from streams.topics import LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_DECISIONS

log = structlog.get_logger(__name__)

ANSWERS_KEPT: Final = 20_000
"""The newest answers, to repeat one to whoever asks again; the engine itself repeats older ones."""
RESEND_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 20.0
_POLL_MS: Final = 200
_AGAIN_SECONDS: Final = 1.0
_ANSWER: Final = msgspec.json.Decoder(LeadDecision)


class EngineConnection:
    """One producer and one reader of answers for all people of a process; run `follow` beside it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signer = Signer(settings)
        self._producer: AIOKafkaProducer | None = None
        self._waiting: dict[str, list[asyncio.Future[LeadDecision]]] = {}
        self._answers: OrderedDict[str, LeadDecision] = OrderedDict()
        self.following = asyncio.Event()

    def known(self, action_id: str) -> LeadDecision | None:
        """Return an action's answer if it came lately."""
        return self._answers.get(action_id)

    async def ask(
        self, action: Mapping[str, Any], *, patience_seconds: float = PATIENCE_SECONDS
    ) -> LeadDecision:
        """Send an action and return its answer; one that was answered lately is answered the same at once.

        Sent again, the same, where the answer takes long. Raises `RetryableError` if none comes: it may be decided
        yet, and asking again with the same id gives the same answer (X4).
        """
        action_id = str(action["action_id"])
        if known := self._answers.get(action_id):
            return known
        future: asyncio.Future[LeadDecision] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(action_id, []).append(future)
        value = msgspec.json.encode(action)
        try:
            async with asyncio.timeout(patience_seconds):
                await self.following.wait()  # an answer must not come before anybody listens
                while True:
                    await self._send(LEAD_ACTIONS, value)
                    with contextlib.suppress(TimeoutError):
                        return await asyncio.wait_for(asyncio.shield(future), RESEND_SECONDS)
        except (TimeoutError, KafkaError) as error:
            reason = f"no answer to {action_id} in {patience_seconds:g} s; asking again is safe"
            raise RetryableError("engine", reason) from error
        finally:
            waiting = self._waiting[action_id]
            waiting.remove(future)
            if not waiting:
                del self._waiting[action_id]

    async def publish(
        self, org: str, kind: str, object_id: str, value: Mapping[str, Any] | None, *, seen: int
    ) -> int:
        """Publish one object of an org's directory, None to remove it; return its version.

        Raises `RetryableError`, and `PublishedMeanwhile` if anybody published for the org after the place `seen`.
        """
        wanted = {(kind, object_id): None if value is None else dict(value)}
        (version,) = await publish(self._settings, org, wanted, seen=seen)
        return version

    async def arrive(self, message: Mapping[str, Any]) -> None:
        """Send a lead as its vendor does, once it is known to be one that intake takes. Raises `RetryableError`."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._send(LEAD_ARRIVALS, msgspec.json.encode(message))
        except (TimeoutError, KafkaError) as error:
            raise RetryableError("Kafka", f"it does not take the lead: {error!r}") from error

    async def _send(self, topic: str, value: bytes | None, key: bytes | None = None) -> int:
        if self._producer is None:
            raise RetryableError("Kafka", "the console is not connected yet")
        record = await self._producer.send_and_wait(
            topic, value, key=key, headers=self._signer.headers(topic, value)
        )
        return int(record.offset)

    async def follow(self) -> None:
        """Connect, and read answers until cancelled; Kafka is waited for."""
        try:
            while True:
                try:
                    await self._follow()
                except (KafkaError, OSError) as error:
                    await end_if_refused(self._settings, error)
                    log.warning("answers are followed again", reason=repr(error))
                    await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            self.following.clear()
            if self._producer is not None:
                with contextlib.suppress(KafkaError, TimeoutError):
                    await asyncio.wait_for(self._producer.stop(), PATIENCE_SECONDS)

    async def _follow(self) -> None:
        options = self._settings.aiokafka_options()
        if self._producer is None:
            producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
            await producer.start()
            self._producer = producer
        consumer = AIOKafkaConsumer(
            LEAD_DECISIONS,
            **self._settings.consumer_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        try:
            await consumer.start()
            await consumer.seek_to_end()
            for place in consumer.assignment():
                await consumer.position(place)  # from here on nothing is missed
            self.following.set()
            while True:
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in records:
                        self._hear(record.value)
        finally:
            self.following.clear()
            await stop_consumer(consumer)

    def _hear(self, value: bytes) -> None:
        try:
            answer = _ANSWER.decode(value)
        except msgspec.MsgspecError as error:
            log.warning("this is no answer and was left out", reason=str(error))
            return
        self._answers[answer.action_id] = answer
        while len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)
        for future in self._waiting.get(answer.action_id, ()):
            if not future.done():
                future.set_result(answer)
