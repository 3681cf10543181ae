"""Verifies the sender of a message by an HMAC in its headers. The org's settings name the keys.

A Kafka record does not identify its writer. If an org requires it, a message carries headers that only the holder of a
key can create: `fc-key-id`, `fc-timestamp` (seconds since 1970), `fc-vendor` and `fc-signature`. The intake has the
secrets; the directory contains only key ids (docs/kafka-access.md, signatures).
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from models import normalize
from models.errors import Refused
from models.events import ActionRequested, DirectoryPublished
from models.org_events import PersonArrived
from models.publication import SettingsObject, VendorBinding
from rules.inbound.attribute_types import Types
from rules.inbound.envelope import Headers

KEY_ID: Final = "fc-key-id"
TIMESTAMP: Final = "fc-timestamp"
VENDOR: Final = "fc-vendor"
SIGNATURE: Final = "fc-signature"
NAMES: Final = frozenset({KEY_ID, TIMESTAMP, VENDOR, SIGNATURE})
"""The headers of a signed message."""
SCHEME: Final = "firstclaim-v1"
MAX_AGE: Final = timedelta(minutes=15)
"""The maximum difference between the time of a signature and the broker's time of the record, in either direction."""

UNSIGNED: Final = "unsigned"
UNKNOWN_KEY: Final = "unknown_key"
FOREIGN_KEY: Final = "foreign_key"
FOREIGN_VENDOR: Final = "foreign_vendor"
FOREIGN_CAMPAIGN: Final = "foreign_campaign"
STALE: Final = "stale_signature"
BAD: Final = "bad_signature"
CLASSES: Final = frozenset({UNSIGNED, UNKNOWN_KEY, FOREIGN_KEY, FOREIGN_VENDOR, FOREIGN_CAMPAIGN, STALE, BAD})
"""The error classes of messages that were refused because of their sender."""
_MAX_HEADER: Final = 1_000
"""The maximum size of one of these headers in bytes. A longer header is not a signature."""

Keys = Mapping[str, bytes]
"""Key id -> secret."""


class SignatureTerms(msgspec.Struct, frozen=True):
    """An org's requirements for messages.

    `key_ids`: the keys of its own programs, which sign actions and leads of any vendor. `time_zone`: in which a lead's
    time without an offset is read. `attribute_types`: how attributes of leads are read (reading C4).
    """

    arrivals_required: bool = False
    actions_required: bool = False
    key_ids: frozenset[str] = frozenset()
    vendors: Mapping[str, VendorBinding] = {}
    time_zone: str = "UTC"
    attribute_types: Types = {}


OPEN: Final = SignatureTerms()
"""The terms of an org without requirements."""


class SignatureChecker:
    """Checks messages against the settings of every org. `keys`: the secrets.

    `max_age`: the maximum age of a signature.
    """

    def __init__(self, keys: Keys, max_age: timedelta = MAX_AGE) -> None:
        self._keys = keys
        self._max_age = max_age
        self._terms: dict[str, SignatureTerms] = {}
        self._versions: dict[str, int] = {}

    def publish(self, event: DirectoryPublished) -> None:
        """Apply a publication. A publication older than the known one changes nothing."""
        if event.kind != "settings" or event.version < self._versions.get(event.org, -1):
            return
        self._versions[event.org] = event.version
        self._terms[event.org] = OPEN if event.value is None else _terms(event.value)

    def terms(self, org: str) -> SignatureTerms:
        """Return the terms of an org."""
        return self._terms.get(org, OPEN)

    def check_arrival(
        self, event: PersonArrived, topic: str, value: bytes | None, headers: Headers, at: datetime
    ) -> None:
        """Raise `Refused` if the sender may not send this lead. `at`: the broker's time of the record."""
        terms, vendor = self.terms(event.org), event.facts.vendor
        binding = terms.vendors.get(vendor)
        if binding is None and not terms.arrivals_required:
            return
        required = terms.arrivals_required or (binding is not None and binding.signature == "required")
        vendor_keys = frozenset(binding.key_ids) if binding else frozenset()
        subject = f"a lead of vendor {vendor} in org {event.org}"
        key_id = self._signer(headers, vendor_keys | terms.key_ids, subject, required=required)
        if key_id is not None and key_id not in terms.key_ids:
            signed_vendor = _text(headers, VENDOR)
            if _vendor(signed_vendor) != vendor:
                raise Refused(FOREIGN_VENDOR, VENDOR, f"is {signed_vendor!r}, and the message is {subject}")
        if key_id not in terms.key_ids:
            _check_campaign(binding, event.facts.campaign, vendor)
        if key_id is not None:
            self._check_signature(key_id, topic, value, headers, at)

    def check_action(
        self, event: ActionRequested, topic: str, value: bytes | None, headers: Headers, at: datetime
    ) -> None:
        """Raise `Refused` if the sender may not send this action. `at`: the broker's time of the record."""
        terms = self.terms(event.org)
        if not terms.actions_required:
            return
        subject = f"an action in org {event.org}"
        key_id = self._signer(headers, terms.key_ids, subject, required=True)
        if key_id is not None:
            self._check_signature(key_id, topic, value, headers, at)

    def _signer(self, headers: Headers, may: frozenset[str], subject: str, *, required: bool) -> str | None:
        """Return the key id named in a message.

        Return None if the message needs no signature and names no known key.
        """
        key_id = _text(headers, KEY_ID)
        if not key_id or not _text(headers, SIGNATURE):
            if not required:
                return None
            missing = SIGNATURE if key_id else KEY_ID
            raise Refused(UNSIGNED, missing, f"is missing; {subject} must be signed")
        if key_id not in self._keys:
            if not required:
                return None
            raise Refused(UNKNOWN_KEY, KEY_ID, f"names {key_id!r}, which the intake does not know")
        if key_id not in may:
            raise Refused(FOREIGN_KEY, KEY_ID, f"names {key_id!r}, which may not sign {subject}")
        return key_id

    def _check_signature(
        self, key_id: str, topic: str, value: bytes | None, headers: Headers, at: datetime
    ) -> None:
        timestamp_text = _text(headers, TIMESTAMP)
        if not (
            timestamp_text.isascii() and timestamp_text.isdigit() and len(timestamp_text) <= len(str(2**40))
        ):
            raise Refused(STALE, TIMESTAMP, f"is {timestamp_text!r}, and must be whole seconds since 1970")
        age = abs(at.timestamp() - int(timestamp_text))
        if age > self._max_age.total_seconds():
            max_age = self._max_age.total_seconds()
            reason = f"is {age:.0f} s from when the message arrived, and at most {max_age:.0f} s are allowed"
            raise Refused(STALE, TIMESTAMP, reason)
        right = signature(
            self._keys[key_id],
            topic=topic,
            key_id=key_id,
            vendor=_text(headers, VENDOR),
            timestamp=timestamp_text,
            value=value or b"",
        )
        if not hmac.compare_digest(right, _text(headers, SIGNATURE).lower().encode()):
            raise Refused(BAD, SIGNATURE, f"does not match these bytes, headers and topic with key {key_id}")


def signature(secret: bytes, *, topic: str, key_id: str, vendor: str, timestamp: str, value: bytes) -> bytes:
    """Return the signature of a message in lower-case hexadecimal.

    It is the HMAC-SHA256 of the lines `firstclaim-v1`, topic, key id, vendor (empty without one) and timestamp, each
    followed by a line feed, and then the value.
    """
    head = "".join(f"{line}\n" for line in (SCHEME, topic, key_id, vendor, timestamp))
    return hmac.new(secret, head.encode() + value, hashlib.sha256).hexdigest().encode()


def headers_of(
    secret: bytes, *, topic: str, key_id: str, timestamp: int, value: bytes, vendor: str = ""
) -> list[tuple[str, bytes]]:
    """Return the headers that sign a message. `timestamp`: seconds since 1970."""
    signed = signature(
        secret, topic=topic, key_id=key_id, vendor=vendor, timestamp=str(timestamp), value=value
    )
    vendor_header = [(VENDOR, vendor.encode())] if vendor else []
    return [
        (KEY_ID, key_id.encode()),
        (TIMESTAMP, str(timestamp).encode()),
        *vendor_header,
        (SIGNATURE, signed),
    ]


def _terms(value: Mapping[str, Any]) -> SignatureTerms:
    settings = SettingsObject.model_validate(value)
    return SignatureTerms(
        arrivals_required=settings.signed_arrivals == "required",
        actions_required=settings.signed_actions == "required",
        key_ids=frozenset(settings.key_ids),
        vendors={normalize.vendor(name): binding for name, binding in settings.vendors.items()},
        time_zone=settings.time_zone or "UTC",
        attribute_types=settings.attribute_types,
    )


def _check_campaign(binding: VendorBinding | None, campaign: str | None, vendor: str) -> None:
    if binding is None or binding.campaigns is None or campaign in binding.campaigns:
        return
    allowed = ", ".join(binding.campaigns) or "none"
    timestamp_text = f"is {campaign!r}" if campaign else "is missing"
    raise Refused(FOREIGN_CAMPAIGN, "campaign", f"{timestamp_text}: vendor {vendor} may send to {allowed}")


def _text(headers: Headers, name: str) -> str:
    """Return a header as one line of text; empty if it is missing, too long, not UTF-8 or has several lines."""
    raw = headers.get(name) or b""
    try:
        decoded = raw.decode() if len(raw) <= _MAX_HEADER else ""
    except UnicodeDecodeError:
        return ""
    return "" if "\n" in decoded else decoded


def _vendor(vendor: str) -> str | None:
    try:
        return normalize.vendor(vendor)
    except ValueError:
        return None
