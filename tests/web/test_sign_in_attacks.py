"""Attacks on the console's sign-in: guesses, floods, large bodies, invented addresses."""

from __future__ import annotations

import asyncio
import itertools
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import pytest

from runtime.process import free_port
from runtime.up import child
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.signed_in import JSON, sign_in, signed_in
from web.body_limit import BEFORE_SIGN_IN_BYTES, MAX_BYTES
from web.services.hash_pool import MAX_OF_A_HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

WRONG = "a guess of somebody's"


@pytest.fixture
def behind_proxy(running_org: RunningOrg) -> Iterator[RunningOrg]:
    """Yield the test's org at a second console that trusts a proxy on this machine and serves https."""
    port = free_port()
    console = child("console-proxied", ["console"], running_org.stack.settings, port)
    console.environment = {
        **(console.environment or {}),
        "FIRSTCLAIM_PUBLIC_URL": "https://leads.example",
        "FIRSTCLAIM_TRUSTED_PROXIES": "127.0.0.0/8, 10.1.0.0/16",
        "FIRSTCLAIM_SECOND_FACTOR_ROLES": "admin",
    }
    console.launch()
    running_org.port = port
    yield running_org
    console.stop()


async def client_from(running_org: RunningOrg, host: str) -> httpx.AsyncClient:
    """Return a client that a proxy says is at a host."""
    return httpx.AsyncClient(
        base_url=running_org.url, headers={**JSON, "x-forwarded-for": host}, timeout=PATIENCE_SECONDS
    )


async def test_wrong_tries_padded_with_blanks_are_one_account(running_org: RunningOrg) -> None:
    """Before, 39 wrong tries got no 429, each with other blanks, letters or widths of one address."""
    await running_org.rep("rep-1")
    await running_org.until_known("rep-1")
    email = running_org.email("rep-1")
    spellings = itertools.cycle(
        [email, f" {email}", f"{email}\t", email.upper(), email.replace("r", "\uff52", 1)]
    )
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON) as client:
        answers = [await sign_in(client, f"{' ' * number}{next(spellings)}", WRONG) for number in range(11)]
        assert [answer.status_code for answer in answers] == [HTTPStatus.UNAUTHORIZED] * 10 + [429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= 61
        assert (await sign_in(client, email)).status_code == 429, "the right password waits, too"
        page = await client.post("/sign-in", data={"email": f" {email}", "password": WRONG})
        assert page.status_code == 429
        assert int(page.headers["retry-after"]) > 0


async def test_many_invented_addresses_hold_nobody_up(behind_proxy: RunningOrg) -> None:
    """Before, 80 invented addresses made another user wait 25 s, because all threads hashed their passwords."""
    running_org = behind_proxy
    await running_org.rep("rep-1")
    await running_org.until_ready()
    await running_org.until_known("rep-1")
    async with (
        await client_from(running_org, "10.9.9.9") as attacker,
        await client_from(running_org, "10.2.2.2") as user,
    ):
        flood = [
            asyncio.create_task(sign_in(attacker, f"guess-{number}@{running_org.org}.example", WRONG))
            for number in range(80)
        ]
        answer = await sign_in(user, running_org.email("rep-1"))
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        answers = [reply.status_code for reply in await asyncio.gather(*flood)]
    assert set(answers) <= {401, 429, 503}
    assert answers.count(401) <= 50
    assert answers.count(503) + answers.count(429) >= 80 - 50
    assert MAX_OF_A_HOST < 50


async def test_forwarded_addresses_are_believed_from_trusted_proxies_only(running_org: RunningOrg) -> None:
    """Before, a guesser could send another X-Forwarded-For each time. A local proxy opened /metrics to everybody."""
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON) as client:
        assert (await client.get("/metrics")).status_code == HTTPStatus.OK
        for name in ("x-forwarded-for", "forwarded"):
            assert (await client.get("/metrics", headers={name: "127.0.0.1"})).status_code == 403
    await running_org.rep("rep-1")
    await running_org.until_known("rep-1")
    async with signed_in(running_org, "rep-1", headers={"x-forwarded-for": "6.6.6.6"}) as client:
        (session,) = (await client.get("/api/v1/me/sessions")).json()
        assert session["host"] == "127.0.0.1"


async def test_behind_a_trusted_proxy_the_client_is_the_last_address_it_did_not_make_up(
    behind_proxy: RunningOrg,
) -> None:
    running_org = behind_proxy
    await running_org.rep("rep-1")
    await running_org.until_ready()
    await running_org.until_known("rep-1")
    async with await client_from(running_org, "6.6.6.6, 10.9.9.8, 10.1.0.7") as client:
        answer = await sign_in(client, running_org.email("rep-1"))
        (cookie,) = answer.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-firstclaim_session=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        secret = cookie.partition("=")[2].partition(";")[0]
        plain = await client.get("/api/v1/me", headers={"cookie": f"firstclaim_session={secret}"})
        assert plain.status_code == HTTPStatus.UNAUTHORIZED, "a cookie that any host may set"
        own = {"cookie": f"__Host-firstclaim_session={secret}"}
        (session,) = (await client.get("/api/v1/me/sessions", headers=own)).json()
        assert session["host"] == "10.9.9.8"


async def test_bodies_are_capped_before_they_are_read(running_org: RunningOrg) -> None:
    """Before, 300 MB without a session used 1 GB. The test counts what the console reads, with and without a length."""
    read_bytes = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read_bytes
        for _ in range(300):
            read_bytes += MAX_BYTES
            yield b" " * MAX_BYTES

    async with httpx.AsyncClient(base_url=running_org.url, headers=JSON, timeout=PATIENCE_SECONDS) as client:
        for path, most in (
            ("/api/v1/session", BEFORE_SIGN_IN_BYTES),
            ("/sign-in", BEFORE_SIGN_IN_BYTES),
            ("/api/v1/leads/lists", MAX_BYTES),
            ("/api/v1/leads", MAX_BYTES),
        ):
            form = {
                "content-type": "application/x-www-form-urlencoded"
                if path == "/sign-in"
                else "application/json"
            }
            answer = await client.post(path, content=b" " * (most + 1), headers=form)
            assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE, path
            read_bytes = 0
            try:
                answer = await client.post(path, content=pieces(), headers=form)
            except httpx.TransportError:
                pass  # the console hung up while the rest was sent
            else:
                assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE, path
            assert read_bytes < 100 * MAX_BYTES, path


async def test_own_sessions_are_listed_and_ended(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.rep("rep-2")
    await running_org.until_known("rep-2")
    async with (
        signed_in(running_org, "rep-1", headers={"user-agent": "here"}) as current,
        signed_in(running_org, "rep-1", headers={"user-agent": "there"}) as other_browser,
        signed_in(running_org, "rep-1") as third,
        signed_in(running_org, "rep-2") as stranger,
    ):
        listed = (await current.get("/api/v1/me/sessions")).json()
        assert {session["agent"] for session in listed} >= {"here", "there"}
        (current_session,) = [session for session in listed if session["here"]]
        (other_session,) = [session for session in listed if session["agent"] == "there"]
        path = f"/api/v1/me/sessions/{other_session['session_id']}"
        assert (await stranger.delete(path)).status_code == HTTPStatus.NOT_FOUND
        assert (await current.delete(path)).status_code == HTTPStatus.NO_CONTENT
        assert (await other_browser.get("/api/v1/me")).status_code == HTTPStatus.UNAUTHORIZED
        assert (await current.delete("/api/v1/me/sessions")).status_code == HTTPStatus.NO_CONTENT
        assert (await third.get("/api/v1/me")).status_code == HTTPStatus.UNAUTHORIZED
        (session_left,) = (await current.get("/api/v1/me/sessions")).json()
        assert session_left["session_id"] == current_session["session_id"]
        assert (await stranger.get("/api/v1/me")).status_code == HTTPStatus.OK


async def test_a_disabled_account_is_out_at_once_with_its_tokens(running_org: RunningOrg) -> None:
    """Before, the tokens of a disabled account kept working."""
    await running_org.rep("rep-1")
    async with await running_org.program("rep-1") as program, signed_in(running_org, "rep-1") as person:
        assert (await program.get("/api/v1/me")).status_code == HTTPStatus.OK
        assert running_org.accounts.disable(running_org.email("rep-1"))
        assert (await program.get("/api/v1/me")).status_code == HTTPStatus.UNAUTHORIZED
        assert (await person.get("/api/v1/me")).status_code == HTTPStatus.UNAUTHORIZED
