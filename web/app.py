"""Builds the console's application: the API, the pages, and the error reports of both."""

import time
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from jinja2 import pass_context
from jinja2.runtime import Context
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import PermanentError, RuntimeFailure
from rules.language.value_labels import value_label
from streams.tracing import continued_headers, incoming
from web import errors, metrics
from web.api import routers
from web.auth import Person, identify
from web.body_limit import BodyLimit
from web.console_services import Services
from web.links import mailto, phone_text, tel
from web.pages import pages
from web.pages.page_context import render
from web.proxies import Forwarded
from web.security_headers import HSTS, HSTS_NAME, with_headers
from web.strict_requests import StrictRequests

_HERE: Final = Path(__file__).parent
VERSION: Final = "1"


def build(parts: Services) -> FastAPI:
    """Build the application with these services."""
    app = Console(
        title="firstclaim",
        version=VERSION,
        summary="Lead distribution: one lead, one owner, never lost, every decision explained.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.parts = parts
    app.https = parts is not None and parts.web.secure
    app.state.templates = templates()
    errors.add_to(app)
    app.state.problem_page = problem_page
    for router in (*routers(), *pages()):
        # `include_router` would build each route a second time, and look through the routers for each request.
        app.router.routes.extend(router.routes)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    app.add_middleware(StrictRequests)
    app.add_middleware(BodyLimit)
    app.add_middleware(ResponseGuard)
    app.add_middleware(Forwarded, trusted=() if parts is None else parts.web.proxies)
    return app


class Console(FastAPI):
    """The application. It adds the security headers to every response, including those of its outermost error handler.

    `https`: browsers reach the console by https.
    """

    https = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            send = with_headers(scope, send, https=self.https)
        await super().__call__(scope, receive, send)


class ResponseGuard:
    """Measures the time to the first byte, and adds HSTS if a trusted proxy reports https.

    What the request sends to Kafka continues the trace of its headers (`streams.tracing`).

    It does not buffer responses, because hundreds of live streams pass through it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        incoming.set(continued_headers((name.decode("latin-1"), value) for name, value in scope["headers"]))

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                if scope["scheme"] == "https":
                    MutableHeaders(scope=message).setdefault(HSTS_NAME, HSTS)
                path = getattr(scope.get("route"), "path", "none")
                metrics.REQUESTS.labels(path, message["status"]).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, measured)


async def problem_page(request: Request, problem: errors.HttpProblem) -> Response | None:
    """Return the page of an error with the navigation of the person who is signed in; None if nobody is."""
    person: Person | None = getattr(request.state, "person", None)
    if person is None:
        try:
            person = await identify(request, request.app.state.parts, None, used=False)
        except (errors.HttpProblem, RuntimeFailure, PermanentError):
            return None
    return render(request, person, "problem.html", status=problem.status, problem=problem)


@pass_context
def _outcome(context: Context, value: str) -> str:
    labels: dict[str, str] = context["outcome_labels"]
    return labels.get(value) or value_label(value)


def templates() -> Jinja2Templates:
    """Return the pages' templates. All values in them are escaped."""
    jinja = Jinja2Templates(directory=_HERE / "templates")
    jinja.env.filters |= {"mailto": mailto, "tel": tel, "label": value_label, "phone": phone_text}
    jinja.env.filters["outcome"] = _outcome
    jinja.env.trim_blocks = jinja.env.lstrip_blocks = True
    return jinja
