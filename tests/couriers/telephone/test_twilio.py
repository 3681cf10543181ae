"""The adapter for Twilio against a server that speaks its API: orders, signed webhooks, repeats, outages (N4, N5)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from couriers.port import ProviderDownError, UndeliverableError
from couriers.telephone import twiml
from couriers.telephone.provider import (
    InboundCall,
    LegAnswered,
    LegDigit,
    LegEvent,
    LegOver,
    LegRinging,
    LegWordsEnded,
)
from couriers.telephone.twilio import Twilio
from couriers.telephone.twilio_webhooks import SIGNATURE, Webhooks
from models.errors import ConfigError
from tests.couriers.telephone.twilio_stand_in import TOKEN
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.couriers.telephone.conftest import TwilioServer

ANN, BOB, LEAD = "+14015550111", "+14015550112", "+14014194247"
OFFER_TEXTS = ("You have an available lead", "Jeremy & Jo", "Press 1 to accept.")


@asynccontextmanager
async def connected_adapter(server: TwilioServer) -> AsyncIterator[tuple[Twilio, list[LegEvent]]]:
    """Yield an adapter that is connected, and what it reports."""
    events: list[LegEvent] = []
    settings = server.settings()
    twilio = Twilio(settings, events.append)
    webhooks = Webhooks(settings, twilio)
    await webhooks.start()
    running = asyncio.create_task(twilio.run())
    try:
        await eventually(twilio.connected.is_set, "it is connected")
        yield twilio, events
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await webhooks.stop()


async def dial(twilio: Twilio, leg: str, number: str, **more: Any) -> None:
    """Ring a telephone."""
    await twilio.dial(leg, number, caller_id="+14015550100", seconds=30, **more)


@pytest.mark.parametrize(
    ("number", "expected"),
    [("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="), ("+14158675310", "GvWf1cFY/Q7PnoempGyD5oXAezc=")],
)
def test_n4_the_signature_is_that_of_twilios_description(number: str, expected: str) -> None:
    parameters = [("CallSid", "CA1234567890ABCDE"), ("Caller", number), ("Digits", "1234"), ("From", number)]
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twiml.signature("12345", url, [("To", "+18005551212"), *parameters]) == expected


async def test_n4_a_leg_rings_is_answered_hears_presses_and_ends(twilio_server: TwilioServer) -> None:
    twilio_server.behave(**{ANN: {"presses": [3]}})
    async with connected_adapter(twilio_server) as (twilio, events):
        await dial(twilio, "leg", ANN)
        await dial(twilio, "leg", ANN)  # a repeat of the same order
        await eventually(lambda: LegAnswered("leg") in events, "it is answered")
        await twilio.speak("leg", OFFER_TEXTS, 7)
        await eventually(lambda: LegDigit("leg", "1") in events, "it pressed 1 after all three texts")
        await twilio.speak("leg", ("Thank you.",), 8)
        await eventually(lambda: LegWordsEnded("leg", 8) in events, "it heard everything")
        await twilio.hang_up("leg")
        await eventually(lambda: LegOver("leg", "hung_up") in events, "it ended")
        await twilio.hang_up("leg")
        await twilio.quiet("leg")
        assert events[:2] == [LegRinging("leg"), LegAnswered("leg")]
    [call] = twilio_server.calls()
    assert call["heard"] == [*OFFER_TEXTS, "Thank you."]
    assert call["status"] == "completed"


async def test_n4_the_request_for_a_call_is_as_twilio_describes_it(twilio_server: TwilioServer) -> None:
    async with connected_adapter(twilio_server) as (twilio, events):
        await dial(twilio, "leg", ANN)
        await dial(twilio, "leg-lead", LEAD, machines=False)
        await eventually(lambda: LegAnswered("leg-lead") in events, "both are answered")
        await twilio.close()
    first_form, second_form = [
        request["form"] for request in twilio_server.requests() if request["path"].endswith("/Calls.json")
    ]
    url = twilio_server.webhook_url
    assert first_form == {
        "To": [ANN],
        "From": ["+14015550100"],
        "Timeout": ["30"],
        "Url": [f"{url}/twilio/leg/answered"],
        "StatusCallback": [f"{url}/twilio/leg/status"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "MachineDetection": ["Enable"],
        "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": [f"{url}/twilio/leg/machine"],
    }
    assert "MachineDetection" not in second_form, "a rep may leave a message on a lead's machine"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"ends": "busy"}, "busy"),
        ({"ends": "no-answer"}, "no_answer"),
        ({"ends": "failed"}, "failed"),
        ({"machine": True}, "no_answer"),
        ({"hangs_up_after": [1]}, "hung_up"),
    ],
)
async def test_s4_a_telephone_that_nobody_answers_says_why(
    twilio_server: TwilioServer, behaviour: dict[str, Any], reason: str
) -> None:
    """Twilio recognises an answering machine (AnsweredBy). It counts as nobody, and declines nothing."""
    twilio_server.behave(**{ANN: behaviour})
    async with connected_adapter(twilio_server) as (twilio, events):
        await dial(twilio, "leg", ANN)
        if reason == "hung_up" or "machine" in behaviour:
            await eventually(lambda: LegAnswered("leg") in events, "it is answered")
            await twilio.speak("leg", ("Hello.",), 1)
        await eventually(lambda: LegOver("leg", reason) in events, "it ended")


async def test_n4_two_legs_are_bridged_and_end_together(twilio_server: TwilioServer) -> None:
    twilio_server.behave(**{LEAD: {"talks": 0.2}})
    async with connected_adapter(twilio_server) as (twilio, events):
        await dial(twilio, "leg", ANN)
        await eventually(lambda: LegAnswered("leg") in events, "the rep is there")
        await twilio.ring_tone("leg")
        await dial(twilio, "leg-lead", LEAD, machines=False)
        await eventually(lambda: LegAnswered("leg-lead") in events, "the lead is there")
        await twilio.bridge("leg", "leg-lead")
        await eventually(lambda: LegOver("leg-lead", "hung_up") in events, "the lead hung up")
        await eventually(lambda: LegOver("leg", "hung_up") in events, "and so the rep's leg ended")
    assert {call["conference"] for call in twilio_server.calls()} == {"leg"}


async def test_n4_webhooks_that_twilio_did_not_sign_and_repeats_are_refused(
    twilio_server: TwilioServer,
) -> None:
    twilio_server.behave(**{ANN: {"presses": [1]}})
    async with connected_adapter(twilio_server) as (twilio, events), aiohttp.ClientSession() as client:
        await dial(twilio, "leg", ANN)
        await eventually(lambda: LegAnswered("leg") in events, "it is answered")
        await twilio.speak("leg", ("Press 1.",), 1)
        await eventually(lambda: LegDigit("leg", "1") in events, "it pressed 1")
        [pressed] = [request for request in twilio_server.requests("webhook") if "Digits" in request["form"]]
        event_count = len(events)

        async def post(url: str, form: dict[str, str], signature: str) -> tuple[int, str]:
            async with client.post(url, data=form, headers={SIGNATURE: signature}) as answer:
                return answer.status, await answer.text()

        url, form = pressed["path"], pressed["form"]
        assert (await post(url, form, pressed["signature"]))[0] == 409, "a repeat"
        assert (await post(url, {**form, "Digits": "2"}, pressed["signature"]))[0] == 403, "another digit"
        assert (await post(url, form, ""))[0] == 403, "no signature"
        wrong = twiml.signature("another token", url, form.items())
        assert (await post(url, form, wrong))[0] == 403, "another token"
        # What Twilio signed for a document that the leg has no more presses nothing.
        later = {**form, "Timestamp": "later"}
        status, _ = await post(url, later, twiml.signature(TOKEN, url, later.items()))
        assert (status, len(events)) == (200, event_count)
        # A call that this process does not know is hung up: its courier died.
        unknown_url = f"{twilio_server.webhook_url}/twilio/unknown/answered"
        status, document = await post(unknown_url, form, twiml.signature(TOKEN, unknown_url, form.items()))
        assert (status, "<Hangup/>" in document) == (200, True)
        long = {"Digits": "1" * 100_000}
        assert (await post(url, long, twiml.signature(TOKEN, url, long.items())))[0] == 413


async def test_n5_an_inbound_call_is_reported_and_rings_until_it_is_connected(
    twilio_server: TwilioServer,
) -> None:
    async with connected_adapter(twilio_server) as (twilio, events):
        sid = twilio_server.call_in("+14015550199", LEAD)
        await eventually(lambda: InboundCall(sid, "+14015550199", LEAD) in events, "it is reported")
        await twilio.let_ring(sid)
        await dial(twilio, "leg", ANN)
        await eventually(lambda: LegAnswered("leg") in events, "the rep is there")
        await twilio.bridge("leg", sid)
        await eventually(
            lambda: {call["conference"] for call in twilio_server.calls()} == {"leg"}, "both are connected"
        )
        await twilio.hang_up(sid)
        await eventually(lambda: LegOver(sid, "hung_up") in events, "it ended")
        await eventually(lambda: LegOver("leg", "hung_up") in events, "both end together")


async def test_n4_an_outage_is_known_before_a_request_and_a_wrong_number_is_no_outage(
    twilio_server: TwilioServer,
) -> None:
    news: list[str | None] = []
    async with connected_adapter(twilio_server) as (twilio, _):
        twilio.on_change = news.append
        with pytest.raises(UndeliverableError, match="21211"):
            await dial(twilio, "wrong", "not a number")
        twilio_server.behave(away=True)
        with pytest.raises(ProviderDownError):
            await dial(twilio, "leg", ANN)
        await eventually(lambda: not twilio.connected.is_set(), "it notices by itself")
        assert news[-1] is not None
        twilio_server.behave(away=False)
        await eventually(twilio.connected.is_set, "it is there again")
        assert news[-1] is None


def test_n4_twilio_needs_its_settings(twilio_server: TwilioServer) -> None:
    settings = twilio_server.settings()
    for name in ("webhook_url", "caller_id"):
        with pytest.raises(ConfigError) as refused:
            settings.model_copy(update={name: None}).check()
        assert refused.value.field == f"FIRSTCLAIM_TELEPHONE_{name.upper()}"
