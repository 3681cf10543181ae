"""Who may sign in, and who is signed in; every secret is handed out once and kept as a hash."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from pwdlib import PasswordHash
from sqlalchemy import Connection, Engine, delete, insert, select, update

from models.errors import InvalidInput, Problem
from web.store.hashes import hashed
from web.store.store import Store
from web.store.tables import AccountTable, SessionTable

_HASHES: Final = PasswordHash.recommended()
SHORTEST_PASSWORD: Final = 10


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. `role` counts while the org has published no rep."""

    email: str
    org: str
    rep_id: str
    role: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's session; `csrf` is what its writes must repeat."""

    account: Account
    csrf: str
    expires_at: datetime


class Accounts(Store):
    """Accounts and sessions. Blocking; the web asks from a thread."""

    def __init__(self, engine: Engine, *, session_hours: float = 12) -> None:
        super().__init__(engine)
        self._lasts = timedelta(hours=session_hours)

    # -- accounts ------------------------------------------------------------------------------------------------

    def put(self, account: Account, password: str | None) -> None:
        """Add an account, or change it; None keeps the password as it is. Raises `InvalidInput`."""
        hashed_password = None if password is None else _hash(password, "password")
        with self.writing() as connection:
            if not _keep(connection, account, hashed_password):
                raise InvalidInput((Problem(path="email", reason="is somebody else's already"),))

    def invite(self, account: Account, password: str) -> bool:
        """Add an account, or give a rep's a new address and password; False where the address is somebody else's."""
        with self.writing() as connection:
            if not _keep(connection, account, _HASHES.hash(password)):
                return False
            email = account.email.strip().casefold()
            connection.execute(delete(SessionTable).where(SessionTable.email == email))
            return True

    def change_password(self, email: str, password: str, *, keep: str) -> None:
        """Replace an account's password, and end its sessions but the one whose secret `keep` is.

        Raises `InvalidInput` of `new`.
        """
        password_hash = _hash(password, "new")
        with self.writing() as connection:
            of_the_account = AccountTable.email == email
            connection.execute(update(AccountTable).where(of_the_account).values(password_hash=password_hash))
            others = (SessionTable.email == email, SessionTable.secret_hash != hashed(keep))
            connection.execute(delete(SessionTable).where(*others))

    def disable(self, email: str) -> bool:
        """Let an account sign in no more, and end its sessions; say whether there was one."""
        email = email.strip().casefold()
        with self.writing() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.email == email))
            found = connection.execute(
                update(AccountTable)
                .where(AccountTable.email == email, AccountTable.disabled_at.is_(None))
                .values(disabled_at=datetime.now(UTC))
            )
            return found.rowcount > 0

    def accounts(self, org: str) -> list[Account]:
        """Return an org's accounts that may sign in, by address."""
        of_the_org = (AccountTable.org == org, AccountTable.disabled_at.is_(None))
        query = select(*AccountTable.__table__.columns).where(*of_the_org).order_by(AccountTable.email)
        with self.reading() as connection:
            return [_account(row) for row in connection.execute(query)]

    def anybody(self) -> bool:
        """Tell whether anybody of any org may sign in."""
        query = select(AccountTable.email).where(AccountTable.disabled_at.is_(None)).limit(1)
        with self.reading() as connection:
            return connection.execute(query).first() is not None

    # -- sessions ------------------------------------------------------------------------------------------------

    def check(self, email: str, password: str) -> Account | None:
        """Return whose address and password these are, None if they are nobody's."""
        row = self._row(email)
        known = row.password_hash if row is not None else None
        # Checked also where there is no such account, so that an answer takes as long either way.
        matches = _HASHES.verify(password, known or _nobodys())
        if row is None or known is None or not matches:
            return None
        return _account(row)

    def find(self, email: str) -> Account | None:
        """Return the account of an address that somebody else vouches for (OIDC)."""
        row = self._row(email)
        return None if row is None else _account(row)

    def _row(self, email: str) -> Any:
        may_sign_in = (AccountTable.email == email.strip().casefold(), AccountTable.disabled_at.is_(None))
        with self.reading() as connection:
            return connection.execute(select(*AccountTable.__table__.columns).where(*may_sign_in)).first()

    def sign_in(self, account: Account) -> tuple[str, Session]:
        """Begin a session; return its secret, which only the browser keeps."""
        secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
        session = Session(account=account, csrf=secrets.token_urlsafe(24), expires_at=now + self._lasts)
        with self.writing() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.expires_at < now))
            connection.execute(
                insert(SessionTable).values(
                    secret_hash=hashed(secret),
                    email=account.email,
                    csrf=session.csrf,
                    created_at=now,
                    expires_at=session.expires_at,
                )
            )
        return secret, session

    def session(self, secret: str) -> Session | None:
        """Return the session of a cookie, None if it is over or its account may not sign in any more."""
        query = (
            select(
                AccountTable.email,
                AccountTable.org,
                AccountTable.rep_id,
                AccountTable.role,
                SessionTable.csrf,
                SessionTable.expires_at,
            )
            .join(AccountTable, AccountTable.email == SessionTable.email)
            .where(
                SessionTable.secret_hash == hashed(secret),
                SessionTable.expires_at > datetime.now(UTC),
                AccountTable.disabled_at.is_(None),
            )
        )
        with self.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Session(account=_account(row), csrf=row.csrf, expires_at=row.expires_at)

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self.writing() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.secret_hash == hashed(secret)))


def _account(row: Any) -> Account:
    return Account(email=row.email, org=row.org, rep_id=row.rep_id, role=row.role)


def _keep(connection: Connection, account: Account, password_hash: str | None) -> bool:
    """Write a rep's one account, under its newest address; False where another rep has that address."""
    table, email = AccountTable, account.email.strip().casefold()
    whose = connection.execute(select(table.org, table.rep_id).where(table.email == email)).first()
    if whose is not None and (whose.org, whose.rep_id) != (account.org, account.rep_id):
        return False
    values: dict[str, Any] = {"email": email, "role": account.role, "disabled_at": None}
    if password_hash is not None:
        values["password_hash"] = password_hash
    of_the_rep = (table.org == account.org, table.rep_id == account.rep_id)
    former = connection.scalar(select(table.email).where(*of_the_rep))
    if former is None:
        values |= {"org": account.org, "rep_id": account.rep_id, "created_at": datetime.now(UTC)}
        connection.execute(insert(table).values(**values))
        return True
    if former != email:
        connection.execute(delete(SessionTable).where(SessionTable.email == former))
    connection.execute(update(table).where(*of_the_rep).values(**values))
    return True


def _hash(password: str, field: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput((Problem(path=field, reason=f"has fewer than {SHORTEST_PASSWORD} characters"),))
    return _HASHES.hash(password)


@cache
def _nobodys() -> str:
    """Return the hash of a password that nobody knows."""
    return _HASHES.hash(secrets.token_urlsafe())
