"""Drives Twilio: orders by its REST API, reports by signed webhooks (N4).

A leg is told what to do by TwiML: as the answer to a webhook that is open, or else by an update of the live call. Each
document has a number, so each webhook is taken once; a repeat is refused. Twilio does not know our legs, so a call of a
courier that died is hung up at its next webhook.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import structlog

from couriers.port import DeliveryError, LaterError, ProviderDownError, UndeliverableError
from couriers.telephone import twiml
from couriers.telephone.provider import (
    InboundCall,
    LegAnswered,
    LegDigit,
    LegEvent,
    LegOver,
    LegRinging,
    LegWordsEnded,
    OnEvent,
)
from couriers.telephone.settings import TelephoneSettings
from streams.retries import PROVIDER_DOWN

_log = structlog.get_logger(__name__)

REQUEST_SECONDS: Final = 5.0
MAX_LEGS: Final = 2_000
REPLY_SECONDS: Final = 2.0
"""How long a webhook waits for the next order before the leg is told to wait in silence."""
LOOK_SECONDS: Final = 15.0
"""How often the account is asked for, so that an outage is known before a request comes."""
ENDED: Final = {
    "completed": "hung_up",
    "busy": "busy",
    "no-answer": "no_answer",
    "canceled": "no_answer",
    "failed": "failed",
}
"""Status of a call -> reason. An answered call always ends as `completed`."""
WAIT_SECONDS: Final = 10.0
"""How much longer than a caller waits for a rep the call rings, so that it is not answered before."""
_LIVE: Final = frozenset({"queued", "ringing", "in-progress"})
_REFUSED: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
_STATUSES: Final = ("initiated", "ringing", "answered", "completed")


@dataclass
class _Leg:
    """One call of Twilio. `reply`: an open webhook that waits for TwiML. `document`: the last document's number."""

    sid: str = ""
    is_answered: bool = False
    by_machine: bool = False
    reply: asyncio.Future[str] | None = None
    document: int = 0
    announcement: int = 0


class Twilio:
    """One account. `on_event` takes what happens to legs. `take` takes a webhook whose signature was checked."""

    name = "twilio"

    def __init__(self, settings: TelephoneSettings, on_event: OnEvent) -> None:
        self._settings = settings
        self._on_event = on_event
        self._legs: dict[str, _Leg] = {}
        self._session: aiohttp.ClientSession | None = None
        self._failed = asyncio.Event()
        """Set when an order finds Twilio away, so that the account is asked for at once."""
        self.connected = asyncio.Event()
        self.on_change: Callable[[str | None], None] = lambda _: None
        """Called with the reason when Twilio is away, and with None when it answers again."""

    async def run(self) -> None:
        """Keep the HTTP client and look after the account until cancelled."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(headers=self._settings.authorization(), timeout=timeout) as session:
            self._session = session
            pauses = PROVIDER_DOWN.pauses()
            while True:
                try:
                    await self._request("GET", ".json")
                except DeliveryError as error:
                    self.connected.clear()
                    self.on_change(f"Twilio does not answer: {error.reason}")
                    await asyncio.sleep(next(pauses))
                    continue
                if not self.connected.is_set():
                    self.connected.set()
                    self.on_change(None)
                pauses = PROVIDER_DOWN.pauses()
                self._failed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._failed.wait(), LOOK_SECONDS)

    # Orders.

    async def dial(
        self, leg_id: str, address: str, *, caller_id: str | None, seconds: float, machines: bool = True
    ) -> None:
        """Begin to ring a telephone. An order for a leg that exists has no effect."""
        if leg_id in self._legs:
            return
        if len(self._legs) >= MAX_LEGS:
            raise ProviderDownError(self.name, f"{MAX_LEGS} legs are open already")
        if caller_id is None:
            raise UndeliverableError(self.name, "Twilio needs a caller id: FIRSTCLAIM_TELEPHONE_CALLER_ID")
        form = [
            ("To", address),
            ("From", caller_id),
            ("Timeout", str(max(1, min(600, round(seconds))))),
            ("Url", self._url(leg_id, "answered")),
            ("StatusCallback", self._url(leg_id, "status")),
            *(("StatusCallbackEvent", status) for status in _STATUSES),
        ]
        if machines:
            form += [
                ("MachineDetection", "Enable"),
                ("AsyncAmd", "true"),
                ("AsyncAmdStatusCallback", self._url(leg_id, "machine")),
            ]
        leg = self._legs[leg_id] = _Leg()
        try:
            answer = await self._request("POST", "/Calls.json", form)
        except BaseException:
            self._legs.pop(leg_id, None)
            raise
        leg.sid = leg.sid or str(answer["sid"])

    async def let_ring(self, leg_id: str) -> None:
        """Let the caller of an inbound call hear that it rings."""
        await self._tell(leg_id, self._waits(leg_id))

    async def answer(self, leg_id: str) -> None:
        """Answer an inbound call. The next document does that by itself."""

    async def speak(self, leg_id: str, sounds: tuple[str, ...], number: int) -> None:
        """Play sounds, instead of what is being played."""
        leg = self._legs.get(leg_id)
        if leg is not None:
            leg.announcement = number
            digits, ended = self._next(leg_id, "digit"), self._same(leg_id, "words")
            await self._tell(leg_id, twiml.twiml_of_sounds(sounds, self._settings.say_voice, digits, ended))

    async def quiet(self, leg_id: str) -> None:
        """Stop playing."""
        await self._tell(leg_id, self._idle(leg_id))

    async def ring_tone(self, leg_id: str) -> None:
        """Let a leg hear that another telephone rings."""
        await self._tell(leg_id, twiml.ringing(self._settings.ring_tone_url, self._next(leg_id, "idle")))

    async def bridge(self, leg_id: str, other_leg_id: str) -> None:
        """Connect two legs. Both end with the first that goes."""
        document = twiml.conference(leg_id)
        await asyncio.gather(self._tell(leg_id, document), self._tell(other_leg_id, document))

    async def hang_up(self, leg_id: str) -> None:
        """End a leg."""
        leg = self._legs.get(leg_id)
        if leg is None:
            return
        if leg.reply is not None and not leg.reply.done():
            leg.reply.set_result(twiml.HANG_UP)
        elif leg.sid:
            await self._update(leg, "Status", "completed")

    async def close(self, legs: Collection[str] = ()) -> None:
        """Hang up all legs."""
        for leg_id in [*self._legs, *legs]:
            with suppress(DeliveryError):
                await self.hang_up(leg_id)

    async def _tell(self, leg_id: str, document: str) -> None:
        """Give a leg its next document. It has no effect on a leg that is gone or was not answered yet."""
        leg = self._legs.get(leg_id)
        if leg is None:
            return
        if leg.reply is not None and not leg.reply.done():
            leg.reply.set_result(document)
        elif leg.sid and leg.is_answered:
            await self._update(leg, "Twiml", document)

    async def _update(self, leg: _Leg, name: str, value: str) -> None:
        try:
            await self._request("POST", f"/Calls/{quote(leg.sid, safe='')}.json", [(name, value)])
        except UndeliverableError as error:
            _log.info("the call is over already", reason=error.reason)

    def _waits(self, leg_id: str) -> str:
        return twiml.twiml_that_waits(
            self._settings.inbound_seconds + WAIT_SECONDS, self._next(leg_id, "idle")
        )

    def _idle(self, leg_id: str) -> str:
        return twiml.idle(self._next(leg_id, "digit"), self._same(leg_id, "idle"))

    def _url(self, leg_id: str, page: str) -> str:
        return f"{self._settings.webhook_url}/twilio/{quote(leg_id, safe='')}/{page}"

    def _next(self, leg_id: str, page: str) -> str:
        """Return the address of a webhook of the leg's next document."""
        leg = self._legs.get(leg_id)
        if leg is not None:
            leg.document += 1
        return self._same(leg_id, page)

    def _same(self, leg_id: str, page: str) -> str:
        leg = self._legs.get(leg_id)
        return f"{self._url(leg_id, page)}/{leg.document if leg else 0}"

    async def _request(self, method: str, path: str, form: list[tuple[str, str]] | None = None) -> Any:
        if self._session is None:
            raise ProviderDownError(self.name, "it is not connected")
        url = f"{self._settings.api_url}/2010-04-01/Accounts/{self._settings.user}{path}"
        try:
            async with self._session.request(method, url, data=form) as answer:
                text = await answer.text()
                if answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    return await answer.json() if text else None
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            self._failed.set()
            raise ProviderDownError(self.name, repr(error)) from error
        reason = f"{answer.status} {text[:300]}"
        if answer.status in _REFUSED:
            raise UndeliverableError(self.name, reason)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise LaterError(self.name, reason)
        self._failed.set()
        raise ProviderDownError(self.name, reason)

    # Reports.

    async def take(self, leg_id: str, page: str, document: int | None, form: dict[str, str]) -> str:
        """Take a webhook, and return the TwiML that answers it. `document`: the number in its address."""
        leg = self._legs.get(leg_id)
        if leg is None or leg.sid not in {"", form.get("CallSid")}:  # a call of a courier that died
            return twiml.EMPTY if page in {"status", "machine"} else twiml.HANG_UP
        if page == "status":
            self._status(leg_id, leg, form)
            return twiml.EMPTY
        if page == "machine":
            if form.get("AnsweredBy", "").startswith(("machine", "fax")):
                leg.by_machine = True
                with suppress(DeliveryError):
                    await self.hang_up(leg_id)
            return twiml.EMPTY
        if page == "answered":
            leg.sid, leg.is_answered = form.get("CallSid", leg.sid), True
            return await self._reply(leg_id, leg, LegAnswered(leg_id))
        if document != leg.document:  # the leg has another document by now
            return twiml.idle(self._same(leg_id, "digit"), self._same(leg_id, "idle"))
        leg.document += 1
        if page == "digit" and (digit := form.get("Digits", "")[:1]):
            return await self._reply(leg_id, leg, LegDigit(leg_id, digit))
        if page == "words":
            return await self._reply(leg_id, leg, LegWordsEnded(leg_id, leg.announcement))
        return self._idle(leg_id)

    async def take_inbound_call(self, form: dict[str, str]) -> str:
        """Take an inbound call, and return its TwiML."""
        leg_id = form.get("CallSid", "")
        if not leg_id or leg_id in self._legs or len(self._legs) >= MAX_LEGS:
            return twiml.HANG_UP
        try:
            call = await self._request("GET", f"/Calls/{quote(leg_id, safe='')}.json")
        except DeliveryError as error:
            _log.warning("an inbound call was refused", reason=error.reason)
            return twiml.HANG_UP
        if call.get("status") not in _LIVE:  # a request from long ago, sent again by somebody
            return twiml.HANG_UP
        leg = self._legs[leg_id] = _Leg(sid=leg_id, is_answered=True)
        event = InboundCall(leg_id, form.get("To", ""), form.get("From", ""))
        return await self._reply(leg_id, leg, event, self._waits(leg_id))

    async def _reply(self, leg_id: str, leg: _Leg, event: LegEvent, otherwise: str | None = None) -> str:
        """Report an event, and return the order that follows from it; without one, the leg waits in silence."""
        leg.reply = asyncio.get_running_loop().create_future()
        self._on_event(event)
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                return await leg.reply
        except TimeoutError:
            return otherwise or self._idle(leg_id)
        finally:
            leg.reply = None

    def _status(self, leg_id: str, leg: _Leg, form: dict[str, str]) -> None:
        status = form.get("CallStatus", "")
        leg.sid = leg.sid or form.get("CallSid", "")
        if status == "ringing":
            self._on_event(LegRinging(leg_id))
        elif status in ENDED:
            reason = ENDED[status]
            if leg.by_machine or (reason == "hung_up" and not leg.is_answered):
                reason = "no_answer"
            del self._legs[leg_id]
            if leg.reply is not None and not leg.reply.done():
                leg.reply.set_result(twiml.EMPTY)
            self._on_event(LegOver(leg_id, reason))
