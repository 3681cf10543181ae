"""Signing in: the one page that is for everybody."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from web.auth import COOKIE, PartsOf
from web.errors import Problem
from web.pages.common import render
from web.parts import Parts
from web.services.sign_in import begin

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> Response:
    """Lead to where the work is."""
    return RedirectResponse("/queues", 303)


@router.get("/sign-in")
async def form(request: Request, parts: PartsOf, next: str = "/") -> Response:  # noqa: A002  # the field's name in the address
    """Show the form."""
    return shown(request, parts, next=next)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: PartsOf,
    email: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=1000)] = "/",  # noqa: A002  # likewise
) -> Response:
    """Sign in, and go where one wanted to go."""
    response = RedirectResponse(local(next), 303)
    try:
        await begin(request, response, parts, email, password)
    except Problem as problem:
        return shown(request, parts, next=next, said=problem.detail, email=email, status=problem.status)
    return response


@router.get("/signed-out")
async def signed_out(request: Request, parts: PartsOf) -> Response:
    """Say that one is signed out."""
    response = shown(request, parts, said="You are signed out.")
    response.delete_cookie(COOKIE, path="/")
    return response


def shown(
    request: Request,
    parts: Parts,
    *,
    next: str = "/",  # noqa: A002  # likewise
    said: str | None = None,
    email: str = "",
    status: int = 200,
) -> Response:
    """Return the page, with what is to be said above its buttons."""
    oidc = parts.web.oidc_issuer is not None
    return render(
        request,
        None,
        "sign_in.html",
        status=status,
        next=local(next),
        said=said,
        email=email,
        oidc=oidc,
    )


def local(path: str) -> str:
    """Return a path of ours: nobody is sent to another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
