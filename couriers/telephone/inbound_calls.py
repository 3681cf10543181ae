"""Handles calls of leads: the caller arrives as a lead of the number's campaign, and waits for the winner (N5)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog

from couriers.directory import CourierDirectory
from couriers.port import DeliveryError
from couriers.telephone.call_events import Announcement
from couriers.telephone.provider import InboundCall, TelephoneProvider
from models import contacts
from models.errors import RetryableError
from models.ids import lead_id
from models.public import TELEPHONE, Call

_log = structlog.get_logger(__name__)

MAX_CALLERS: Final = 200
"""The most callers that wait at a time. One more is hung up."""
ANNOUNCEMENT_NUMBER: Final = 1
"""The number of the only words that a caller hears."""
WORDS_SECONDS: Final = 15.0


@dataclass
class Caller:
    """A lead on the line. `is_connected`: a rep was connected with it."""

    call: InboundCall
    org: str
    campaign: str
    lead_id: str
    is_connected: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    heard_words: asyncio.Event = field(default_factory=asyncio.Event)


class Callers:
    """The leads that called in and wait, each for `wait_seconds`. `arrive` sends a lead to the engine."""

    def __init__(
        self,
        provider: TelephoneProvider,
        directory: CourierDirectory,
        arrive: Callable[[Mapping[str, Any]], Awaitable[None]],
        write: Callable[[Call], Awaitable[None]],
        sounds: Callable[[Announcement, str, dict[str, str]], Awaitable[tuple[str, ...]]],
        wait_seconds: float,
    ) -> None:
        self._provider = provider
        self._directory = directory
        self._arrive = arrive
        self._write = write
        self._sounds = sounds
        self._wait_seconds = wait_seconds
        self._callers: dict[str, Caller] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def waiting(self, lead: str) -> str | None:
        """Return the leg of a lead that is on the line and was not connected yet."""
        for leg_id, caller in self._callers.items():
            if caller.lead_id == lead and not caller.is_connected and not caller.ended.is_set():
                return leg_id
        return None

    def take(self, leg_id: str) -> None:
        """Note that a rep is connected with the caller."""
        if leg_id in self._callers:
            self._callers[leg_id].is_connected = True

    def comes(self, call: InboundCall) -> None:
        """Take a call."""
        task = asyncio.create_task(self._run(call))
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def ended(self, leg_id: str) -> None:
        """Note that a caller hung up."""
        if leg_id in self._callers:
            self._callers[leg_id].ended.set()

    def heard(self, leg_id: str) -> None:
        """Note that a caller heard the words."""
        if leg_id in self._callers:
            self._callers[leg_id].heard_words.set()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a caller was lost", reason=repr(error))

    async def _run(self, call: InboundCall) -> None:
        org_and_campaign = self._directory.inbound(call.called)
        if org_and_campaign is None or len(self._callers) >= MAX_CALLERS:
            _log.warning("a call was refused", number=call.called, known=org_and_campaign is not None)
            await self._hang_up(call.leg_id)
            return
        org, campaign = org_and_campaign
        phone = None
        with contextlib.suppress(ValueError):  # a caller who shows no number, or one that is none
            phone = contacts.phone(call.caller)
        message = {
            "vendor": TELEPHONE,
            "external_id": f"call-{call.leg_id}",
            "org": org,
            "campaign": campaign,
            **({"phone": phone} if phone else {}),
        }
        identity = lead_id(org, TELEPHONE, str(message["external_id"]), message)
        caller = Caller(call, org, campaign, identity)
        self._callers[call.leg_id] = caller
        began = datetime.now(UTC)
        try:
            await self._provider.let_ring(call.leg_id)
            await self._record(caller, "ringing")
            await self._arrive(message)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait_seconds):
                    await caller.ended.wait()
            if not caller.is_connected and not caller.ended.is_set():
                await self._apologize(caller)
            await caller.ended.wait()
        except (DeliveryError, RetryableError) as error:
            _log.warning("a caller was lost", reason=str(error))
            await self._hang_up(call.leg_id)
        finally:
            del self._callers[call.leg_id]
            seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
            await self._record(
                caller, "ended", seconds=seconds, reason="hung_up" if caller.is_connected else "no_answer"
            )

    async def _apologize(self, caller: Caller) -> None:
        """Say that nobody can take the call, and end it."""
        leg_id = caller.call.leg_id
        recordings = dict(self._directory.settings(caller.org).telephone.recordings)
        await self._provider.answer(leg_id)
        await self._provider.speak(
            leg_id, await self._sounds(Announcement.NOBODY, "", recordings), ANNOUNCEMENT_NUMBER
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WORDS_SECONDS):
                await caller.heard_words.wait()
        await self._hang_up(leg_id)

    async def _hang_up(self, leg_id: str) -> None:
        with contextlib.suppress(DeliveryError):
            await self._provider.hang_up(leg_id)

    async def _record(
        self,
        caller: Caller,
        event: Literal["ringing", "ended"],
        *,
        seconds: float | None = None,
        reason: str | None = None,
    ) -> None:
        await self._write(
            Call(
                call_id=caller.call.leg_id,
                notification_id="",
                lead_id=caller.lead_id,
                rep_id="",
                leg="inbound",
                event=event,
                digit=None,
                at=datetime.now(UTC),
                seconds=seconds,
                org=caller.org,
                reason=reason,
            )
        )

    async def close(self) -> None:
        """Hang up all callers."""
        for task in self._tasks:
            task.cancel()
        for leg_id in list(self._callers):
            await self._hang_up(leg_id)
        if self._tasks:
            await asyncio.wait(self._tasks)
