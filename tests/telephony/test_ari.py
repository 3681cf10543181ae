"""The adapter for Asterisk handles orders, reports, outages and what a dead courier left, on a real Asterisk (N4)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from couriers.port import LaterError, ProviderDownError
from couriers.telephone.ari import Ari
from couriers.telephone.provider import (
    InboundCall,
    LegAnswered,
    LegDigit,
    LegEvent,
    LegOver,
    LegRinging,
    LegWordsEnded,
)
from couriers.telephone.settings import TelephoneSettings
from runtime.asterisk import AsteriskServer
from runtime.courier_checks import courier_checks
from tests.fixtures.waiting import eventually
from tests.telephony import sipp
from tests.telephony.conftest import Watcher
from tests.telephony.sipp import Telephone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.telephony]
BEEP = ("sound:beep",)


@asynccontextmanager
async def connected_adapter(asterisk: AsteriskServer) -> AsyncIterator[tuple[Ari, list[LegEvent]]]:
    """Yield an adapter that is connected, and what it reports."""
    events: list[LegEvent] = []
    settings = TelephoneSettings(ari_url=asterisk.address, password=SecretStr(asterisk.password))
    ari = Ari(settings, events.append)
    running = asyncio.create_task(ari.run())
    try:
        await eventually(ari.connected.is_set, "it is connected")
        yield ari, events
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_n4_a_leg_rings_is_answered_hears_presses_and_ends(
    asterisk: AsteriskServer, tmp_path: Path
) -> None:
    telephone = Telephone("ann", tmp_path, sipp.presses(30))
    async with connected_adapter(asterisk) as (ari, events):
        await ari.dial("leg", telephone.uri, caller_id="+14015550100", seconds=30)
        await ari.dial("leg", telephone.uri, caller_id=None, seconds=30)  # a repeat of the same order
        await eventually(lambda: LegAnswered("leg") in events, "it is answered")
        await ari.speak("leg", (*BEEP, *BEEP), 7)
        await eventually(lambda: LegWordsEnded("leg", 7) in events, "it heard everything")
        await eventually(lambda: events.count(LegDigit("leg", "1")) > 1, "it pressed twice")
        await ari.hang_up("leg")
        await eventually(lambda: LegOver("leg", "hung_up") in events, "it ended")
        await ari.hang_up("leg")
        await ari.quiet("leg")
        assert events[:2] == [LegRinging("leg"), LegAnswered("leg")]
    assert await eventually(lambda: telephone.ended, "the telephone heard that it was hung up")
    received = [message for _, message in telephone.messages() if message.startswith("received INVITE")]
    assert len(received) == 1, "one call for two orders"


@pytest.mark.parametrize(("name", "reason"), [("busy", "busy"), ("away", "no_answer")])
async def test_s4_a_telephone_that_does_not_answer_says_why(
    asterisk: AsteriskServer, tmp_path: Path, name: str, reason: str
) -> None:
    telephone = Telephone(name, tmp_path, sipp.is_busy() if name == "busy" else sipp.is_away())
    async with connected_adapter(asterisk) as (ari, events):
        await ari.dial(name, telephone.uri, caller_id=None, seconds=2)
        await eventually(lambda: LegOver(name, reason) in events, "it ended")
    telephone.stop()


async def test_n4_an_address_that_cannot_be_dialled_now_does_not_count_as_an_outage(
    asterisk: AsteriskServer,
) -> None:
    settings = TelephoneSettings(
        ari_url=asterisk.address, password=SecretStr(asterisk.password), trunk="nowhere"
    )
    ari = Ari(settings, lambda _: None)
    running = asyncio.create_task(ari.run())
    await eventually(ari.connected.is_set, "it is connected")
    with pytest.raises(LaterError) as refused:
        await ari.dial("leg", "+14014194247", caller_id=None, seconds=5)
    assert not isinstance(refused.value, ProviderDownError), "only this request waits"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_n4_what_a_dead_courier_left_is_hung_up(asterisk: AsteriskServer, tmp_path: Path) -> None:
    telephone = Telephone("bob", tmp_path, sipp.listens())
    async with connected_adapter(asterisk) as (ari, events):
        await ari.dial("orphan", telephone.uri, caller_id=None, seconds=60)
        await eventually(lambda: LegAnswered("orphan") in events, "it is answered")
    # The adapter is gone without a word, as after a kill. The next one ends the call.
    async with connected_adapter(asterisk):
        assert await eventually(lambda: telephone.ended, "it is hung up")
        assert not await Watcher(asterisk).channels()


async def test_n4_after_an_outage_of_asterisk_it_connects_again_and_reports_lost_legs(tmp_path: Path) -> None:
    telephone = Telephone("cyd", tmp_path, sipp.listens())
    with AsteriskServer(tmp_path / "asterisk") as asterisk:
        async with connected_adapter(asterisk) as (ari, events):
            await ari.dial("leg", telephone.uri, caller_id=None, seconds=60)
            await eventually(lambda: LegAnswered("leg") in events, "it is answered")
            await asyncio.to_thread(asterisk.kill9)
            await eventually(lambda: not ari.connected.is_set(), "it notices")
            await asyncio.to_thread(asterisk.start)
            await eventually(ari.connected.is_set, "it is connected again")
            assert LegOver("leg", "lost") in events
    telephone.stop()


async def test_n5_an_inbound_call_is_reported_with_both_numbers(
    asterisk: AsteriskServer, tmp_path: Path
) -> None:
    async with connected_adapter(asterisk) as (ari, events):
        caller = sipp.Caller("lead", tmp_path, asterisk.ports["sip"], "14015550199", "14014194247")
        await eventually(
            lambda: [event for event in events if isinstance(event, InboundCall)], "it is reported"
        )
        [call] = [event for event in events if isinstance(event, InboundCall)]
        assert (call.called, call.caller) == ("14015550199", "14014194247")
        await ari.answer(call.leg_id)
        await ari.hang_up(call.leg_id)
        await eventually(lambda: LegOver(call.leg_id, "hung_up") in events, "it ended")
        assert await eventually(lambda: caller.ended, "the caller heard that it was hung up")
        assert caller.process.returncode == 0


def test_the_doctor_asks_asterisk_whether_it_accepts_the_courier(
    asterisk: AsteriskServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTCLAIM_TELEPHONE_ARI_URL", asterisk.address)
    for password, accepted in ((asterisk.password, True), ("another", False)):
        monkeypatch.setenv("FIRSTCLAIM_TELEPHONE_PASSWORD", password)
        [check] = courier_checks()
        assert (check.name, check.ok) == ("telephone system", accepted), check
        assert ("answers 401" in check.detail) is not accepted
