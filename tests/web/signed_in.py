"""Clients of the API with a password session, as a browser has one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.running_org import PASSWORD, PLAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.web.running_org import RunningOrg

JSON = {"accept": "application/json"}


@asynccontextmanager
async def signed_in(
    running_org: RunningOrg, rep_id: str, *, headers: dict[str, str] | None = None, **more: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client with its own session; `more`: further members of the credentials."""
    async with httpx.AsyncClient(
        timeout=PATIENCE_SECONDS, verify=PLAIN, base_url=running_org.url, headers={**JSON, **(headers or {})}
    ) as client:
        answer = await sign_in(client, running_org.email(rep_id), **more)
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf"]
        yield client


async def sign_in(
    client: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: Any
) -> httpx.Response:
    """Request a session."""
    return await client.post("/api/v1/session", json={"email": email, "password": password, **more})
