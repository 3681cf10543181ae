"""Makes a call for each request of kind `call`: the telephone as a channel of the couriers (N4)."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import structlog

from couriers.port import FateName, Kind, LaterError, Report, Request, SendReceipt, UndeliverableError
from couriers.telephone import call_events
from couriers.telephone.call_machine import CallPhase, CallTimeouts, RepCall
from couriers.telephone.live_call import CallTools, LiveCall
from couriers.telephone.provider import (
    InboundCall,
    LegAnswered,
    LegDigit,
    LegEvent,
    LegOver,
    LegRinging,
    LegWordsEnded,
)
from couriers.telephone.settings import TelephoneSettings
from models import contacts
from models.public import Call, Notification

if TYPE_CHECKING:
    from couriers.telephone.inbound_calls import Callers

_log = structlog.get_logger(__name__)

MAX_CALLS: Final = 500
"""The most calls at a time. Further requests wait."""
RING: Final = "ring"
CONNECT: Final = "connect"
LEAD_CALLS: Final = "lead_calls"
"""The owner's lead is on the line (N5)."""
WITHDRAWN_KEPT: Final = 10_000
"""How many withdrawn requests are remembered, so that none is begun after its withdrawal."""
_LEAD: Final = "-lead"


class CallChannel:
    """Calls reps. `send` begins a call and returns; the rest is on `calls` and in later fates."""

    kind: Kind = "call"
    name: FateName = "call"
    concurrency = 64
    send_seconds = 15.0

    def __init__(self, settings: TelephoneSettings, report: Report) -> None:
        self._settings = settings
        self._report = report
        self._calls: dict[str, LiveCall] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._times = CallTimeouts(
            digit=settings.digit_seconds, late=settings.late_seconds, lead=settings.lead_ring_seconds
        )
        self._withdrawn: OrderedDict[str, None] = OrderedDict()
        self._news: Callable[[str | None], None] = lambda _: None
        self._end_reason: str | None = None
        self.tools: CallTools | None = None
        self.callers: Callers | None = None
        self.is_stale: Callable[[Request], bool] = lambda _: False
        """Returns whether a request to connect waited too long (N6)."""

    async def send(self, request: Request) -> SendReceipt:
        """Begin the call of a request. A `connect` of a rep who is on the line connects that call."""
        if self.tools is None:
            raise LaterError("telephone", "it is starting")
        about = request.notification
        provider = self.tools.provider.name
        connects = about.template == CONNECT
        phone = str(about.data.get("phone") or "")
        if connects and (call := self._of_rep(about.lead_id, about.rep_id)) is not None:
            return self._connect(call, request, phone)
        call_id = call_id_of(about.notification_id)
        if about.notification_id in self._withdrawn:
            raise UndeliverableError(provider, "the offer ended before the telephone rang")
        if call_id in self._calls or (connects and self._rings(about.lead_id, about.rep_id)):
            return SendReceipt(provider, "it rings already")
        if len(self._calls) >= MAX_CALLS:
            raise LaterError(provider, f"{MAX_CALLS} calls are open already")
        address = address_of(request, provider)
        caller_id = request.settings.telephone.caller_id or self._settings.caller_id
        remaining = (request.until - datetime.now(UTC)).total_seconds()
        seconds = remaining if about.template == RING else self._settings.ring_seconds
        seconds = max(1.0, min(seconds, remaining))
        caller = None if connects else self._caller(about)
        if about.template == LEAD_CALLS and caller is None:
            raise UndeliverableError(provider, "the lead is not on the line any more")
        state = RepCall(offered=about.template == RING, waiting=caller is not None, times=self._times)
        call = LiveCall(request, call_id, self.tools, caller_id, state, caller=caller)
        self._calls[call_id] = call
        try:
            await self.tools.provider.dial(call_id, address, caller_id=caller_id, seconds=seconds)
        except BaseException:
            self._calls.pop(call_id, None)
            raise
        await self.tools.write(_dialled(call))
        task = asyncio.create_task(call.run(seconds + 1.0))
        self._tasks[call_id] = task
        task.add_done_callback(lambda finished: self._call_ended(call_id, finished))
        return SendReceipt(provider, "it rings")

    async def withdraw(self, notification: Notification) -> bool:
        """Tell the call that its offer is over. Return whether it had come to nothing yet."""
        self._withdrawn[notification.notification_id] = None
        while len(self._withdrawn) > WITHDRAWN_KEPT:
            self._withdrawn.popitem(last=False)
        call = self._calls.get(call_id_of(notification.notification_id))
        if call is None or call.ended:
            return False
        won = notification.data.get("won") is True
        call.happens(call_events.OfferOver(won=won))
        rings = call.state.phase is CallPhase.DIALLING and not (won and call.state.waiting)
        return rings or (call.state.phase is CallPhase.OFFERING and not won)

    def on_event(self, event: LegEvent) -> None:
        """Take what happens to a leg."""
        if isinstance(event, InboundCall):
            if self.callers is not None:
                self.callers.comes(event)
            return
        if isinstance(event, LegOver) and self.callers is not None:
            self.callers.ended(event.leg_id)
            for open_call in self._calls.values():
                if open_call.caller == event.leg_id:
                    open_call.happens(call_events.LegEnded("lead", event.reason))
        if isinstance(event, LegWordsEnded) and self.callers is not None:
            self.callers.heard(event.leg_id)
        call = self._calls.get(event.leg_id.removesuffix(_LEAD))
        if call is None:
            return
        leg: Literal["rep", "lead"] = "lead" if event.leg_id.endswith(_LEAD) else "rep"
        match event:
            case LegRinging():
                call.happens(call_events.PhoneRinging(leg))
            case LegAnswered():
                call.happens(call_events.PhoneAnswered(leg))
            case LegDigit(_, digit) if leg == "rep":
                call.happens(call_events.DigitPressed(digit))
            case LegWordsEnded(_, number) if number == call.announcements:
                call.happens(call_events.WordsEnded())
            case LegOver(_, reason):
                call.happens(call_events.LegEnded(leg, reason))
            case _:
                pass

    def tell_of_provider(self, news: Callable[[str | None], None]) -> None:
        """Call `news` with the reason when the telephone system is away, and with None when it answers again."""
        self._news = news
        if self._end_reason is not None:
            news(self._end_reason)

    def provider_changed(self, reason: str | None) -> None:
        """Note whether the telephone system is connected. `reason`: why it is not."""
        self._end_reason = reason
        self._news(reason)

    def knows(self, call_id: str) -> bool:
        """Return whether this process has the call."""
        return call_id in self._calls

    async def close(self) -> None:
        """End all calls."""
        if self.callers is not None:
            await self.callers.close()
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def report(self, request: Request, status: Literal["delivered", "failed"], detail: str) -> None:
        """Record a later fate of a request."""
        assert self.tools is not None  # noqa: S101  # a call has tools
        await self._report(request.notification, status, self.tools.provider.name, detail)

    def _connect(self, call: LiveCall, request: Request, phone: str) -> SendReceipt:
        """Let a rep who is on the line be connected. A request that waited too long is asked for again (N6)."""
        assert self.tools is not None  # noqa: S101  # a call has tools
        provider = self.tools.provider.name
        if self.is_stale(request):
            call.happens(call_events.MayConnectNoMore())
            return SendReceipt(provider, "it waited too long, so the engine is asked again", "delivered")
        call.connects = request
        call.happens(call_events.MayConnect(phone))
        return SendReceipt(provider, "the rep is on the line", "delivered")

    def _caller(self, about: Notification) -> str | None:
        """Return the leg of the lead that is on the line: under its own id, or as an inquiry of a known lead (N5)."""
        if self.callers is None:
            return None
        inquiries = [about.data.get("inquiry_id"), *(about.data.get("inquiry_ids") or [])]
        for identity in (about.lead_id, *reversed([inquiry for inquiry in inquiries if inquiry])):
            if (leg_id := self.callers.waiting(str(identity))) is not None:
                return leg_id
        return None

    def _rings(self, lead_id: str, rep_id: str) -> bool:
        """Return whether this rep's telephone rings already to be connected with this lead."""
        return any(
            call.state.phase is CallPhase.DIALLING
            and not call.state.offered
            and (call.request.notification.lead_id, call.request.notification.rep_id) == (lead_id, rep_id)
            for call in self._calls.values()
        )

    def _of_rep(self, lead_id: str, rep_id: str) -> LiveCall | None:
        for call in self._calls.values():
            about = call.request.notification
            waits = call.state.phase in {CallPhase.WON, CallPhase.CONNECTING}
            if waits and (about.lead_id, about.rep_id) == (lead_id, rep_id):
                return call
        return None

    def _call_ended(self, call_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(call_id, None)
        self._calls.pop(call_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a call failed", call=call_id, reason=repr(error))


def call_id_of(notification_id: str) -> str:
    """Return the id of a request's call. A repeat of the request has the same call."""
    return hashlib.sha256(notification_id.encode()).hexdigest()[:32]


def address_of(request: Request, provider: str) -> str:
    """Return where a rep is called: the SIP URI, or the phone number in E.164. Raises UndeliverableError."""
    rep = request.rep
    if rep.telephone:
        return rep.telephone
    try:
        number = contacts.phone(rep.phone)
    except ValueError as error:
        raise UndeliverableError(provider, f"the phone of rep {rep.rep_id} {error}") from error
    if number is None:
        raise UndeliverableError(provider, f"rep {rep.rep_id} has no telephone")
    return number


def _dialled(call: LiveCall) -> Call:
    about = call.request.notification
    return Call(
        call_id=call.call_id,
        notification_id=about.notification_id,
        lead_id=about.lead_id,
        rep_id=about.rep_id,
        leg="rep",
        event="dialled",
        digit=None,
        at=datetime.now(UTC),
        seconds=None,
        org=call.request.org,
        reason=None,
    )
