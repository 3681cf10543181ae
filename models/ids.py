"""Derives a lead's id from the vendor's message, so a repeat is the same lead (docs/contracts, `lead-arrivals`)."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Final

MAX_ID_BYTES: Final = 300
"""More than the id of a public message has: a topic's name, of at most 249 characters, and three numbers."""
NAMESPACE: Final = uuid.UUID("6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11")


def canonical_json(message: Mapping[str, object]) -> bytes:
    """Return the canonical form of a JSON object: keys sorted, no spaces, UTF-8, no escapes beyond JSON's own."""
    return json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def lead_id(org: str, vendor: str, external_id: str | None, message: Mapping[str, object]) -> str:
    """Return the UUIDv5 of a lead, from the vendor's own id; without one, from the whole message as sent."""
    name = external_id or f"sha256:{hashlib.sha256(canonical_json(message)).hexdigest()}"
    return _uuid5(f"{org}/{vendor}/{name}".encode())


def reused_lead_id(arrival_id: str, *person: str) -> str:
    """Return the UUIDv5 of the lead of a person for whom a vendor used the id of another person's lead (K6).

    `person`: what tells the person from the other one. A resend has the same, so it gives the same id.
    """
    return _uuid5("\n".join((f"{arrival_id}/id_reused", *person)).encode())


def _uuid5(text: bytes) -> str:
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + text, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # the variant of RFC 4122
    form = digest.hex()
    return f"{form[:8]}-{form[8:12]}-{form[12:16]}-{form[16:20]}-{form[20:]}"


def public_message_id(topic: str, partition: int, offset: int, n: int) -> str:
    """Return the id of the n-th effect of one log record. A repeat of the record gives the same id."""
    return f"{topic}-{partition}-{offset}-{n}"


def public_message_ids(topic: str, partition: int, offset: int) -> bytes:
    """Return what the ids of all effects of one log record begin with; the number follows (`public_message_id`)."""
    return b"%b-%d-%d-" % (topic.encode(), partition, offset)


def public_message_position(topic: str, identity: bytes) -> tuple[int, int, int] | None:
    """Parse an `effect_id` of this topic: partition, offset, n; None if it is not one.

    It has ASCII digits and at most `MAX_ID_BYTES`.
    """
    parts = identity.rsplit(b"-", 3) if len(identity) <= MAX_ID_BYTES else []
    if len(parts) != 4 or parts[0] != topic.encode():  # noqa: PLR2004  # the topic and the three numbers of `effect_id`
        return None
    _, partition, offset, n = parts
    if not (partition.isdigit() and offset.isdigit() and n.isdigit()):
        return None
    return int(partition), int(offset), int(n)
