"""Admits a vendor's post by its key. A key opens nothing but the door of its own vendor name, in its own org.

The key comes in `Authorization: Bearer`, or in `X-Api-Key`. A webhook that can send no header of its own names the key
by its id (`?key=`), and its signature alone proves who it is.
"""

import asyncio
import hashlib
import hmac
from http import HTTPStatus
from typing import Annotated, Final

import structlog
from fastapi import Depends, Path, Query, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from web.auth import PartsOf, host_of
from web.errors import HttpProblem, forbidden
from web.services.limits import check
from web.store.vendor_keys import VendorKey, vendor_named

log = structlog.get_logger(__name__)

SIGNATURES: Final = ("x-firstclaim-signature-256", "x-hub-signature-256", "x-signature")
"""Headers of a signature: `sha256=` and the HMAC-SHA256 of the body in hexadecimal. The second is Meta's, the third is
what many webhooks send."""
_SCHEME: Final = "sha256="
_LONGEST: Final = 200

_BEARER = HTTPBearer(auto_error=False, scheme_name="VendorKey", description="A vendor's key")
_HEADER = APIKeyHeader(
    name="x-api-key", auto_error=False, scheme_name="VendorKeyHeader", description="A vendor's key"
)


class VendorAccess:
    """A dependency that admits the posts of a vendor's key. It returns the key.

    Raises 401 without a key that works or without its signature, 403 for another vendor's name, and 429 beyond the
    key's rate.
    """

    async def __call__(
        self,
        request: Request,
        parts: PartsOf,
        vendor: Annotated[str, Path(min_length=1, max_length=_LONGEST)],
        bearer: Annotated[object | None, Depends(_BEARER)],
        header: Annotated[str | None, Depends(_HEADER)],
        key: Annotated[
            str | None, Query(max_length=_LONGEST, description="The id of a key whose posts are signed")
        ] = None,
    ) -> VendorKey:
        """Return the key of a post."""
        try:
            return await self._admit(
                request, parts, vendor, getattr(bearer, "credentials", None) or header, key
            )
        except HttpProblem as problem:
            log.warning(
                "a vendor's post is refused", vendor=vendor, host=host_of(request), reason=problem.kind
            )
            raise

    async def _admit(
        self, request: Request, parts: PartsOf, vendor: str, secret: str | None, key_id: str | None
    ) -> VendorKey:
        if secret:
            key_and_secret = await asyncio.to_thread(parts.vendor_keys.find, secret)
        elif key_id:
            key_and_secret = await asyncio.to_thread(parts.vendor_keys.find_signing, key_id)
        else:
            raise _unauthorized("a vendor's key is needed: Authorization: Bearer KEY, or X-Api-Key: KEY")
        if key_and_secret is None:
            raise _unauthorized("the vendor's key is unknown or revoked")
        key, signing_secret = key_and_secret
        check(parts.vendor_limit, key.key_id)
        if signing_secret is not None:
            _check_signature(request, signing_secret, await request.body())
        if vendor_named(vendor) != key.vendor:
            raise forbidden("the key is another vendor's")
        return key


def signature(secret: str, body: bytes) -> str:
    """Return the signature of a body, as its header has it."""
    return _SCHEME + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _check_signature(request: Request, secret: str, body: bytes) -> None:
    header = next((value for name in SIGNATURES if (value := request.headers.get(name))), None)
    if header is None:
        raise _unauthorized(f"{SIGNATURES[0]}: is missing; posts of this key must be signed")
    if not hmac.compare_digest(signature(secret, body).encode(), header.strip().lower().encode()):
        raise _unauthorized(f"{SIGNATURES[0]}: is not the signature of this body")


def _unauthorized(reason: str) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.UNAUTHORIZED, "unauthorized", reason, headers={"WWW-Authenticate": "Bearer"}
    )
