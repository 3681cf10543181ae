"""An org without reps is closed if it ever had one. Its first admin is not locked out when the org closes."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from application.journal_snapshot import journal_now
from streams.topics import DIRECTORY
from tests.web.running_org import PASSWORD, PATIENCE_MS
from tests.web.signed_in import sign_in, signed_in
from web.auth import SCOPES
from web.store.account import Account

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


def account(running_org: RunningOrg, rep_id: str, role: str) -> None:
    """Make an account for a person who is in no directory."""
    running_org.accounts.put(
        Account(email=running_org.email(rep_id), org=running_org.org, rep_id=rep_id, role=role), PASSWORD
    )


async def until_status(client: httpx.AsyncClient, status: HTTPStatus) -> None:
    """Wait until `/api/v1/me` answers with a status."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while (await client.get("/api/v1/me")).status_code != status:
            await asyncio.sleep(0.05)


async def test_removing_the_last_rep_makes_nobody_an_admin(running_org: RunningOrg) -> None:
    """Before, a stranger's token and a leftover account became admin when the last rep was gone. The engine obeyed."""
    await running_org.rep("ann", "admin")
    account(running_org, "guest", "admin")
    await running_org.until_known("ann")
    lead = await running_org.arrive("a-1", last_name="Doe")
    async with signed_in(running_org, "ann") as ann:
        token = running_org.tokens.issue(running_org.org, "anyone", "t", SCOPES, by="test")[0]
        await running_org.client.put(DIRECTORY, None, key=f"{running_org.org}/rep/ann".encode())
        await until_status(ann, HTTPStatus.UNAUTHORIZED)
        assert (await sign_in(ann, running_org.email("guest"))).status_code == HTTPStatus.UNAUTHORIZED
        ann.cookies.clear()
        bearer = {"authorization": f"Bearer {token}"}
        assert (await ann.get("/api/v1/me", headers=bearer)).status_code == HTTPStatus.UNAUTHORIZED
    settings = running_org.stack.settings
    async with asyncio.timeout(PATIENCE_MS / 1000):
        for partition in range(settings.partitions):
            while (await journal_now(settings, partitions={partition})).rule_book.org(running_org.org).reps:
                pass
    answer = (await running_org.ask("claim", lead, "anyone")).answer
    assert answer is not None
    assert (answer.result, answer.reason) == ("refused", "unknown_rep")


async def test_an_explicit_setting_opens_an_org_without_reps(running_org: RunningOrg) -> None:
    await running_org.rep("ann", "admin")
    account(running_org, "guest", "admin")
    await running_org.until_known("ann")
    async with signed_in(running_org, "ann") as ann:
        await running_org.client.put(DIRECTORY, None, key=f"{running_org.org}/rep/ann".encode())
        await until_status(ann, HTTPStatus.UNAUTHORIZED)
        await running_org.publish("settings", "settings", open_without_reps=True)
        await until_status(ann, HTTPStatus.OK)
    async with signed_in(running_org, "guest") as guest:
        assert (await guest.get("/api/v1/me")).json()["role"] == "admin"


async def test_who_publishes_the_first_rep_stays_an_admin_and_the_account_is_made(
    running_org: RunningOrg,
) -> None:
    """Before, the admin of an open org was no rep: publishing ann locked them out, and ann's account was never made."""
    account(running_org, "mia", "admin")
    async with signed_in(running_org, "mia") as mia:
        path = "/api/v1/directory/rep/ann"
        value = {"name": "Ann", "email": running_org.email("ann"), "role": "admin"}
        tried = await mia.put(path, params={"dry_run": True}, json=value)
        assert "You are published as mia, an admin, in the same step." in tried.json()["effects"]
        assert (await mia.put(path, json=value)).status_code == HTTPStatus.OK
        assert (await mia.get("/api/v1/me")).json()["role"] == "admin"
        invited = await mia.post(f"{path}/account", json={"email": running_org.email("ann")})
        assert invited.status_code == HTTPStatus.CREATED, invited.text
        assert (await mia.get("/api/v1/directory/rep/mia")).json()["value"]["role"] == "admin"
