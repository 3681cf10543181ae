"""Stores the second factor of password accounts: time-based codes (TOTP, RFC 6238), and recovery codes, each used once.

A device's secret is stored encrypted, because codes are computed from it. Recovery codes are stored as hashes.
"""

import secrets
import time
from datetime import UTC, datetime
from typing import Any, Final

import pyotp
from sqlalchemy import ColumnElement, Engine, delete, insert, or_, select, update

from web.store.account import Account
from web.store.hashes import hash_of
from web.store.sealing import Vault
from web.store.store import Store
from web.store.tables import AccountTable, RecoveryCodeTable

STEP_SECONDS: Final = 30
DRIFT_STEPS: Final = 1
"""How many time steps a device's clock may be off. A code is valid for 90 seconds at most."""
RECOVERY_CODES: Final = 10
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_RECOVERY_LETTERS: Final = 16
_DIGITS: Final = 6


class SecondFactors(Store):
    """The second factors of all accounts. `keys` encrypt the secrets. Blocking; call it from a thread."""

    def __init__(self, engine: Engine, keys: Vault) -> None:
        super().__init__(engine)
        self._keys = keys

    def prepare(self, account: Account) -> str | None:
        """Create and store a new secret. It is inactive until `confirm`. Return None if one is active already."""
        secret = pyotp.random_base32()
        with self.writing() as connection:
            conditions = (*_rows_of(account), AccountTable.totp_since.is_(None))
            updated = connection.execute(
                update(AccountTable).where(*conditions).values(totp_secret=self._keys.seal(secret))
            )
        return secret if updated.rowcount else None

    def confirm(self, account: Account, code: str) -> list[str] | None:
        """Activate the prepared secret if the code matches. Return the recovery codes, which are shown once."""
        with self.writing() as connection:
            query = select(AccountTable.totp_secret).where(
                *_rows_of(account), AccountTable.totp_since.is_(None)
            )
            step = self._step_of(connection.scalar(query), code)
            if step is None:
                return None
            connection.execute(
                update(AccountTable)
                .where(*_rows_of(account))
                .values(totp_since=datetime.now(UTC), totp_step=step)
            )
            codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
            connection.execute(delete(RecoveryCodeTable).where(*_codes_of(account)))
            rows = [
                {"org": account.org, "rep_id": account.rep_id, "code_hash": hash_of(_plain(recovery_code))}
                for recovery_code in codes
            ]
            connection.execute(insert(RecoveryCodeTable).values(rows))
        return codes

    def accept(self, account: Account, code: str) -> bool:
        """Say whether a code is the device's or a recovery code. Each code is accepted only once."""
        plain = _plain(code)
        with self.writing() as connection:
            if len(plain) != _DIGITS:
                conditions = (*_codes_of(account), RecoveryCodeTable.code_hash == hash_of(plain))
                return connection.execute(delete(RecoveryCodeTable).where(*conditions)).rowcount > 0
            query = select(AccountTable.totp_secret).where(
                *_rows_of(account), AccountTable.totp_since.is_not(None)
            )
            step = self._step_of(connection.scalar(query), plain)
            if step is None:
                return False
            unused = or_(AccountTable.totp_step.is_(None), AccountTable.totp_step < step)
            used = update(AccountTable).where(*_rows_of(account), unused).values(totp_step=step)
            return connection.execute(used).rowcount > 0

    def left(self, account: Account) -> int:
        """Return how many recovery codes are left."""
        with self.reading() as connection:
            return len(
                connection.execute(select(RecoveryCodeTable.code_hash).where(*_codes_of(account))).all()
            )

    def remove(self, org: str, rep_id: str) -> bool:
        """Delete a rep's second factor and recovery codes. Say whether an active one existed."""
        return remove(self, org, rep_id)

    def _step_of(self, sealed: str | None, code: str) -> int | None:
        return None if sealed is None else _step_of(self._keys.unseal(sealed), code)


def remove(store: Store, org: str, rep_id: str) -> bool:
    """Delete a rep's second factor and recovery codes, which needs no key. Say whether an active one existed."""
    with store.writing() as connection:
        return forget(connection, org, rep_id)


def forget(connection: Any, org: str, rep_id: str) -> bool:
    """Delete a second factor in a transaction. Say whether an active one existed."""
    own = (AccountTable.org == org, AccountTable.rep_id == rep_id)
    had = connection.scalar(select(AccountTable.totp_since).where(*own)) is not None
    connection.execute(
        update(AccountTable).where(*own).values(totp_secret=None, totp_since=None, totp_step=None)
    )
    codes = (RecoveryCodeTable.org == org, RecoveryCodeTable.rep_id == rep_id)
    connection.execute(delete(RecoveryCodeTable).where(*codes))
    return had


def _step_of(secret: str, code: str) -> int | None:
    """Return the time step of this code, None if it matches no step that is currently valid."""
    plain = _plain(code)
    if not (plain.isascii() and plain.isdecimal()):
        return None
    totp, now = pyotp.TOTP(secret), int(time.time()) // STEP_SECONDS
    steps = range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
    matching = [step for step in steps if secrets.compare_digest(totp.generate_otp(step), plain)]
    return max(matching, default=None)


def _recovery_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_RECOVERY_LETTERS))
    return "-".join(letters[index : index + 4] for index in range(0, _RECOVERY_LETTERS, 4))


def _plain(code: str) -> str:
    return "".join(letter for letter in code[:100].upper() if letter not in " -.\t")


def _rows_of(account: Account) -> tuple[ColumnElement[bool], ...]:
    return AccountTable.org == account.org, AccountTable.rep_id == account.rep_id


def _codes_of(account: Account) -> tuple[ColumnElement[bool], ...]:
    return RecoveryCodeTable.org == account.org, RecoveryCodeTable.rep_id == account.rep_id
