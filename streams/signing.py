"""Signs our messages, and reads the secrets for signing and checking from a file that only its owner may read.

The file has one key per line: its id, a space, its secret. A line that begins with `#` is a comment. Two keys of one
vendor may be valid at once, so that a key can be replaced without a gap (docs/kafka-access.md).
"""

import re
import stat
import time
from pathlib import Path
from typing import Final

from models.errors import ConfigError
from rules.inbound.signatures import headers_of
from streams.file_permissions import write_private
from streams.settings import Settings
from streams.topics import LEAD_ACTIONS, LEAD_ARRIVALS

FILE: Final = "FIRSTCLAIM_SIGNING_KEYS"
KEY_VARIABLE: Final = "FIRSTCLAIM_SIGNING_KEY"
SHORTEST_SECRET: Final = 32
"""Characters. A shorter secret can be guessed by anyone who has one signed message."""
MAX_KEYS: Final = 10_000
TOPICS: Final = frozenset({LEAD_ARRIVALS, LEAD_ACTIONS})
"""The topics whose messages are signed. Kafka's ACLs control who may write to the others."""
_MAX_BYTES: Final = 4 * 1024 * 1024
_KEY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def read_keys(settings: Settings) -> dict[str, bytes]:
    """Return the secret of each key id; empty if no file is set. Raises `ConfigError`, never with a secret."""
    path = settings.signing_keys
    if path is None:
        return {}
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(FILE, f"{path} can be read by other users: chmod 600 {path}")
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(FILE, f"{path} is larger than {_MAX_BYTES} bytes")
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(FILE, f"{path} cannot be read: {type(error).__name__}") from error
    return _keys(path, lines)


def check_key_id(key_id: str) -> None:
    """Raise `ConfigError` if an id is not a valid key id."""
    if not _KEY_ID.fullmatch(key_id):
        reason = (
            "is no key id: 1 to 100 letters, digits, dots, hyphens or underscores, a letter or digit first"
        )
        raise ConfigError("KEY_ID", f"{key_id!r} {reason}")


def append_key(settings: Settings, line: str) -> None:
    """Append a key's line to the file of keys. A new file is private to its owner.

    Raises `ConfigError` if no file is set, if it has a key with this id, or if the result could not be read again.
    """
    path = settings.signing_keys
    if path is None:
        raise ConfigError(FILE, "is missing: it names the file that the key is to be appended to")
    existing = path.read_text() if path.exists() else ""
    if path.exists():
        read_keys(settings)
    text = existing + ("" if not existing or existing.endswith("\n") else "\n") + f"{line}\n"
    _keys(path, text.splitlines())
    write_private(path, text)


def _keys(path: Path, lines: list[str]) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key_id, _, secret = line.strip().partition(" ")
        secret = secret.strip()
        position = f"{path}, line {number}"
        if not _KEY_ID.fullmatch(key_id):
            raise ConfigError(
                FILE, f"{position}: a key id is 1 to 100 letters, digits, dots, hyphens or underscores"
            )
        if key_id in keys:
            raise ConfigError(FILE, f"{position}: {key_id} occurs twice")
        if len(secret) < SHORTEST_SECRET or not secret.isascii() or " " in secret:
            reason = (
                f"the secret of {key_id} must be {SHORTEST_SECRET} or more characters of ASCII without spaces"
            )
            raise ConfigError(FILE, f"{position}: {reason}")
        if len(keys) >= MAX_KEYS:
            raise ConfigError(FILE, f"{path} has more than {MAX_KEYS} keys")
        keys[key_id] = secret.encode()
    return keys


class Signer:
    """Signs the messages that a process of ours sends; without a key of its own it signs nothing.

    Raises `ConfigError` if `FIRSTCLAIM_SIGNING_KEY` names a key that the file does not have.
    """

    def __init__(self, settings: Settings) -> None:
        self._key_id = settings.signing_key
        self._secret = b""
        if self._key_id is not None:
            keys = read_keys(settings)
            if self._key_id not in keys:
                source = settings.signing_keys or f"{FILE} (it is not set)"
                raise ConfigError(
                    KEY_VARIABLE, f"names {self._key_id!r}, and there is no such key in {source}"
                )
            self._secret = keys[self._key_id]

    def headers(self, topic: str, value: bytes | None) -> list[tuple[str, bytes]]:
        """Return the headers that sign a lead or an action at the current time; none for other messages."""
        if self._key_id is None or value is None or topic not in TOPICS:
            return []
        now = int(time.time())
        return headers_of(self._secret, topic=topic, key_id=self._key_id, timestamp=now, value=value)
