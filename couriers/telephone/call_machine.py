"""Decides what happens in the call of one rep: pure, without I/O (S1-S4, N4).

A call begins when the rep's leg is dialled and ends when all its legs are gone. The engine decides who wins; this
machine asks it and says its answer. Whatever happens, a machine comes to `ENDED`: every wait has a time limit.
`couriers.telephone.call_events` has what happens and what is to be done.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from couriers.telephone.call_events import (
    ActionDecided,
    Announcement,
    AskEngine,
    BridgeLegs,
    DialLead,
    DigitPressed,
    Event,
    HangUp,
    Instruction,
    LegEnded,
    MayConnect,
    MayConnectNoMore,
    OfferOver,
    PhoneAnswered,
    PhoneRinging,
    SayText,
    StartTimeLimit,
    StopSpeech,
    TimeOver,
    WordsEnded,
    WriteCallRecord,
)

KEY_ONE: Final = "1"


class CallPhase(StrEnum):
    """The phase of a call. Each waits for one thing."""

    DIALLING = "dialling"
    """The rep's telephone rings."""
    OFFERING = "offering"
    """The rep hears of the lead and may press 1."""
    ASKING = "asking"
    """The rep pressed 1. The engine decides."""
    WON = "won"
    """The rep has the lead and may press 1 to be connected."""
    CONNECTING = "connecting"
    """The rep pressed 1 again. The engine says whether the lead may be called now (N6)."""
    LEAD_DIALLING = "lead_dialling"
    """The lead's telephone rings."""
    BRIDGED = "bridged"
    """Rep and lead talk."""
    CLOSING = "closing"
    """The rep hears the last words."""
    ENDED = "ended"
    """No leg is left. Nothing happens any more."""


REFUSED: Final = {
    "quiet_hours": Announcement.QUIET_HOURS,
    "suppressed": Announcement.FORBIDDEN,
    "no_phone": Announcement.FORBIDDEN,
    "offer_over": Announcement.GONE,
}
"""The engine's reason for not connecting -> what the rep hears."""


@dataclass(frozen=True, slots=True)
class CallTimeouts:
    """The time limits, in seconds. Each is positive.

    `digit`: from the end of the words until nobody pressed. `answer`: for the engine's answer. `late`: how long the
    telephone of a rep rings on after the lead is gone, so that one who answers hears why (S3). `words`: the longest
    announcement. `lead`: how long the lead's telephone rings.
    """

    digit: float = 8.0
    answer: float = 20.0
    late: float = 5.0
    words: float = 30.0
    lead: float = 30.0
    talk: float = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class RepCall:
    """The state of a call. `leg_seconds`: how long the rep's telephone may ring.

    `offered`: whether it is about an offer; if not, the rep asked to be connected (N7), or the rep's lead calls in.
    `over`: the offer ended. `clock`: the number of the running time limit; a limit with another number is obsolete.
    `waiting`: the lead itself is on the line, so it is not dialled (N5). `hung_up`: the rep hung up while the engine
    was deciding. `asked_again`: the engine was asked again, because its request to connect had waited too long.
    """

    phase: CallPhase = CallPhase.DIALLING
    offered: bool = True
    over: bool = False
    clock: int = 0
    waiting: bool = False
    hung_up: bool = False
    asked_again: bool = False
    times: CallTimeouts = CallTimeouts()


Step = tuple[RepCall, list[Instruction]]


def step(call: RepCall, event: Event) -> Step:
    """Return the call after an event, and what is to be done, in order. An event that does not fit changes nothing."""
    if call.phase is CallPhase.ENDED:
        return call, []
    match event:
        case LegEnded("rep", reason):
            return _rep_gone(call, reason)
        case LegEnded("lead", reason):
            return _lead_gone(call, reason)
        case PhoneRinging(leg):
            return call, [WriteCallRecord(leg, "ringing")]
        case PhoneAnswered("rep"):
            return _rep_answered(call)
        case PhoneAnswered("lead"):
            return _lead_answered(call)
        case DigitPressed(digit):
            return _pressed(call, digit)
        case WordsEnded():
            return _words_ended(call)
        case ActionDecided():
            return _decided(call, event)
        case OfferOver(True):
            return _won_elsewhere(call)
        case OfferOver():
            return _offer_over(call)
        case MayConnect(phone):
            return _connect(call, phone)
        case MayConnectNoMore():
            return _ask_again(call)
        case TimeOver(clock) if clock == call.clock:
            return _time_over(call)
    return call, []


def _to(call: RepCall, phase: CallPhase, seconds: float, *instructions: Instruction) -> Step:
    """Go to a phase and wait there for at most some seconds."""
    clock = call.clock + 1
    return replace(call, phase=phase, clock=clock), [*instructions, StartTimeLimit(clock, seconds)]


def _close(call: RepCall, announcement: Announcement, *before: Instruction) -> Step:
    return _to(call, CallPhase.CLOSING, call.times.words, *before, SayText(announcement))


def _rep_answered(call: RepCall) -> Step:
    if call.phase is not CallPhase.DIALLING:
        return call, []
    record = WriteCallRecord("rep", "answered")
    if call.over:
        return _close(call, Announcement.GONE, record)
    if call.offered:
        return _to(call, CallPhase.OFFERING, call.times.words, record, SayText(Announcement.OFFER))
    announcement = Announcement.CALLER if call.waiting else Announcement.CALL
    return _to(call, CallPhase.WON, call.times.words, record, SayText(announcement))


def _pressed(call: RepCall, digit: str) -> Step:
    pressed = WriteCallRecord("rep", "pressed", digit=digit)
    if digit != KEY_ONE:
        return call, [pressed]
    if call.phase is CallPhase.OFFERING:
        return _to(call, CallPhase.ASKING, call.times.answer, pressed, StopSpeech(), AskEngine("press_one"))
    if call.phase is CallPhase.WON:
        if call.waiting:
            return _to(
                call,
                CallPhase.BRIDGED,
                call.times.talk,
                pressed,
                StopSpeech(),
                BridgeLegs(),
                WriteCallRecord("lead", "bridged"),
            )
        return _to(call, CallPhase.CONNECTING, call.times.answer, pressed, StopSpeech(), AskEngine("connect"))
    return call, [pressed]


def _words_ended(call: RepCall) -> Step:
    if call.phase is CallPhase.CLOSING:
        return call, [HangUp("rep")]
    if call.phase in {CallPhase.OFFERING, CallPhase.WON}:
        return _to(call, call.phase, call.times.digit)
    return call, []


def _decided(call: RepCall, decided: ActionDecided) -> Step:
    if decided.action == "press_one" and call.phase is CallPhase.ASKING:
        if call.hung_up:
            return replace(call, phase=CallPhase.ENDED), [
                AskEngine("hang_up")
            ] if decided.result == "won" else []
        if decided.result == "won":
            return _to(call, CallPhase.WON, call.times.words, SayText(Announcement.WON))
        return _close(call, Announcement.UNAVAILABLE if decided.result == "unknown" else Announcement.GONE)
    if decided.action == "connect" and call.phase is CallPhase.CONNECTING and decided.result != "done":
        reason = decided.reason or decided.result
        refused = WriteCallRecord("lead", "ended", reason=reason)
        return _close(call, REFUSED.get(reason, Announcement.UNAVAILABLE), refused)
    return call, []


def _offer_over(call: RepCall) -> Step:
    """S3: whoever has not pressed hears that the lead is gone, also one who answers a moment later."""
    if call.phase is CallPhase.DIALLING and not call.over:
        return _to(replace(call, over=True), CallPhase.DIALLING, call.times.late)
    if call.phase is CallPhase.OFFERING:
        return _close(call, Announcement.GONE)
    return call, []


def _won_elsewhere(call: RepCall) -> Step:
    """S1, S2: end a ring that its rep won in a browser. A rep who hears the words already may press 1 to be connected.

    If the lead is on the line, the telephone rings on, because the rep speaks with it there (N5). Hanging up means
    nothing any more. After a press here, the engine's answer says who won.
    """
    own_call = replace(call, offered=False)
    if call.phase is CallPhase.OFFERING:
        return _to(own_call, CallPhase.WON, call.times.words, SayText(Announcement.WON))
    if call.phase is not CallPhase.DIALLING:
        return call, []
    if call.waiting:
        return own_call, []
    return replace(own_call, phase=CallPhase.ENDED), [
        WriteCallRecord("rep", "ended", reason="withdrawn"),
        HangUp("rep"),
    ]


def _connect(call: RepCall, phone: str) -> Step:
    """S2, N6: dial the lead. The engine allowed it just now, at the rep's press here or in the console."""
    if call.phase not in {CallPhase.CONNECTING, CallPhase.WON}:
        return call, []
    seconds = call.times.lead
    return _to(
        call, CallPhase.LEAD_DIALLING, seconds + call.times.answer, StopSpeech(), DialLead(phone, seconds)
    )


def _ask_again(call: RepCall) -> Step:
    """N6: ask the engine once more, because its answer is old. A second old answer ends the call."""
    if call.phase not in {CallPhase.CONNECTING, CallPhase.WON}:
        return call, []
    if call.asked_again:
        return _close(call, Announcement.UNAVAILABLE, WriteCallRecord("lead", "ended", reason="unknown"))
    asking = replace(call, asked_again=True)
    return _to(asking, CallPhase.CONNECTING, call.times.answer, StopSpeech(), AskEngine("connect"))


def _lead_answered(call: RepCall) -> Step:
    record = WriteCallRecord("lead", "answered")
    if call.phase is not CallPhase.LEAD_DIALLING:
        return call, [record, HangUp("lead")]
    return _to(
        call, CallPhase.BRIDGED, call.times.talk, record, BridgeLegs(), WriteCallRecord("lead", "bridged")
    )


def _lead_gone(call: RepCall, reason: str) -> Step:
    ended = WriteCallRecord("lead", "ended", reason=reason)
    if call.phase is CallPhase.LEAD_DIALLING:
        announcement = Announcement.BUSY if reason == "busy" else REFUSED.get(reason, Announcement.NO_ANSWER)
        return _close(call, announcement, ended)
    if call.phase is CallPhase.BRIDGED:
        return _to(call, CallPhase.CLOSING, call.times.words, ended, AskEngine("activity"), HangUp("rep"))
    if call.waiting and call.offered:
        return replace(call, waiting=False), []  # the lead that called in hung up
    if call.waiting:
        return _caller_gone(replace(call, waiting=False))
    return call, [ended]


def _caller_gone(call: RepCall) -> Step:
    """N5: end the call of an owner whose lead called in and hung up before the two were connected."""
    if call.phase is CallPhase.DIALLING:
        ended = WriteCallRecord("rep", "ended", reason="withdrawn")
        return replace(call, phase=CallPhase.ENDED), [ended, HangUp("rep")]
    return _close(call, Announcement.CALLER_GONE) if call.phase is CallPhase.WON else (call, [])


def _rep_gone(call: RepCall, reason: str) -> Step:
    """S1, S2: a rep who hangs up declines the offer, or keeps the lead. A telephone nobody answered does neither."""
    ended: list[Instruction] = [WriteCallRecord("rep", "ended", reason=reason)]
    if call.phase is CallPhase.ASKING:
        return replace(call, hung_up=True), ended  # the answer says whether the rep keeps it
    if call.phase in {CallPhase.OFFERING, CallPhase.WON} and call.offered and reason == "hung_up":
        ended.append(AskEngine("hang_up"))
    if call.phase in {CallPhase.LEAD_DIALLING, CallPhase.BRIDGED}:
        ended.append(HangUp("lead"))
    if call.phase is CallPhase.BRIDGED:
        ended.append(AskEngine("activity"))
    return replace(call, phase=CallPhase.ENDED), ended


def _time_over(call: RepCall) -> Step:
    """End what nobody ended. An answering machine presses nothing, so it is like nobody (S4)."""
    if call.phase is CallPhase.ASKING:
        if call.hung_up:
            return replace(call, phase=CallPhase.ENDED), []
        return _close(call, Announcement.UNAVAILABLE)
    if call.phase is CallPhase.CONNECTING:
        return _close(call, Announcement.UNAVAILABLE, WriteCallRecord("lead", "ended", reason="unknown"))
    if call.phase is CallPhase.LEAD_DIALLING:
        return _close(call, Announcement.NO_ANSWER, HangUp("lead"))
    keeps: list[Instruction] = [AskEngine("hang_up")] if call.phase is CallPhase.WON and call.offered else []
    lead: list[Instruction] = (
        [HangUp("lead"), AskEngine("activity")] if call.phase is CallPhase.BRIDGED else []
    )
    reason = "no_digit" if call.phase in {CallPhase.OFFERING, CallPhase.WON} else "time_over"
    reason = "withdrawn" if call.phase is CallPhase.DIALLING and call.over else reason
    ended = WriteCallRecord("rep", "ended", reason=reason)
    return replace(call, phase=CallPhase.ENDED), [*keeps, *lead, ended, HangUp("rep")]


def start_call(call: RepCall, ring_seconds: float) -> Step:
    """Return a new call with its first time limit: how long the rep's telephone rings, in seconds."""
    return _to(call, CallPhase.DIALLING, ring_seconds)
