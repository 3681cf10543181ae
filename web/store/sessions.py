"""Stores sessions of signed-in browsers. Each session has a secret that is issued once and stored as a hash.

A session ends at its absolute end, after an idle timeout, with its account, or when its person ends it.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Engine, delete, insert, select, update

from web.store.account import Account, account_of
from web.store.hashes import hash_of
from web.store.store import Store
from web.store.tables import AccountTable, SessionTable

PASSWORD: Final = "password"  # noqa: S105  # a way to sign in
OIDC: Final = "oidc"
STEP: Final = "step"
"""The password was right, and a code is still required. Such a session allows nothing else."""
STEP_LASTS: Final = timedelta(minutes=5)
NOTED_EVERY: Final = timedelta(minutes=1)
MAX_SESSIONS: Final = 50
"""The most sessions of one account. A new one removes the least recently used."""
_USER_AGENT_LENGTH: Final = 200


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's session. `csrf`: the token that its write requests must repeat.

    `method`: how the person signed in. `proved_at`: when the person last proved their identity. `user_agent`,
    `host`: the browser.
    """

    account: Account
    session_id: str
    csrf: str
    method: str
    user_agent: str
    host: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime
    proved_at: datetime


class Sessions(Store):
    """All sessions. `hours`: their longest life; `idle_minutes`: the idle timeout. Blocking: call it from a thread."""

    def __init__(self, engine: Engine, *, hours: float = 12, idle_minutes: float = 60) -> None:
        super().__init__(engine)
        self._lasts, self._idle = timedelta(hours=hours), timedelta(minutes=idle_minutes)

    def begin(
        self,
        account: Account,
        *,
        method: str = PASSWORD,
        user_agent: str = "",
        host: str = "",
        proved_at: datetime | None = None,
    ) -> tuple[str, Session]:
        """Begin a session and return its secret, which only the browser keeps. `proved_at` None: now."""
        secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
        session = Session(
            account=account,
            session_id=secrets.token_hex(8),
            csrf=secrets.token_urlsafe(24),
            method=method,
            user_agent=user_agent[:_USER_AGENT_LENGTH],
            host=host,
            created_at=now,
            expires_at=now + (STEP_LASTS if method == STEP else self._lasts),
            used_at=now,
            proved_at=proved_at or now,
        )
        values = {name: getattr(session, name) for name in Session.__struct_fields__ if name != "account"}
        with self.writing() as connection:
            over = (SessionTable.expires_at < now) | (SessionTable.used_at < now - self._idle)
            connection.execute(delete(SessionTable).where(over))
            same_kind = (
                SessionTable.email == account.email,
                (SessionTable.method == STEP) if method == STEP else (SessionTable.method != STEP),
            )
            newest = (
                select(SessionTable.secret_hash)
                .where(*same_kind)
                .order_by(SessionTable.used_at.desc())
                .limit(MAX_SESSIONS - 1)
            )
            kept_hashes = set(connection.scalars(newest))
            if len(kept_hashes) == MAX_SESSIONS - 1:
                connection.execute(
                    delete(SessionTable).where(*same_kind, SessionTable.secret_hash.not_in(kept_hashes))
                )
            connection.execute(
                insert(SessionTable).values(secret_hash=hash_of(secret), email=account.email, **values)
            )
        return secret, session

    def find(self, secret: str, *, used: bool = True, step: bool = False) -> Session | None:
        """Return the session of a cookie, None if it has ended or its account is disabled.

        `used`: count this as use, which restarts the idle timeout. `step`: find a session that waits for a code.
        """
        now = datetime.now(UTC)
        query = (
            select(*_COLUMNS)
            .join(AccountTable, AccountTable.email == SessionTable.email)
            .where(
                SessionTable.secret_hash == hash_of(secret),
                *self._live(now),
                (SessionTable.method == STEP) if step else (SessionTable.method != STEP),
            )
        )
        with self.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        session = _session(row)
        if used and now - session.used_at > min(NOTED_EVERY, self._idle / 10):
            with self.writing() as connection:
                of_it = SessionTable.session_id == session.session_id
                connection.execute(update(SessionTable).where(of_it).values(used_at=now))
        return session

    def of(self, email: str) -> list[Session]:
        """Return an account's live sessions, most recently used first."""
        query = (
            select(*_COLUMNS)
            .join(AccountTable, AccountTable.email == SessionTable.email)
            .where(
                SessionTable.email == email,
                SessionTable.method != STEP,
                *self._live(datetime.now(UTC)),
            )
            .order_by(SessionTable.used_at.desc())
            .limit(MAX_SESSIONS)
        )
        with self.reading() as connection:
            return [_session(row) for row in connection.execute(query)]

    def end(self, secret: str) -> None:
        """End the session of a cookie."""
        with self.writing() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.secret_hash == hash_of(secret)))

    def end_one(self, email: str, session_id: str) -> bool:
        """End one session of an account. Say whether there was one."""
        conditions = (SessionTable.email == email, SessionTable.session_id == session_id)
        with self.writing() as connection:
            return connection.execute(delete(SessionTable).where(*conditions)).rowcount > 0

    def end_others(self, email: str, keep: str) -> int:
        """End all sessions of an account except the one with id `keep`. Return how many."""
        conditions = (SessionTable.email == email, SessionTable.session_id != keep)
        with self.writing() as connection:
            return connection.execute(delete(SessionTable).where(*conditions)).rowcount

    def proved(self, session_id: str) -> None:
        """Record that the session's person has just proved their identity."""
        with self.writing() as connection:
            condition = SessionTable.session_id == session_id
            connection.execute(update(SessionTable).where(condition).values(proved_at=datetime.now(UTC)))

    def _live(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        return (
            SessionTable.expires_at > now,
            SessionTable.used_at > now - self._idle,
            AccountTable.disabled_at.is_(None),
        )


_COLUMNS: Final[tuple[Any, ...]] = (
    *(
        AccountTable.__table__.c[name]
        for name in ("email", "org", "rep_id", "role", "totp_since", "password_until")
    ),
    *(SessionTable.__table__.c[name] for name in Session.__struct_fields__ if name != "account"),
)


def _session(row: Any) -> Session:
    own = {name: getattr(row, name) for name in Session.__struct_fields__ if name != "account"}
    return Session(account=account_of(row), **own)
