"""Calls by one click (N7), known leads that call in (N5) and a killed courier (N1), with real telephones."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from http import HTTPStatus
from secrets import randbelow
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import async_playwright, expect

from assurance.verify import verify
from bench import BENCHES
from couriers.telephone.call_events import Announcement
from runtime.up import everything
from sink.database_engine import connect
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.telephony import sipp
from tests.telephony.conftest import CourierProcess, Watcher
from tests.telephony.sipp import Telephone
from tests.telephony.test_ring_all import AWAY, FIRST_REP, MACHINE, REPS, SPOKEN, Scenario
from tests.web.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.web.running_org import PASSWORD, PATIENCE_MS
from web.settings import WebSettings
from web.store.account import Account
from web.store.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

    from tests.telephony.conftest import TelephonyStack

pytestmark = [pytest.mark.telephony, pytest.mark.slow]


async def test_n7_a_click_rings_the_rep_and_then_the_lead_and_the_page_shows_it(
    telephony_stack: TelephonyStack, tmp_path: Path
) -> None:
    """A browser, Asterisk and two SIP telephones: the rep's presses 1, the lead's talks for some seconds."""
    scenario = Scenario(telephony_stack, tmp_path, 110, talk_ms=8_000)
    try:
        scenario.publish(FIRST_REP, click_to_call=True)
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        scenario.arrive(assigned_to=FIRST_REP)
        await eventually(lambda: scenario.records_of("assignments"), "it has its owner", every=0.5)
        async with browser_of(scenario, FIRST_REP, f"/leads/{scenario.lead_id}") as page:
            await page.get_by_role("button", name="Call Jeremy Jones").click()
            bar = page.locator("#call")
            connected = "You are connected with Jeremy Jones."
            await expect(bar).to_contain_text(connected, timeout=PATIENCE_MS)
            await expect(bar).to_contain_text("has ended after 0:", timeout=PATIENCE_MS)
        await eventually(
            lambda: scenario.activities() == [(FIRST_REP, "done")], "the call is logged", every=0.5
        )
        legs = [(call["leg"], call["event"]) for call in scenario.records_of("calls")]
        assert (
            legs.index(("rep", "answered")) < legs.index(("rep", "pressed")) < legs.index(("lead", "dialled"))
        )
        assert scenario.lead.process.wait(PATIENCE_SECONDS) == 0, "the lead's telephone talked and hung up"
    finally:
        scenario.stop()


async def test_n4_s3_a_rep_who_wins_in_a_browser_silences_all_telephones(
    telephony_stack: TelephonyStack, tmp_path: Path
) -> None:
    """The winner's telephone is silent at once. A loser who has answered hears why, and one that rings ends later."""
    scenario, watcher, listening = (
        Scenario(telephony_stack, tmp_path, 116),
        Watcher(telephony_stack.asterisk),
        asyncio.Event(),
    )
    winner, rings, hears = AWAY, FIRST_REP, MACHINE
    scenario.special[rings] = sipp.is_away()
    watching = asyncio.create_task(watcher.watch(listening))
    try:
        await eventually(listening.is_set, "the watcher listens")
        scenario.publish(winner, rings, hears)
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        async with browser_of(scenario, winner, "/queues/mine") as page:
            scenario.arrive()
            card = page.locator("#offers").get_by_role("alert")
            await expect(card).to_contain_text(
                "You have an available lead Jeremy Jones.", timeout=PATIENCE_MS
            )
            await eventually(
                lambda: reps_who_answered(scenario) == {hears}, "a loser hears the offer", every=0.2
            )
            await page.get_by_role("button", name="Press 1 to accept").click()
            await expect(card).to_contain_text("You have been assigned Jeremy Jones", timeout=PATIENCE_MS)
        await eventually(scenario.all_ended, "every leg ended", every=0.5)
        calls = scenario.records_of("calls")
        ended = {call["rep_id"]: call for call in calls if call["event"] == "ended"}
        assert {rep: leg_end["reason"] for rep, leg_end in ended.items() if rep != hears} == {
            winner: "withdrawn",
            rings: "withdrawn",
        }
        assert ended[winner]["at"] < ended[rings]["at"], "a loser's rings on, so that a late answer hears why"
        assert is_cancelled(scenario.telephones[winner])
        assert is_cancelled(scenario.telephones[rings])
        channels = {f"firstclaim-{call['call_id']}" for call in calls if call["rep_id"] == hears}
        announcements = [
            SPOKEN[sound] for channel, sound in watcher.played if channel in channels and sound in SPOKEN
        ]
        assert announcements == [Announcement.OFFER, Announcement.GONE]
        fates = {
            (delivery["rep_id"], delivery["status"])
            for delivery in scenario.records_of("deliveries")
            if delivery["channel"] == "call"
        }
        assert (winner, "withdrawn") in fates
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        scenario.stop()


@asynccontextmanager
async def browser_of(scenario: Scenario, rep: str, path: str) -> AsyncIterator[Page]:
    """Yield a page of the console in which a rep has signed in."""
    running = scenario.telephony_stack.running
    console = connect(WebSettings.read(state_dir=running.settings.state_dir).console_database_url)
    email = f"{rep}@{scenario.org}.example"
    Accounts(console).put(Account(email=email, org=scenario.org, rep_id=rep, role="rep"), PASSWORD)
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
            url = f"http://127.0.0.1:{running.ports['console']}"
            page = await (await browser.new_context(base_url=url)).new_page()
            page.set_default_timeout(PATIENCE_MS)
            await page.goto(f"/sign-in?next={path}")
            await page.get_by_label("Email").fill(email)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Sign in").click()
            await page.wait_for_selector("html[data-ready=yes]")
            yield page
            await browser.close()
    finally:
        console.dispose()


def reps_who_answered(scenario: Scenario) -> set[str]:
    """Return the reps whose telephones were answered."""
    return {call["rep_id"] for call in scenario.records_of("calls") if call["event"] == "answered"}


async def test_n5_a_known_lead_that_calls_in_is_connected_with_its_owner(
    telephony_stack: TelephonyStack, tmp_path: Path
) -> None:
    """Two reps could be called; only the owner is."""
    scenario = Scenario(telephony_stack, tmp_path, 112)
    number = f"1401555{randbelow(10_000):04}"
    caller: sipp.Caller | None = None
    try:
        scenario.publish(FIRST_REP, REPS[1], inbound={f"+{number}": "all"})
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        scenario.arrive(assigned_to=FIRST_REP)
        await eventually(lambda: scenario.records_of("assignments"), "it has its owner", every=0.5)
        at = asyncio.get_running_loop().time()
        while not (bridged := [call for call in scenario.records_of("calls") if call["event"] == "bridged"]):
            if caller is None or caller.ended:
                sip = telephony_stack.asterisk.ports["sip"]
                caller = sipp.Caller(unique("caller"), tmp_path, sip, number, "14014194247")
            assert asyncio.get_running_loop().time() - at < PATIENCE_SECONDS
            await asyncio.sleep(0.3)
        assert [leg_event["rep_id"] for leg_event in bridged] == [FIRST_REP]
        assert {leg_event["notification_id"].split("/")[-2] for leg_event in bridged} == {"lead_calls"}
        scenario.telephones[FIRST_REP].stop()
        assert not scenario.telephones[REPS[1]].messages(), "only the owner was called"
        assert not scenario.lead.messages(), "the lead is on the line and is not dialled"
    finally:
        scenario.stop()
        if caller is not None:
            caller.stop()


async def test_n1_n4_a_killed_courier_rings_again_and_leaves_no_open_leg(
    telephony_stack: TelephonyStack, tmp_path: Path
) -> None:
    """The telephone rings when the courier is killed. The next one hangs it up, ends its leg and calls again."""
    scenario = Scenario(telephony_stack, tmp_path, 114)
    next_telephone: Telephone | None = None
    try:
        scenario.publish(AWAY, ring_seconds=120)
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        scenario.arrive()
        rung = scenario.telephones[AWAY]
        await eventually(lambda: "ringing" in events(scenario), "it rings", every=0.3)
        await asyncio.to_thread(telephony_stack.courier.stop, signal.SIGKILL)
        assert not rung.ended, "nobody hung up"
        await asyncio.to_thread(telephony_stack.courier.start)
        await eventually(lambda: is_cancelled(rung), "the dead courier's call is hung up", every=0.3)
        rung.stop()
        next_telephone = Telephone(f"{AWAY}-again", tmp_path, sipp.presses(30), rung.port)
        await eventually(
            lambda: scenario.records_of("assignments"), "the rep was called again and won", every=0.5
        )
        await eventually(scenario.all_ended, "every leg ended", every=0.5)
        assert ("rep", "lost") in [(call["leg"], call["reason"]) for call in scenario.records_of("calls")]
        assert events(scenario).count("dialled") >= 2
        rings = [delivery for delivery in scenario.records_of("deliveries") if delivery["status"] == "sent"]
        assert len({ring["notification_id"] for ring in rings}) == len(rings), "each request was sent once"
    finally:
        if next_telephone is not None:
            next_telephone.stop()
        scenario.stop()


async def test_n5_a_second_courier_waits_and_takes_over_when_the_first_ends(
    telephony_stack: TelephonyStack, tmp_path: Path
) -> None:
    """While the first one lives, the second one does not touch its calls, and says that it waits."""
    scenario = Scenario(telephony_stack, tmp_path, 118)
    second = CourierProcess(telephony_stack.courier.environment, tmp_path / "second.log")
    next_telephone: Telephone | None = None
    try:
        scenario.publish(AWAY, ring_seconds=120)
        await eventually(scenario.is_known, "every partition knows the org", every=0.5)
        await asyncio.to_thread(second.launch)
        waits = "another courier of this channel works"
        await eventually(lambda: waits in second.says()[1], "the second one says that it waits", every=0.3)
        assert second.says()[0] == HTTPStatus.SERVICE_UNAVAILABLE
        assert waits in second.log.read_text()
        await eventually(telephony_stack.courier.is_ready, "the first one works on", every=0.3)
        scenario.arrive()
        rung = scenario.telephones[AWAY]
        await eventually(lambda: "ringing" in events(scenario), "it rings", every=0.3)
        assert not is_cancelled(rung)
        await asyncio.to_thread(telephony_stack.courier.stop, signal.SIGKILL)
        await eventually(lambda: is_cancelled(rung), "the second one hangs up what is left", every=0.3)
        rung.stop()
        next_telephone = Telephone(f"{AWAY}-again", tmp_path, sipp.presses(30), rung.port)
        await eventually(
            lambda: scenario.records_of("assignments"), "the rep was called again and won", every=0.5
        )
        await eventually(second.is_ready, "the second one works", every=0.3)
        await eventually(scenario.all_ended, "every leg ended", every=0.5)
    finally:
        if next_telephone is not None:
            next_telephone.stop()
        scenario.stop()
        await asyncio.to_thread(second.stop)
        await asyncio.to_thread(telephony_stack.courier.start)


async def test_n4_verify_agrees_with_every_call(telephony_stack: TelephonyStack) -> None:
    report = await verify(telephony_stack.running.settings)
    assert not report.counts, report.lines()


def is_cancelled(telephone: Telephone) -> bool:
    """Return whether the caller gave up."""
    return any(message.startswith("received CANCEL") for _, message in telephone.messages())


def events(scenario: Scenario) -> list[str]:
    """Return the events of the rep's legs, in order."""
    return [call["event"] for call in scenario.records_of("calls") if call["leg"] == "rep"]


def test_bench_reach_measures_from_arrival_to_ringing_telephones() -> None:
    messages: list[str] = []
    result = BENCHES["reach"](say=messages.append, leads=3, reps=2)
    assert 0 < result["engine_p50_ms"] <= result["engine_p99_ms"]
    assert 0 < result["first_p50_ms"] <= result["all_p50_ms"] <= result["all_p99_ms"]
    assert messages, "it says how far it is"


def test_n7_up_starts_the_telephone_courier_and_turns_the_call_buttons_on(
    telephony_stack: TelephonyStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`everything` is ready only when the courier is, and so when Asterisk is connected."""
    for name, value in telephony_stack.courier.environment.items():
        if name.startswith("FIRSTCLAIM_TELEPHONE_"):
            monkeypatch.setenv(name, value)
    telephony_stack.courier.stop()  # one process for each Asterisk
    try:
        with everything(workers=1, state_dir=tmp_path / "up", say=lambda _: None, console_port=0) as running:
            assert running.ports["courier-call"]
            console = running.children["console"].environment or {}
            assert console["FIRSTCLAIM_CONSOLE_TELEPHONE"] == "true"
    finally:
        telephony_stack.courier.start()
