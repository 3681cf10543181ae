"""Every route and who may use it, taken from the routes themselves: a new one cannot be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from streams.topics import DIRECTORY
from tests.web.routes import address, is_for_vendors, routes
from tests.web.vendor_posts import keys_of
from web.auth import PERSONAL, SAFE, SCOPES, TOKEN_SCOPES
from web.live.event_scopes import EVENT_SCOPES
from web.store.account import Account
from web.store.sessions import Sessions
from web.store.vendor_keys import RESERVED

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

ROLES: Final = ("rep", "manager", "admin")
OPEN: Final = {
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/sign-in"),
    ("HEAD", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/code"),
    ("POST", "/sign-in/code"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/callback"),
    ("GET", "/signed-out"),
    ("GET", "/forgot-password"),
    ("POST", "/forgot-password"),
    ("GET", "/first-account"),
    ("POST", "/first-account"),
    ("GET", "/set-password"),
    ("POST", "/set-password"),
    ("GET", "/unsubscribe/{token}"),
    ("POST", "/unsubscribe/{token}"),
    ("POST", "/api/v1/session"),
    ("GET", "/api/v1/leads/{vendor}/webhook"),
}
"""What is for everybody: nothing of any org is to be seen or changed there."""
COMPUTES: Final = {("POST", "/api/v1/queue-previews")}
"""Writing methods that change nothing, and so need only a scope for reading."""
ALL: Final = list(routes())
FOR_VENDORS: Final = [(method, route) for method, route, _ in ALL if is_for_vendors(route)]
GUARDED: Final = [(method, route, access) for method, route, access in ALL if access is not None]


def test_every_route_names_its_access_or_is_known_to_be_open() -> None:
    open_to_all = {
        (method, route.path) for method, route, access in ALL if access is None and not is_for_vendors(route)
    }
    assert open_to_all == OPEN
    assert {(method, route.path) for method, route in FOR_VENDORS} == {
        ("POST", "/api/v1/leads/{vendor}"),
        ("POST", "/api/v1/leads/{vendor}/webhook"),
    }


def test_no_vendor_can_have_the_name_of_another_route() -> None:
    """A post to `/api/v1/leads/lists` is an upload of a list; no vendor may be called so."""
    prefix, names = "/api/v1/leads/", set()
    for _, route, _ in ALL:
        segment, _, rest = route.path.removeprefix(prefix).partition("/")
        if route.path.startswith(prefix) and "{" not in segment and (not rest or rest.startswith("{")):
            names.add(segment)
    assert names == RESERVED


def test_no_route_that_changes_something_is_content_with_a_scope_for_reading() -> None:
    """Before, a token with queues:read could change preferences, views, passwords and sessions."""
    changing = {
        (method, route.path)
        for method, route, access in GUARDED
        if method not in SAFE and access.scope.endswith(":read")
    }
    assert changing == COMPUTES


def test_every_scope_is_needed_by_a_route() -> None:
    assert {access.scope for _, _, access in GUARDED} == set(SCOPES)
    assert set(EVENT_SCOPES.values()) <= set(TOKEN_SCOPES)
    assert set(TOKEN_SCOPES) == set(SCOPES) - PERSONAL


@pytest.mark.slow
async def test_each_route_lets_in_its_roles_and_scopes_and_nobody_else(
    running_org: RunningOrg, store: Engine
) -> None:
    other_org = f"{running_org.org}-other"
    for role in ROLES:
        await running_org.rep(f"{role}-1", role)
    tokens = {
        role: running_org.tokens.issue(running_org.org, f"{role}-1", role, SCOPES, by="test")[0]
        for role in ROLES
    }
    token_by_scope = {
        scope: running_org.tokens.issue(running_org.org, "admin-1", scope, {scope}, by="test")[0]
        for scope in SCOPES
    }
    stranger = running_org.tokens.issue(other_org, "admin-1", "other", SCOPES, by="test")[0]
    key = f"{other_org}/rep/somebody".encode()
    await (await running_org.client.put(DIRECTORY, b'{"rep_id": "somebody"}', key=key))
    await running_org.until_known("admin-1")
    requests = (await running_org.window()).request
    sessions = Sessions(store)

    def signed_in(role: str) -> dict[str, str]:
        """Return the headers of a new session, because some of the routes end sessions."""
        account = Account(
            email=running_org.email(f"{role}-1"), org=running_org.org, rep_id=f"{role}-1", role=role
        )
        secret, session = sessions.begin(account)
        return {"cookie": f"firstclaim_session={secret}", "x-csrf-token": session.csrf}

    async def status(method: str, path: str, credentials: dict[str, str]) -> int:
        headers = {"accept": "application/json", **credentials}
        if path.endswith("/live"):
            return await running_org.stream_status(path, headers)
        data: dict[str, Any] | None = {} if method not in SAFE else None
        return (await requests.fetch(path, method=method, headers=headers, data=data)).status

    def bearer(token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}"}

    vendor_key = keys_of(running_org.stack, store).issue(running_org.org, "none", "t", by="test")[0]
    for method, route in FOR_VENDORS:
        path, route_name = address(route), f"{method} {route.path}"
        assert await status(method, path, {}) == 401, route_name
        for role in ROLES:
            assert await status(method, path, bearer(tokens[role])) == 401, f"{route_name} as {role}"
            assert await status(method, path, signed_in(role)) == 401, f"{route_name} as {role}"
        assert await status(method, path, bearer(vendor_key)) in (400, 415, 422), route_name

    for method, route, access in GUARDED:
        path, route_name = address(route), f"{method} {route.path}"
        personal = access.scope in PERSONAL
        assert await status(method, path, {}) == 401, route_name
        assert await status(method, path, bearer("fc_wrong")) == 401, route_name
        assert await status(method, path, bearer(stranger)) == 401, (
            route_name
        )  # the other org has no such rep
        for scope, token in token_by_scope.items():
            code = await status(method, path, bearer(token))
            allowed = scope == access.scope and not personal
            assert (code == 403) != allowed, f"{route_name} with only {scope}: {code}"
        assert await status(method, path, bearer(vendor_key)) == 401, f"{route_name} with a vendor's key"
        for role in ROLES:
            code = await status(method, path, signed_in(role) if personal else bearer(tokens[role]))
            assert (code == 403) == (role not in access.roles), f"{route_name} as {role}: {code}"
            assert code < 500, f"{route_name} as {role}: {code}"
            assert code != 401, f"{route_name} as {role}"


@pytest.mark.slow
async def test_each_parameter_of_the_stream_and_each_preference_needs_its_scope(
    running_org: RunningOrg,
) -> None:
    """Before, a token with queues:read heard of leads, exceptions and the directory, and watched the operations."""
    await running_org.rep("admin-1", "admin")
    await running_org.until_known("admin-1")

    def headers(*scopes: str) -> dict[str, str]:
        token = running_org.tokens.issue(running_org.org, "admin-1", "t", scopes, by="test")[0]
        return {"authorization": f"Bearer {token}", "accept": "application/json"}

    watching = "/api/v1/live?watch=operations"
    assert await running_org.stream_status(watching, headers("queues:read")) == 403
    assert await running_org.stream_status(watching, headers("operations:read")) == 403
    assert await running_org.stream_status(watching, headers("queues:read", "operations:read")) == 200
    requests = (await running_org.window()).request
    for name in ("view_only", "my_leads", "anything"):
        path = f"/api/v1/preferences/{name}"
        for scope in TOKEN_SCOPES:
            read = await requests.get(path, headers=headers(scope))
            written = await requests.put(path, headers=headers(scope), data={"on": True})
            assert (read.status == 200) == (scope == "preferences:read"), (name, scope)
            assert (written.status == 200) == (scope == "preferences:write"), (name, scope)
