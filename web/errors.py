"""Reports errors as RFC 9457 problem documents (`application/problem+json`) to programs, and as pages to people.

Every problem has a `type` (a stable word), a `title`, a `status` and a `detail` that names the field and the reason.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from models.errors import InvalidInput, PermanentError, RetryableError, RuntimeFailure
from sink.db_errors import IS_AWAY, IS_READ_ONLY

MEDIA_TYPE: Final = "application/problem+json"


class HttpProblem(Exception):  # noqa: N818  # the term of RFC 9457
    """An answer that reports an error.

    `kind`: a stable word for programs. `errors`: each {path, reason}, if there are several problems. `more`: further
    members of the problem document.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[dict[str, Any]] = (),
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers, self.more = list(errors), headers or {}, more

    def document(self, request: Request) -> dict[str, Any]:
        """Return the problem document."""
        fields: dict[str, Any] = {
            "type": f"urn:firstclaim:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": request.url.path,
        }
        if self.errors:
            fields["errors"] = self.errors
        return {**fields, **self.more}


class Document(BaseModel):
    """A problem document of RFC 9457: the error, the field and the reason."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] = []


_ANSWERED: Final = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read",
    HTTPStatus.UNAUTHORIZED: "You are not signed in, or the token is not valid",
    HTTPStatus.FORBIDDEN: "This is not allowed",
    HTTPStatus.NOT_FOUND: "There is no such thing, or you may not see it",
    HTTPStatus.CONFLICT: "The request does not fit the present state",
    HTTPStatus.PRECONDITION_FAILED: "Somebody else has changed it",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is too long",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field is missing or wrong",
    HTTPStatus.PRECONDITION_REQUIRED: "If-Match must name the version that you have",
    HTTPStatus.TOO_MANY_REQUESTS: "There were too many requests; Retry-After says when to try again",
    HTTPStatus.SERVICE_UNAVAILABLE: "A part of the system is not available; try again later",
}
DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    int(status): {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": Document.model_json_schema()}},
    }
    for status, description in _ANSWERED.items()
}
"""The error responses in the OpenAPI document."""


_AWAY: Final = {
    IS_AWAY: "is away. This works again when it is back",
    IS_READ_ONLY: "takes no changes now. This works again when it does",
}
"""What is said of a database that restarts or fails over."""
_ENROLS: Final = frozenset({"second-factor-missing", "password-of-invitation"})
"""The problems that a person solves on the account's page."""


def forbidden(reason: str) -> HttpProblem:
    """Return the error for an action or a resource that is forbidden to the person."""
    return HttpProblem(HTTPStatus.FORBIDDEN, "forbidden", reason)


def not_found(missing: str) -> HttpProblem:
    """Return the error for something that does not exist or that the person may not see."""
    return HttpProblem(HTTPStatus.NOT_FOUND, "not-found", f"there is no {missing}")


def invalid(error: InvalidInput) -> HttpProblem:
    """Return the error for a rejected body, with all reasons."""
    errors = [{"path": problem.path, "reason": str(problem)} for problem in error.problems]
    return HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{error.problems[0]}", errors=errors)


def add_to(app: FastAPI) -> None:
    """Register a handler for each kind of error."""

    @app.exception_handler(HttpProblem)
    async def problem(request: Request, error: HttpProblem) -> Response:
        return await respond(request, error)

    @app.exception_handler(InvalidInput)
    async def unusable(request: Request, error: InvalidInput) -> Response:
        return await respond(request, invalid(error))

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"path": ".".join(str(part) for part in detail["loc"][1:]), "reason": detail["msg"]}
            for detail in error.errors()
        ]
        first = errors[0] if errors else {"path": "", "reason": "the request cannot be read"}
        detail = f"{first['path'] or 'body'}: {first['reason']}"
        return await respond(
            request, HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, errors=errors)
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        too_large = error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        kind = "too-large" if too_large else HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(_methods_at(request)))
        return await respond(
            request, HttpProblem(error.status_code, kind, str(error.detail), headers=headers)
        )

    @app.exception_handler(PermanentError)
    async def refused(request: Request, error: PermanentError) -> Response:
        detail = f"a value cannot be kept: {error.reason}"
        return await respond(request, HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail))

    @app.exception_handler(Exception)
    async def defect(request: Request, _: Exception) -> Response:
        # Starlette raises the error again after this response, so the log contains the traceback.
        detail = "the console failed at this request; its log says where"
        return await respond(request, HttpProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail))

    @app.exception_handler(RuntimeFailure)
    async def away(request: Request, error: RuntimeFailure) -> Response:
        kind = "try-again" if isinstance(error, RetryableError) else "unavailable"
        headers = {"Retry-After": "1"}
        problem = HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, kind, _in_words(error), headers=headers)
        return await respond(request, problem)


def _methods_at(request: Request) -> set[str]:
    """Return the methods of every route with the request's path. The router names only those of the first one."""
    return {
        method
        for route in request.app.router.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


def _in_words(error: RuntimeFailure) -> str:
    """Return what a person reads about a service that is away. A Postgres that fails over is named in a sentence."""
    sentence = next((text for begin, text in _AWAY.items() if error.reason.startswith(begin)), None)
    if sentence is None:
        return str(error)
    return f"The {error.what} {sentence}. What was decided is kept. ({error.reason})"


async def respond(request: Request, problem: HttpProblem) -> Response:
    """Answer as `answer` does; the page of a person who is signed in has the navigation.

    `app.state.problem_page` renders such a page; None if nobody is signed in.
    """
    if wants_page(request) and problem.status != HTTPStatus.UNAUTHORIZED and problem.kind not in _ENROLS:
        render = getattr(request.app.state, "problem_page", None)
        page: Response | None = None if render is None else await render(request, problem)
        if page is not None:
            return page
    return answer(request, problem)


def answer(request: Request, problem: HttpProblem) -> Response:
    """Answer a program with the document and a person with a page. Redirect people who are not signed in."""
    if wants_page(request):
        if problem.status == HTTPStatus.UNAUTHORIZED:
            target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
            return RedirectResponse(f"/sign-in?next={quote(target)}", HTTPStatus.SEE_OTHER)
        if problem.kind in _ENROLS:
            return RedirectResponse("/account", HTTPStatus.SEE_OTHER)
        templates = request.app.state.templates
        context = {"problem": problem, "person": None}
        page: Response = templates.TemplateResponse(
            request, "problem.html", context, status_code=problem.status
        )
        return page
    return JSONResponse(
        problem.document(request), problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def wants_page(request: Request) -> bool:
    """Say whether a browser requests a whole page."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")
