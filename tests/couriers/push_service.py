"""A push service in its own process, with the browsers it serves: it checks the sender and decrypts each message.

It is written after RFC 8030, 8188, 8291 and 8292 with `cryptography` alone, without the library of the courier.
`python -m tests.couriers.push_service CERTIFICATE PORT` serves `/push/ID` as a push service does, and for the test:
`POST /browsers` makes a browser, `GET /browsers/ID` lists what it received, `PUT /browsers/ID` sets its next answers,
`GET /received` lists what all of them received, `PUT /most` sets how many offers they may receive in all.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import sys
import time
import urllib.request
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trustme
from aiohttp import web
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.push_subscription import subscription_id
from runtime.process import free_port, spawn, stop_process
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.couriers.conftest import Post

CURVE: Final = ec.SECP256R1()
DAY_SECONDS: Final = 24 * 3_600
MAX_BYTES: Final = 4_096


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class BrowserKeys:
    """A browser's own secrets, and what it received."""

    origin: str
    identity: str
    sender: str
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    received: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def point(self) -> bytes:
        """The public key, as an uncompressed point."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self) -> dict[str, Any]:
        """Return what `PushSubscription.toJSON` gives."""
        keys = {"p256dh": encode(self.point), "auth": encode(self.auth)}
        return {"endpoint": f"{self.origin}/push/{self.identity}", "expirationTime": None, "keys": keys}

    def decrypt(self, body: bytes) -> bytes:
        """Decrypt a message by RFC 8188 and RFC 8291. Raises InvalidTag and ValueError."""
        salt, length = body[:16], body[20]
        record_size = int.from_bytes(body[16:20])
        point, sealed = body[21 : 21 + length], body[21 + length :]
        if len(sealed) > record_size:
            raise ValueError("more than one record")
        sender = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
        shared = self.private.exchange(ec.ECDH(), sender)
        secret = _derive(shared, self.auth, b"WebPush: info\0" + self.point + point, 32)
        key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        if padded[-1:] != b"\2":
            raise ValueError("no last record")
        return padded[:-1]


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def check_sender(header: str, origin: str, expected: str) -> None:
    """Check the header `Authorization` by RFC 8292. `expected`: the key with which the browser subscribed.

    Raises ValueError and InvalidSignature.
    """
    match = re.fullmatch(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), ?k=([\w-]+)", header)
    if match is None:
        raise ValueError(f"no vapid: {header!r}")
    head, claims, signature, key = match.groups()
    if key != expected:
        raise ValueError("another key than the subscription's")
    if json.loads(decode(head)) != {"alg": "ES256", "typ": "JWT"}:
        raise ValueError(f"head {decode(head)!r}")
    token = json.loads(decode(claims))
    seconds_left = token["exp"] - time.time()
    if (
        token["aud"] != origin
        or not 0 < seconds_left <= DAY_SECONDS
        or not token["sub"].startswith("mailto:")
    ):
        raise ValueError(f"claims {token}")
    raw = decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(key))
    public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))


def _decrypted(browser: BrowserKeys, encoding: str, topic: str, body: bytes) -> Any:
    """Return a message's content. Raises ValueError and InvalidTag."""
    if encoding != "aes128gcm" or not re.fullmatch(r"[\w-]{1,32}", topic) or len(body) > MAX_BYTES:
        raise ValueError(f"encoding {encoding}, topic {topic}, {len(body)} bytes")
    return json.loads(browser.decrypt(body))


class Service:
    """The push service and its browsers."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._browsers: dict[str, BrowserKeys] = {}
        self._most: int | None = None

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/push/{id}", self.push),
                web.get("/received", self.received),
                web.put("/most", self.limit),
                web.post("/browsers", self.add),
                web.get("/browsers/{id}", self.show),
                web.put("/browsers/{id}", self.answer),
            ]
        )
        return app

    async def push(self, request: web.Request) -> web.Response:
        """Take a message, or answer as the test said."""
        browser = self._browsers.get(request.match_info["id"])
        if browser is None:
            return web.Response(status=404, text="no such subscription")
        if browser.answers and (status := browser.answers.pop(0)) != 201:
            return web.Response(status=status, text=f"answer {status}")
        headers = request.headers
        try:
            check_sender(headers["Authorization"], self._origin, browser.sender)
            content = _decrypted(browser, headers["Content-Encoding"], headers["Topic"], await request.read())
        except (KeyError, ValueError, InvalidSignature, InvalidTag) as error:
            browser.refused.append(repr(error))
            return web.Response(status=400, text=repr(error))
        if not content.get("withdrawn") and self._is_full():
            return web.Response(status=503, text="no more now")
        message = {
            "ttl": int(headers["TTL"]),
            "urgency": headers["Urgency"],
            "topic": headers["Topic"],
            "content": content,
            "at": time.time(),
        }
        browser.received.append(message)
        return web.Response(status=201, headers={"Location": f"{self._origin}/message/1"})

    async def received(self, request: web.Request) -> web.Response:
        """Return tag, time and `withdrawn` of each message that a browser received."""
        del request
        messages = [
            {"tag": content["tag"], "withdrawn": content.get("withdrawn", False), "at": message["at"]}
            for browser in self._browsers.values()
            for message in browser.received
            for content in (message["content"],)
        ]
        return web.json_response(messages)

    async def limit(self, request: web.Request) -> web.Response:
        """Set how many offers are accepted in all; further ones are refused with 503. One taken back does not count."""
        self._most = await request.json()
        return web.json_response({})

    def _is_full(self) -> bool:
        received = [message["content"] for browser in self._browsers.values() for message in browser.received]
        offers = [content for content in received if not content.get("withdrawn")]
        return self._most is not None and len(offers) >= self._most

    async def add(self, request: web.Request) -> web.Response:
        """Make a browser that subscribes with the key of the request's body."""
        identity = encode(os.urandom(12))
        browser = BrowserKeys(self._origin, identity, await request.text())
        self._browsers[identity] = browser
        return web.json_response({"id": identity, "subscription": browser.subscription()})

    async def show(self, request: web.Request) -> web.Response:
        """Return what a browser received, and what it refused."""
        browser = self._browsers[request.match_info["id"]]
        return web.json_response({"received": browser.received, "refused": browser.refused})

    async def answer(self, request: web.Request) -> web.Response:
        """Set the statuses of the next answers."""
        self._browsers[request.match_info["id"]].answers = await request.json()
        return web.json_response({})


@dataclass
class Browser:
    """A browser of the push service, as the test sees it."""

    service: PushServer
    identity: str
    subscription: dict[str, Any]

    def messages(self) -> list[dict[str, Any]]:
        """Return what it received and could decrypt. No message may have been unreadable."""
        state = self.service.call(f"browsers/{self.identity}")
        assert state["refused"] == []
        received: list[dict[str, Any]] = state["received"]
        return received

    def answers(self, *statuses: int) -> None:
        """Let the push service answer with these statuses next; after them with 201."""
        self.service.call(f"browsers/{self.identity}", "PUT", json.dumps(statuses).encode())


@dataclass
class PushServer:
    """The running process."""

    port: int
    cafile: Path

    def call(self, path: str, method: str = "GET", body: bytes | None = None) -> Any:
        """Ask the process for something of the test."""
        url = f"https://127.0.0.1:{self.port}/{path}"
        context = ssl.create_default_context(cafile=self.cafile)
        request = urllib.request.Request(url, body, method=method)  # an address of our own
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS, context=context) as answer:  # noqa: S310  # likewise
            return json.load(answer)

    def accept_at_most(self, count: int) -> None:
        """Refuse further offers with 503 once so many were accepted in all."""
        self.call("most", "PUT", json.dumps(count).encode())

    def browser(self, public_key: str) -> Browser:
        """Make a browser that subscribes with a public VAPID key."""
        reply = self.call("browsers", "POST", public_key.encode())
        return Browser(self, reply["id"], reply["subscription"])

    def environment(self) -> dict[str, str]:
        """Return the settings with which courier and console trust it."""
        return {
            "FIRSTCLAIM_PUSH_SERVICES": f"127.0.0.1:{self.port}",
            "FIRSTCLAIM_PUSH_CAFILE": str(self.cafile),
            "FIRSTCLAIM_PUSH_CONTACT": "mailto:operator@lender.example",
        }


def subscribes(post: Post, rep: str, subscription: dict[str, Any]) -> None:
    """Write a rep's subscription to its topic, as the console does."""
    endpoint = subscription["endpoint"]
    record = {"org": "default", "rep_id": rep, "endpoint": endpoint, **subscription["keys"]}
    record["at"] = datetime.now(UTC).isoformat()
    post.write("push-subscriptions", subscription_id(endpoint), record)


@contextmanager
def push_server(folder: Path) -> Iterator[PushServer]:
    """Yield a running push service."""
    authority = trustme.CA()
    cafile, certificate = folder / "push-authority.pem", folder / "push-service.pem"
    authority.cert_pem.write_to_path(str(cafile))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    port, log = free_port(), folder / "push-service.log"
    command = [sys.executable, "-m", "tests.couriers.push_service", str(certificate), str(port)]
    process = spawn(command, log, environment=dict(os.environ), directory=Path.cwd())
    server = PushServer(port, cafile)

    def answers() -> bool:
        try:
            server.browser("x")
        except OSError:
            return False
        return True

    try:
        assert until(answers), log.read_text()
        yield server
    finally:
        stop_process(process, signal.SIGTERM, 30)


if __name__ == "__main__":
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(sys.argv[1])
    port = int(sys.argv[2])
    web.run_app(
        Service(f"https://127.0.0.1:{port}").application(), host="127.0.0.1", port=port, ssl_context=tls
    )
