"""People sign in with the company's accounts, at a correct OpenID Connect provider and at a hostile one."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from oidc_provider_mock import User, run_server_in_thread
from playwright.async_api import expect

from models.errors import ConfigError
from runtime.process import free_port
from runtime.up import child
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.running_org import PASSWORD
from tests.web.signed_in import JSON, sign_in
from web.settings import WebSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

CLIENT: Final = "firstclaim"


@contextmanager
def console_of(running_org: RunningOrg, issuer: str, **more: str) -> Iterator[None]:
    """Let the org's people use a console that trusts a provider."""
    port = free_port()
    console = child("console-oidc", ["console"], running_org.stack.settings, port)
    console.environment = {
        **(console.environment or {}),
        "FIRSTCLAIM_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "FIRSTCLAIM_OIDC_ISSUER": issuer,
        "FIRSTCLAIM_OIDC_CLIENT_ID": CLIENT,
        "FIRSTCLAIM_OIDC_CLIENT_SECRET": "between us",
        **more,
    }
    console.launch()
    running_org.port = port
    try:
        yield
    finally:
        console.stop()


async def vouched_for(page: Page, subject: str) -> None:
    """Sign in at the provider as somebody."""
    await page.goto("/sign-in?next=/my-leads")
    await page.get_by_role("link", name="Sign in with your company's account").click()
    await page.locator("input[name=sub]").fill(subject)
    await page.get_by_role("button", name="Authorize").click()


@pytest.mark.slow
async def test_whom_the_provider_vouches_for_is_signed_in_with_the_role_it_claims(
    running_org: RunningOrg,
) -> None:
    """Passwords are not accepted, and role and teams of the claims are published as the rep's at once."""
    await running_org.rep("ann", "admin")
    await running_org.rep("rep-1", teams=["west"])
    claims = {
        "email": running_org.email("rep-1"),
        "email_verified": True,
        "groups": ["all", "lead-managers"],
        "team": ["east"],
    }
    stranger = {"email": "stranger@x.example", "email_verified": True, "groups": ["rep"], "team": []}
    people = [User(sub="s-1", claims=claims), User(sub="s-2", claims=stranger), User(sub="s-3", claims={})]
    with (
        run_server_in_thread(require_nonce=True, user_claims=people) as server,
        console_of(
            running_org,
            issuer := f"http://localhost:{server.server_port}",
            FIRSTCLAIM_OIDC_ONLY="true",
            FIRSTCLAIM_OIDC_ROLE_CLAIM="groups",
            FIRSTCLAIM_OIDC_ROLES="lead-managers=manager",
            FIRSTCLAIM_OIDC_TEAMS_CLAIM="team",
        ),
    ):
        await running_org.until_ready()
        await running_org.until_known("rep-1")
        async with httpx.AsyncClient(
            timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON
        ) as client:
            refused = await sign_in(client, running_org.email("rep-1"))
            assert (refused.status_code, refused.json()["type"][-9:]) == (403, "forbidden")
            form = {"email": running_org.email("rep-1"), "password": PASSWORD}
            assert (await client.post("/sign-in", data=form)).status_code == HTTPStatus.FORBIDDEN
        page = await running_org.window()
        await page.goto("/sign-in")
        await expect(page.get_by_label("Password")).to_have_count(0)
        await vouched_for(page, "s-2")
        await expect(page.get_by_role("alert")).to_contain_text("has no account here")
        await vouched_for(page, "s-3")
        await expect(page.get_by_role("alert")).to_contain_text("groups: does not name a role")
        await vouched_for(page, "s-1")
        await page.wait_for_url("**/my-leads")
        await expect(page.locator(".who")).to_contain_text("Rep 1 manager")
        assert issuer not in page.url
        me = await (await page.request.get("/api/v1/me")).json()
        assert (me["role"], me["teams"]) == ("manager", ["east"])
        answer = await page.request.get("/sign-in/oidc/callback?state=guessed&code=guessed")
        assert answer.status == HTTPStatus.FORBIDDEN


class LyingProvider:
    """A provider that returns any token that a test wants."""

    def __init__(self) -> None:
        self.key, self.foreign_key = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
        self.claims: dict[str, Any] = {}
        self.signed_by: Any = self.key
        self.alg = "RS256"
        self.token_endpoint: str | None = None
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send_json(liar.keys() if self.path == "/jwks" else liar.discovered())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self._send_json({"id_token": liar.token(), "access_token": "x", "token_type": "Bearer"})

            def _send_json(self, value: dict[str, Any]) -> None:
                body = json.dumps(value).encode()
                self.send_response(HTTPStatus.OK)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"

    def discovered(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": self.token_endpoint or f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def token(self) -> str:
        if self.alg == "RS256":
            return jwt.encode({"alg": self.alg}, self.claims, self.signed_by, algorithms=[self.alg])
        # A known attack: the public key is used as the secret of a shared-secret signature.
        parts = [_base64(json.dumps(part).encode()) for part in ({"alg": self.alg}, self.claims)]
        signed = ".".join(parts).encode()
        secret = self.key.as_pem(private=False)
        signature = b"" if self.alg == "none" else hmac.digest(secret, signed, "sha256")
        return f"{signed.decode()}.{_base64(signature)}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.fixture
def lying_provider() -> Iterator[LyingProvider]:
    """Yield a provider that runs."""
    provider = LyingProvider()
    thread = threading.Thread(target=provider.server.serve_forever)
    thread.start()
    yield provider
    provider.server.shutdown()
    thread.join()
    provider.server.server_close()


GOOD: Final[dict[str, Any]] = {"aud": CLIENT, "sub": "s-1", "email_verified": True}


async def sign_in_with(
    running_org: RunningOrg, liar: LyingProvider, claims: dict[str, Any], drop: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Sign in with a token of these claims; return the status, and the signed-in person or the page's message."""
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url) as client:
        redirect = await client.get("/sign-in/oidc")
        claims_asked = {
            name: value[0] for name, value in parse_qs(urlsplit(redirect.headers["location"]).query).items()
        }
        all_claims = {
            "iss": liar.issuer,
            "nonce": claims_asked["nonce"],
            "exp": int(time.time()) + 300,
            "iat": int(time.time()),
            **GOOD,
            "email": running_org.email("rep-1"),
            **claims,
        }
        liar.claims = {name: value for name, value in all_claims.items() if name not in drop}
        callback = await client.get(
            "/sign-in/oidc/callback", params={"state": claims_asked["state"], "code": "x"}
        )
        if callback.status_code != HTTPStatus.SEE_OTHER:
            return callback.status_code, callback.text
        return callback.status_code, (await client.get("/api/v1/me")).json()["rep_id"]


@pytest.mark.slow
async def test_hostile_tokens_sign_nobody_in(running_org: RunningOrg, lying_provider: LyingProvider) -> None:
    """Before, an unverified address, or one whose claim was "false" or 0, signed in its account."""
    await running_org.rep("rep-1")
    await running_org.rep("rep-2")
    with console_of(running_org, lying_provider.issuer):
        await running_org.until_ready()
        await running_org.until_known("rep-2")
        hostile: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
            "verified is absent": ({}, ("email_verified",)),
            "verified is text": ({"email_verified": "false"}, ()),
            "verified is the text true": ({"email_verified": "true"}, ()),
            "verified is 0": ({"email_verified": 0}, ()),
            "verified is 1": ({"email_verified": 1}, ()),
            "verified is null": ({"email_verified": None}, ()),
            "another spelling": ({"email": running_org.email("rep-1").replace("r", "\uff52", 1)}, ()),
            "a list of addresses": ({"email": [running_org.email("rep-1")]}, ()),
            "no subject": ({}, ("sub",)),
            "an empty subject": ({"sub": ""}, ()),
            "a number as subject": ({"sub": 7}, ()),
            "another audience": ({"aud": "other"}, ()),
            "several audiences, no party": ({"aud": [CLIENT, "other"]}, ()),
            "several audiences, another party": ({"aud": [CLIENT, "other"], "azp": "other"}, ()),
            "another party": ({"azp": "other"}, ()),
            "another issuer": ({"iss": "https://other.example"}, ()),
            "another nonce": ({"nonce": "guessed"}, ()),
            "over": ({"exp": int(time.time()) - 100}, ()),
            "never over": ({}, ("exp",)),
        }
        for attack, (claims, drop) in hostile.items():
            status, body = await sign_in_with(running_org, lying_provider, claims, drop)
            assert status == HTTPStatus.FORBIDDEN, attack
            assert 'role="alert"' in body, attack
        lying_provider.signed_by = lying_provider.foreign_key
        assert (await sign_in_with(running_org, lying_provider, {}))[0] == HTTPStatus.FORBIDDEN, (
            "another's key"
        )
        lying_provider.signed_by = lying_provider.key
        for alg in ("HS256", "none"):
            lying_provider.alg = alg
            assert (await sign_in_with(running_org, lying_provider, {}))[0] == HTTPStatus.FORBIDDEN, alg
        lying_provider.alg = "RS256"
        lying_provider.token_endpoint = "http://provider.example/token"  # noqa: S105  # an address
        assert (await sign_in_with(running_org, lying_provider, {}))[0] == HTTPStatus.FORBIDDEN, (
            "a secret in clear text"
        )
        lying_provider.token_endpoint = None
        assert await sign_in_with(running_org, lying_provider, {"aud": [CLIENT, "other"], "azp": CLIENT}) == (
            303,
            "rep-1",
        )


@pytest.mark.slow
async def test_an_account_stays_with_its_subject_whatever_the_address(
    running_org: RunningOrg, lying_provider: LyingProvider
) -> None:
    """Before, the new holder of somebody's old address at the provider got the account."""
    await running_org.rep("rep-1")
    await running_org.rep("rep-2")
    with console_of(running_org, lying_provider.issuer):
        await running_org.until_ready()
        await running_org.until_known("rep-2")
        assert await sign_in_with(running_org, lying_provider, {}) == (303, "rep-1")
        assert await sign_in_with(running_org, lying_provider, {"email": running_org.email("rep-2")}) == (
            303,
            "rep-1",
        )
        assert await sign_in_with(
            running_org, lying_provider, {"email": "new@x.org", "email_verified": False}
        ) == (
            303,
            "rep-1",
        )
        status, body = await sign_in_with(running_org, lying_provider, {"sub": "s-2"})
        assert status == HTTPStatus.FORBIDDEN
        assert "has no account here that is free" in body
        assert await sign_in_with(
            running_org, lying_provider, {"sub": "s-2", "email": running_org.email("rep-2")}
        ) == (
            303,
            "rep-2",
        )


@pytest.mark.parametrize(
    ("unsafe", "named"),
    [
        ({"oidc_issuer": "http://provider.example"}, "FIRSTCLAIM_OIDC_ISSUER"),
        ({"oidc_issuer": "http://127.0.0.1.provider.example"}, "FIRSTCLAIM_OIDC_ISSUER"),
        ({"oidc_issuer": "ftp://localhost"}, "FIRSTCLAIM_OIDC_ISSUER"),
        ({"oidc_roles": "boss=owner"}, "FIRSTCLAIM_OIDC_ROLES"),
        ({"second_factor_roles": "admins"}, "FIRSTCLAIM_SECOND_FACTOR_ROLES"),
        ({"trusted_proxies": "10.0.0.1/8"}, "FIRSTCLAIM_TRUSTED_PROXIES"),
    ],
)
def test_a_setting_that_is_not_safe_is_refused_with_its_name(unsafe: dict[str, str], named: str) -> None:
    safe_settings = {
        "oidc_issuer": "https://provider.example",
        "oidc_client_id": "x",
        "oidc_client_secret": "y",
    }
    assert WebSettings.read(**safe_settings).oidc_issuer == safe_settings["oidc_issuer"]
    with pytest.raises(ConfigError, match=named):
        WebSettings.read(**{**safe_settings, **unsafe})
    with pytest.raises(ConfigError, match="FIRSTCLAIM_OIDC_ONLY"):
        WebSettings.read(oidc_only=True)
