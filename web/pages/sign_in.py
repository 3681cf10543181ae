"""Serves the sign-in pages. They are the only pages that are open to everybody."""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from web.auth import PartsOf
from web.console_services import Services
from web.errors import HttpProblem
from web.pages.page_context import render
from web.services.sign_in import CODE_NEEDED, begin, finish, take_back

router = APIRouter(include_in_schema=False)
_SHOWN: Final = ["GET", "HEAD"]
"""What watches a site asks for the head alone (RFC 9110, section 9.1), and has no session."""

Next = Annotated[str, Form(max_length=1000)]


@router.api_route("/", methods=_SHOWN)
async def home() -> Response:
    """Redirect to the person's work."""
    return RedirectResponse("/queues", 303)


@router.api_route("/sign-in", methods=_SHOWN)
async def form(request: Request, parts: PartsOf, next: str = "/") -> Response:  # noqa: A002  # the parameter's name in the address
    """Show the form."""
    return shown(request, parts, next=next)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: PartsOf,
    email: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=1000)],
    next: Next = "/",  # noqa: A002  # the field's name in the form
) -> Response:
    """Sign in, and redirect to the requested page; to the code form first if the account has a second factor."""
    response = RedirectResponse(local_path(next), 303)
    try:
        await begin(request, response, parts, email, password)
    except HttpProblem as problem:
        if problem.kind == CODE_NEEDED:
            response.headers["location"] = f"/sign-in/code?{urlencode({'next': local_path(next)})}"
            return response
        return shown(
            request,
            parts,
            next=next,
            message=problem.detail,
            email=email,
            status=problem.status,
            problem=problem,
        )
    return response


@router.get("/sign-in/code")
async def code_form(request: Request, next: str = "/") -> Response:  # noqa: A002  # the parameter's name in the address
    """Show the form for the code of the second factor."""
    return render(request, None, "sign_in_code.html", next=local_path(next), said=None)


@router.post("/sign-in/code")
async def code(
    request: Request,
    parts: PartsOf,
    code: Annotated[str, Form(max_length=100)],
    next: Next = "/",  # noqa: A002  # the field's name in the form
) -> Response:
    """Sign in by the code, after the password was right."""
    response = RedirectResponse(local_path(next), 303)
    try:
        await finish(request, response, parts, code)
    except HttpProblem as problem:
        page = render(
            request,
            None,
            "sign_in_code.html",
            status=problem.status,
            next=local_path(next),
            said=problem.detail,
        )
        page.headers.update(problem.headers)
        return page
    return response


@router.get("/signed-out")
async def signed_out(request: Request, parts: PartsOf) -> Response:
    """Show that the person is signed out."""
    response = shown(request, parts, message="You are signed out.")
    take_back(response, parts)
    return response


def shown(
    request: Request,
    parts: Services,
    *,
    next: str = "/",  # noqa: A002  # the field's name in the form
    message: str | None = None,
    email: str = "",
    status: int = 200,
    problem: HttpProblem | None = None,
) -> Response:
    """Render the page, with a message above its buttons. `problem`: the problem whose headers the response has."""
    oidc = parts.web.oidc_issuer is not None
    page = render(
        request,
        None,
        "sign_in.html",
        status=status,
        next=local_path(next),
        said=message,
        email=email,
        oidc=oidc,
        by_password=not parts.web.oidc_only,
        by_mail=parts.account_mails.available,
    )
    if problem is not None:
        page.headers.update(problem.headers)
    return page


def local_path(path: str) -> str:
    """Return the path if it is local to this site, so that nobody is redirected to another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
