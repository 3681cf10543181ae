"""Runs one live call: feeds its state machine with what happens, and carries out what it decides."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

import structlog

from couriers.port import DeliveryError, Request
from couriers.telephone import call_events, call_machine
from couriers.telephone.call_events import Announcement
from couriers.telephone.call_machine import CallPhase, RepCall
from couriers.telephone.provider import TelephoneProvider
from couriers.telephone.spoken_texts import spoken_name
from models.errors import RetryableError
from models.public import Call, LeadDecision

_log = structlog.get_logger(__name__)

MAX_EVENTS: Final = 200
"""The most events that wait in one call. A caller who presses more keys is cut off."""
DETAIL: Final = {"no_digit": "nobody pressed a digit, as if an answering machine answered"}


class EnginePort(Protocol):
    """Asks the engine (`streams.engine_client.EngineClient`)."""

    async def ask(self, action: dict[str, Any], *, patience_seconds: float | None = None) -> LeadDecision:
        """Send an action and return its answer. Raises RetryableError."""
        ...


Sounds = Callable[[Announcement, str, dict[str, str]], Awaitable[tuple[str, ...]]]


@dataclass
class CallTools:
    """What every call uses."""

    provider: TelephoneProvider
    engine: EnginePort
    sounds: Sounds
    write: Callable[[Call], Awaitable[None]]
    on_connected: Callable[[str], None]
    """Notes that a rep is connected with a lead that called in."""
    report: Callable[[Request, Literal["delivered", "failed"], str], Awaitable[None]]
    refusal: Callable[[Request], str | None] = lambda _: None
    """Returns why the lead of a request to connect must not be called now (N6)."""


@dataclass
class LiveCall:
    """A call about one request. `call_id` is also the id of the rep's leg; the lead's leg has `-lead` after it."""

    request: Request
    call_id: str
    tools: CallTools
    caller_id: str | None
    state: RepCall
    lead_leg: str = ""
    events: asyncio.Queue[call_events.Event] = field(default_factory=lambda: asyncio.Queue(MAX_EVENTS))
    announcements: int = 0
    answered_at: dict[str, datetime] = field(default_factory=dict)
    asking: set[asyncio.Task[None]] = field(default_factory=set)
    limit: asyncio.TimerHandle | None = None
    caller: str | None = None
    """The leg of the lead that called in, while it waits for a rep (N5)."""
    has_lead: bool = False
    connects: Request | None = None
    """The newest request to connect the rep with the lead."""
    requests: int = 0

    def __post_init__(self) -> None:
        self.lead_leg = self.lead_leg or f"{self.call_id}-lead"

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state.phase is CallPhase.ENDED

    def happens(self, event: call_events.Event) -> None:
        """Take an event. It is carried out by `run`, in order."""
        with contextlib.suppress(asyncio.QueueFull):
            self.events.put_nowait(event)

    async def run(self, ring_seconds: float) -> None:
        """Run the call to its end."""
        try:
            self.state, first = call_machine.start_call(self.state, ring_seconds)
            await self._carry_out(first)
            while not self.ended:
                event = await self.events.get()
                before = self.state.phase
                self.state, instructions = call_machine.step(self.state, event)
                _log.debug("call", call=self.call_id, happened=event, before=before, after=self.state.phase)
                await self._carry_out(instructions)
        finally:
            if self.limit is not None:
                self.limit.cancel()
            for leg in (self.call_id, *([self.lead_leg] if self.has_lead else [])):
                with contextlib.suppress(DeliveryError):
                    await self.tools.provider.hang_up(leg)
            if self.asking:
                await asyncio.wait(self.asking)

    async def _carry_out(self, instructions: list[call_events.Instruction]) -> None:
        for instruction in instructions:
            try:
                await self._carry_out_one(instruction)
            except DeliveryError as error:
                _log.warning("the telephone system refused", call=self.call_id, reason=str(error))
                if isinstance(instruction, call_events.DialLead):
                    self.happens(call_events.LegEnded("lead", "failed"))
                elif isinstance(instruction, call_events.SayText | call_events.BridgeLegs):
                    self.happens(call_events.LegEnded("rep", "failed"))

    async def _carry_out_one(self, instruction: call_events.Instruction) -> None:
        provider = self.tools.provider
        match instruction:
            case call_events.SayText(announcement):
                await self._say(announcement)
            case call_events.StopSpeech():
                await provider.quiet(self.call_id)
            case call_events.AskEngine(action):
                task = asyncio.create_task(self._ask(action))
                self.asking.add(task)
                task.add_done_callback(self.asking.discard)
            case call_events.DialLead(phone, seconds):
                refusal = None if self.connects is None else self.tools.refusal(self.connects)
                if refusal is not None:
                    self.happens(call_events.LegEnded("lead", refusal))
                    return
                await self._record("lead", "dialled")
                self.has_lead = True
                await provider.dial(
                    self.lead_leg, phone, caller_id=self.caller_id, seconds=seconds, machines=False
                )
                await provider.ring_tone(self.call_id)
            case call_events.BridgeLegs():
                if self.state.waiting and self.caller is not None:
                    self.lead_leg = self.caller
                    self.tools.on_connected(self.caller)
                    await provider.answer(self.caller)
                self.answered_at.setdefault("talk", datetime.now(UTC))
                self.has_lead = True
                await provider.bridge(self.call_id, self.lead_leg)
            case call_events.HangUp(leg):
                if leg == "rep" or self.has_lead:
                    await provider.hang_up(self.call_id if leg == "rep" else self.lead_leg)
            case call_events.StartTimeLimit(clock, seconds):
                if self.limit is not None:
                    self.limit.cancel()
                loop = asyncio.get_running_loop()
                self.limit = loop.call_later(seconds, self.happens, call_events.TimeOver(clock))
            case call_events.WriteCallRecord(leg, event, digit, reason):
                await self._record(leg, event, digit, reason)

    async def _say(self, announcement: Announcement) -> None:
        data = self.request.notification.data
        name = spoken_name(data.get("first_name"), data.get("last_name"))
        self.announcements += 1
        try:
            sounds = await self.tools.sounds(
                announcement, name, dict(self.request.settings.telephone.recordings)
            )
        except RetryableError as error:
            _log.warning("cannot be spoken", call=self.call_id, reason=error.reason)
            self.happens(call_events.WordsEnded())
            return
        await self.tools.provider.speak(self.call_id, sounds, self.announcements)

    async def _ask(self, action: call_events.RequestedAction) -> None:
        about = self.request.notification
        self.requests += 1
        repeat_suffix = f"-{self.requests}" if action == "connect" else ""
        request = {
            "action_id": f"{self.call_id}-{action}{repeat_suffix}",
            "type": "dial" if action == "connect" and not self.state.offered else action,
            "lead_id": about.lead_id,
            "rep_id": about.rep_id,
            "org": self.request.org,
            "epoch": about.epoch if action in {"press_one", "hang_up"} and self.state.offered else None,
        }
        if action == "activity":
            talked = datetime.now(UTC) - self.answered_at.get("talk", datetime.now(UTC))
            request |= {"kind": "call_log", "note": f"Telephone call, {talked.total_seconds():.0f} s."}
        try:
            answer = await self.tools.engine.ask(request, patience_seconds=self.state.times.answer)
        except RetryableError as error:
            _log.warning("the engine did not answer", call=self.call_id, action=action, reason=error.reason)
            self.happens(call_events.ActionDecided(action, "unknown"))
        else:
            self.happens(call_events.ActionDecided(action, str(answer.result), str(answer.reason or "")))

    async def _record(
        self, leg: Literal["rep", "lead"], event: Any, digit: str = "", reason: str = ""
    ) -> None:
        now = datetime.now(UTC)
        if event == "answered":
            self.answered_at[leg] = now
        seconds = None
        if event == "ended" and leg in self.answered_at:
            seconds = round((now - self.answered_at[leg]).total_seconds(), 3)
        about = self.request.notification
        await self.tools.write(
            Call(
                call_id=self.call_id,
                notification_id=about.notification_id,
                lead_id=about.lead_id,
                rep_id=about.rep_id,
                leg=leg,
                event=event,
                digit=digit or None,
                at=now,
                seconds=seconds,
                org=self.request.org,
                reason=reason or None,
            )
        )
        if leg == "rep" and event == "answered":
            await self.tools.report(self.request, "delivered", "it was answered")
        elif leg == "rep" and event == "ended" and leg not in self.answered_at and reason != "withdrawn":
            await self.tools.report(self.request, "failed", DETAIL.get(reason, reason.replace("_", " ")))
