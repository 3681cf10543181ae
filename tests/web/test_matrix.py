"""Every route and who may use it, taken from the routes themselves: a new one cannot be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from streams.topics import DIRECTORY
from tests.web.routes import address, routes
from web.auth import SAFE, SCOPES

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

ROLES: Final = ("rep", "manager", "admin")
OPEN: Final = {
    ("GET", "/"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/code"),
    ("POST", "/sign-in/code"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/callback"),
    ("GET", "/signed-out"),
    ("POST", "/api/v1/session"),
}
"""What is for everybody: nothing of any org is to be seen or changed there."""
ALL: Final = list(routes())
GUARDED: Final = [(method, route, access) for method, route, access in ALL if access is not None]


def test_every_route_names_its_access_or_is_known_to_be_open() -> None:
    assert {(method, route.path) for method, route, access in ALL if access is None} == OPEN


@pytest.mark.slow
async def test_each_route_lets_in_its_roles_and_scopes_and_nobody_else(office: RunningOrg) -> None:
    other = f"{office.org}-other"
    for role in ROLES:
        await office.rep(f"{role}-1", role)
    tokens = {
        role: office.tokens.issue(office.org, f"{role}-1", role, SCOPES, by="test")[0] for role in ROLES
    }
    bare = {
        scope: office.tokens.issue(office.org, "admin-1", scope, set(SCOPES) - {scope}, by="test")[0]
        for scope in SCOPES
    }
    stranger = office.tokens.issue(other, "admin-1", "other", SCOPES, by="test")[0]
    key = f"{other}/rep/somebody".encode()
    await (await office.client.put(DIRECTORY, b'{"rep_id": "somebody"}', key=key))
    await office.until_known("admin-1")
    asked = (await office.browser.new_context(base_url=office.url)).request

    async def status(method: str, path: str, sent: dict[str, Any], token: str | None) -> int:
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        if path.endswith("/live"):
            return await office.stream_status(path, headers)
        data = sent if method not in SAFE else None
        return (await asked.fetch(path, method=method, headers=headers, data=data)).status

    for method, route, access in GUARDED:
        path, said = address(route), f"{method} {route.path}"
        assert await status(method, path, {}, None) == 401, said
        assert await status(method, path, {}, "fc_wrong") == 401, said
        assert await status(method, path, {}, bare[access.scope]) == 403, said
        assert await status(method, path, {}, stranger) == 401, said  # the other org has no such rep
        for role in ROLES:
            found = await status(method, path, {}, tokens[role])
            assert (found == 403) == (role not in access.roles), f"{said} as {role}: {found}"
            assert found < 500, f"{said} as {role}: {found}"
            assert found != 401, f"{said} as {role}"
