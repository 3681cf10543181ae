"""A server that speaks Twilio's documented voice API, as a process of its own: calls, TwiML, signed webhooks.

It rings telephones that exist only here. How each behaves, the test says beforehand (`POST /behave`). `GET /seen`
returns the requests that came, what each telephone heard, and the status of each call. Its signatures are computed
here, from Twilio's description, and not by our code.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from defusedxml import ElementTree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SID, TOKEN = "AC00000000000000000000000000000001", "the-auth-token"
LIVE = {"queued", "ringing", "in-progress"}


@dataclass
class SimulatedCall:
    """One call. `heard`: the texts of <Say> and the addresses of <Play>.

    `behaviour`: `answers` false: nobody does; `answers_after`: when calls to all these numbers have ended; `ends`:
    busy or failed at once; `machine`: an answering machine; `presses`: after how many texts it presses 1;
    `hangs_up_after`: after how many texts it hangs up; `talks`: after how many seconds it leaves a conference.
    """

    sid: str
    to: str
    form: dict[str, Any]
    behaviour: dict[str, Any]
    status: str = "queued"
    heard: list[str] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    sequence: int = 0
    conference: str | None = None

    @property
    def announcements(self) -> int:
        return len(self.heard)


class StandIn:
    """The server's state."""

    def __init__(self) -> None:
        self.calls: dict[str, SimulatedCall] = {}
        self.behaviours: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.away = False
        self.session: aiohttp.ClientSession | None = None

    # -- the REST API ---------------------------------------------------------------------------------------------

    async def account(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response({"sid": SID, "status": "active"})

    async def make(self, request: web.Request) -> web.Response:
        self._check(request)
        sent = await request.post()
        form: dict[str, Any] = {name: sent.getall(name) for name in sent}
        self.requests.append({"method": "POST", "path": request.path, "form": form})
        to = form["To"][0]
        if not to.startswith(("+", "sip:")):
            return web.json_response(
                {"code": 21211, "message": f"Invalid 'To' Phone Number: {to}"}, status=400
            )
        sid = f"CA{len(self.calls):032}"
        call = SimulatedCall(sid, to, form, self.behaviours.get(to, {"answers": True}))
        self.calls[sid] = call
        call.task = asyncio.create_task(self._ring(call))
        return web.json_response({"sid": sid, "status": "queued"}, status=201)

    async def look(self, request: web.Request) -> web.Response:
        self._check(request)
        call = self._call(request)
        return web.json_response({"sid": call.sid, "status": call.status})

    async def update(self, request: web.Request) -> web.Response:
        self._check(request)
        call = self._call(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append({"method": "POST", "path": request.path, "form": form})
        if call.status not in LIVE:
            return web.json_response({"code": 21220, "message": "Call is not in-progress"}, status=400)
        if call.task is not None:
            call.task.cancel()
        if form.get("Status") == "completed":
            await self._end(call, "completed" if call.status == "in-progress" else "canceled")
        else:
            call.status = "in-progress"
            call.task = asyncio.create_task(self._obey(call, form["Twiml"]))
        return web.json_response({"sid": call.sid, "status": call.status})

    def _check(self, request: web.Request) -> None:
        if self.away:
            raise web.HTTPServiceUnavailable
        credentials = aiohttp.BasicAuth.decode(request.headers["Authorization"])
        if (credentials.login, credentials.password) != (SID, TOKEN) or request.match_info["account"] != SID:
            raise web.HTTPUnauthorized

    def _call(self, request: web.Request) -> SimulatedCall:
        call = self.calls.get(request.match_info["call"])
        if call is None:
            raise web.HTTPNotFound
        return call

    # -- the telephones -------------------------------------------------------------------------------------------

    async def _ring(self, call: SimulatedCall) -> None:
        behaviour = call.behaviour
        call.status = "ringing"
        await self._status(call)
        final = behaviour.get("ends")
        if final:
            await asyncio.sleep(0.05)
            await self._end(call, final)
            return
        awaited = set(behaviour.get("answers_after", ()))
        while not awaited <= {other.to for other in self.calls.values() if other.status == "completed"}:
            await asyncio.sleep(0.05)
        if not behaviour.get("answers", True):
            await asyncio.sleep(float(call.form["Timeout"][0]))
            await self._end(call, "no-answer")
            return
        call.status = "in-progress"
        if behaviour.get("machine") and call.form.get("AsyncAmd") == ["true"]:
            fields = {"AnsweredBy": "machine_start", "MachineDetectionDuration": "2500"}
            asyncio.get_running_loop().call_later(
                0.3,
                lambda: asyncio.ensure_future(
                    self._post(call, call.form["AsyncAmdStatusCallback"][0], fields)
                ),
            )
        await self._obey(call, await self._post(call, call.form["Url"][0]))

    async def _obey(self, call: SimulatedCall, document: str | None) -> None:
        """Carry out TwiML until it ends, and then hang up."""
        while document:
            document = await self._verbs(call, list(ElementTree.fromstring(document)))
        if call.status in LIVE:
            await self._end(call, "completed")

    async def _verbs(self, call: SimulatedCall, verbs: list[Element]) -> str | None:
        for verb in verbs:
            match verb.tag:
                case "Gather":
                    if (document := await self._gather(call, verb)) is not None:
                        return document
                case "Say" | "Play":
                    await self._hear(call, verb)
                case "Pause":
                    await asyncio.sleep(float(verb.get("length", "1")))
                case "Redirect":
                    return await self._post(call, verb.text or "")
                case "Hangup":
                    return None
                case "Dial":
                    await self._talk(call, verb[0].text or "")
                    return None
                case _:
                    raise AssertionError(verb.tag)
        return None

    async def _gather(self, call: SimulatedCall, verb: Element) -> str | None:
        for inner in verb:
            await self._hear(call, inner)
        if call.announcements in call.behaviour.get("hangs_up_after", ()):
            return ""
        if len(verb) and call.announcements in call.behaviour.get("presses", ()):
            return await self._post(call, verb.get("action", ""), {"Digits": "1"})
        await asyncio.sleep(float(verb.get("timeout", "5")) / 4)
        return None

    async def _hear(self, call: SimulatedCall, verb: Element) -> None:
        call.heard.append((verb.text or "").strip())
        await asyncio.sleep(0.02)

    async def _talk(self, call: SimulatedCall, room: str) -> None:
        call.conference = room
        while True:
            partners = [
                other for other in self.calls.values() if other.conference == room and other is not call
            ]
            if partners and "talks" in call.behaviour:
                await asyncio.sleep(call.behaviour["talks"])
                return
            if any(other.status not in LIVE for other in partners):
                return
            await asyncio.sleep(0.05)

    # -- webhooks -------------------------------------------------------------------------------------------------

    async def call_in(self, request: web.Request) -> web.Response:
        """Let somebody call one of our numbers: {url, status_url, from, to, behaviour}."""
        request_body = await request.json()
        sid = f"CA{len(self.calls):032}"
        form = {
            "Timeout": ["60"],
            "StatusCallback": [request_body["status_url"]],
            "StatusCallbackEvent": ["completed"],
        }
        call = SimulatedCall(
            sid,
            request_body["to"],
            {**form, "From": [request_body["from"]]},
            request_body.get("behaviour", {}),
            "ringing",
        )
        self.calls[sid] = call

        async def run() -> None:
            fields = {"From": request_body["from"], "To": request_body["to"], "Direction": "inbound"}
            await self._obey(call, await self._post(call, request_body["url"], fields))

        call.task = asyncio.create_task(run())
        return web.json_response({"sid": sid})

    async def _status(self, call: SimulatedCall) -> None:
        if "StatusCallback" in call.form:
            call.sequence += 1
            fields = {"SequenceNumber": str(call.sequence), "CallbackSource": "call-progress-events"}
            await self._post(call, call.form["StatusCallback"][0], fields)

    async def _end(self, call: SimulatedCall, status: str) -> None:
        call.status = status
        await self._status(call)

    async def _post(self, call: SimulatedCall, url: str, more: dict[str, str] | None = None) -> str:
        form = {
            "CallSid": call.sid,
            "AccountSid": SID,
            "CallStatus": call.status,
            "To": call.to,
            **(more or {}),
        }
        text = url + "".join(name + form[name] for name in sorted(form))
        signed = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()
        assert self.session is not None
        self.requests.append({"method": "webhook", "path": url, "form": form, "signature": signed})
        with contextlib.suppress(aiohttp.ClientError):
            async with self.session.post(url, data=form, headers={"X-Twilio-Signature": signed}) as answer:
                return await answer.text()
        return ""

    # -- the test's own pages -------------------------------------------------------------------------------------

    async def behave(self, request: web.Request) -> web.Response:
        behaviours = await request.json()
        self.away = bool(behaviours.pop("away", self.away))
        self.behaviours |= behaviours
        return web.json_response({})

    async def show_state(self, _: web.Request) -> web.Response:
        calls = [
            {
                "sid": call.sid,
                "to": call.to,
                "status": call.status,
                "heard": call.heard,
                "conference": call.conference,
            }
            for call in self.calls.values()
        ]
        return web.json_response({"requests": self.requests, "calls": calls})


async def serve() -> None:
    """Serve, print the port, and stay."""
    stand_in = StandIn()
    stand_in.session = aiohttp.ClientSession()
    app = web.Application()
    base = "/2010-04-01/Accounts/{account}"
    app.add_routes(
        [
            web.get(f"{base}.json", stand_in.account),
            web.post(f"{base}/Calls.json", stand_in.make),
            web.get(f"{base}/Calls/{{call}}.json", stand_in.look),
            web.post(f"{base}/Calls/{{call}}.json", stand_in.update),
            web.post("/behave", stand_in.behave),
            web.post("/call-in", stand_in.call_in),
            web.get("/seen", stand_in.show_state),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201  # the test reads the port
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
    sys.exit(0)
