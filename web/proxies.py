"""Finds the client's address behind proxies.

Only proxies that the settings trust may set `X-Forwarded-For` and `X-Forwarded-Proto`.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_MAX_HOPS: Final = 20


class Forwarded:
    """Sets the client's real address and scheme on requests that a trusted proxy forwards."""

    def __init__(self, app: ASGIApp, trusted: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._app, self._trusted = app, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request."""
        peer = _address((scope.get("client") or ("",))[0])
        if scope["type"] == "http" and self._trusts(peer):
            headers = Headers(scope=scope)
            scope = {**scope, "client": (self._client(headers, str(peer)), 0)}
            proto = (headers.getlist("x-forwarded-proto") or [""])[-1].rpartition(",")[2].strip()
            if proto in ("http", "https"):
                scope["scheme"] = proto
        await self._app(scope, receive, send)

    def _client(self, headers: Headers, peer: str) -> str:
        """Return the last address that does not belong to a trusted proxy. A client can forge addresses before it."""
        hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
        client = peer
        for hop in reversed(hops[-_MAX_HOPS:]):
            address = _address(hop.strip())
            if address is None:
                break
            client = str(address)
            if not self._trusts(address):
                break
        return client

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
