"""Signing in: the one page that is for everybody."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from console.web.api.session import begin
from console.web.errors import Problem
from console.web.pages.common import render
from console.web.who import COOKIE, PartsOf

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> Response:
    """Lead to where the work is."""
    return RedirectResponse("/queues", 303)


@router.get("/sign-in")
async def form(request: Request, next: str = "/") -> Response:  # noqa: A002  # the field's name in the address
    """Show the form."""
    return render(request, None, "sign_in.html", next=_local(next), said=None, email="")


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: PartsOf,
    email: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=1000)] = "/",  # noqa: A002  # likewise
) -> Response:
    """Sign in, and go where one wanted to go."""
    response = RedirectResponse(_local(next), 303)
    try:
        await begin(request, response, parts, email, password)
    except Problem as problem:
        return render(
            request,
            None,
            "sign_in.html",
            status=problem.status,
            next=_local(next),
            said=problem.detail,
            email=email,
        )
    return response


@router.get("/signed-out")
async def signed_out(request: Request) -> Response:
    """Say that one is signed out."""
    response = render(request, None, "sign_in.html", next="/", said="You are signed out.", email="")
    response.delete_cookie(COOKIE, path="/")
    return response


def _local(path: str) -> str:
    """Return a path of ours: nobody is sent to another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
