"""Every route and who may use it, taken from the routes themselves: a new one cannot be forgotten."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from fastapi.routing import APIRoute

from console.web.app import build
from console.web.who import SAFE, SCOPES, Access
from streams.topics import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.console.web.office import Office

ROLES: Final = ("rep", "manager", "admin")
OPEN: Final = {
    ("GET", "/"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/signed-out"),
    ("POST", "/api/v1/session"),
}
"""What is for everybody: nothing of any org is to be seen or changed there."""


def routes() -> Iterator[tuple[str, APIRoute, Access | None]]:
    """Yield each method of each route of pages and API with its access."""
    app = build(None)  # type: ignore[arg-type]  # nothing is asked of it
    for route in flat(app.routes):
        if isinstance(route, APIRoute):
            calls = [dependency.call for dependency in route.dependant.dependencies]
            access = next((call for call in calls if isinstance(call, Access)), None)
            for method in sorted(route.methods or ()):
                yield method, route, access


def flat(found: Iterable[Any]) -> Iterator[Any]:
    """Yield routes, those of included routers too."""
    for route in found:
        inner = getattr(route, "original_router", None)
        yield from flat(inner.routes) if inner is not None else (route,)


ALL: Final = list(routes())
GUARDED: Final = [(method, route, access) for method, route, access in ALL if access is not None]


def test_every_route_names_its_access_or_is_known_to_be_open() -> None:
    assert {(method, route.path) for method, route, access in ALL if access is None} == OPEN


def example(route: APIRoute, method: str) -> tuple[str, dict[str, Any]]:
    """Return an address of a route with ids that name nothing, and what to send: enough to be let in or not."""
    path = re.sub(r"\{[^}]*id(:path)?\}", "00000000-0000-4000-8000-000000000000", route.path)
    path = re.sub(r"\{[^}]+\}", "none", path)
    return path, {} if method in SAFE else {"json": {}}


@pytest.mark.slow
async def test_each_route_lets_in_its_roles_and_scopes_and_nobody_else(office: Office) -> None:
    other = f"{office.org}-other"
    for role in ROLES:
        await office.rep(f"{role}-1", role)
    tokens = {
        role: office.accounts.issue(office.org, f"{role}-1", role, SCOPES, by="test")[0] for role in ROLES
    }
    bare = {
        scope: office.accounts.issue(office.org, "admin-1", scope, set(SCOPES) - {scope}, by="test")[0]
        for scope in SCOPES
    }
    stranger = office.accounts.issue(other, "admin-1", "other", SCOPES, by="test")[0]
    key = f"{other}/rep/somebody".encode()
    await (await office.client.put(DIRECTORY, b'{"rep_id": "somebody"}', key=key))
    asked = (await office.browser.new_context(base_url=office.url)).request
    await office.until_known("admin-1")

    async def status(method: str, path: str, sent: dict[str, Any], token: str | None) -> int:
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        if path.endswith("/live"):
            return await office.stream_status(path, headers)
        data = {"data": sent["json"]} if sent else {}
        return (await asked.fetch(path, method=method, headers=headers, **data)).status

    for method, route, access in GUARDED:
        path, sent = example(route, method)
        said = f"{method} {route.path}"
        assert await status(method, path, sent, None) == 401, said
        assert await status(method, path, sent, "fc_wrong") == 401, said
        assert await status(method, path, sent, bare[access.scope]) == 403, said
        assert await status(method, path, sent, stranger) == 401, said  # the other org has no such rep
        for role in ROLES:
            found = await status(method, path, sent, tokens[role])
            assert (found == 403) == (role not in access.roles), f"{said} as {role}: {found}"
            assert found < 500, f"{said} as {role}: {found}"
            assert found != 401, f"{said} as {role}"
