"""Runs SIP telephones in this process, for measurements and chaos: they ring, are busy, or answer and hang up.

They hear nothing and press nothing. One UDP port on 127.0.0.1 serves any number of telephones; the user of the SIP
address names one.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Behaviour = Literal["rings", "busy", "listens", "hangs_up"]
"""What a telephone does with a call: it rings until the caller gives up, is busy, or is answered."""
ANSWER_SECONDS: Final = 0.05
TALK_SECONDS: Final = 0.3
MAX_CALLS: Final = 10_000
"""How many of the newest calls are remembered, to answer repeats of their requests."""
_COPIED: Final = ("via", "from", "call-id", "cseq")
_DISCARD_PORT: Final = 9


@dataclass
class _Call:
    """One call. `answer`: the last answer to its INVITE. `contact`, `remote`, `local`: for a BYE."""

    user: str
    invite: dict[str, list[str]]
    tag: str
    answer: bytes = b""
    is_over: bool = False


class SipPhones(asyncio.DatagramProtocol):
    """All telephones. `behaviour`: user -> what its telephone does. `on_ring`: called with (user, perf_counter)."""

    def __init__(
        self,
        behaviour: Callable[[str], Behaviour] = lambda _: "rings",
        on_ring: Callable[[str, float], None] = lambda _user, _at: None,
    ) -> None:
        self._behaviour = behaviour
        self.on_ring = on_ring
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = int(self._transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()

    def uri(self, user: str) -> str:
        """Return a telephone's address."""
        return f"sip:{user}@127.0.0.1:{self.port}"

    @property
    def open_calls(self) -> int:
        """The number of calls that have not ended."""
        return sum(not call.is_over for call in self._calls.values())

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a SIP message."""
        at = time.perf_counter()
        head, *lines = data.decode(errors="replace").partition("\r\n\r\n")[0].split("\r\n")
        method, _, request_target = head.partition(" ")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        identity = headers.get("call-id", [""])[0]
        call = self._calls.get(identity)
        if method == "INVITE" and call is None:
            user = request_target.partition("@")[0].rpartition(":")[2]
            self._ring(identity, _Call(user, headers, secrets.token_hex(6)), at, addr)
        elif method == "INVITE" and call is not None:
            self._send(call.answer, addr)
        elif method == "CANCEL" and call is not None:
            self._send(_answer("200 OK", headers, call.tag), addr)
            if not call.is_over:
                self._finish(call, "487 Request Terminated", addr)
        elif method in {"BYE", "OPTIONS"}:
            self._send(_answer("200 OK", headers, call.tag if call else secrets.token_hex(6)), addr)
            if call is not None:
                call.is_over = True

    def _ring(self, identity: str, call: _Call, at: float, addr: tuple[str, int]) -> None:
        self._calls[identity] = call
        while len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)
        self.on_ring(call.user, at)
        behaviour = self._behaviour(call.user)
        if behaviour == "busy":
            self._finish(call, "486 Busy Here", addr)
            return
        call.answer = _answer("180 Ringing", call.invite, call.tag)
        self._send(call.answer, addr)
        if behaviour != "rings":
            loop = asyncio.get_running_loop()
            loop.call_later(ANSWER_SECONDS, self._pick_up, call, behaviour == "hangs_up", addr)

    def _pick_up(self, call: _Call, hangs_up: bool, addr: tuple[str, int]) -> None:  # a callback
        if call.is_over:
            return
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {_DISCARD_PORT} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
        contact = f"<{self.uri(call.user)}>"
        call.answer = _answer("200 OK", call.invite, call.tag, contact=contact, body=body)
        self._send(call.answer, addr)
        if hangs_up:
            asyncio.get_running_loop().call_later(TALK_SECONDS, self._hang_up, call, addr)

    def _hang_up(self, call: _Call, addr: tuple[str, int]) -> None:
        if call.is_over:
            return
        call.is_over = True
        target = call.invite["contact"][0].strip("<>").partition(">")[0]
        via = f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(8)}"
        lines = [
            f"BYE {target} SIP/2.0",
            f"Via: {via}",
            "Max-Forwards: 70",
            f"From: {call.invite['to'][0]};tag={call.tag}",
            f"To: {call.invite['from'][0]}",
            f"Call-ID: {call.invite['call-id'][0]}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
        ]
        self._send("\r\n".join([*lines, "", ""]).encode(), addr)

    def _finish(self, call: _Call, status: str, addr: tuple[str, int]) -> None:
        call.is_over = True
        call.answer = _answer(status, call.invite, call.tag)
        self._send(call.answer, addr)

    def _send(self, message: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and message:
            self._transport.sendto(message, addr)


def _answer(
    status: str, request: dict[str, list[str]], tag: str, *, contact: str | None = None, body: str = ""
) -> bytes:
    """Return an answer to a request."""
    lines = [f"SIP/2.0 {status}"]
    lines += [f"{name.title()}: {value}" for name in _COPIED for value in request.get(name, [])]
    to = request.get("to", [""])[0]
    lines.append(f"To: {to}" if ";tag=" in to else f"To: {to};tag={tag}")
    if contact:
        lines += [f"Contact: {contact}", "Content-Type: application/sdp"]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", body]).encode()
