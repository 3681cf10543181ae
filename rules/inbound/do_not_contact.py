"""Reads the do-not-contact list: one record for each phone number or mail address of an org (X6).

The key identifies the handle and must be readable. The value holds the reason and the start. A part of the value that
cannot be read counts as not given, so that an error in it never causes a listed person to be called.
"""

from datetime import datetime
from typing import Any, Final

from models import contacts, normalize
from models.erasure import is_hash
from models.errors import Refused
from models.inbound import Listing
from models.org_events import DoNotContactPublished
from models.persons import EMAIL, PHONE
from rules.inbound.envelope import NULL_REMOVES_NOTHING, Headers, is_null, open_envelope

NO_REASON: Final = "no reason was given"
HASH: Final = "hash"
"""The kind of an entry whose phone or mail address was erased: only its keyed hash is known (`models.erasure`)."""
ERASED_HEADER: Final = "fc-erased"
"""The header of a tombstone for the phone or mail address of an erased person: nothing keeps it then."""
_PARTS: Final = 3
_READ: Final = {PHONE: contacts.phone, EMAIL: contacts.email}


def accept_listing(
    key: bytes | None, value: bytes | None, headers: Headers, *, version: int, at: datetime
) -> DoNotContactPublished:
    """Read one record of `do-not-contact`: key `org/phone/NUMBER` or `org/email/ADDRESS`.

    A record without a value (a tombstone) removes the entry. JSON's null is refused, and the entry stays. `version`:
    the record's offset in the topic. `at`: the broker's time, used if the value has no time. Raises only Refused.
    """
    org, handle = _handle_owner(key)
    cause = f"do-not-contact/{org}/{handle}/{version}"
    if value is None:
        return DoNotContactPublished(
            cause=cause,
            org=org,
            handle=handle,
            version=version,
            erased=headers.get(ERASED_HEADER) is not None,
        )
    if is_null(value):
        raise Refused("not_an_object", "", NULL_REMOVES_NOTHING)
    sent: dict[str, Any] = open_envelope(value, headers).message
    listing = Listing.model_validate(sent)
    return DoNotContactPublished(
        cause=cause,
        org=org,
        handle=handle,
        version=version,
        reason=listing.reason or NO_REASON,
        at=listing.at or at,
    )


def handle_of(kind: str, value: str) -> str:
    """Return a phone number or mail address as a normalised handle; raises ValueError with the reason."""
    if kind == HASH and is_hash(value):
        return f"{kind}/{value}"
    if kind not in _READ:
        raise ValueError(f"must be one of {', '.join(_READ)}, not {kind}")
    read = _READ[kind](value)
    if read is None:
        raise ValueError("is empty")
    return f"{kind}/{read}"


def read_handle(text: str) -> str:
    """Return a typed phone number or mail address as a handle; raises ValueError."""
    return handle_of(EMAIL if "@" in text else PHONE, text)


def _handle_owner(key: bytes | None) -> tuple[str, str]:
    try:
        parts = (key or b"").decode().split("/", _PARTS - 1)
    except UnicodeDecodeError:
        raise Refused("invalid_key", "key", "is not UTF-8") from None
    if len(parts) != _PARTS:
        raise Refused("invalid_key", "key", "must be org/phone/NUMBER or org/email/ADDRESS")
    org, kind, value = parts
    try:
        normalize.org(org or "/")
        return org, handle_of(kind, value)
    except ValueError as error:
        raise Refused("invalid_key", "key", str(error)) from None
