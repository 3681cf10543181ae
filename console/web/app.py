"""The console's one application: the API, the pages, and how both answer what goes wrong."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from console.web import errors, metrics
from console.web.api import routers
from console.web.pages import pages
from console.web.parts import Parts

_HERE: Final = Path(__file__).parent
VERSION: Final = "1"

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def build(parts: Parts) -> FastAPI:
    """Return the application that works with these parts."""
    app = FastAPI(
        title="firstclaim",
        version=VERSION,
        summary="Lead distribution: one lead, one owner, never lost, every decision explained.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.parts = parts
    app.state.templates = templates()
    errors.add_to(app)
    for router in routers():
        app.include_router(router, responses=errors.DOCUMENTED)
    for router in pages():
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    @app.middleware("http")
    async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        response = await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.url.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        route = request.scope.get("route")
        metrics.REQUESTS.labels(getattr(route, "path", "none"), response.status_code).observe(
            time.perf_counter() - began
        )
        return response

    return app


def templates() -> Jinja2Templates:
    """Return the pages' templates; everything in them is escaped."""
    found = Jinja2Templates(directory=_HERE / "templates")
    found.env.trim_blocks = found.env.lstrip_blocks = True
    return found
