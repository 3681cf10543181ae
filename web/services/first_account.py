"""Makes the first account of a console: an admin's, by the link that `firstclaim up` prints."""

import asyncio
import hmac
import re
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from fastapi import Request

from application.directory.first_admin import ensure_admin
from application.directory.objects import normal
from models.errors import RetryableError
from web.auth import host_of, same_origin
from web.console_services import Services
from web.errors import HttpProblem
from web.services.limits import too_often
from web.services.sign_in import account_actor, account_object
from web.store.account import Account
from web.store.addresses import address_of
from web.store.attempts import AttemptLimit, network

ORG: Final = "default"
OVER: Final = (
    "this link is over: it works until there is an account, and while the console it was printed for runs."
)


async def check_link(request: Request, parts: Services, key: str) -> None:
    """Raise 410 unless the link is the one that was printed and nobody has an account; 429 for too many tries."""
    host = network(host_of(request))
    if wait := await asyncio.to_thread(
        parts.attempts.take, (AttemptLimit(f"first account {host}", 30, 10.0),)
    ):
        raise too_often(wait)
    expected = parts.web.first_account_key
    is_right = expected is not None and hmac.compare_digest(
        expected.get_secret_value().encode(), key.encode()
    )
    if not is_right or await asyncio.to_thread(parts.accounts.has_any):
        raise HttpProblem(HTTPStatus.GONE, "link-over", OVER)


async def make_first_account(
    request: Request, parts: Services, key: str, *, name: str, email: str, password: str
) -> None:
    """Make an admin's account, and publish the admin as the org's first rep.

    Without Kafka nobody is published: the org stays open, the account's role counts, and the first steps name what is
    missing.
    Raises 403, 410, 429 and 503, `InvalidInput` for the address or the password, and `PublicationErrors` for the name.
    """
    same_origin(request)
    await check_link(request, parts, key)
    address = address_of(email)
    rep_id = rep_id_of(address)
    normal(ORG, "rep", rep_id, {"rep_id": rep_id, "name": name, "email": address, "role": "admin"})
    account = Account(email=address, org=ORG, rep_id=rep_id, role="admin")
    async with parts.audit.act(account_actor(request, account), "account_added", account_object(rep_id)):
        await parts.hashing.run(network(host_of(request)), lambda: parts.accounts.put(account, password))
    with suppress(RetryableError):
        await ensure_admin(parts.settings, ORG, rep_id, name=name, email=address)


def rep_id_of(address: str) -> str:
    """Return a rep id for a mail address: what is before the @, in the characters that ids have."""
    local, _, _ = address.partition("@")
    return re.sub(r"[^a-z0-9_.-]+", "-", local.lower()).strip("-.") or "admin"
