"""Checks offline whether a password is in a shipped list of common passwords.

tools/common_passwords.py writes the list and names its source.
"""

import hashlib
import unicodedata
from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import Final

HASH_BYTES: Final = 6
"""The bytes of each hash. With 60,000 words, one unlisted password in 4,000,000,000 is taken for a listed one."""
SHORTEST_BASE: Final = 4
_ENDINGS: Final = "0123456789!?.,;:-_+*#@$%&/()= "
_FILE: Final = Path(__file__).with_name("common_passwords.bin")


def digest(word: str) -> bytes:
    """Return the truncated hash of a word as the list stores it. Case and character width are ignored."""
    return hashlib.sha256(_normal(word).encode(errors="surrogatepass")).digest()[:HASH_BYTES]


def is_common(password: str) -> bool:
    """Say whether a password is in the list, or is a listed word with digits and marks at its ends."""
    base = _normal(password).strip(_ENDINGS)
    return _listed(password) or (len(base) >= SHORTEST_BASE and _listed(base))


def _listed(word: str) -> bool:
    word_hash, hashes = digest(word), _hashes()
    index = bisect_left(hashes, word_hash)
    return index < len(hashes) and hashes[index] == word_hash


def _normal(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()


@cache
def _hashes() -> list[bytes]:
    content = _FILE.read_bytes()
    return [content[index : index + HASH_BYTES] for index in range(0, len(content), HASH_BYTES)]
