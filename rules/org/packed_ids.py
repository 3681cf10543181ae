"""Stores the ids of leads and arrivals in few bytes, so that an org's index of a million persons stays small."""

from typing import Final
from uuid import UUID

Packed = bytes | str
"""An id as stored: a UUID as its sixteen bytes, any other id unchanged."""
_UUID_LENGTH: Final = 36


def pack_id(identity: str) -> Packed:
    """Return an id as it is stored."""
    if len(identity) != _UUID_LENGTH:
        return identity
    try:
        parsed = UUID(identity)
    except ValueError:
        return identity
    return parsed.bytes if str(parsed) == identity else identity


def unpack_id(identity: Packed) -> str:
    """Return the id that was stored."""
    return identity if isinstance(identity, str) else str(UUID(bytes=identity))
