"""Serves the page on which the first admin of a new installation makes an account. It needs the printed link."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response

from models.errors import InvalidInput, RuleErrors
from web.auth import PartsOf
from web.errors import HttpProblem
from web.pages.page_context import render
from web.pages.sign_in import shown
from web.services.first_account import check_link, make_first_account
from web.store.passwords import SHORTEST

router = APIRouter(include_in_schema=False)

MADE = "Your account is made. Sign in with it."


@router.get("/first-account")
async def form(request: Request, parts: PartsOf, key: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Show the form, or that the link has expired or was used."""
    try:
        await check_link(request, parts, key)
    except HttpProblem as problem:
        return _page(request, key, message=problem.detail, status=problem.status, over=True)
    return _page(request, key)


@router.post("/first-account")
async def make(
    request: Request,
    parts: PartsOf,
    key: Annotated[str, Form(max_length=200)],
    name: Annotated[str, Form(max_length=200)],
    email: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Make the account, and show the sign-in."""
    typed: dict[str, Any] = {"name": name, "email": email}
    try:
        await make_first_account(request, parts, key, name=name.strip(), email=email, password=password)
    except (InvalidInput, RuleErrors) as error:
        first = error.problems[0]
        message = f"{first.path or 'The form'}: {first.reason}".capitalize()
        return _page(request, key, **typed, message=message, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except HttpProblem as problem:
        over = problem.status == HTTPStatus.GONE
        page = _page(request, key, **typed, message=problem.detail, status=problem.status, over=over)
        page.headers.update(problem.headers)
        return page
    return shown(request, parts, message=MADE, email=email)


def _page(
    request: Request,
    key: str,
    *,
    message: str | None = None,
    name: str = "",
    email: str = "",
    status: int = 200,
    over: bool = False,
) -> Response:
    return render(
        request,
        None,
        "first_account.html",
        status=status,
        key=key,
        said=message,
        name=name,
        email=email,
        over=over,
        shortest=SHORTEST,
    )
