"""Checks what only couriers and the console use: mail server, push key, telephone system, and the console's keys.

A check runs only where the environment sets up its part, because most machines run other processes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import aiohttp
from sqlalchemy import make_url

from couriers.mail.settings import MailSettings
from couriers.mail.smtp import sign_in
from couriers.port import DeliveryError
from couriers.push.settings import PushSettings, public_key_of
from couriers.telephone.settings import TelephoneSettings
from models.errors import ConfigError, RetryableError
from runtime.checks import Check
from sink.database_engine import connect
from web.store.sealing import VARIABLE, Seals, vault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from web.settings import WebSettings

_TIMEOUT_SECONDS: Final = 5
_MAIL_SECONDS: Final = 20
"""Mail servers let a wrong password wait, and a client may try several ways to sign in."""
_Result = TypeVar("_Result")
_MAIL, _PUSH, _TELEPHONE, _KEYS = "mail server", "push key", "telephone system", "console's keys"


def courier_checks() -> Iterator[Check]:
    """Check the mail server, the push key and the telephone system that the environment sets up."""
    for name, check in ((_MAIL, _mail), (_PUSH, _push), (_TELEPHONE, _telephone)):
        try:
            yield from check()
        except ConfigError as error:
            yield Check(name, ok=False, detail=str(error), hint=f"set or correct {error.field}")


def _mail() -> Iterator[Check]:
    """Sign in as the mail courier would, and send nothing."""
    settings = MailSettings.read()
    if settings.host is None:
        return
    address = f"{settings.host}:{settings.port}"
    try:
        encryption = asyncio.run(_in_time(sign_in(settings), _MAIL_SECONDS))
    except (DeliveryError, TimeoutError) as error:
        reason = error.reason if isinstance(error, DeliveryError) else "does not answer"
        hint = "correct FIRSTCLAIM_SMTP_HOST, _PORT, _SECURITY, _CAFILE, _USERNAME or _PASSWORD"
        yield Check(_MAIL, ok=False, detail=f"{address}: {reason}", hint=hint)
        return
    sign_in_detail = (
        f"accepts {settings.username}" if settings.username is not None else "asks for no password"
    )
    yield Check(_MAIL, ok=True, detail=f"{address}: {sign_in_detail}, {encryption}")


def _push() -> Iterator[Check]:
    """Check that the courier's private key can be read, and that browsers get its public one."""
    settings = PushSettings.read()
    private = settings.vapid
    if private is None:
        if settings.public_key is not None:
            yield Check(_PUSH, ok=True, detail="the public one is given; the courier has the private one")
        return
    public = public_key_of(private)
    same = settings.public_key is None or settings.public_key.rstrip("=") == public
    detail = "is an EC key of the curve P-256" if same else "FIRSTCLAIM_PUSH_PUBLIC_KEY is of another key"
    hint = "" if same else f"set FIRSTCLAIM_PUSH_PUBLIC_KEY to {public}"
    yield Check(_PUSH, same, detail, hint)


def _telephone() -> Iterator[Check]:
    """Ask the telephone system who it is, with the courier's credentials."""
    settings = TelephoneSettings.read()
    if settings.provider == "asterisk" and settings.ari_url is None:
        return
    settings.check()
    if settings.provider == "asterisk":
        address, path, name = settings.ari_url, "/asterisk/info", "Asterisk"
    else:
        address, path, name = settings.api_url, f"/2010-04-01/Accounts/{settings.user}.json", "Twilio"
    try:
        status = asyncio.run(_in_time(_ask(f"{address}{path}", settings.authorization())))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        reason = str(error) or "does not answer"
        hint = f"correct FIRSTCLAIM_TELEPHONE_{'ARI' if name == 'Asterisk' else 'API'}_URL"
        yield Check(_TELEPHONE, ok=False, detail=f"{address}: {reason}", hint=hint)
        return
    is_accepted = status == 200  # noqa: PLR2004  # OK, in HTTP's words
    detail = (
        f"{address}: {name} accepts {settings.user}" if is_accepted else f"{address}: {name} answers {status}"
    )
    hint = "" if is_accepted else "correct FIRSTCLAIM_TELEPHONE_USER or _PASSWORD, and the address"
    yield Check(_TELEPHONE, is_accepted, detail, hint)


def console_keys(web: WebSettings) -> Check:
    """Check that the console's keys are those of its database. Nothing is made or changed."""
    if web.console_keys is None and not web.console_key_file.exists():
        detail = f"{web.console_key_file} is not made yet; the console's first start makes it"
        return Check(_KEYS, ok=True, detail=detail)
    try:
        keys, database = vault(web), make_url(web.console_database_url)
        is_local = database.get_backend_name() == "sqlite"
        new = "can be read; the database is not made yet"
        if is_local and not Path(database.database or "").exists():
            return Check(_KEYS, ok=True, detail=new)
        engine = connect(web.console_database_url, pooled=False)
        has_sealed_values = Seals(engine).opened_by(keys)
    except ConfigError as error:
        hint = f"name the keys that the console has used so far in {VARIABLE}, the newest first"
        return Check(_KEYS, ok=False, detail=str(error), hint=hint)
    except RetryableError:  # `console database` says more
        return Check(
            _KEYS, ok=True, detail="can be read; the database cannot be asked whether they are its own"
        )
    return Check(_KEYS, ok=True, detail="open the database" if has_sealed_values else new)


async def _in_time(work: Awaitable[_Result], seconds: float = _TIMEOUT_SECONDS) -> _Result:
    async with asyncio.timeout(seconds):
        return await work


async def _ask(url: str, headers: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url) as answer,
    ):
        return answer.status
