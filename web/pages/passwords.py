"""Serves the pages on which a person asks for a link by mail, and sets a password by it. They are open to everybody."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from models.errors import InvalidInput
from web.auth import PartsOf
from web.errors import HttpProblem
from web.pages.page_context import render
from web.pages.sign_in import shown
from web.services.forgotten_passwords import LINK_OVER, ask_for_link, links_exist, set_password
from web.store.password_links import LinkOverError
from web.store.passwords import SHORTEST

router = APIRouter(include_in_schema=False)

ASKED = "If there is an account with this address, a mail with a link is on its way. It works for an hour."
Token = Annotated[str, Query(max_length=200)]


@router.get("/forgot-password")
async def forgot_form(request: Request, parts: PartsOf) -> Response:
    """Show the form that asks for a link."""
    links_exist(parts)
    return render(request, None, "forgot_password.html", said=None, asked=False)


@router.post("/forgot-password")
async def forgot(request: Request, parts: PartsOf, email: Annotated[str, Form(max_length=300)]) -> Response:
    """Mail a link, if there is an account. The answer is the same if there is none."""
    try:
        await ask_for_link(request, parts, email)
    except HttpProblem as problem:
        page = render(
            request, None, "forgot_password.html", status=problem.status, said=problem.detail, asked=False
        )
        page.headers.update(problem.headers)
        return page
    return render(request, None, "forgot_password.html", said=ASKED, asked=True)


@router.get("/set-password")
async def set_form(request: Request, parts: PartsOf, token: Token = "") -> Response:
    """Show the form that sets a password."""
    links_exist(parts)
    account = await asyncio.to_thread(parts.password_links.find, token)
    if account is None:
        return _set_page(request, token, message=LINK_OVER, status=HTTPStatus.GONE, over=True)
    return _set_page(request, token, email=account.email)


@router.post("/set-password")
async def set_it(
    request: Request,
    parts: PartsOf,
    token: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Set the password, and show the sign-in."""
    try:
        account = await set_password(request, parts, token, password)
    except InvalidInput as error:
        reason = error.problems[0].reason
        return _set_page(
            request, token, message=f"The password {reason}.", status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    except LinkOverError:
        return _set_page(request, token, message=LINK_OVER, status=HTTPStatus.GONE, over=True)
    except HttpProblem as problem:
        page = _set_page(
            request,
            token,
            message=problem.detail,
            status=problem.status,
            over=problem.status == HTTPStatus.GONE,
        )
        page.headers.update(problem.headers)
        return page
    return shown(request, parts, message="Your password is set. Sign in with it.", email=account.email)


def _set_page(
    request: Request,
    token: str,
    *,
    message: str | None = None,
    email: str = "",
    status: int = 200,
    over: bool = False,
) -> Response:
    return render(
        request,
        None,
        "set_password.html",
        status=status,
        token=token,
        said=message,
        email=email,
        over=over,
        shortest=SHORTEST,
    )
