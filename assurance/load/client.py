"""Extends the engine client for load generators: it records every answer and the contents of queues."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self

import msgspec
from aiokafka.errors import KafkaError

from models.errors import RetryableError
from models.public import LeadDecision, QueueChange, personal_queue
from models.publication import with_id
from models.results import Result
from streams.engine_client import RESEND_SECONDS, EngineClient
from streams.settings import Settings
from streams.topics import DIRECTORY, LEAD_ACTIONS, QUEUE_CHANGES

PATIENCE_SECONDS: Final = 60.0
"""After so long the outcome is unknown. It is longer than a broker's restart and a worker's takeover."""
SEND_SECONDS: Final = 600.0
"""How long a lead or a publication is sent again until it is durable. It is longer than any outage of a run."""
ANSWERS_MOST: Final = 1_000_000
"""The most answers of a run that are compared with their repeats, and the most actions that wait at a time."""

_CHANGES: Final = msgspec.json.Decoder(QueueChange)
_OWN: Final = personal_queue("")


class RequestedAction(msgspec.Struct, frozen=True, kw_only=True):
    """One action as its client saw it, with times of the client's monotonic clock. `answer` None: it never came."""

    action: dict[str, Any]
    invoked_at: float
    returned_at: float | None
    answer: LeadDecision | None

    @property
    def result(self) -> Result | None:
        """The result of the answer, if there is one."""
        return self.answer.result if self.answer else None


class Recorder(Protocol):
    """Records every action and its answer."""

    def record(self, request: RequestedAction) -> None:
        """Add one action and its answer."""


class LoadClient:
    """Connects any number of people to the public topics. `async with` connects it.

    `history` records the actions and answers. `follow_queues`: also follow which leads are in which queue
    (`queue_leads`), and the offers, for callers that must wait for these. `contradictions`: pairs of different answers
    to one action.
    The client waits for a broker that is unreachable.
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
        self.org = org
        self.history = history
        self.queue_leads: dict[str, set[str]] = {}
        self.contradictions: list[tuple[LeadDecision, LeadDecision]] = []
        self.asked = 0
        self._follow_queues = follow_queues
        self._offers: dict[str, dict[str, int]] = {}
        self._answers: dict[str, LeadDecision] = {}
        self._changed = asyncio.Event()
        self._engine = EngineClient(
            settings,
            resend_seconds=resend_seconds,
            patience_seconds=patience_seconds,
            waiting_most=ANSWERS_MOST,
            topics={QUEUE_CHANGES: self._take_change} if follow_queues else None,
            on_answer=self._take_answer,
        )

    async def __aenter__(self) -> Self:
        await self._engine.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._engine.__aexit__(kind, error, trace)

    async def put(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, headers: Any = None
    ) -> "asyncio.Future[Any]":
        """Send bytes unchanged. The returned future gives their position once they are durable."""
        return await self._engine.put(topic, value, key=key, headers=headers)

    async def arrive(self, message: Mapping[str, Any]) -> None:
        """Send one lead until it is durable. A repeat is the same lead."""
        await self._engine.arrive(message, patience_seconds=SEND_SECONDS)

    async def publish(self, kind: str, object_id: str, value: Mapping[str, Any] | None) -> int:
        """Publish one object of the org's directory without checks. Return its version."""
        key = f"{self.org}/{kind}/{object_id}".encode()
        encoded = None if value is None else msgspec.json.encode(with_id(kind, object_id, dict(value)))
        return await self._engine.send(DIRECTORY, encoded, key=key, patience_seconds=SEND_SECONDS)

    async def ask(
        self,
        action_type: str,
        lead_id: str,
        rep_id: str,
        *,
        twice: bool = False,
        patience_seconds: float | None = None,
        **more: Any,
    ) -> RequestedAction:
        """Send an action and wait for its answer. `more`: the contract's other fields. `twice`: send it twice.

        Without an answer within `patience_seconds` (of this call, or of the client) the outcome is unknown.
        """
        action = {
            "action_id": str(uuid.uuid4()),
            "type": action_type,
            "lead_id": lead_id,
            "rep_id": rep_id,
            "org": self.org,
            **more,
        }
        invoked_at = time.monotonic()
        if twice:
            with contextlib.suppress(KafkaError):
                await self._engine.put(LEAD_ACTIONS, msgspec.json.encode(action))
        answer: LeadDecision | None = None
        with contextlib.suppress(RetryableError):
            answer = await self._engine.ask(action, patience_seconds=patience_seconds)
        returned_at = time.monotonic() if answer else None
        self.asked += 1
        request = RequestedAction(
            action=action, invoked_at=invoked_at, returned_at=returned_at, answer=answer
        )
        if self.history is not None:
            self.history.record(request)
        return request

    async def until_in(self, queue_id: str, lead_ids: set[str], seconds: float) -> None:
        """Wait until these leads are in a queue. Raises TimeoutError that says how many are not."""
        listed = self.queue_leads.setdefault(queue_id, set())
        try:
            async with asyncio.timeout(seconds):
                while not lead_ids <= listed:
                    await self._next_change()
        except TimeoutError:
            missing = len(lead_ids - listed)
            raise TimeoutError(f"{missing} leads are not in {queue_id} after {seconds:g} s") from None

    async def until_offered(self, lead_id: str, reps: set[str], seconds: float) -> dict[str, int]:
        """Wait until a lead is offered to all of these reps, as their own queues show. Return epochs by rep.

        Raises TimeoutError that says how many have no offer.
        """
        epochs = self._offers.setdefault(lead_id, {})
        try:
            async with asyncio.timeout(seconds):
                while not reps <= epochs.keys():
                    await self._next_change()
        except TimeoutError:
            missing = len(reps - epochs.keys())
            raise TimeoutError(f"{lead_id} is not offered to {missing} reps after {seconds:g} s") from None
        return dict(epochs)

    async def _next_change(self) -> None:
        if not self._follow_queues:
            raise RuntimeError("this client does not follow the queues")
        await self._changed.wait()

    def _take_answer(self, answer: LeadDecision) -> None:
        first = self._answers.setdefault(answer.action_id, answer)
        if first is not answer and not same_answer(first, answer):
            self.contradictions.append((first, answer))
        if len(self._answers) > ANSWERS_MOST:
            del self._answers[next(iter(self._answers))]

    def _take_change(self, value: bytes) -> None:
        try:
            change = _CHANGES.decode(value)
        except msgspec.ValidationError:
            return  # a queue's definition
        leads = self.queue_leads.setdefault(change.queue_id, set())
        (leads.discard if change.change == "left" else leads.add)(change.lead_id)
        if change.queue_id.startswith(_OWN):
            offers, rep_id = self._offers.setdefault(change.lead_id, {}), change.queue_id.removeprefix(_OWN)
            if change.columns.get("offer"):
                offers[rep_id] = change.columns["epoch"]
            else:
                offers.pop(rep_id, None)
        self._changed.set()
        self._changed = asyncio.Event()


def same_answer(first: LeadDecision, then: LeadDecision) -> bool:
    """Return whether two answers to one action agree.

    An old action is decided again (X4). Its answer may then have other words, another time, and the lead into which
    its own lead was merged meanwhile.
    """
    anew = {"why": first.why, "decided_at": first.decided_at, "merged_into": first.merged_into}
    return msgspec.structs.replace(then, **anew) == first
