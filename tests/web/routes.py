"""Lists the console's routes with their access, so that tests include new routes automatically."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fastapi.routing import APIRoute

from web.app import build
from web.auth import Access
from web.vendor_access import VendorAccess

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fastapi.dependencies.models import Dependant

NOBODY: Final = "00000000-0000-4000-8000-000000000000"


def routes() -> Iterator[tuple[str, APIRoute, Access | None]]:
    """Yield each method of each page and API route with its access."""
    app = build(None)  # type: ignore[arg-type]  # nothing calls it
    for route in flat_routes(app.routes):
        if isinstance(route, APIRoute):
            access = next((call for call in _calls(route.dependant) if isinstance(call, Access)), None)
            for method in sorted(route.methods or ()):
                yield method, route, access


def is_for_vendors(route: APIRoute) -> bool:
    """Say whether a route admits vendors' keys, and nobody else."""
    return any(isinstance(call, VendorAccess) for call in _calls(route.dependant))


def _calls(dependant: Dependant) -> Iterator[Any]:
    """Yield what a route depends on, also by other dependencies."""
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def flat_routes(nested_routes: Iterable[Any]) -> Iterator[Any]:
    """Yield routes, including those of included routers."""
    for route in nested_routes:
        inner = getattr(route, "original_router", None)
        yield from flat_routes(inner.routes) if inner is not None else (route,)


def address(route: APIRoute, **parameters: str) -> str:
    """Return an address of a route. Parameters that are not given by name get ids that do not exist."""

    def value(match: re.Match[str]) -> str:
        name = match[1].removesuffix(":path")
        return parameters.get(name) or (NOBODY if name.endswith("id") else "none")

    return re.sub(r"\{([^}]+)\}", value, route.path)
