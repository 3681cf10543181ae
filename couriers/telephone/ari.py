"""Drives Asterisk by its REST interface (ARI): orders by HTTP, reports by a websocket (N4).

After every connection it compares the channels that Asterisk has with the legs that it knows: channels of a process
that died are hung up, and legs that are gone meanwhile are reported as lost. So no telephone rings for nobody.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import structlog

from couriers.port import DeliveryError, LaterError, ProviderDownError, UndeliverableError
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

APP: Final = "firstclaim"
"""The Stasis application. The dialplan sends inbound calls to it."""
PREFIX: Final = "firstclaim-"
"""The prefix of the ids of the channels that we make."""
REQUEST_SECONDS: Final = 5.0
MAX_LEGS: Final = 2_000
LARGEST_EVENT_BYTES: Final = 1024 * 1024
HEARTBEAT_SECONDS: Final = 5.0
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_BAD_ORDER: Final = frozenset({400, 422})
_FAILED: Final = 500
_ERRORS: Final = 300
_RING: Final = "tone:ring"
REASONS: Final = {16: "hung_up", 17: "busy", 18: "no_answer", 19: "no_answer", 21: "rejected", 26: "hung_up"}
"""Hang-up cause (Q.850) -> reason. Every other cause is `failed`."""


class Ari:
    """One Asterisk. `on_event` takes what happens to legs. Run `run` as a task; it connects again and again."""

    name = "asterisk"

    def __init__(self, settings: TelephoneSettings, on_event: OnEvent) -> None:
        self._settings = settings
        self._on_event = on_event
        self._legs: dict[str, bool] = {}
        """Leg id -> whether it was answered."""
        self._inbound: set[str] = set()
        """The legs whose channels Asterisk made."""
        self._bridges: dict[str, str] = {}
        self._playing: dict[str, str] = {}
        """Leg id -> the id of its last playback."""
        self._session: aiohttp.ClientSession | None = None
        self.connected = asyncio.Event()
        self.on_change: Callable[[str | None], None] = lambda _: None
        """Called with the reason when Asterisk is away, and with None when it is connected again."""

    async def run(self) -> None:
        """Read Asterisk's events until cancelled. After an outage it connects again, after growing pauses."""
        pauses = PROVIDER_DOWN.pauses()
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(headers=self._settings.authorization(), timeout=timeout) as session:
            self._session = session
            while True:
                try:
                    await self._follow(session)
                    pauses = PROVIDER_DOWN.pauses()
                    reason = "it closed the connection"
                except (aiohttp.ClientError, DeliveryError, OSError, TimeoutError) as error:
                    reason = repr(error)
                finally:
                    self.connected.clear()
                self.on_change(f"Asterisk is not connected: {reason}")
                _log.warning("Asterisk is not connected", reason=reason)
                await asyncio.sleep(next(pauses))

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        url = f"{self._settings.ari_url}/events"
        parameters = {"app": APP}
        async with session.ws_connect(
            url, params=parameters, heartbeat=HEARTBEAT_SECONDS, max_msg_size=LARGEST_EVENT_BYTES
        ) as socket:
            await self._compare()
            self.connected.set()
            self.on_change(None)
            _log.info("Asterisk is connected")
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                try:
                    event = json.loads(message.data)
                    self._take(event)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    _log.warning("unreadable event", reason=repr(error))

    async def _compare(self) -> None:
        """Hang up channels that nobody knows, and report legs that are gone."""
        channels: Any = await self._order("GET", "channels", session_needed=False)
        open_channels = {str(channel["id"]) for channel in channels or []}
        leg_of_channel = {self._channel(leg_id): leg_id for leg_id in self._legs}
        for channel in open_channels - set(leg_of_channel):
            if channel.startswith(PREFIX):
                await self._order("DELETE", f"channels/{channel}", session_needed=False)
        for channel in set(leg_of_channel) - open_channels:
            self._leg_ended(leg_of_channel[channel], "lost")

    # Orders.

    async def dial(
        self, leg_id: str, address: str, *, caller_id: str | None, seconds: float, machines: bool = True
    ) -> None:
        """Begin to ring a telephone. An order for a leg that exists has no effect. Machines are not recognised."""
        del machines
        if leg_id in self._legs:
            return
        if len(self._legs) >= MAX_LEGS:
            raise ProviderDownError(self.name, f"{MAX_LEGS} legs are open already")
        body = {
            "endpoint": self._settings.endpoint(address),
            "app": APP,
            "appArgs": "dialled",
            "timeout": max(1, round(seconds)),
            **({"callerId": caller_id} if caller_id else {}),
        }
        self._legs[leg_id] = False
        try:
            await self._order("POST", f"channels/{PREFIX}{leg_id}", body)
        except BaseException:
            self._legs.pop(leg_id, None)
            raise

    async def let_ring(self, leg_id: str) -> None:
        """Let the caller of an inbound call hear that it rings."""
        await self._order("POST", f"channels/{self._channel(leg_id)}/ring")

    async def answer(self, leg_id: str) -> None:
        """Answer an inbound call."""
        await self._order("POST", f"channels/{self._channel(leg_id)}/answer")

    async def speak(self, leg_id: str, sounds: tuple[str, ...], number: int) -> None:
        """Play sounds, instead of what is being played."""
        await self.quiet(leg_id)
        playback = f"{leg_id}-{number}"
        self._playing[leg_id] = playback
        media = {"media": ",".join(sounds)}
        await self._order("POST", f"channels/{self._channel(leg_id)}/play/{playback}", media)

    async def quiet(self, leg_id: str) -> None:
        """Stop playing."""
        playback = self._playing.pop(leg_id, None)
        if playback is not None:
            await self._order("DELETE", f"playbacks/{playback}")

    async def ring_tone(self, leg_id: str) -> None:
        """Play the ring tone until `quiet`."""
        await self.speak(leg_id, (_RING,), 0)

    async def bridge(self, leg_id: str, other_leg_id: str) -> None:
        """Connect two legs. The bridge ends with its first leg."""
        await self.quiet(leg_id)
        bridge = f"{PREFIX}{leg_id}"
        await self._order("POST", f"bridges/{bridge}", {"type": "mixing,dtmf_events"})
        self._bridges[leg_id] = bridge
        pair = ",".join((self._channel(leg_id), self._channel(other_leg_id)))
        await self._order("POST", f"bridges/{bridge}/addChannel", {"channel": pair})

    async def hang_up(self, leg_id: str) -> None:
        """End a leg."""
        await self._order("DELETE", f"channels/{self._channel(leg_id)}", {"reason": "normal"})

    async def close(self, legs: Collection[str] = ()) -> None:
        """Hang up all legs."""
        for leg_id in [*self._legs, *legs]:
            with contextlib.suppress(DeliveryError):
                await self.hang_up(leg_id)

    def _channel(self, leg_id: str) -> str:
        return quote(leg_id if leg_id in self._inbound else f"{PREFIX}{leg_id}", safe="")

    async def _order(
        self, method: str, path: str, parameters: dict[str, Any] | None = None, *, session_needed: bool = True
    ) -> Any:
        """Send an order. What Asterisk does not find any more is no error."""
        if self._session is None or (session_needed and not self.connected.is_set()):
            raise ProviderDownError(self.name, "it is not connected")
        try:
            async with self._session.request(
                method, f"{self._settings.ari_url}/{path}", params=parameters or {}
            ) as answer:
                if answer.status in {_NOT_FOUND, _CONFLICT}:
                    return None
                text = await answer.text()
                if answer.status in _BAD_ORDER:
                    raise UndeliverableError(self.name, f"{answer.status} {text[:300]}")
                if answer.status == _FAILED:  # such as an endpoint that is not registered now
                    raise LaterError(self.name, f"{answer.status} {text[:300]}")
                if answer.status >= _ERRORS:
                    raise ProviderDownError(self.name, f"{answer.status} {text[:300]}")
                return json.loads(text) if text else None
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            raise ProviderDownError(self.name, repr(error)) from error

    # Reports.

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "PlaybackFinished":
            self._played(event["playback"])
            return
        channel = event.get("channel")
        if not isinstance(channel, dict):
            return
        leg_id = str(channel["id"]).removeprefix(PREFIX)
        if kind == "StasisStart":
            self._entered(leg_id, event, channel)
        elif leg_id not in self._legs:
            return
        elif kind == "ChannelStateChange" and channel["state"] == "Ringing":
            self._tell(LegRinging(leg_id))
        elif kind == "ChannelDtmfReceived":
            self._tell(LegDigit(leg_id, str(event["digit"])))
        elif kind == "StasisEnd" and leg_id in self._inbound:
            # Asterisk does not report the end of a channel that it made after it left the application.
            self._leg_ended(leg_id, "hung_up")
        elif kind == "ChannelDestroyed":
            # Telephones end an answered call with all kinds of causes; one that was not answered has not hung up.
            reason = REASONS.get(event.get("cause", 0), "failed")
            if self._legs[leg_id]:
                reason = "hung_up"
            elif reason == "hung_up":
                reason = "no_answer"
            self._leg_ended(leg_id, reason)

    def _entered(self, leg_id: str, event: dict[str, Any], channel: dict[str, Any]) -> None:
        arguments = event.get("args") or []
        if arguments[:1] == ["inbound"]:
            if len(self._legs) < MAX_LEGS:
                self._legs[leg_id] = True
                self._inbound.add(leg_id)
                self._tell(InboundCall(leg_id, str(arguments[1]), str(channel["caller"]["number"])))
        elif leg_id in self._legs:
            self._legs[leg_id] = True
            self._tell(LegAnswered(leg_id))

    def _played(self, playback: dict[str, Any]) -> None:
        leg_id, _, number = str(playback["id"]).rpartition("-")
        if self._playing.get(leg_id) == playback["id"]:
            del self._playing[leg_id]
            self._tell(LegWordsEnded(leg_id, int(number)))

    def _leg_ended(self, leg_id: str, reason: str) -> None:
        self._legs.pop(leg_id, None)
        self._inbound.discard(leg_id)
        self._playing.pop(leg_id, None)
        bridge = self._bridges.pop(leg_id, None)
        if bridge is not None:
            task = asyncio.create_task(self._forget(bridge))
            task.add_done_callback(lambda finished: finished.exception())
        self._tell(LegOver(leg_id, reason))

    async def _forget(self, bridge: str) -> None:
        with contextlib.suppress(DeliveryError):
            await self._order("DELETE", f"bridges/{bridge}")

    def _tell(self, event: LegEvent) -> None:
        self._on_event(event)
