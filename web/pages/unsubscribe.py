"""Ends a manager's digests by the link in the mail, also with one click in the mail program (RFC 8058, N2)."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from couriers.mail.unsubscribe import MAX_TOKEN, reader_of
from web.auth import PartsOf
from web.console_services import Services
from web.errors import HttpProblem
from web.pages.page_context import render
from web.services.notify_choice import end_digests

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(max_length=MAX_TOKEN)]
OVER: Final = "This link is not valid. You can choose how you are told on your page Notifications."


@router.get("/unsubscribe/{token}")
async def question(request: Request, parts: PartsOf, token: Token) -> Response:
    """Ask before anything is changed, because programs open links of mails by themselves."""
    is_known = _reader(parts, token) is not None
    status = HTTPStatus.OK if is_known else HTTPStatus.NOT_FOUND
    return render(
        request,
        None,
        "unsubscribe.html",
        status=status,
        token=token if is_known else None,
        said=None if is_known else OVER,
    )


@router.post("/unsubscribe/{token}")
async def unsubscribe(request: Request, parts: PartsOf, token: Token) -> Response:
    """End the digests. The mail program's servers post this, so there is no session."""
    reader = _reader(parts, token)
    if reader is None:
        return render(request, None, "unsubscribe.html", status=404, token=None, said=OVER)
    try:
        await end_digests(request, parts, *reader)
    except HttpProblem as problem:
        page = render(
            request, None, "unsubscribe.html", status=problem.status, token=None, said=problem.detail
        )
        page.headers.update(problem.headers)
        return page
    return render(
        request, None, "unsubscribe.html", token=None, said="You get no digest of exceptions any more."
    )


def _reader(parts: Services, token: str) -> tuple[str, str] | None:
    key = parts.account_mails.unsubscribe_key
    return None if key is None else reader_of(key, token)
