"""Codes of a device, recovery codes, and the password check before actions that would outlive a stolen session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pyotp
import pytest
from playwright.async_api import expect
from sqlalchemy import update

from runtime.process import free_port
from runtime.up import child
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.axe import serious_problems
from tests.web.running_org import PASSWORD
from tests.web.signed_in import JSON, sign_in, signed_in
from web.settings import WebSettings
from web.store.sealing import vault
from web.store.second_factors import SecondFactors
from web.store.tables import SessionTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

FACTOR = "/api/v1/me/second-factor"


@pytest.fixture
def strict(running_org: RunningOrg) -> Iterator[RunningOrg]:
    """Yield the test's org at a console where admins must have a second factor."""
    port = free_port()
    console = child("console-strict", ["console"], running_org.stack.settings, port)
    console.environment = {**(console.environment or {}), "FIRSTCLAIM_SECOND_FACTOR_ROLES": "admin"}
    console.launch()
    running_org.port = port
    yield running_org
    console.stop()


def proved_long_ago(store: Engine, email: str) -> None:
    """Set the last password check of all of a person's sessions to an hour ago."""
    with store.begin() as connection:
        at = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(SessionTable).where(SessionTable.email == email).values(proved_at=at))


def code(secret: str, later: int = 0) -> str:
    """Return a code of a device."""
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * later))


async def test_with_a_second_factor_the_password_alone_is_not_enough(running_org: RunningOrg) -> None:
    await running_org.rep("ann", "admin")
    await running_org.rep("rep-1")
    await running_org.until_known("rep-1")
    email = running_org.email("rep-1")
    async with signed_in(running_org, "rep-1") as client:
        prepared: dict[str, Any] = (await client.post(FACTOR)).json()
        assert prepared["qr"].startswith("<svg")
        assert (await client.put(FACTOR, json={"code": "000000"})).status_code == 422
        used = code(prepared["secret"])
        codes = (await client.put(FACTOR, json={"code": used})).json()["recovery_codes"]
        assert (await client.post(FACTOR)).status_code == HTTPStatus.CONFLICT
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON) as client:
        challenge = await sign_in(client, email)
        assert (challenge.status_code, challenge.json()["type"]) == (
            401,
            "urn:firstclaim:problem:code-needed",
        )
        assert "firstclaim_session" not in challenge.headers.get("set-cookie", "")
        assert (await sign_in(client, email, code=used)).status_code == 401, "a code is used once"
        next_code = code(
            prepared["secret"], 1
        )  # one code for all three, or the device would have gone on to another
        assert (await sign_in(client, email, WRONG, code=next_code)).status_code == 401
        assert (await sign_in(client, email, code=next_code)).status_code == 201
        assert (await sign_in(client, email, code=next_code)).status_code == 401
        assert (await sign_in(client, email, code=codes[0])).status_code == 201
        assert (await sign_in(client, email, code=codes[0])).status_code == 401
        for _ in range(10):
            answer = await sign_in(client, email, code="123456")
        assert answer.status_code == 429, "codes are guessed as slowly as passwords"
    async with signed_in(running_org, "ann") as admin, await running_org.program("rep-1") as program:
        path = "/api/v1/directory/rep/rep-1/second-factor"
        assert (await program.delete(path)).status_code == HTTPStatus.FORBIDDEN
        assert (await admin.delete(path)).status_code == HTTPStatus.NO_CONTENT
        assert (await admin.delete(path)).status_code == HTTPStatus.NOT_FOUND


WRONG = "a guess of somebody's"


async def test_a_stolen_session_makes_no_token_invitation_or_export(
    running_org: RunningOrg, store: Engine
) -> None:
    """Before, an open browser was enough for a token without an end, an invitation, or an export of all leads."""
    await running_org.rep("ann", "admin")
    await running_org.rep("rep-1")
    await running_org.until_known("rep-1")
    async with signed_in(running_org, "ann") as client:
        requests = [
            ("POST", "/api/v1/tokens", {"rep_id": "rep-1", "name": "t", "scopes": ["queues:read"]}, 201),
            ("POST", "/api/v1/directory/rep/rep-1/account", {"email": running_org.email("rep-1")}, 201),
            ("GET", "/api/v1/leads.csv", None, 200),
            ("POST", FACTOR, None, 201),
        ]
        proved_long_ago(store, running_org.email("ann"))
        for method, path, body, _ in requests:
            answer = await client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["type"][-14:]) == (403, "prove-yourself"), path
        assert (await client.get("/api/v1/me/proof")).json() == {
            "needed": True,
            "method": "password",
            "code": False,
        }
        wrong = await client.post("/api/v1/me/proof", json={"current": WRONG})
        assert (wrong.status_code, wrong.json()["detail"]) == (422, "current: is not your password")
        assert (await client.post("/api/v1/me/proof", json={"current": PASSWORD})).status_code == 204
        for method, path, body, status in requests:
            answer = await client.request(method, path, json=body)
            assert answer.status_code == status, (path, answer.text)


async def test_who_must_have_a_second_factor_can_do_nothing_before(strict: RunningOrg) -> None:
    running_org = strict
    await running_org.rep("ann", "admin")
    await running_org.rep("rep-1")
    await running_org.until_ready()
    await running_org.until_known("rep-1")
    async with signed_in(running_org, "ann") as client, signed_in(running_org, "rep-1") as rep:
        assert (await rep.get("/api/v1/queues")).status_code == HTTPStatus.OK
        refused = await client.get("/api/v1/queues")
        assert (refused.status_code, refused.json()["type"]) == (
            403,
            "urn:firstclaim:problem:second-factor-missing",
        )
        page = await client.get("/queues", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/account")
        prepared = (await client.post(FACTOR)).json()
        assert (await client.put(FACTOR, json={"code": code(prepared["secret"])})).status_code == 200
        assert (await client.get("/api/v1/queues")).status_code == HTTPStatus.OK
        assert (await client.delete(FACTOR)).status_code == HTTPStatus.CONFLICT


async def test_a_second_factor_is_set_up_and_used_in_the_browser(
    running_org: RunningOrg, store: Engine
) -> None:
    await running_org.rep("rep-1")
    page = await running_org.sign_in("rep-1", "/account")
    proved_long_ago(store, running_org.email("rep-1"))
    assert await serious_problems(page) == []
    await page.get_by_role("button", name="Set up a second factor").click()
    dialog = page.get_by_role("dialog", name="Is it you?")
    await dialog.get_by_label("Password").fill(WRONG)
    await dialog.get_by_role("button", name="Confirm").click()
    await expect(dialog.get_by_role("alert")).to_have_text("current: is not your password")
    assert await serious_problems(page) == []
    await dialog.get_by_label("Password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("img", name="QR code for an authenticator app")).to_be_visible()
    assert await serious_problems(page) == []
    secret = (await page.locator("[data-secret]").inner_text()).replace(" ", "")
    await page.get_by_label("The code that the app shows").fill(code(secret))
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("heading", name="Recovery codes")).to_be_focused()
    recovery = await page.locator(".codes li").first.inner_text()
    assert await serious_problems(page) == []
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("Email").fill(running_org.email("rep-1"))
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    field = page.get_by_label("Code of your device")
    await field.fill("000000")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_contain_text("the code is wrong")
    assert await serious_problems(page) == []
    await field.fill(recovery)
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url("**/queues")
    await page.goto("/account")
    await expect(page.locator("[data-second-factor]")).to_contain_text("9 recovery codes are left")
    await page.get_by_role("button", name="Remove the second factor").click()
    await expect(page.get_by_role("button", name="Set up a second factor")).to_be_visible()


async def test_sessions_are_ended_on_the_page(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.until_known("rep-1")
    async with signed_in(running_org, "rep-1", headers={"user-agent": "an old laptop"}) as old:
        page = await running_org.sign_in("rep-1", "/account")
        row = page.locator(".sessions li", has_text="an old laptop")
        await expect(row).to_contain_text("127.0.0.1")
        await row.get_by_role("button").click()
        await expect(row).to_have_count(0)
        assert (await old.get("/api/v1/me")).status_code == HTTPStatus.UNAUTHORIZED
        await expect(page.locator(".sessions li")).to_contain_text("This browser")


async def test_an_admin_resets_a_second_factor_on_the_directory_page(
    running_org: RunningOrg, store: Engine
) -> None:
    await running_org.rep("ann", "admin")
    await running_org.rep("rep-1")
    await running_org.until_known("rep-1")
    factors = SecondFactors(store, vault(WebSettings.read(state_dir=running_org.stack.settings.state_dir)))
    (account,) = [
        candidate
        for candidate in running_org.accounts.accounts(running_org.org)
        if candidate.rep_id == "rep-1"
    ]
    assert factors.confirm(account, code(factors.prepare(account) or "")) is not None
    page = await running_org.sign_in("ann", "/directory/reps/rep-1")
    proved_long_ago(store, running_org.email("ann"))
    await page.get_by_role("button", name="Reset the second factor").click()
    dialog = page.get_by_role("dialog", name="Is it you?")
    await dialog.get_by_label("Password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_text("Signing in asks for the password alone now.")).to_be_visible()
    async with signed_in(running_org, "rep-1") as client:
        assert (await client.get(FACTOR)).json()["set_up"] is False
