"""Defines the port to a telephone system: the orders that it gets for legs, and what it reports of them.

A leg is one connection to one telephone. We choose its id, so that a repeated order for the same leg is recognised.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from couriers.port import ProviderDownError


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The telephone rings."""

    leg_id: str


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """Somebody or something answered."""

    leg_id: str


@dataclass(frozen=True, slots=True)
class LegDigit:
    """Somebody pressed a digit."""

    leg_id: str
    digit: str


@dataclass(frozen=True, slots=True)
class LegWordsEnded:
    """The last sound of `speak` with this number was played to its end."""

    leg_id: str
    number: int


@dataclass(frozen=True, slots=True)
class LegOver:
    """The leg is gone. `reason`: hung_up, busy, no_answer, rejected, failed or lost."""

    leg_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class InboundCall:
    """Somebody called the number `called`. `caller`: the caller's number, empty if it is not known. It rings still."""

    leg_id: str
    called: str
    caller: str


LegEvent = LegRinging | LegAnswered | LegDigit | LegWordsEnded | LegOver | InboundCall
OnEvent = Callable[[LegEvent], None]
"""Takes what happens to legs, in order for each leg. It must not block."""


class TelephoneProvider(Protocol):
    """A telephone system. Each method returns or raises within a few seconds.

    Every method but `dial` has no effect on a leg that is gone. Raises `ProviderDownError` if the system does not
    answer, and from `dial` `UndeliverableError` if it can never dial this address.
    """

    name: str
    connected: asyncio.Event
    """Set while the system answers."""
    on_change: Callable[[str | None], None]
    """Called with the reason when the system is away, and with None when it answers again."""

    async def run(self) -> None:
        """Stay connected until cancelled."""
        ...

    async def dial(
        self, leg_id: str, address: str, *, caller_id: str | None, seconds: float, machines: bool = True
    ) -> None:
        """Begin to ring a telephone for some seconds. `address`: a number in E.164 or a SIP URI.

        `machines`: an answering machine is hung up and counts as nobody, where the system recognises it.
        """
        ...

    async def let_ring(self, leg_id: str) -> None:
        """Let the caller of an inbound call hear that it rings."""
        ...

    async def answer(self, leg_id: str) -> None:
        """Answer an inbound call."""
        ...

    async def speak(self, leg_id: str, sounds: tuple[str, ...], number: int) -> None:
        """Play sounds one after the other, instead of what is being played. `number` comes back in LegWordsEnded."""
        ...

    async def quiet(self, leg_id: str) -> None:
        """Stop playing."""
        ...

    async def ring_tone(self, leg_id: str) -> None:
        """Let a leg hear that another telephone rings."""
        ...

    async def bridge(self, leg_id: str, other_leg_id: str) -> None:
        """Connect two legs."""
        ...

    async def hang_up(self, leg_id: str) -> None:
        """End a leg."""
        ...


__all__ = [
    "InboundCall",
    "LegAnswered",
    "LegDigit",
    "LegEvent",
    "LegOver",
    "LegRinging",
    "LegWordsEnded",
    "OnEvent",
    "ProviderDownError",
    "TelephoneProvider",
]
