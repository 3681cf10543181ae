"""Who may sign in, who is signed in, and the tokens of programs; every secret is handed out once and kept as a hash."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from pwdlib import PasswordHash
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from console.web.store.tables import AccountTable, PreferenceTable, SessionTable, TokenTable
from models.errors import InvalidInput, Problem
from sink.verdicts import translated

_WHAT: Final = "console database"
_HASHES: Final = PasswordHash.recommended()
SHORTEST_PASSWORD: Final = 10
TOKEN_PREFIX: Final = "fc_"  # noqa: S105  # it marks our tokens, for those who search for leaked ones


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


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A program's token, without its secret."""

    token_id: str
    org: str
    rep_id: str
    name: str
    scopes: frozenset[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None


class Accounts:
    """Accounts, sessions, tokens and preferences in one database. Blocking; the web asks from a thread."""

    def __init__(self, engine: Engine, *, session_hours: float = 12) -> None:
        self._engine = engine
        self._lasts = timedelta(hours=session_hours)

    # -- accounts ------------------------------------------------------------------------------------------------

    def put(self, account: Account, password: str | None) -> None:
        """Add an account, or change it; None keeps the password as it is. Raises `InvalidInput`."""
        if password is not None and len(password) < SHORTEST_PASSWORD:
            raise InvalidInput(
                (Problem(path="password", reason=f"has fewer than {SHORTEST_PASSWORD} characters"),)
            )
        hashed_password = None if password is None else _HASHES.hash(password)
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            if not _keep(connection, account, hashed_password):
                raise InvalidInput((Problem(path="email", reason="is somebody else's already"),))

    def invite(self, account: Account, password: str) -> bool:
        """Add an account, or give a rep's a new address and password; False where the address is somebody else's."""
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            if not _keep(connection, account, _HASHES.hash(password)):
                return False
            email = account.email.strip().casefold()
            connection.execute(delete(SessionTable).where(SessionTable.email == email))
            return True

    def disable(self, email: str) -> bool:
        """Let an account sign in no more, and end its sessions; say whether there was one."""
        email = email.strip().casefold()
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.email == email))
            found = connection.execute(
                update(AccountTable)
                .where(AccountTable.email == email, AccountTable.disabled_at.is_(None))
                .values(disabled_at=datetime.now(UTC))
            )
            return found.rowcount > 0

    def accounts(self, org: str) -> list[Account]:
        """Return an org's accounts that may sign in, by address."""
        query = select(AccountTable).where(AccountTable.org == org, AccountTable.disabled_at.is_(None))
        with translated(_WHAT), self._engine.connect() as connection:
            rows = connection.execute(_columns(query).order_by(AccountTable.email)).all()
        return [Account(email=row.email, org=row.org, rep_id=row.rep_id, role=row.role) for row in rows]

    # -- sessions ------------------------------------------------------------------------------------------------

    def check(self, email: str, password: str) -> Account | None:
        """Return whose address and password these are, None if they are nobody's."""
        query = select(AccountTable).where(
            AccountTable.email == email.strip().casefold(), AccountTable.disabled_at.is_(None)
        )
        with translated(_WHAT), self._engine.connect() as connection:
            row = connection.execute(_columns(query)).first()
        known = row.password_hash if row is not None else None
        # Checked also where there is no such account, so that an answer takes as long either way.
        matches = _HASHES.verify(password, known or _nobodys())
        if row is None or known is None or not matches:
            return None
        return Account(email=row.email, org=row.org, rep_id=row.rep_id, role=row.role)

    def find(self, email: str) -> Account | None:
        """Return the account of an address that somebody else vouches for (OIDC)."""
        query = select(AccountTable).where(
            AccountTable.email == email.strip().casefold(), AccountTable.disabled_at.is_(None)
        )
        with translated(_WHAT), self._engine.connect() as connection:
            row = connection.execute(_columns(query)).first()
        return (
            Account(email=row.email, org=row.org, rep_id=row.rep_id, role=row.role)
            if row is not None
            else None
        )

    def sign_in(self, account: Account) -> tuple[str, Session]:
        """Begin a session; return its secret, which only the browser keeps."""
        secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
        session = Session(account=account, csrf=secrets.token_urlsafe(24), expires_at=now + self._lasts)
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
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
        with translated(_WHAT), self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        account = Account(email=row.email, org=row.org, rep_id=row.rep_id, role=row.role)
        return Session(account=account, csrf=row.csrf, expires_at=row.expires_at)

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.secret_hash == hashed(secret)))

    # -- tokens --------------------------------------------------------------------------------------------------

    def issue(
        self,
        org: str,
        rep_id: str,
        name: str,
        scopes: Iterable[str],
        *,
        by: str,
        expires_at: datetime | None = None,
    ) -> tuple[str, Token]:
        """Make a token that acts as a rep; return its secret, which is shown once."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(
            token_id=secrets.token_hex(8),
            org=org,
            rep_id=rep_id,
            name=name,
            scopes=frozenset(scopes),
            created_by=by,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            connection.execute(
                insert(TokenTable).values(
                    token_id=token.token_id,
                    secret_hash=hashed(secret),
                    org=org,
                    rep_id=rep_id,
                    name=name,
                    scopes=sorted(token.scopes),
                    created_by=by,
                    created_at=token.created_at,
                    expires_at=expires_at,
                )
            )
        return secret, token

    def token(self, secret: str) -> Token | None:
        """Return the token of a secret, None if it is revoked or over; notes that it was used."""
        now = datetime.now(UTC)
        query = select(TokenTable).where(
            TokenTable.secret_hash == hashed(secret), TokenTable.revoked_at.is_(None)
        )
        with translated(_WHAT), self._engine.connect() as connection:
            row = connection.execute(_columns(query)).first()
        if row is None or (row.expires_at is not None and row.expires_at <= now):
            return None
        if row.used_at is None or now - row.used_at > timedelta(minutes=1):
            with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
                connection.execute(
                    update(TokenTable).where(TokenTable.token_id == row.token_id).values(used_at=now)
                )
        return _token(row)

    def tokens(self, org: str) -> list[Token]:
        """Return an org's tokens that are not revoked, oldest first."""
        query = select(TokenTable).where(TokenTable.org == org, TokenTable.revoked_at.is_(None))
        with translated(_WHAT), self._engine.connect() as connection:
            rows = connection.execute(_columns(query).order_by(TokenTable.created_at)).all()
        return [_token(row) for row in rows]

    def revoke(self, org: str, token_id: str) -> bool:
        """End a token; say whether there was one."""
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            found = connection.execute(
                update(TokenTable)
                .where(
                    TokenTable.org == org, TokenTable.token_id == token_id, TokenTable.revoked_at.is_(None)
                )
                .values(revoked_at=datetime.now(UTC))
            )
            return found.rowcount > 0

    # -- preferences ---------------------------------------------------------------------------------------------

    def preference(self, org: str, rep_id: str, name: str) -> dict[str, Any]:
        """Return what somebody chose, empty where nothing was."""
        table = PreferenceTable
        query = select(table.value).where(table.org == org, table.rep_id == rep_id, table.name == name)
        with translated(_WHAT), self._engine.connect() as connection:
            return connection.scalar(query) or {}

    def prefer(self, org: str, rep_id: str, name: str, value: dict[str, Any]) -> None:
        """Keep what somebody chose."""
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            make = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
            values = {
                "org": org,
                "rep_id": rep_id,
                "name": name,
                "value": value,
                "updated_at": datetime.now(UTC),
            }
            statement = make(PreferenceTable).values(**values)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["org", "rep_id", "name"],
                    set_={"value": statement.excluded.value, "updated_at": statement.excluded.updated_at},
                )
            )


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


@cache
def _nobodys() -> str:
    """Return the hash of a password that nobody knows."""
    return _HASHES.hash(secrets.token_urlsafe())


def hashed(secret: str) -> str:
    """Return how a secret of high entropy is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _columns(query: Any) -> Any:
    """Select a table's columns instead of its objects: nobody needs them mapped."""
    return query.with_only_columns(*query.get_final_froms()[0].columns)


def _token(row: Any) -> Token:
    return Token(
        token_id=row.token_id,
        org=row.org,
        rep_id=row.rep_id,
        name=row.name,
        scopes=frozenset(row.scopes),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
