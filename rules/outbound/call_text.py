"""Tells in sentences what happened in a call, from the records of its legs (N4)."""

from collections.abc import Callable, Sequence
from typing import Final

from models.public import Call

_MINUTE: Final = 60
ABOUT: Final = {
    "ring": "about the offer",
    "connect": "to be connected with the lead",
    "lead_calls": "because the lead called in",
}
"""Template of the request -> why the rep was called."""
REP_ENDED: Final = {
    "busy": "The line was busy.",
    "no_answer": "Nobody answered.",
    "rejected": "The call was rejected.",
    "failed": "The call failed.",
    "withdrawn": "It stopped ringing, because the offer was over.",
    "lost": "The connection was lost.",
    "time_over": "It was ended after its longest time.",
}
LEAD_ENDED: Final = {
    "busy": "The lead's line was busy.",
    "no_answer": "The lead did not answer.",
    "rejected": "The lead rejected the call.",
    "failed": "The lead could not be called.",
    "lost": "The connection was lost.",
    "quiet_hours": "The lead was not called, because of its quiet hours.",
    "suppressed": "The lead was not called, because it must not be called.",
    "no_phone": "The lead was not called, because it has no telephone number.",
    "unknown": "The lead was not called, because the engine did not answer.",
}


def call_text(records: Sequence[Call], name: Callable[[str], str]) -> str:
    """Return what happened in one call as sentences. `records`: at least one, in order. `name`: rep id -> name."""
    sentences = [_caller(records)] if records[0].leg == "inbound" else _rep(records, name(records[0].rep_id))
    return " ".join([*sentences, *_lead(records)])


def _caller(records: Sequence[Call]) -> str:
    end = _end(records, "inbound")
    if end is None:
        return "The lead calls in."
    length = f", and stayed on the line for {duration(end.seconds)}" if end.seconds is not None else ""
    unanswered = " Nobody took the call." if end.reason == "no_answer" else ""
    return f"The lead called in{length}.{unanswered}"


def _rep(records: Sequence[Call], name: str) -> list[str]:
    first, events = records[0], {record.event for record in records if record.leg == "rep"}
    template = first.notification_id.rsplit("/", 2)[-2] if first.notification_id.count("/") > 1 else ""
    about = f" {ABOUT[template]}" if template in ABOUT else ""
    presses = sum(record.event == "pressed" for record in records)
    sentences = [f"{name}'s telephone rang{about}."]
    end = _end(records, "rep")
    if "answered" in events:
        pressed = {0: "", 1: " and pressed a key"}.get(presses, f" and pressed keys {presses} times")
        sentences.append(f"{name} answered{pressed}.")
        if end is not None and end.reason == "no_digit":
            sentences.append("Nobody pressed a key, as if an answering machine answered.")
    elif end is not None:
        sentences.append(REP_ENDED.get(end.reason or "", "The call ended."))
    return sentences


def _lead(records: Sequence[Call]) -> list[str]:
    events = {record.event for record in records if record.leg == "lead"}
    end, rep_end = _end(records, "lead"), _end(records, "rep")
    bridged = next((record for record in records if record.event == "bridged"), None)
    sentences = []
    if "dialled" in events:
        sentences.append("The lead was called.")
    if bridged is not None:
        talk_end = min(
            (end_record.at for end_record in (end, rep_end) if end_record is not None), default=None
        )
        talked = (
            "They are talking."
            if talk_end is None
            else f"They talked for {duration((talk_end - bridged.at).total_seconds())}."
        )
        return [*sentences, talked]
    if end is not None:
        sentences.append(LEAD_ENDED.get(end.reason or "", "The lead hung up before they were connected."))
    return sentences


def _end(records: Sequence[Call], leg: str) -> Call | None:
    return next(
        (record for record in reversed(records) if record.leg == leg and record.event == "ended"), None
    )


def duration(seconds: float | None) -> str:
    """Return a length of time in words; less than a second counts as none."""
    whole_seconds = round(max(0.0, seconds or 0.0))
    minutes, rest_seconds = divmod(whole_seconds, _MINUTE)
    return f"{minutes} min {rest_seconds} s" if minutes else f"{rest_seconds} s"
