"""Serves Twilio's webhooks: checks each signature, refuses repeats, and hands the rest to the adapter (N4)."""

import hmac
from collections import OrderedDict
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from couriers.telephone import twiml
from couriers.telephone.settings import TelephoneSettings
from couriers.telephone.twilio import Twilio
from models.errors import ConfigError

_log = structlog.get_logger(__name__)

LARGEST_BYTES: Final = 64 * 1024
MAX_SIGNATURES: Final = 50_000
"""How many signatures are remembered to refuse repeats. Older webhooks are of legs that are over."""
SIGNATURE: Final = "X-Twilio-Signature"
_ONE_LEG: Final = frozenset({"answered", "digit", "words", "idle", "status", "machine"})


class Webhooks:
    """The web server of Twilio's requests. It listens at `webhook_host` and `webhook_port`."""

    def __init__(self, settings: TelephoneSettings, twilio: Twilio) -> None:
        self._settings = settings
        self._twilio = twilio
        self._signatures: OrderedDict[str, None] = OrderedDict()
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen. Raises ConfigError with the port if it is taken."""
        app = web.Application(client_max_size=LARGEST_BYTES)
        app.add_routes(
            [
                web.post("/twilio/inbound", self._inbound),
                web.post("/twilio/inbound/status", self._inbound_status),
                web.post("/twilio/{leg}/{what}", self._leg),
                web.post("/twilio/{leg}/{what}/{document}", self._leg),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.webhook_host, self._settings.webhook_port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError("FIRSTCLAIM_TELEPHONE_WEBHOOK_PORT", str(error)) from error
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _leg(self, request: web.Request) -> web.Response:
        form, refusal = await self._checked(request)
        if refusal is not None:
            return refusal
        page, document = request.match_info["what"], request.match_info.get("document")
        if page not in _ONE_LEG:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        number = int(document) if document and document.isdecimal() else None
        return _xml(await self._twilio.take(request.match_info["leg"], page, number, form))

    async def _inbound(self, request: web.Request) -> web.Response:
        form, refusal = await self._checked(request)
        return refusal or _xml(await self._twilio.take_inbound_call(form))

    async def _inbound_status(self, request: web.Request) -> web.Response:
        form, refusal = await self._checked(request)
        return refusal or _xml(await self._twilio.take(form.get("CallSid", ""), "status", None, form))

    async def _checked(self, request: web.Request) -> tuple[dict[str, str], web.Response | None]:
        """Return the form, and a refusal of a request that Twilio did not sign, or that came before."""
        signature = request.headers.get(SIGNATURE, "")
        sent = await request.post()
        form = [(name, value) for name, value in sent.items() if isinstance(value, str)]
        url = f"{self._settings.webhook_url}{request.path_qs}"
        if not hmac.compare_digest(
            twiml.signature(self._settings.secret, url, form).encode(), signature.encode()
        ):
            _log.warning("a webhook without Twilio's signature was refused", path=request.path)
            return {}, web.Response(status=HTTPStatus.FORBIDDEN)
        if signature in self._signatures:
            _log.warning("a repeated webhook was refused", path=request.path)
            return {}, web.Response(status=HTTPStatus.CONFLICT)
        self._signatures[signature] = None
        while len(self._signatures) > MAX_SIGNATURES:
            self._signatures.popitem(last=False)
        return dict(form), None


def _xml(document: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>{document}'
    return web.Response(text=text, content_type=twiml.CONTENT_TYPE, charset="utf-8")
