"""Hashes and checks passwords, and rejects weak ones. Hashing is slow on purpose: call it from the hash pool."""

import secrets
from functools import cache
from typing import Final

from pwdlib import PasswordHash

from models.errors import InvalidInput, Problem
from web.store.common_passwords import is_common

SHORTEST: Final = 12
LONGEST: Final = 128
_HASHES: Final = PasswordHash.recommended()
_OWN_SHORTEST: Final = 4


def hash_password(password: str, field: str, *, email: str = "") -> str:
    """Return the Argon2id hash of a new password. Raises `InvalidInput` for `field` with the reason."""
    if reason := _weakness(password, email):
        raise InvalidInput((Problem(path=field, reason=reason),))
    return _HASHES.hash(password)


def hash_generated(password: str) -> str:
    """Return the hash of a randomly generated password."""
    return _HASHES.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Say whether a password matches a hash. Without a hash the answer is no, and takes the same time."""
    is_match = _HASHES.verify(password, password_hash or _unusable_hash())
    return is_match and password_hash is not None


def _weakness(password: str, email: str) -> str | None:
    if len(password) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"has more than {LONGEST} characters"
    if is_common(password):
        return (
            "is one of the passwords that are tried first: it was in a breach, or is such a word with digits"
        )
    own, folded = email.partition("@")[0], password.casefold()
    if len(own) >= _OWN_SHORTEST and folded.replace(own, "").strip("0123456789!?.,-_@ ") == "":
        return "is your own address"
    if len(set(folded)) <= len("abc"):
        return "has three different characters or fewer"
    return None


@cache
def _unusable_hash() -> str:
    """Return the hash of a random password that nobody knows."""
    return _HASHES.hash(secrets.token_urlsafe())
