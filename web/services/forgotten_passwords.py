"""Sets passwords by links in mails. Whether an address has an account cannot be learnt from any answer or its time."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import Request

from application.audit.entry import Actor
from web.auth import host_of, person_of, same_origin
from web.console_services import Services
from web.errors import HttpProblem, forbidden, not_found
from web.services.limits import too_often
from web.services.sign_in import account_actor, account_object
from web.store.account import Account
from web.store.addresses import address_of
from web.store.attempts import AttemptLimit, network

LINK_OVER = "this link is over: it works once and for a limited time. Ask for another one."


def links_exist(parts: Services) -> None:
    """Raise 404 where no mail server is set up, and 403 where people sign in only with the company's account."""
    if parts.web.oidc_only:
        raise forbidden("sign in with your company's account; passwords are not used here")
    if not parts.account_mails.available:
        raise not_found("mail server; ask an admin for a new password")


async def ask_for_link(request: Request, parts: Services, email: str) -> None:
    """Mail a link to an address, if it has an account. Raises 403, 404, 429 and 503, the same for every address.

    The account is looked for after the answer.
    """
    same_origin(request)
    links_exist(parts)
    address, host = address_of(email), host_of(request)
    if wait := await asyncio.to_thread(parts.attempts.take, _buckets(address, host)):
        raise too_often(wait)
    parts.account_mails.later(_mailing(parts, address, account_host=host))


def _mailing(parts: Services, address: str, *, account_host: str) -> Callable[[], Awaitable[None]]:
    async def mail() -> None:
        account = await asyncio.to_thread(parts.accounts.find, address)
        if account is None:
            return
        try:
            person = person_of(parts, account)
        except HttpProblem:
            return  # the rep has left
        actor = Actor(org=account.org, actor=account.rep_id, kind="person", from_host=account_host)
        async with parts.audit.act(actor, "password_link_mailed", account_object(account.rep_id)):
            await parts.account_mails.forgotten(account, person.name, parts.directory.org(account.org))

    return mail


async def set_password(request: Request, parts: Services, secret: str, password: str) -> Account:
    """Set the password of a link's account. Raises `LinkOverError`, `InvalidInput`, 403, 404, 429 and 503."""
    same_origin(request)
    links_exist(parts)
    host = network(host_of(request))
    if wait := await asyncio.to_thread(
        parts.attempts.take, (AttemptLimit(f"set password {host}", 20, 30.0),)
    ):
        raise too_often(wait)
    account = await asyncio.to_thread(parts.password_links.find, secret)
    if account is None:
        raise HttpProblem(HTTPStatus.GONE, "link-over", LINK_OVER)
    async with parts.audit.act(
        account_actor(request, account), "password_changed", account_object(account.rep_id)
    ):
        return await parts.hashing.run(host, lambda: parts.password_links.use(secret, password))


def _buckets(address: str, host: str) -> tuple[AttemptLimit, ...]:
    return (
        AttemptLimit(f"link {address}"[:400], 3, 1_200.0),
        AttemptLimit(f"link host {network(host)}", 20, 60.0),
        AttemptLimit("links", 200, 2.0),
    )
