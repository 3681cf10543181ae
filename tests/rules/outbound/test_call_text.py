"""N4: what happened in a call, in sentences."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.public import Call
from rules.outbound.call_text import call_text

AT = datetime(2026, 11, 27, 10, tzinfo=UTC)
REP, LEAD = "rep", "lead"
Event = tuple[str, str, dict[str, Any]]


def text_of(*events: Event, template: str = "ring") -> str:
    """Return the text of a call. Each event comes a minute after the one before."""
    records = [
        Call(
            call_id="c",
            notification_id=f"L/1/ann/{template}/call",
            lead_id="L",
            rep_id="ann",
            leg=leg,  # type: ignore[arg-type]
            event=event,  # type: ignore[arg-type]
            at=AT + timedelta(minutes=n),
            org="default",
            **{"digit": None, "seconds": None, **more},
        )
        for n, (leg, event, more) in enumerate(events)
    ]
    return call_text(records, lambda rep_id: rep_id.title())


RINGS: tuple[Event, ...] = ((REP, "dialled", {}), (REP, "ringing", {}))
ANSWERS: tuple[Event, ...] = (*RINGS, (REP, "answered", {}))
ONE = (REP, "pressed", {"digit": "1"})


def test_n4_a_call_that_connects_the_two() -> None:
    talk: tuple[Event, ...] = (
        *ANSWERS,
        ONE,
        ONE,
        (LEAD, "dialled", {}),
        (LEAD, "answered", {}),
        (LEAD, "bridged", {}),
    )
    begun = (
        "Ann's telephone rang about the offer. Ann answered and pressed keys 2 times. The lead was called."
    )
    assert text_of(*talk) == f"{begun} They are talking."
    over = (LEAD, "ended", {"reason": "hung_up"}), (REP, "ended", {"reason": "hung_up"})
    assert text_of(*talk, *over) == f"{begun} They talked for 1 min 0 s."


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("busy", "The line was busy."),
        ("no_answer", "Nobody answered."),
        ("withdrawn", "It stopped ringing, because the offer was over."),
        ("lost", "The connection was lost."),
    ],
)
def test_n4_a_telephone_that_nobody_answered(reason: str, text: str) -> None:
    ended = (REP, "ended", {"reason": reason})
    assert text_of(*RINGS, ended) == f"Ann's telephone rang about the offer. {text}"


def test_n4_a_machine_and_n6_a_lead_that_was_not_called() -> None:
    assert text_of(*ANSWERS, (REP, "ended", {"reason": "no_digit"})).endswith(
        "Nobody pressed a key, as if an answering machine answered."
    )
    quiet = text_of(*ANSWERS, ONE, (LEAD, "ended", {"reason": "quiet_hours"}), template="connect")
    assert quiet == (
        "Ann's telephone rang to be connected with the lead. Ann answered and pressed a key. "
        "The lead was not called, because of its quiet hours."
    )


def test_n5_a_lead_that_called_in() -> None:
    ended = ("inbound", "ended", {"seconds": 75.2, "reason": "no_answer"})
    assert text_of(("inbound", "ringing", {})) == "The lead calls in."
    assert text_of(("inbound", "ringing", {}), ended) == (
        "The lead called in, and stayed on the line for 1 min 15 s. Nobody took the call."
    )
