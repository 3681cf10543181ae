"""The password of an invitation ends, must be changed at the first sign-in, and its person is told of changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import update

from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.audited import crew, entries
from tests.web.axe import serious_problems
from tests.web.signed_in import JSON, sign_in, signed_in
from tests.web.toasts import until_toast
from web.store.tables import AccountTable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow
OWN = "a staple of my own"


async def invite_bob(running_org: RunningOrg) -> str:
    """Let an admin invite Bob; return the password."""
    await crew(running_org)
    async with signed_in(running_org, "ann-lee") as ann:
        path = "/api/v1/directory/rep/bob-ray/account"
        answer = await ann.post(path, json={"email": running_org.email("bob-ray")})
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        until = datetime.fromisoformat(answer.json()["until"])
        assert timedelta(hours=71) < until - datetime.now(UTC) <= timedelta(hours=72)
        await entries(ann, "account_invited")
        password: str = answer.json()["password"]
        return password


async def test_the_password_of_an_invitation_opens_nothing_until_it_is_changed(
    running_org: RunningOrg,
) -> None:
    """Before, whoever had seen the admin's screen could use the password for ever."""
    password = await invite_bob(running_org)
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON) as bob:
        answer = await sign_in(bob, running_org.email("bob-ray"), password)
        assert answer.status_code == HTTPStatus.CREATED
        bob.headers["x-csrf-token"] = answer.json()["csrf"]
        for path in ("/api/v1/queues", "/api/v1/leads", "/api/v1/tokens"):
            refused = await bob.get(path)
            assert refused.json()["type"] == "urn:firstclaim:problem:password-of-invitation", path
        changed = await bob.put("/api/v1/me/password", json={"current": password, "new": OWN})
        assert changed.status_code == HTTPStatus.NO_CONTENT
        assert (await bob.get("/api/v1/queues")).status_code == HTTPStatus.OK
        assert (await sign_in(bob, running_org.email("bob-ray"), password)).status_code == 401


async def test_an_invitation_that_has_expired_lets_nobody_in(running_org: RunningOrg, store: Engine) -> None:
    password = await invite_bob(running_org)
    with store.begin() as connection:
        is_bob = AccountTable.email == running_org.email("bob-ray")
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(AccountTable).where(is_bob).values(password_until=past))
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON) as bob:
        answer = await sign_in(bob, running_org.email("bob-ray"), password)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert answer.json()["detail"] == "your invitation has expired: ask an admin for a new one"
        wrong = await sign_in(bob, running_org.email("bob-ray"), "a guess of mine")
        assert "expired" not in wrong.text, "who does not know the password learns nothing"


async def test_a_person_chooses_a_password_first_and_is_told_of_changes_until_they_read_it(
    running_org: RunningOrg,
) -> None:
    password = await invite_bob(running_org)
    page = await running_org.window()
    await page.goto("/sign-in")
    await page.get_by_label("Email").fill(running_org.email("bob-ray"))
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/account")
    await expect(page.get_by_text("Choose a password of your own before you go on.")).to_be_visible()
    notices = page.get_by_role("region", name="Notices")
    await expect(notices).to_contain_text("Ann Lee invited Bob Ray as bob-ray@")
    assert await serious_problems(page) == []
    await page.get_by_label("Current password").fill(password)
    await page.get_by_label("New password").fill(OWN)
    await page.get_by_role("button", name="Change password").click()
    await until_toast(page, "Your password is changed.")
    await expect(page.locator("[data-invited]")).to_have_count(0)
    async with signed_in(running_org, "ann-lee") as ann:
        await entries(ann, "password_changed")
    await page.goto("/queues")
    await expect(notices).to_contain_text("Bob Ray changed the password of their own account.")
    await notices.get_by_role("button", name="I have read this").click()
    await expect(notices).to_be_hidden()
    async with page.expect_response("**/api/v1/me/notices") as answered:
        await page.reload()
    assert await (await answered.value).json() == []
