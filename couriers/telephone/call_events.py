"""Defines the input and the output of a call's state machine: what happened, and what is to be done (N4)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Leg = Literal["rep", "lead"]
RequestedAction = Literal["press_one", "connect", "hang_up", "activity"]
"""The actions on `lead-actions` that a call asks for."""


class Announcement(StrEnum):
    """What a rep hears. `couriers.telephone.spoken_texts` has the texts."""

    OFFER = "offer"
    WON = "won"
    GONE = "gone"
    CALL = "call"
    CALLER = "caller"
    """For the owner of a lead that calls in (N5)."""
    CALLER_GONE = "caller_gone"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    QUIET_HOURS = "quiet_hours"
    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"
    NOBODY = "nobody"
    """For a lead that called in."""


# What happens.


@dataclass(frozen=True, slots=True)
class PhoneRinging:
    """A telephone rings."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class PhoneAnswered:
    """Somebody or something answered a telephone."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """The rep pressed a digit."""

    digit: str


@dataclass(frozen=True, slots=True)
class WordsEnded:
    """The rep heard the words to their end."""


@dataclass(frozen=True, slots=True)
class ActionDecided:
    """The engine answered an action. `result`: as on `lead-decisions`, or `unknown` without an answer in time."""

    action: RequestedAction
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OfferOver:
    """The request was withdrawn: the offer ended for this rep. `won`: the rep took the lead, here or in a browser."""

    won: bool = False


@dataclass(frozen=True, slots=True)
class MayConnect:
    """The engine asks to connect the rep with the lead: the lead may be called at this moment (N6)."""

    phone: str


@dataclass(frozen=True, slots=True)
class MayConnectNoMore:
    """The engine's request to connect is older than it may be when the lead is dialled (N6)."""


@dataclass(frozen=True, slots=True)
class LegEnded:
    """A leg is gone. `reason`: hung_up, busy, no_answer, rejected, failed or lost.

    For a lead that must not be called at the moment of dialling: quiet_hours, suppressed or no_phone.
    """

    leg: Leg
    reason: str


@dataclass(frozen=True, slots=True)
class TimeOver:
    """The time limit with this number passed."""

    clock: int


Event = (
    PhoneRinging
    | PhoneAnswered
    | DigitPressed
    | WordsEnded
    | ActionDecided
    | OfferOver
    | MayConnect
    | MayConnectNoMore
    | LegEnded
    | TimeOver
)


# What is to be done.


@dataclass(frozen=True, slots=True)
class SayText:
    """Say words to the rep, instead of what is being said."""

    words: Announcement


@dataclass(frozen=True, slots=True)
class StopSpeech:
    """Stop saying words."""


@dataclass(frozen=True, slots=True)
class AskEngine:
    """Ask the engine."""

    action: RequestedAction


@dataclass(frozen=True, slots=True)
class DialLead:
    """Dial the lead."""

    phone: str
    seconds: float


@dataclass(frozen=True, slots=True)
class BridgeLegs:
    """Connect both legs."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a leg. It has no effect if the leg is gone."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class StartTimeLimit:
    """Start a time limit. It replaces the one before."""

    clock: int
    seconds: float


@dataclass(frozen=True, slots=True)
class WriteCallRecord:
    """Write a record of `calls`. `reason`: why a leg ended, or why the lead was not dialled."""

    leg: Leg
    event: Literal["ringing", "answered", "pressed", "bridged", "ended"]
    digit: str = ""
    reason: str = ""


Instruction = (
    SayText | StopSpeech | AskEngine | DialLead | BridgeLegs | HangUp | StartTimeLimit | WriteCallRecord
)
