"""Computes keyed hashes that recognise an erased person without the person's phone, mail address or name.

A hash is useless without the key: whoever has the topics and the tables, and not the key, cannot try out numbers.
"""

import re
import unicodedata
from hashlib import blake2b
from typing import Final

import msgspec

from models.facts import Facts
from models.persons import EMAIL, PHONE

NAME: Final = "name"
HASHED_KINDS: Final = (PHONE, EMAIL, NAME)
RECOGNISING: Final = (PHONE, EMAIL)
"""The kinds of hash that tell people apart. Many people share a name, so a name alone never refuses an arrival."""
KEY_BYTES: Final = 32
MAX_HASHES: Final = 64
"""The maximum number of hashes that a lead keeps. Hashes beyond it are not kept, and the oldest stay."""
ERASED: Final = "erased"
"""The last outcome of an erased lead, and what stands in a table where a name must stand."""

_DIGEST_BYTES: Final = 16
_PERSON: Final = b"firstclaim-erase"
_HASH: Final = re.compile(r"(?:phone|email|name):[0-9a-f]{8}:[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{30}")


class ErasureKey(msgspec.Struct, frozen=True):
    """The secret key of the hashes. `secret`: `KEY_BYTES` bytes. Its `repr` hides it."""

    secret: bytes

    def __repr__(self) -> str:
        return f"ErasureKey(id={self.key_id})"

    @property
    def key_id(self) -> str:
        """The key's id, which each hash contains: eight hex digits that do not reveal the key."""
        return blake2b(self.secret, digest_size=4, person=_PERSON).hexdigest()

    def hash_of(self, org: str, kind: str, value: str) -> str:
        """Return the hash of one value of an org: `phone:KEY_ID:HEX`. `value`: normalised."""
        keyed = blake2b(f"{org}\0{kind}\0{value}".encode(), key=self.secret, digest_size=_DIGEST_BYTES)
        return f"{kind}:{self.key_id}:{keyed.hexdigest()}"

    def hashes_of(self, facts: Facts) -> tuple[str, ...]:
        """Return the hashes of a prospect's phone, mail address and name, those that it has."""
        values = (
            (PHONE, facts.phone),
            (EMAIL, facts.email and facts.email.lower()),
            (NAME, plain_name(facts.first_name, facts.last_name)),
        )
        return tuple(self.hash_of(facts.org, kind, value) for kind, value in values if value)


def plain_name(*parts: str | None) -> str:
    """Return a name in the one spelling that is hashed: NFKC, casefolded, single spaces. Empty if there is none."""
    return " ".join(unicodedata.normalize("NFKC", " ".join(filter(None, parts))).casefold().split())


def kind_of(hashed: str) -> str:
    """Return the kind of a hash."""
    return hashed.partition(":")[0]


def is_hash(text: object) -> bool:
    """Say whether a value has the form of a hash."""
    return isinstance(text, str) and _HASH.fullmatch(text) is not None


def is_digest(text: object) -> bool:
    """Say whether a value has the form of a handle's digest (`models.persons.handle_digest`), in hex."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def joined_hashes(hashes: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hashes of both, each once, at most `MAX_HASHES`. The same tuple if there is nothing new."""
    new = tuple(hashed for hashed in dict.fromkeys(more) if hashed not in hashes)
    return (*hashes, *new)[:MAX_HASHES] if new and len(hashes) < MAX_HASHES else hashes
