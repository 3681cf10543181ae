"""The ring-all scenario with real telephones: twelve ring, one wins, all others are told (N4, S1-S4)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from datetime import datetime
from secrets import randbelow
from typing import TYPE_CHECKING, Any, Final

import pytest

from application.journal_snapshot import journal_now
from couriers.telephone.call_channel import call_id_of
from couriers.telephone.call_events import Announcement
from couriers.telephone.spoken_texts import text_around_name
from models.ids import lead_id
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.telephony import sipp
from tests.telephony.conftest import LEAD_PORT, Watcher
from tests.telephony.sipp import Telephone

if TYPE_CHECKING:
    from pathlib import Path

    from tests.telephony.conftest import TelephonyStack

pytestmark = [pytest.mark.telephony, pytest.mark.slow]

RINGS: Final = int(os.environ.get("RINGS", "10"))
REPS: Final = tuple(f"rep-{number:02}" for number in range(1, 13))
SPOKEN: Final = {
    hashlib.sha256(f"en-us\n{text_around_name(announcement)[0]}".encode()).hexdigest()[:40]: announcement
    for announcement in Announcement
}
"""The sound of the first part of each text -> the words."""
FIRST_REP, BUSY, MACHINE, AWAY, LATE = REPS[0], REPS[8], REPS[9], REPS[10], REPS[11]


def scenario(rep: str, *, keeps: bool) -> str:
    """Return how a rep's telephone behaves. `keeps`: whoever wins hangs up between the two presses."""
    special = {
        BUSY: sipp.is_busy(),
        MACHINE: sipp.listens(),
        AWAY: sipp.is_away(),
        LATE: sipp.presses(30, ring_ms=8_000),
    }
    return special.get(rep) or (sipp.presses_once_and_hangs_up(9_000) if keeps else sipp.presses(30))


class Scenario:
    """One lead that rings with twelve telephones."""

    def __init__(
        self, telephony_stack: TelephonyStack, folder: Path, number: int, *, talk_ms: int = 1_500
    ) -> None:
        self.telephony_stack, self.folder, self.number = telephony_stack, folder, number
        self.org = unique(f"org{number}")
        self.keeps = number % 2 == 1
        self.reps: tuple[str, ...] = REPS
        self.special: dict[str, str] = {}
        """Rep -> how the rep's telephone behaves in this scenario."""
        self.telephones: dict[str, Telephone] = {}
        self.lead = Telephone("lead", folder, sipp.talks(talk_ms), LEAD_PORT)
        self.external = unique("A")
        self.lead_id = lead_id(self.org, "acme", self.external, {})

    def publish(
        self,
        *reps: str,
        ring_seconds: int = 60,
        quiet_hours: Any = (),
        inbound: dict[str, str] | None = None,
        click_to_call: bool = False,
    ) -> None:
        """Publish the org with its reps (all twelve if none is named), and start their telephones."""
        self.reps = reps or REPS
        for rep in self.reps:
            behaves = self.special.get(rep) or scenario(rep, keeps=self.keeps)
            self.telephones[rep] = Telephone(rep, self.folder, behaves)
            self._publish("rep", rep, {"rep_id": rep, "telephone": self.telephones[rep].uri})
        members = [{"rep_id": rep} for rep in self.reps]
        terms = {"method": "ring_all", "members": members, "ring_seconds": ring_seconds}
        group = {"group_id": "all", **terms}
        self._publish("group", "all", group)
        self._publish("campaign", "all", {"campaign_id": "all", "group_id": "all", "default": True})
        telephone = {"inbound": inbound or {}, "click_to_call": click_to_call}
        self._publish("settings", "org", {"quiet_hours": [*quiet_hours], "telephone": telephone})

    def _publish(self, kind: str, object_id: str, value: dict[str, Any]) -> None:
        self.telephony_stack.post.publish(kind, object_id, value, self.org)

    async def is_known(self) -> bool:
        """Return whether every partition of the leads uses the org's settings, which are published last."""
        settings = self.telephony_stack.running.settings
        for partition in range(settings.partitions):
            rule_book = (await journal_now(settings, partitions={partition})).rule_book
            if not any(kind == "settings" for kind, _ in rule_book.org(self.org).objects):
                return False
        return True

    def arrive(self, **more: Any) -> None:
        """Send the lead."""
        value = {
            "vendor": "acme",
            "external_id": self.external,
            "org": self.org,
            "first_name": "Jeremy",
            "last_name": "Jones",
            "phone": "(401) 419-4247",
            "state": "RI",
            **more,
        }
        self.telephony_stack.post.write("lead-arrivals", self.external, value)

    def records_of(self, topic: str) -> list[dict[str, Any]]:
        """Return the records of a topic about the lead."""
        values = [
            json.loads(record.value())
            for record in self.telephony_stack.post.records(topic)
            if record.value()
        ]
        return [value for value in values if value.get("lead_id") == self.lead_id]

    def activities(self) -> list[tuple[str, str]]:
        """Return rep and result of each activity."""
        answers = [
            decision for decision in self.records_of("lead-decisions") if decision["type"] == "activity"
        ]
        return [(answer["rep_id"], answer["result"]) for answer in answers]

    def all_ended(self) -> bool:
        """Return whether every leg that was dialled has ended."""
        legs = {(call["call_id"], call["leg"]) for call in self.records_of("calls")}
        ended = {
            (call["call_id"], call["leg"]) for call in self.records_of("calls") if call["event"] == "ended"
        }
        return len(legs) >= len(self.reps) and legs == ended

    def stop(self) -> None:
        """End all telephones."""
        for telephone in (*self.telephones.values(), self.lead):
            telephone.stop()

    def timeline(self, calls: list[dict[str, Any]], heard: dict[str, list[Announcement]]) -> str:
        """Return what happened, in order: SIP messages and records of `calls`."""
        happenings = [
            (at, f"{name:7} SIP {message}")
            for name, telephone in {**self.telephones, "lead": self.lead}.items()
            for at, message in telephone.messages()
        ]
        for call in calls:
            detail = " ".join(filter(None, (call["digit"], call["reason"])))
            at = datetime.fromisoformat(call["at"]).timestamp()
            happenings.append((at, f"{call['rep_id']:7} {call['leg']} leg {call['event']} {detail}"))
        happenings.sort()
        began = happenings[0][0]
        lines = [f"  {at - began:7.3f} {happening}" for at, happening in happenings]
        lines += [f"  {rep:7} heard {', '.join(heard_words)}" for rep, heard_words in sorted(heard.items())]
        return "\n".join(lines)


@pytest.mark.parametrize("number", range(RINGS))
async def test_n4_s1_s2_s3_twelve_telephones_ring_and_one_wins(
    telephony_stack: TelephonyStack, tmp_path: Path, number: int
) -> None:
    scenario, watcher, listening = (
        Scenario(telephony_stack, tmp_path, number),
        Watcher(telephony_stack.asterisk),
        asyncio.Event(),
    )
    watching = asyncio.create_task(watcher.watch(listening))
    try:
        await eventually(listening.is_set, "the watcher listens")
        scenario.publish()
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        scenario.arrive()
        await eventually(scenario.all_ended, "every leg ended", every=1.0)
        calls = scenario.records_of("calls")
        by_channel = {f"firstclaim-{call['call_id']}": call["rep_id"] for call in calls}
        heard: dict[str, list[Announcement]] = {}
        for channel, sound in watcher.played:
            if channel in by_channel and sound in SPOKEN:
                heard.setdefault(by_channel[channel], []).append(SPOKEN[sound])
        print(f"\nring {number + 1}: {scenario.lead_id}\n{scenario.timeline(calls, heard)}")  # noqa: T201
        answers = scenario.records_of("lead-decisions")
        winners = [
            answer["rep_id"]
            for answer in answers
            if answer["type"] == "press_one" and answer["result"] == "won"
        ]
        assert len(winners) == 1
        winner = winners[0]
        assert (newest := scenario.records_of("assignments")[-1])["rep_id"] == winner, newest
        assert newest["how"] == "ring_all"
        for rep in REPS:
            if rep in {BUSY, AWAY}:
                assert rep not in heard
            elif rep == winner:
                assert Announcement.GONE not in heard[rep], "the winner is not told that it is gone"
                assert heard[rep][:2] == [Announcement.OFFER, Announcement.WON]
            else:
                assert heard[rep][-1] is Announcement.GONE, f"{rep} heard {heard[rep]}"
        reasons = {
            call["rep_id"]: call["reason"]
            for call in calls
            if call["leg"] == "rep" and call["event"] == "ended"
        }
        assert reasons[BUSY] == "busy"
        pressed = {call["rep_id"] for call in calls if call["event"] == "pressed"}
        assert not pressed & {BUSY, AWAY, MACHINE}
        bridged = [call for call in calls if call["event"] == "bridged"]
        if scenario.keeps:
            assert not bridged, "the winner hung up between the presses"
            hung_up = [
                answer for answer in answers if answer["type"] == "hang_up" and answer["rep_id"] == winner
            ]
            assert [activity["result"] for activity in hung_up] == ["done"]
        else:
            assert [call["rep_id"] for call in bridged] == [winner]
            logged = await eventually(scenario.activities, "N7: the call is logged")
            assert logged == [(winner, "done")]
            assert await eventually(lambda: scenario.lead.ended, "the lead hung up")
            assert scenario.lead.process.returncode == 0, "the lead's telephone talked and hung up"
        assert not await watcher.channels(), "no leg is left in Asterisk"
        assert {call["call_id"] for call in calls} == {
            call_id_of(f"{scenario.lead_id}/{newest_epoch(calls)}/{rep}/ring/call") for rep in REPS
        }
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        scenario.stop()


async def test_s4_n4_nobody_answers_and_the_lead_is_an_exception(
    telephony_stack: TelephonyStack, tmp_path: Path
) -> None:
    """A busy line, an answering machine and a telephone that nobody hears are no answer, and no decline either."""
    scenario = Scenario(telephony_stack, tmp_path, 100)
    try:
        scenario.publish(BUSY, MACHINE, AWAY, ring_seconds=12)
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        scenario.arrive()
        await eventually(scenario.all_ended, "every leg ended", every=0.5)
        await eventually(lambda: scenario.records_of("lead-exceptions"), "it is an exception", every=0.5)
        assert scenario.records_of("lead-exceptions")[-1]["reason"] == "no_agents_answered"
        assert not scenario.records_of("lead-decisions"), "no action was asked for anybody"
        reasons = {
            call["rep_id"]: call["reason"]
            for call in scenario.records_of("calls")
            if call["event"] == "ended"
        }
        assert reasons[BUSY] == "busy"
        assert reasons[MACHINE] in {"no_digit", "hung_up"}
        assert reasons[AWAY] in {"no_answer", "withdrawn"}
        fates = [(delivery["rep_id"], delivery["status"]) for delivery in scenario.records_of("deliveries")]
        assert (BUSY, "failed") in fates
        assert (MACHINE, "delivered") in fates
    finally:
        scenario.stop()


async def test_n6_a_lead_in_its_quiet_hours_is_not_dialled_and_the_rep_hears_why(
    telephony_stack: TelephonyStack, tmp_path: Path
) -> None:
    """The lead may be called when it rings; its org's quiet hours begin before the second press."""
    scenario, watcher, listening = (
        Scenario(telephony_stack, tmp_path, 102),
        Watcher(telephony_stack.asterisk),
        asyncio.Event(),
    )
    watching = asyncio.create_task(watcher.watch(listening))
    try:
        await eventually(listening.is_set, "the watcher listens")
        every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        quiet = [{"days": every_day, "from": "00:00", "to": "24:00"}]
        scenario.publish(FIRST_REP, quiet_hours=quiet)
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        scenario.arrive()
        await eventually(scenario.all_ended, "every leg ended", every=0.5)
        announcements = [SPOKEN[sound] for _, sound in watcher.played if sound in SPOKEN]
        assert announcements == [Announcement.OFFER, Announcement.WON, Announcement.QUIET_HOURS]
        lead_legs = [
            (call["event"], call["reason"]) for call in scenario.records_of("calls") if call["leg"] == "lead"
        ]
        assert lead_legs == [("ended", "quiet_hours")]
        assert not scenario.lead.messages(), "the lead's telephone never rang"
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        scenario.stop()


@pytest.mark.parametrize("is_known", [True, False])
async def test_n5_a_lead_that_calls_in_rings_the_group_and_is_connected_to_the_winner(
    telephony_stack: TelephonyStack, tmp_path: Path, *, is_known: bool
) -> None:
    """Caller id known or not: the call becomes a lead of the number's campaign."""
    scenario = Scenario(telephony_stack, tmp_path, 104 if is_known else 106)
    number = f"1401555{randbelow(10_000):04}"
    scenario.publish(FIRST_REP, REPS[1], inbound={f"+{number}": "all"})
    await eventually(scenario.is_known, "every partition knows the org", every=0.5)
    at = asyncio.get_running_loop().time()
    caller: sipp.Caller | None = None
    try:
        # The courier may not have read the directory yet, and then refuses the call: the lead calls again.
        while not (bridged := [call for call in scenario.records_of("calls") if call["event"] == "bridged"]):
            if caller is None or caller.ended:
                caller = sipp.Caller(
                    unique("caller"),
                    tmp_path,
                    telephony_stack.asterisk.ports["sip"],
                    number,
                    "14014194247" if is_known else "anonymous",
                )
            ringing = [
                leg
                for leg in all_calls(telephony_stack)
                if leg["org"] == scenario.org and leg["leg"] == "inbound"
            ]
            if ringing:
                scenario.lead_id = ringing[0]["lead_id"]
            assert asyncio.get_running_loop().time() - at < PATIENCE_SECONDS
            await asyncio.sleep(0.3)
        scenario.telephones[bridged[0]["rep_id"]].stop()
        assert scenario.records_of("assignments")[-1]["rep_id"] == bridged[0]["rep_id"]
        phone = scenario.records_of("assignments")[-1]["lead"]["phone"]
        assert phone == ("+14014194247" if is_known else None)
        assert not scenario.lead.messages(), "the lead is on the line and is not dialled"
    finally:
        scenario.stop()
        if caller is not None:
            caller.stop()


def all_calls(telephony_stack: TelephonyStack) -> list[dict[str, Any]]:
    """Return every record of `calls`."""
    return [json.loads(record.value()) for record in telephony_stack.post.records("calls")]


def newest_epoch(calls: list[dict[str, Any]]) -> str:
    """Return the epoch that the ids of the requests name."""
    return str(calls[0]["notification_id"].split("/")[1])
