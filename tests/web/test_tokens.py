"""Tokens contain each other, end by themselves, and are seen and revoked on a page. Before, none of this held."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import update

from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.audited import crew
from tests.web.axe import serious_problems
from tests.web.console_store import empty_database
from tests.web.screens import fits_a_phone, shot
from tests.web.signed_in import signed_in
from web.auth import PERSONAL, SCOPES, TOKEN_SCOPES
from web.store.tables import TokenTable
from web.store.tokens import NOTED_EVERY, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow
TOKENS = "/api/v1/tokens"


def token_request(**more: Any) -> dict[str, Any]:
    return {"rep_id": "bob-ray", "name": "CRM", "scopes": ["leads:read"], **more}


async def test_a_stolen_token_gives_itself_no_further_rights(running_org: RunningOrg) -> None:
    """Before, a token with tokens:write made tokens with every scope, and one with directory:write made admins."""
    await crew(running_org)
    async with await running_org.program("ann-lee") as stolen:
        for method, path, body in (
            ("POST", TOKENS, token_request(scopes=sorted(TOKEN_SCOPES))),
            ("DELETE", f"{TOKENS}/any", None),
            ("PUT", "/api/v1/directory/rep/bob-ray", {"role": "admin"}),
            ("POST", "/api/v1/directory/rep/ann-lee/account", {"email": "thief@x.example"}),
            ("DELETE", "/api/v1/directory/rep/ann-lee/second-factor", None),
            ("PUT", "/api/v1/queue-drafts/aged", {"value": {}}),
            ("PUT", "/api/v1/me/password", {"current": "a", "new": "another good long one"}),
            ("POST", "/api/v1/me/second-factor", None),
            ("DELETE", "/api/v1/me/sessions", None),
            ("DELETE", "/api/v1/session", None),
        ):
            answer = await stolen.request(method, path, json=body)
            assert answer.status_code == HTTPStatus.FORBIDDEN, (path, answer.text)
            assert answer.json()["type"] == "urn:firstclaim:problem:person-needed", path
        assert set((await stolen.get("/api/v1/me")).json()["scopes"]) == set(TOKEN_SCOPES)


async def test_a_token_ends_by_itself_and_never_has_a_scope_that_needs_a_person(
    running_org: RunningOrg,
) -> None:
    await crew(running_org)
    now = datetime.now(UTC)
    async with signed_in(running_org, "ann-lee") as ann:
        issued = (await ann.post(TOKENS, json=token_request())).json()
        ends = datetime.fromisoformat(issued["expires_at"])
        assert timedelta(days=89) < ends - now < timedelta(days=91)
        late = token_request(expires_at=(now + timedelta(days=366)).isoformat())
        refused = await ann.post(TOKENS, json=late)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert refused.json()["detail"] == "expires_at: is more than 365 days from now"
        for scope in PERSONAL:
            refused = await ann.post(TOKENS, json=token_request(scopes=["leads:read", scope]))
            assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
            assert refused.json()["detail"].startswith(f"scopes: {scope} is not for tokens")
        assert (await ann.post(TOKENS, json=token_request(scopes=["leads:guess"]))).status_code == 422


async def test_a_rep_sees_and_revokes_only_their_own_tokens_and_an_admin_all(running_org: RunningOrg) -> None:
    await crew(running_org)
    anns, ann_token = running_org.tokens.issue(
        running_org.org, "ann-lee", "Ann's", {"leads:read"}, by="ann-lee"
    )
    bobs, bob_token = running_org.tokens.issue(
        running_org.org, "bob-ray", "Bob's", {"queues:read"}, by="ann-lee"
    )
    async with signed_in(running_org, "bob-ray") as bob, signed_in(running_org, "ann-lee") as ann:
        bearer = {"authorization": f"Bearer {bobs}"}
        assert (await bob.get("/api/v1/queues", headers=bearer)).status_code == HTTPStatus.OK
        by_name = {token["name"]: token for token in (await bob.get(TOKENS)).json()}
        assert "Bob's" in by_name
        assert "Ann's" not in by_name
        assert by_name["Bob's"]["used_at"] is not None
        assert (await bob.post(TOKENS, json=token_request())).status_code == HTTPStatus.FORBIDDEN
        assert (await bob.delete(f"{TOKENS}/{ann_token.token_id}")).status_code == HTTPStatus.NOT_FOUND
        assert {"Ann's", "Bob's"} <= {token["name"] for token in (await ann.get(TOKENS)).json()}
        assert (await bob.delete(f"{TOKENS}/{bob_token.token_id}")).status_code == HTTPStatus.NO_CONTENT
        answer = await bob.get("/api/v1/me", headers=bearer)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert (await ann.delete(f"{TOKENS}/{ann_token.token_id}")).status_code == HTTPStatus.NO_CONTENT
        answer = await ann.get("/api/v1/me", headers={"authorization": f"Bearer {anns}"})
        assert answer.status_code == HTTPStatus.UNAUTHORIZED


async def test_an_admin_makes_and_revokes_a_token_on_the_page(running_org: RunningOrg) -> None:
    await crew(running_org)
    page = await running_org.sign_in("ann-lee", "/tokens")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await page.get_by_label("What it is for").fill("The CRM")
    await page.get_by_role("combobox", name="Acts as").select_option(label="Bob Ray")
    await page.get_by_label("see leads and their history").check()
    await page.get_by_role("button", name="Make the token").click()
    dialog = page.get_by_role("dialog", name="The token")
    await expect(dialog.locator("[data-secret]")).to_contain_text("fc_")
    await dialog.get_by_role("button", name="I have kept it").click()
    row = page.locator("[data-tokens] tr", has_text="The CRM")
    await expect(row).to_contain_text("Bob Ray")
    await expect(row).to_contain_text("see leads and their history")
    await expect(row).to_contain_text("never")
    await shot(page, "tokens")
    await row.get_by_role("button", name="Revoke the token The CRM").click()
    await expect(row).to_have_count(0)
    own = await running_org.sign_in("bob-ray", "/tokens")
    await expect(own.get_by_text("These tokens act as you.")).to_be_visible()
    await expect(own.get_by_role("button", name="Make the token")).to_have_count(0)


async def test_a_stream_tells_a_token_only_what_its_scopes_allow(running_org: RunningOrg) -> None:
    """Before, a token with queues:read also heard of leads, exceptions and the directory."""
    await crew(running_org)
    text_by_scope = {"queues:read": "", "directory:read": ""}

    async def listen(scope: str) -> None:
        secret, _ = running_org.tokens.issue(
            running_org.org, "ann-lee", "t", {"queues:read", scope}, by="test"
        )
        headers = {"authorization": f"Bearer {secret}"}
        async with (
            httpx.AsyncClient(base_url=running_org.url, headers=headers, timeout=PATIENCE_SECONDS) as client,
            client.stream("GET", "/api/v1/live") as stream,
        ):
            async for text in stream.aiter_text():
                text_by_scope[scope] += text

    async def until(scope: str, text: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while text not in text_by_scope[scope]:
                await asyncio.sleep(0.05)

    listening = [asyncio.create_task(listen(scope)) for scope in text_by_scope]
    try:
        for scope in text_by_scope:
            await until(scope, "event: list")  # the first one: read the lists
        await running_org.rep("eve")
        await until("directory:read", "event: directory")
        await running_org.publish("queue", "new", name="New", claimable=True)
        await until("queues:read", "event: queues")
    finally:
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    assert "event: directory" not in text_by_scope["queues:read"]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield an empty database."""
    with empty_database(request, tmp_path) as engine:
        yield engine


def test_the_last_use_is_written_at_most_once_a_minute(database: Engine) -> None:
    tokens = Tokens(database, days=1)
    secret, issued = tokens.issue("default", "bob", "t", SCOPES, by="ann")
    assert issued.expires_at is not None
    assert tokens.find(secret) is not None
    (first_use,) = tokens.all("default")
    assert first_use.used_at is not None
    tokens.find(secret)
    assert tokens.all("default") == [first_use]
    long_ago = first_use.used_at - NOTED_EVERY - timedelta(seconds=1)
    with database.begin() as connection:
        connection.execute(update(TokenTable).values(used_at=long_ago))
    tokens.find(secret)
    (later,) = tokens.all("default")
    assert later.used_at is not None
    assert later.used_at >= first_use.used_at
