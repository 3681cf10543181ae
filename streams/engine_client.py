"""Sends actions to the engine and waits for the answer with each action's id (X4).

The console, the command line and the load generators use this client. It uses only the public topics: one producer
sends actions and arrivals, and one reader of `lead-decisions` serves all callers that wait.
"""

import asyncio
import contextlib
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed

from models.errors import RetryableError, RuntimeFailure
from models.public import LeadDecision
from streams import clients
from streams.kafka_refusals import refusal, refusal_of
from streams.retries import CONNECT_PRODUCER, SEND_TO_ENGINE
from streams.settings import Settings
from streams.signing import Signer
from streams.topics import LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_DECISIONS
from streams.tracing import incoming

log = structlog.get_logger(__name__)

RESEND_SECONDS: Final = 5.0
"""After so long without an answer an action is sent again. An answer takes milliseconds unless something is down."""
PATIENCE_SECONDS: Final = 20.0
"""After so long without an answer the outcome of an action is unknown."""
ANSWERS_KEPT: Final = 20_000
"""How many of the newest answers are kept, to return one again. The engine itself repeats older ones."""
WAITING_MOST: Final = 10_000
"""The most actions that may wait for answers at a time. One more is refused."""
START_SECONDS: Final = 10.0
"""How long `async with` waits for a connection. It also tries again where Kafka refuses one, so it ends no earlier."""
REQUEST_MS: Final = 15_000
BATCH_BYTES: Final = 512 * 1024
"""The producer's batch size. With aiokafka's 16 KB, the actions of many people would queue up in the client."""
_POLL_MS: Final = 200
_ANSWER: Final = msgspec.json.Decoder(LeadDecision)

Handler = Callable[[bytes], None]


class EngineClient:
    """One producer and one reader of answers for all callers in a process.

    `async with` connects it, or raises `RetryableError` where Kafka does not answer in `START_SECONDS`. A process
    that starts without Kafka runs `run` as a task instead. `topics`: further topics to read, with the functions that
    take their values. `on_answer` gets every answer of `lead-decisions`, whoever asked. `waiting_most`: the bound of
    `ask`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        resend_seconds: float = RESEND_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        waiting_most: int = WAITING_MOST,
        topics: Mapping[str, Handler] | None = None,
        on_answer: Callable[[LeadDecision], None] | None = None,
    ) -> None:
        self._settings = settings
        self._signer = Signer(settings)
        self._resend_seconds, self._patience_seconds = resend_seconds, patience_seconds
        self._waiting_most = waiting_most
        self._handlers = {LEAD_DECISIONS: self._take_answer, **(topics or {})}
        self._on_answer = on_answer
        self._waiting: dict[str, list[asyncio.Future[LeadDecision]]] = {}
        self._answers: OrderedDict[str, LeadDecision] = OrderedDict()
        self._producer: clients.Producer | None = None
        self._running: asyncio.Task[None] | None = None
        self._failure = "it has not answered yet"
        self.connected = asyncio.Event()
        """Set while the answers are being read."""

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.run())
        try:
            await self._until_connected(self._running)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def known(self, action_id: str) -> LeadDecision | None:
        """Return an action's answer if it is among the newest `ANSWERS_KEPT`."""
        return self._answers.get(action_id)

    async def ask(self, action: Mapping[str, Any], *, patience_seconds: float | None = None) -> LeadDecision:
        """Send an action and return its answer. An action that was answered recently gets the same answer at once.

        An `action_id` is generated if there is none. Fields that are None are left out. Without an answer after
        `resend_seconds` the same action is sent again. Raises `RetryableError` if no answer comes within
        `patience_seconds` (of this call, or of the client): the action may still be decided, and asking again with
        the same id gives the same answer (X4). Also raises it if too many actions wait already, and when the client
        closes.
        """
        value = {
            "action_id": str(uuid.uuid4()),
            **{name: field_value for name, field_value in action.items() if field_value is not None},
        }
        action_id = str(value["action_id"])
        if answer := self._answers.get(action_id):
            return answer
        if len(self._waiting) >= self._waiting_most:
            raise RetryableError("engine", f"{len(self._waiting)} actions wait for their answers already")
        patience = self._patience_seconds if patience_seconds is None else patience_seconds
        future: asyncio.Future[LeadDecision] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(action_id, []).append(future)
        try:
            async with asyncio.timeout(patience):
                await self.connected.wait()  # the reader must run before an answer can come
                return await self._resend_until_answered(msgspec.json.encode(value), future)
        except TimeoutError as error:
            reason = (
                f"no answer to {action_id} in {patience:g} s; is a worker and a relay running? "
                "Asking again with the same id is safe"
            )
            raise RetryableError("engine", reason) from error
        finally:
            waiting = self._waiting[action_id]
            waiting.remove(future)
            if not waiting:
                del self._waiting[action_id]

    async def arrive(self, message: Mapping[str, Any], *, patience_seconds: float | None = None) -> None:
        """Send a lead as its vendor does. Returns when it is durable. A repeat is the same lead.

        Raises `RetryableError` if Kafka does not accept it within `patience_seconds`.
        """
        await self.send(LEAD_ARRIVALS, msgspec.json.encode(message), patience_seconds=patience_seconds)

    async def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        patience_seconds: float | None = None,
    ) -> int:
        """Send bytes until they are durable. Return their offset. After an outage the record may be there twice.

        Raises `RetryableError` if Kafka does not accept it within `patience_seconds`.
        """
        patience = self._patience_seconds if patience_seconds is None else patience_seconds
        try:
            async with asyncio.timeout(patience):
                return await self._until_durable(topic, value, key)
        except TimeoutError as error:
            raise RetryableError(
                "Kafka", f"it does not take a message to {topic} in {patience:g} s"
            ) from error

    async def put(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, headers: Any = None
    ) -> "asyncio.Future[Any]":
        """Pass bytes to the producer. The returned future gives their position once they are durable.

        Leads and actions are signed where no `headers` are given and the settings name a key (`streams.signing`).
        Raises `RetryableError` before the client has been connected, and `KafkaError` for a record that Kafka can
        never accept.
        """
        if self._producer is None:
            raise RetryableError("Kafka", "the client is not connected yet")
        if headers is None:
            headers = self._signer.headers(topic, value)
        if trace := incoming.get():
            headers = [*(headers or ()), *trace]
        future = await self._producer.send(topic, value, key=key, headers=headers)
        future.add_done_callback(_retrieve_failure)
        return future  # type: ignore[no-any-return]  # aiokafka is untyped

    async def run(self) -> None:
        """Connect, and read answers until cancelled. Wait for Kafka where it is unreachable.

        Raises `ConfigError` where Kafka refuses access.
        """
        try:
            self._producer = await CONNECT_PRODUCER.run(
                (KafkaError, OSError), "connect to Kafka", self._connected_producer, failed=self._note_failure
            )
            reading = clients.follow(
                self._settings,
                *self._handlers,
                from_end=True,
                poll_ms=_POLL_MS,
                on_failure=self._note_failure,
            )
            async with aclosing(reading) as batches:
                async for batch in batches:
                    self.connected.set()  # no answer is missed from here on
                    for record in batch.records:
                        if record.value is not None:
                            self._handlers[record.topic](record.value)
        finally:
            self.connected.clear()
            for future in [waiter for waiting in self._waiting.values() for waiter in waiting]:
                if not future.done():
                    reason = "the client was closed before the answer came"
                    future.set_exception(RetryableError("engine", reason))
            producer, self._producer = self._producer, None
            if producer is not None:
                with contextlib.suppress(KafkaError, TimeoutError):
                    await clients.stop_producer(producer)

    async def _until_connected(self, running: asyncio.Task[None]) -> None:
        connecting = asyncio.create_task(self.connected.wait())
        await asyncio.wait({running, connecting}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        connecting.cancel()
        if running.done():
            running.result()
        if not self.connected.is_set():
            raise RetryableError(
                "Kafka", f"it does not answer, or has no topic {LEAD_DECISIONS}: {self._failure}"
            )

    async def _resend_until_answered(
        self, value: bytes, future: "asyncio.Future[LeadDecision]"
    ) -> LeadDecision:
        while True:
            sending = asyncio.create_task(self._until_durable(LEAD_ACTIONS, value, None))
            futures: set[asyncio.Future[Any]] = {sending, future}
            try:
                await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
                if not future.done():
                    await sending
                    await asyncio.wait({future}, timeout=self._resend_seconds)
            finally:
                sending.cancel()
            if future.done():
                return future.result()

    async def _until_durable(self, topic: str, value: bytes | None, key: bytes | None) -> int:
        async def send() -> int:
            try:
                return int((await (await self.put(topic, value, key=key))).offset)
            except KafkaError as error:
                if (access_error := refusal_of(self._settings, error)) is not None:
                    raise RetryableError("Kafka", access_error.reason) from error
                raise

        try:
            return await SEND_TO_ENGINE.run(
                KafkaError, f"send to {topic}", send, never=(MessageSizeTooLargeError, ProducerClosed)
            )
        except MessageSizeTooLargeError as error:
            raise RuntimeFailure(topic, f"a message of {len(value or b'')} bytes is too large") from error
        except ProducerClosed as error:
            raise RetryableError("Kafka", "the client was closed") from error

    def _note_failure(self, error: Exception) -> None:
        self._failure = repr(error)
        self.connected.clear()

    async def _connected_producer(self) -> clients.Producer:
        producer = clients.producer(self._settings, request_timeout_ms=REQUEST_MS, max_batch_size=BATCH_BYTES)
        try:
            await producer.start()
            for topic in (LEAD_ARRIVALS, LEAD_ACTIONS):
                await producer.partitions_for(topic)  # once now, not in each of many first sends
        except BaseException as error:
            with contextlib.suppress(KafkaError):
                await clients.stop_producer(producer)
            if (access_error := await refusal(self._settings, error)) is not None:
                raise access_error from error
            raise
        return producer

    def _take_answer(self, value: bytes) -> None:
        try:
            answer = _ANSWER.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.warning("a record of the answers' topic is no answer", reason=str(error))
            return
        if self._on_answer is not None:
            self._on_answer(answer)
        self._answers[answer.action_id] = answer
        while len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)
        for future in self._waiting.get(answer.action_id, ()):
            if not future.done():
                future.set_result(answer)


async def ask_once(settings: Settings, action: Mapping[str, Any], seconds: float) -> LeadDecision:
    """Connect, ask for one action and return its answer. Raises as `EngineClient` does."""
    async with EngineClient(settings, patience_seconds=seconds) as client:
        return await client.ask(action)


def _retrieve_failure(future: "asyncio.Future[Any]") -> None:
    """Mark a failure as retrieved. A sender that did not wait sends again or reads the topic."""
    if not future.cancelled():
        future.exception()
