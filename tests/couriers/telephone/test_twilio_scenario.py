"""Ring all, calls by one click and calls of leads through Twilio's API, with the real engine (N4-N7, S1-S4)."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest

from application.journal_snapshot import journal_now
from assurance.verify import verify
from couriers.telephone.call_events import Announcement
from couriers.telephone.spoken_texts import text_around_name
from models.ids import lead_id
from runtime.process import spawn, stop_process
from runtime.up import everything
from tests.couriers.conftest import Post
from tests.couriers.telephone.conftest import TwilioServer, running_twilio
from tests.couriers.telephone.twilio_stand_in import SID, TOKEN
from tests.fixtures.servers import unique
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

REPS: Final = tuple(f"rep-{number:02}" for number in range(1, 13))
BUSY, MACHINE, AWAY, LATE = REPS[8:]
NUMBERS: Final = count(4_015_560_000)
SPECIAL: Final[dict[str, dict[str, Any]]] = {
    BUSY: {"ends": "busy"},
    MACHINE: {"machine": True},
    AWAY: {"answers": False},
    LATE: {"presses": [3]},
}
PRESSES: Final = {"presses": [3, 6]}
"""The offer and the words for the winner are three texts each: what comes before the name, the name, the rest."""
GONE_TEXT: Final = text_around_name(Announcement.GONE)[0]


@dataclass
class TwilioStack:
    """A running engine with a courier for the server that speaks Twilio's API."""

    settings: Settings
    post: Post
    twilio: TwilioServer


@pytest.fixture(scope="module")
def twilio_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwilioStack]:
    """Yield the engine, the courier and the server."""
    folder = tmp_path_factory.mktemp("twilio")
    with (
        running_twilio() as twilio,
        everything(workers=1, state_dir=folder / "state", say=lambda _: None) as up,
        running_courier(up.settings, twilio, folder / "courier.log"),
    ):
        yield TwilioStack(up.settings, Post(up.settings.kafka_bootstrap_servers), twilio)


@contextmanager
def running_courier(settings: Settings, twilio: TwilioServer, log: Path) -> Iterator[None]:
    """Run a telephone courier."""
    environment = {
        **os.environ,
        **settings.environment(),
        "FIRSTCLAIM_TELEPHONE_PROVIDER": "twilio",
        "FIRSTCLAIM_TELEPHONE_API_URL": twilio.address,
        "FIRSTCLAIM_TELEPHONE_USER": SID,
        "FIRSTCLAIM_TELEPHONE_PASSWORD": TOKEN,
        "FIRSTCLAIM_TELEPHONE_CALLER_ID": "+14015550100",
        "FIRSTCLAIM_TELEPHONE_WEBHOOK_URL": twilio.webhook_url,
        "FIRSTCLAIM_TELEPHONE_WEBHOOK_PORT": str(twilio.webhook_port),
        "FIRSTCLAIM_TELEPHONE_LATE_SECONDS": "12",  # so long AWAY's telephone rings on
    }
    process = spawn(
        [sys.executable, "-m", "cli", "courier", "--channel", "call"], log, environment=environment
    )
    try:
        yield
    finally:
        stop_process(process, signal.SIGTERM, 30)


class Scenario:
    """One org with its reps, their telephones and one lead."""

    def __init__(self, twilio_stack: TwilioStack, **behaviours: dict[str, Any]) -> None:
        self.twilio_stack, self.org, self.behaviours = twilio_stack, unique("org"), behaviours
        self.phones = {rep: f"+1{next(NUMBERS)}" for rep in behaviours}
        self.lead_phone = f"+1{next(NUMBERS)}"
        self.external = unique("A")
        self.lead_id = lead_id(self.org, "acme", self.external, {})
        twilio_stack.twilio.behave(**{self.phones[rep]: how for rep, how in behaviours.items()})
        twilio_stack.twilio.behave(**{self.lead_phone: {"talks": 0.5}})

    def answers_after(self, late: str, reps: Iterable[str]) -> None:
        """Let a rep answer only when the calls of these reps have ended."""
        behaviour = self.behaviours[late] | {"answers_after": [self.phones[rep] for rep in reps]}
        self.twilio_stack.twilio.behave(**{self.phones[late]: behaviour})

    def publish(self, *, ring_seconds: int = 60, inbound: dict[str, str] | None = None) -> None:
        """Publish the org."""
        for rep, phone in self.phones.items():
            self._publish("rep", rep, {"rep_id": rep, "name": rep, "phone": phone})
        members = [{"rep_id": rep} for rep in self.phones]
        group = {"group_id": "all", "method": "ring_all", "members": members, "ring_seconds": ring_seconds}
        self._publish("group", "all", group)
        self._publish("campaign", "all", {"campaign_id": "all", "group_id": "all", "default": True})
        self._publish("settings", "settings", {"quiet_hours": [], "telephone": {"inbound": inbound or {}}})

    def _publish(self, kind: str, object_id: str, value: dict[str, Any]) -> None:
        self.twilio_stack.post.publish(kind, object_id, value, self.org)

    async def is_known(self) -> bool:
        """Return whether every partition of the leads uses the org's settings, which are published last."""
        settings = self.twilio_stack.settings
        rule_books = [
            (await journal_now(settings, partitions={partition})).rule_book
            for partition in range(settings.partitions)
        ]
        return all(("settings", "settings") in book.org(self.org).objects for book in rule_books)

    def arrive(self, **more: Any) -> None:
        """Send the lead."""
        value = {
            "vendor": "acme",
            "external_id": self.external,
            "org": self.org,
            "first_name": "Jeremy",
            "last_name": "Jones",
            "phone": self.lead_phone,
            "state": "RI",
            **more,
        }
        self.twilio_stack.post.write("lead-arrivals", self.external, value)

    def act(self, action: str, rep_id: str) -> None:
        """Ask for an action, as a CRM does."""
        request = {
            "action_id": unique("act"),
            "type": action,
            "lead_id": self.lead_id,
            "rep_id": rep_id,
            "org": self.org,
        }
        self.twilio_stack.post.write("lead-actions", self.lead_id, request)

    def records_of(self, topic: str) -> list[dict[str, Any]]:
        """Return the records of a topic about the lead."""
        values = [
            json.loads(record.value()) for record in self.twilio_stack.post.records(topic) if record.value()
        ]
        return [value for value in values if value.get("lead_id") == self.lead_id]

    def legs(self) -> dict[tuple[str, str], str | None]:
        """Return (rep, leg) -> why it ended; None while it is open."""
        end_reasons: dict[tuple[str, str], str | None] = {}
        for call in self.records_of("calls"):
            end_reasons[call["rep_id"], call["leg"]] = call["reason"] if call["event"] == "ended" else None
        return end_reasons

    def all_ended(self) -> bool:
        """Return whether every rep was called and every leg has ended."""
        legs = self.legs()
        return {rep for rep, _ in legs} >= set(self.phones) and None not in legs.values()

    def heard(self, rep: str) -> list[str]:
        """Return what a rep heard."""
        return [text for call in self.twilio_stack.twilio.calls(self.phones[rep]) for text in call["heard"]]

    def events(self, event: str) -> list[str]:
        """Return the reps with an event in their calls."""
        return [call["rep_id"] for call in self.records_of("calls") if call["event"] == event]

    def activities(self) -> list[str]:
        """Return whose calls were logged."""
        return [
            decision["rep_id"]
            for decision in self.records_of("lead-decisions")
            if decision["type"] == "activity"
        ]


@pytest.mark.parametrize("keeps", [False, True])
async def test_n4_s1_s2_s3_twelve_telephones_ring_and_one_wins(
    twilio_stack: TwilioStack, *, keeps: bool
) -> None:
    """`keeps`: whoever wins hangs up between the two presses."""
    behaviour = {"presses": [3], "hangs_up_after": [6]} if keeps else PRESSES
    scenario = Scenario(twilio_stack, **{rep: SPECIAL.get(rep, behaviour) for rep in REPS})
    scenario.answers_after(LATE, set(REPS) - set(SPECIAL))
    scenario.publish()
    await eventually(scenario.is_known, "every partition knows the org", every=0.5)
    scenario.arrive()
    await eventually(scenario.all_ended, "every leg ended", every=1.0)
    winners = [
        decision["rep_id"]
        for decision in scenario.records_of("lead-decisions")
        if decision["type"] == "press_one" and decision["result"] == "won"
    ]
    assert len(winners) == 1
    [winner] = winners
    assert scenario.records_of("assignments")[-1]["rep_id"] == winner
    for rep in REPS:
        if rep in {BUSY, AWAY}:
            assert scenario.heard(rep) == []
        elif rep == winner:
            assert GONE_TEXT not in scenario.heard(rep)
            assert scenario.heard(rep)[:2] == ["You have an available lead", "Jeremy Jones"]
        elif rep != MACHINE:
            assert scenario.heard(rep)[-1] == GONE_TEXT, rep
    legs = scenario.legs()
    assert legs[BUSY, "rep"] == "busy"
    assert legs[MACHINE, "rep"] == "no_answer"
    assert MACHINE not in scenario.events("pressed")
    assert scenario.events("bridged") == ([] if keeps else [winner])
    if not keeps:
        assert await eventually(scenario.activities, "N7: the call is logged") == [winner]
    statuses = {call["status"] for call in twilio_stack.twilio.calls()}
    assert not statuses & {"queued", "ringing", "in-progress"}, "no call is left"


async def test_s4_n4_nobody_answers_and_the_lead_is_an_exception(twilio_stack: TwilioStack) -> None:
    scenario = Scenario(twilio_stack, **{rep: SPECIAL[rep] for rep in (BUSY, MACHINE, AWAY)})
    scenario.publish(ring_seconds=15)
    await eventually(scenario.is_known, "every partition knows the org", every=0.5)
    scenario.arrive()
    await eventually(lambda: scenario.records_of("lead-exceptions"), "it is an exception", every=0.5)
    assert scenario.records_of("lead-exceptions")[-1]["reason"] == "no_agents_answered"
    assert not scenario.records_of("lead-decisions"), "no action was asked for anybody"
    await eventually(scenario.all_ended, "every leg ended", every=0.5)


async def test_n7_a_rep_calls_a_lead_and_n5_the_lead_calls_back(twilio_stack: TwilioStack) -> None:
    """The owner is called first and presses 1. Later the lead calls the org's number, and its owner takes the call."""
    scenario = Scenario(twilio_stack, ann={"presses": [3]}, bob={"presses": [3]})
    number = f"+1{next(NUMBERS)}"
    scenario.publish(inbound={number: "all"})
    await eventually(scenario.is_known, "every partition knows the org", every=0.5)
    scenario.arrive(assigned_to="ann")
    await eventually(lambda: scenario.records_of("assignments"), "ann owns it")
    scenario.act("dial", "ann")
    await eventually(scenario.activities, "the call is logged")
    assert scenario.heard("ann")[:3] == ["You asked to call", "Jeremy Jones", "Press 1 to be connected."]
    assert scenario.events("bridged") == ["ann"]
    assert len(twilio_stack.twilio.calls(scenario.lead_phone)) == 1, "the lead was called once"
    sid = twilio_stack.twilio.call_in(number, scenario.lead_phone, talks=0.5)
    await eventually(lambda: len(scenario.activities()) == 2, "the second call is logged")
    assert scenario.events("bridged") == ["ann", "ann"]
    assert scenario.heard("ann")[3:6] == [
        "Your lead",
        "Jeremy Jones",
        "is calling. Press 1 to be connected.",
    ]
    assert scenario.heard("bob") == [], "only the owner is called"
    [call] = [candidate for candidate in twilio_stack.twilio.calls(number) if candidate["sid"] == sid]
    await eventually(lambda: scenario.all_ended() if "bob" not in scenario.phones else True, "all legs ended")
    assert call["conference"] is not None


async def test_n4_n1_everything_that_was_written_agrees(twilio_stack: TwilioStack) -> None:
    """After the stories: each leg belongs to a request or to a lead that called in, and has ended; rows agree."""
    report = await verify(twilio_stack.settings)
    assert not report.counts, report.lines()
