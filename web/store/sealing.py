"""Encrypts secrets in the console's database: of second factors, and of the signatures of vendors' posts.

The keys are Fernet's (AES-128-CBC with HMAC-SHA256). The first key encrypts; every key decrypts. To replace a key, name
the new one first and the old one after it: the next start encrypts everything with the new one, and then the old one
can be left out.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, inspect, select, update

from models.errors import ConfigError
from streams.file_permissions import UMASK, private_folder, private_opener
from streams.masking import remember
from web.settings import WebSettings
from web.store.store import Store
from web.store.tables import AccountTable, SealTable, VendorKeyTable

VARIABLE: Final = "FIRSTCLAIM_CONSOLE_KEYS"
FILE_VARIABLE: Final = "FIRSTCLAIM_CONSOLE_KEY_FILE"
MAX_KEYS: Final = 10
_CHECK: Final = "console"
_SPLIT: Final = re.compile(r"[,\s]+")
_PLAIN: Final = re.compile(r"[A-Z2-7]{16,128}")
"""A secret of an earlier version, in Base32. What Fernet makes begins with a small letter after its first one."""


class Vault:
    """Encrypts and decrypts with the console's keys."""

    def __init__(self, keys: list[str], *, variable: str) -> None:
        if not 0 < len(keys) <= MAX_KEYS:
            raise ConfigError(variable, f"must hold 1 to {MAX_KEYS} keys, the newest first")
        try:
            fernets = [Fernet(key) for key in keys]
        except ValueError as error:
            raise ConfigError(
                variable, "a key is not 32 bytes in URL-safe Base64; `firstclaim console-key` makes one"
            ) from error
        for key in keys:
            remember(key)
        self.variable = variable
        self._fernet, self._newest = MultiFernet(fernets), fernets[0]

    def seal(self, plain: str) -> str:
        """Return a text encrypted with the newest key."""
        return self._newest.encrypt(plain.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Return the plain text. Raises `ConfigError` if no key decrypts it."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConfigError(self.variable, "none of these keys decrypts the console's database") from error

    def is_newest(self, sealed: str) -> bool:
        """Say whether the newest key encrypted a text."""
        with contextlib.suppress(InvalidToken):
            self._newest.decrypt(sealed.encode())
            return True
        return False


def vault(web: WebSettings) -> Vault:
    """Return the vault of the settings. The key file is created if it is missing and no keys are set.

    Raises `ConfigError` for keys that cannot be used, and for a key file that other users may read.
    """
    if web.console_keys is not None:
        return Vault(_split(web.console_keys.get_secret_value()), variable=VARIABLE)
    path = web.console_key_file
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & UMASK:
            raise ConfigError(FILE_VARIABLE, f"{path} may be read by others: chmod 600")
        return Vault(_split(path.read_text(encoding="utf-8")), variable=f"{FILE_VARIABLE} ({path})")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(FILE_VARIABLE, f"{path} cannot be used: {error}") from error


def new_key() -> str:
    """Return a new random key."""
    return Fernet.generate_key().decode()


class Seals(Store):
    """The encrypted values of the database. Blocking: call it from a thread."""

    def check_and_renew(self, keys: Vault) -> int:
        """Encrypt what is plain or was encrypted with an older key. Return how many values were changed.

        Raises `ConfigError`, and changes nothing, if the keys are not those of this database: another console uses
        other ones, or the old ones were lost.
        """
        with self.writing() as connection:
            changed = self._check(connection, keys)
            table = AccountTable
            query = select(table.email, table.totp_secret).where(table.totp_secret.is_not(None))
            for email, sealed in connection.execute(query).all():
                if sealed is None:
                    continue
                plain = sealed if _PLAIN.fullmatch(sealed) else keys.unseal(sealed)
                if plain == sealed or not keys.is_newest(sealed):
                    of_it = (table.email == email, table.totp_secret == sealed)
                    values = {"totp_secret": keys.seal(plain)}
                    changed += connection.execute(update(table).where(*of_it).values(values)).rowcount
            changed += self._renew_vendors(connection, keys)
        return changed

    def opened_by(self, keys: Vault) -> bool:
        """Say whether the database has values that these keys decrypt; False if it has none yet. Nothing is changed.

        Raises `ConfigError` if the keys are not those of this database.
        """
        with self.reading() as connection:
            if not inspect(connection).has_table(SealTable.__tablename__):
                return False
            sealed = connection.scalar(select(SealTable.sealed).where(SealTable.name == _CHECK))
        if sealed is None:
            return False
        keys.unseal(sealed)
        return True

    def _renew_vendors(self, connection: Connection, keys: Vault) -> int:
        """Encrypt the signing secrets of vendors that were encrypted with an older key."""
        table, changed = VendorKeyTable, 0
        query = select(table.key_id, table.signing_secret).where(table.signing_secret.is_not(None))
        for key_id, sealed in connection.execute(query).all():
            if sealed is not None and not keys.is_newest(sealed):
                values = {"signing_secret": keys.seal(keys.unseal(sealed))}
                of_it = (table.key_id == key_id, table.signing_secret == sealed)
                changed += connection.execute(update(table).where(*of_it).values(values)).rowcount
        return changed

    def _check(self, connection: Connection, keys: Vault) -> int:
        sealed = connection.scalar(select(SealTable.sealed).where(SealTable.name == _CHECK))
        if sealed is not None:
            keys.unseal(sealed)
            if keys.is_newest(sealed):
                return 0
        values = {"name": _CHECK, "sealed": keys.seal(_CHECK)}
        row = self.insert(SealTable).values(values)
        same = row.on_conflict_do_update(index_elements=["name"], set_={"sealed": values["sealed"]})
        connection.execute(same)
        return 1


def _split(text: str) -> list[str]:
    return [key for key in _SPLIT.split(text) if key]


def _create(path: Path) -> None:
    """Create the key file with a new key, whole or not at all. Another process may create it at the same time."""
    private_folder(path.parent)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with open(beside, "w", opener=private_opener) as file:  # Path.open accepts no opener
        file.write(f"{new_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(beside)
    beside.unlink()
